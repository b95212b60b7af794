"""Flags of `predict`. No heavy import: `--help` must be instant."""

import argparse

from tfsigmavae_commands.parsing import Parser, add_model, existing, option

ACTIONS = """sequence of actions for the future, the last one held: 'left,left,up' (also
right, down, stay; for models of the pushing data), or a .csv or .npy file with a row of
numbers a step; repeat the flag for a column each"""


def parse(argv, description):
    """Parses flags; some defaults depend on others."""
    parser = Parser("predict", description)
    add_model(parser)
    add = parser.add_argument
    add(
        "--data",
        type=existing,
        required=True,
        help="a video, a folder of videos, or a data set",
    )
    add("--split", default="test", help="train or test (default: %(default)s)")
    start = "first frame given, counted as training takes them, or 'end' (one video)"
    add("--start", type=_start, default=0, help=start)
    add("--output", help="folder to write (default: predictions/ beside the model)")
    add("--actions", action="append", default=[], help=ACTIONS)
    add("--num-frames", type=int, default=10, help="to predict (default: %(default)s)")
    add("--num-samples", type=int, help="per clip (default: 10; 2 with --actions)")
    add("--num-clips", type=int, help="clips (default: 4; 1 with --actions)")
    add("--seed", type=int, default=0, help="of the samples (default: %(default)s)")
    add("--format", default="gif", choices=["gif", "mp4", "webp", "apng"])
    kind = {"type": option, "nargs": "+", "default": [], "action": "extend"}
    add("--data-options", **kind, metavar="NAME=VALUE", help="other than training's")
    args = parser.parse_args(argv)
    samples, clips = (2, 1) if args.actions else (10, 4)
    args.num_samples = samples if args.num_samples is None else args.num_samples
    args.num_clips = clips if args.num_clips is None else args.num_clips
    return args


def _start(text):
    if text == "end":
        return text
    try:
        return int(text)
    except ValueError:
        told = f"{text!r} is neither a number of frames nor 'end'"
        raise argparse.ArgumentTypeError(told) from None
