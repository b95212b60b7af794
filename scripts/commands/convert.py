"""Converts videos once into records that train fast, on all cores.

    tfsigmavae data convert --data my_videos/ --output data/mine
    tfsigmavae train video --data data/mine --output runs/mine

Each video is cut into clips; what is left out is told and listed in
OUTPUT/dataset.json. Size, rate and length are chosen by what is found, as by
`train video --preset own`, where no flag tells. Ctrl-C is safe: the same command
goes on, and ends in the same files. The last line printed is JSON.
"""

import json
import sys
import time

from tfsigmavae_commands import console
from tfsigmavae_commands.parsing import Parser, existing, frame_size, option

# Flags that are options of `load_clips` for videos; other data refuse them.
OPTIONS = ("num_frames", "fit", "fps", "stride", "cut_shots", "with_actions")


def main(argv=None):
    args = vars(_parser().parse_args(argv))
    given = {name: args.pop(name) for name in OPTIONS} | dict(args.pop("data_options"))
    options = {name: value for name, value in given.items() if value is not None}
    size, channels = args.pop("frame_size"), args.pop("channels")
    console.load()
    from tfsigmavae.video import convert_clips
    from tfsigmavae_video.experiments.own_videos import own_conversion

    chosen = own_conversion(args["data"], options, size, channels)
    for reason in chosen.reasons:
        print(reason, file=sys.stderr)
    started = time.time()
    try:
        dataset = convert_clips(**args, **chosen.options)
    except KeyboardInterrupt:
        told = f"Interrupted; the same command goes on with {args['output']}."
        print(told, file=sys.stderr)
        return 130
    summary = {"path": args["output"]}
    for split, told in dataset["splits"].items():
        summary[split] = {**told, "skipped": len(told["skipped"])}
    print(json.dumps({**summary, "seconds": round(time.time() - started, 1)}))
    return 0


def _parser():
    parser = Parser("data convert", __doc__)
    add = parser.add_argument
    add(
        "--data",
        type=existing,
        required=True,
        help="folder of videos, one video, or records",
    )
    add("--output", required=True, help="folder to make")
    add("--num-frames", type=int, help="per clip")
    add("--frame-size", type=frame_size, help="pixels: 64, or HEIGHTxWIDTH")
    add("--channels", type=int, choices=[1, 3], help="1 for grey, 3 for colour")
    add("--fit", help="crop, letterbox or stretch to this size (default: crop)")
    add("--fps", type=float, help="frames per second")
    add("--stride", type=int, help="take every n-th frame instead")
    shots = "cut videos where the scene changes"
    add("--cut-shots", action="store_true", default=None, help=shots)
    actions = {"dest": "with_actions", "help": "keep the actions beside the videos"}
    add("--use-actions", action="store_true", default=None, **actions)
    add("--splits", nargs="+", default=["train", "test"], help="default: train test")
    add("--workers", type=int, help="threads (default: one for each core)")
    kind = {"type": option, "nargs": "+", "action": "extend", "default": []}
    more = "other options of `load_clips` for such data"
    add("--data-options", metavar="NAME=VALUE", help=more, **kind)
    return parser
