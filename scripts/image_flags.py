"""Flags of `train_image.py`. No heavy import: `--help` must be instant."""

import argparse
import json

from presets import IMAGE_PRESETS

# Flag, default (its type is the flag's), explanation.
FLAGS = [
    ("--model", "conv", "network"),
    ("--decoder", "optimal_sigma", "any name of tfsigmavae.decoders.names()"),
    ("--beta", 1.0, "KL weight"),
    ("--steps", 5730, "training steps"),
    ("--batch-size", 128, "images per step"),
    ("--learning-rate", 1e-3, "of Adam"),
    ("--decay-from", 1.0, "share of the steps after which the rate falls to 5 %%"),
    ("--precision", "float32", "dtype policy"),
    ("--validation-images", 0, "test images for history.csv, every 100 steps"),
    ("--preview-every", 500, "steps between pictures, 0 for the last only"),
    ("--seed", 0, "of weights, noise and order of the data"),
]
CHOICES = {
    "--model": ["conv", "hierarchical"],
    "--precision": ["float32", "mixed_bfloat16", "mixed_float16"],
}
# Flag, type or choices, explanation; without a default.
OPTIONAL = [
    ("--root", str, "folder with the files of a named data set"),
    ("--image-size", int, "height and width to scale to"),
    ("--crop", ["square"], "what is cut out before scaling"),
    ("--channels", [1, 3], "turn all images into grey or RGB"),
    ("--num-train", int, "training images (default: all)"),
    ("--num-test", int, "test images (default: all)"),
]
OPTIONS = [
    ("--model-options", "constructor arguments, e.g. latent_size=20 widths=[8,16,32]"),
    ("--decoder-options", "constructor arguments, e.g. sigma=0.1"),
]


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--preset", choices=sorted(IMAGE_PRESETS), help="data set with its recipe")
    add("--data", help="name, folder or zip, see tfsigmavae.data.images.load")
    add("--output", help="run folder")
    add("--dry-run", action="store_true", help="two steps on noise, nothing is kept")
    add("--tensorboard", action="store_true", help="write OUTPUT/logs")
    for flag, kind, text in OPTIONAL:
        choices = kind if isinstance(kind, list) else None
        add(flag, type=type(kind[0]) if choices else kind, choices=choices, help=text)
    for flag, text in OPTIONS:
        add(flag, type=_option, nargs="+", metavar="NAME=VALUE", default=[], help=text)
    for flag, default, text in FLAGS:
        kind = {"type": type(default), "choices": CHOICES.get(flag)}
        add(flag, default=default, help=f"{text} (default: %(default)s)", **kind)
    # Known before `--help` prints the defaults.
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--preset")
    preset = IMAGE_PRESETS.get(early.parse_known_args(argv)[0].preset, {})
    parser.set_defaults(**preset)
    flags = vars(parser.parse_args(argv))
    if not flags["dry_run"] and not (flags["data"] and flags["output"]):
        parser.error("--data and --output are needed, or --preset, or --dry-run.")
    for name in ("model_options", "decoder_options"):
        flags[name] = dict(flags[name])
    return flags


def _option(text):
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:  # a word
        return name, value
