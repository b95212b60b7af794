"""Exports a trained model as a SavedModel for TensorFlow Serving.

    tfsigmavae export --model runs/demo --output export/svg/1

The last line printed is JSON: the folder, its endpoints, and what one request may ask
for. A request for more is refused; lower the limits to what the server's memory holds.
"""

import json

from tfsigmavae_commands import console, outcome, saved
from tfsigmavae_commands.parsing import Parser, add_model

# What one request may ask for: default, words.
LIMITS = {
    "max_frames": (1000, "frames of a clip that is given, and to predict"),
    "max_samples": (1000, "futures of each clip, or images, to draw"),
    "max_batch": (256, "clips, images or latents in a request"),
    "max_bytes": (2**30, "pixels in an answer, in bytes"),
}


def main(argv=None):
    parser = Parser("export", __doc__)
    parser.named = {"path": "--output"}
    add_model(parser)
    parser.add_argument("--output", required=True, help="folder to create")
    for name, (default, text) in LIMITS.items():
        flag = "--" + name.replace("_", "-")
        text = f"the most {text} (default {default})"
        parser.add_argument(flag, type=int, default=default, metavar="N", help=text)
    args = parser.parse_args(argv)
    limits = {name: getattr(args, name) for name in LIMITS}
    console.load()
    from tfsigmavae import export_saved_model
    from tfsigmavae.serving import Limits

    Limits(**limits)  # a wrong one is said before the model is opened
    saved.import_all(args.modules)
    model, _ = saved.load(args.model)
    path = export_saved_model(model, args.output, **limits)
    endpoints = {
        name: [spec.name for spec in signature]
        for name, (_, signature) in model.export_endpoints().items()
    }
    result = {"path": str(path), "endpoints": endpoints, "limits": limits}
    served = (
        "tf.saved_model.load and TensorFlow Serving open it (docs/guides/serving.md)"
    )
    outcome.tell_made({str(path): served})
    print(json.dumps(result))
