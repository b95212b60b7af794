"""Flags of `evaluate`. No heavy import: `--help` must be instant."""

from tfsigmavae_commands import source
from tfsigmavae_commands.parsing import Parser, add_model, existing, option

PROTOCOL = """what is measured, and how: {names} or run, the run's own context and
horizon, for videos (default: svg-2-28, or run where it does not fit),
{images} for images (default: images); see docs/evaluation.md"""
FIELDS = """other fields of the protocol, e.g. selection=each importance_samples=64
metrics=psnr,ssim; docs/evaluation.md lists them"""
EXTRACTOR = """network for distances of features: inception_v3, inception_2015:FILE.pb
(FID), i3d:FOLDER (FVD), or a .tflite file"""


def parse(argv, description) -> dict:
    """Flags by name."""
    parser = Parser("evaluate", description)
    parser.on_unknown = " Runs to set beside --model stand after --compare."
    parser.named = {"runs": "--model and --compare"}
    add_model(parser)
    add = parser.add_argument
    runs = {"type": existing, "nargs": "+", "default": [], "metavar": "RUN"}
    runs["action"] = "extend"
    add("--compare", **runs, help="runs to set beside it")
    add("--data", help="held-out data (default: what the model was trained with)")
    add("--split", default="test", help="train or test (default: %(default)s)")
    modules = {
        "Protocol": "tfsigmavae_video.evaluation.protocol",
        "ImageProtocol": "tfsigmavae.evaluation.images.protocol",
    }
    names, images = (source.first_arguments(m, kind) for kind, m in modules.items())
    told = PROTOCOL.format(names=", ".join(names), images=", ".join(images))
    add(
        "--protocol",
        choices=dict.fromkeys([*names, "run", *images]),
        metavar="P",
        help=told,
    )
    add("--output", help="folder (default: evaluation/PROTOCOL in the run folder)")
    add("--num-samples", type=int, help="futures per clip, or sampled images")
    add("--num-clips", type=int, help="clips or images, at most")
    add("--seed", type=int, help="of all that is drawn")
    add("--extractor", help=EXTRACTOR)
    kind = {"type": option, "nargs": "+", "default": [], "action": "extend"}
    kind |= {"metavar": "NAME=VALUE"}
    add("--protocol-options", **kind, help=FIELDS)
    add("--data-options", **kind, help="other than training's, see docs/data.md")
    known = vars(parser.parse_args(argv))
    for name in ("protocol_options", "data_options"):
        known[name] = dict(known[name])
    return known
