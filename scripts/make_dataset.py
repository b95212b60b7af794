"""Converts videos once into records that train fast, on all cores.

    python scripts/make_dataset.py --data my_videos/ --output data/mine --fps 10
    python scripts/train_video.py --data data/mine --output runs/mine

Each video is cut into clips of --num-frames; what is left out is told and listed in
OUTPUT/dataset.json. Ctrl-C is safe: the same command goes on, and ends in the same
files. The last line printed is JSON.
"""

import argparse
import json
import sys
import time

import console
import flags

# Flags that are options of `load_clips` for videos; other data refuse them.
OPTIONS = ("fit", "fps", "stride", "cut_shots", "with_actions")


def main(argv=None):
    args = vars(_parser().parse_args(argv))
    given = {name: args.pop(name) for name in OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    options |= dict(args.pop("data_options"))
    size, channels = args.pop("frame_size"), args.pop("channels")
    options["frame_shape"] = (size, size, channels)
    from tfsigmavae.video import convert_clips

    started = time.time()
    try:
        dataset = convert_clips(**args, **options)
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", required=True, help="folder of videos, one video, or records")
    add("--output", required=True, help="folder to make")
    add("--num-frames", type=int, default=30, help="per clip (default: %(default)s)")
    add("--frame-size", type=int, default=64, help="pixels (default: %(default)s)")
    add("--channels", type=int, default=3, help="3, or 1 for grey (default: 3)")
    add("--fit", help="crop, letterbox or stretch to a square (default: crop)")
    add("--fps", type=float, help="frames per second (default: as they are)")
    add("--stride", type=int, help="take every n-th frame instead")
    shots = "cut videos where the scene changes"
    add("--cut-shots", action="store_true", default=None, help=shots)
    actions = {"dest": "with_actions", "help": "keep the actions beside the videos"}
    add("--use-actions", action="store_true", default=None, **actions)
    add("--splits", nargs="+", default=["train", "test"], help="default: train test")
    add("--workers", type=int, help="threads (default: one for each core)")
    kind = {"type": flags.option, "nargs": "+", "action": "extend", "default": []}
    more = "other options of `load_clips` for such data"
    add("--data-options", metavar="NAME=VALUE", help=more, **kind)
    return parser


if __name__ == "__main__":
    console.run(main)
