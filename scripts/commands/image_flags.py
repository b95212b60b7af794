"""Flags of `train images`. No heavy import: `--help` must be instant."""

import pathlib

from tfsigmavae_commands import source, training_flags
from tfsigmavae_commands.parsing import closest

OWN = {
    "data": [
        ("--data", str, "name, folder or zip, see tfsigmavae.data.images.load"),
        ("--root", str, "folder with the files of a named data set"),
        ("--image-size", int, "height and width to scale to"),
        ("--crop", str, "what is cut out before scaling"),
        ("--channels", int, "turn all images into grey or RGB"),
        ("--num-train", int, "training images (default: all)"),
        ("--num-test", int, "test images (default: all)"),
    ],
    "model": [("--model", "conv", "network")],
    "training": [
        ("--steps", 5730, "training steps"),
        ("--batch-size", 128, "images per step"),
        ("--learning-rate", 1e-3, "of Adam"),
    ],
    "evaluation and pictures": [
        ("--validation-images", 0, "test images for history.csv, every 100 steps"),
    ],
}
CHOICES = {"--crop": ["square"], "--channels": [1, 3]}


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    recipes = source.names("tfsigmavae.experiments.recipes")["RECIPES"]
    parser = training_flags.parser_of(
        "train images", description, OWN, CHOICES, "tfsigmavae.models", recipes, argv
    )
    parser.named = {"source": "--data"}
    # The demo of videos has the plain name.
    names = {name: f"runs/{name}" for name in recipes} | {"demo": "runs/image_demo"}
    known = training_flags.parse(parser, argv, recipes, names)
    _check_data(parser, known["data"])
    return known


def _check_data(parser, data):
    """Refuses what is neither known by name nor there."""
    names = source.registry("tfsigmavae.data.images.loading", "NAMED")
    if data is None or data in names or data.startswith("tfds:"):
        return
    if not pathlib.Path(data).expanduser().exists():
        near = closest(data, names)
        told = f" Did you mean '{near}'?" if near else ""
        parser.error(
            f"argument --data: '{data}' is neither a data set's name "
            f"({', '.join(names)}, tfds:NAME) nor a folder or zip file.{told}"
        )
