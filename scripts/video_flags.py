"""Flags of `train_video.py`. No heavy import: `--help` must be instant."""

import flags
import source

OWN = [
    ("--data", str, "folder with train/ and test/, or one record file"),
    ("--model", "svg_lp", "network"),
    ("--steps", 180_000, "training steps"),
    ("--batch-size", 100, "clips per step"),
    ("--learning-rate", 2e-3, "of Adam"),
    ("--num-context", 2, "given frames"),
    ("--num-frames", 10, "frames to predict in training"),
    ("--eval-frames", 28, "frames to predict in evaluation and pictures"),
    ("--windows", "first", "which part of a record to train on"),
    ("--cache", str, "'memory', or a folder for decoded frames (default: none)"),
    ("--frame-size", 64, "height and width of a frame"),
    ("--channels", 3, "channels of a frame"),
    ("--use-actions", False, "give the model the actions"),
    ("--num-samples", 100, "futures per clip in evaluation"),
    ("--num-eval-clips", 256, "held-out clips in evaluation, at most"),
    ("--compare", False, "train SVG's weight and sigma 1 as well"),
    ("--seed", 0, "of weights, noise, order of the data, samples"),
]
CHOICES = {"--windows": ["first", "random", "last"]}


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    recipes = source.names("tfsigmavae_video.experiments.recipes")["RECIPES"]
    recipes = {name: _with_flags(recipe) for name, recipe in recipes.items()}
    parser = flags.parser_of(
        description, OWN, CHOICES, "tfsigmavae_video.models", recipes, argv
    )
    return flags.parse(parser, argv, recipes, {"demo": "runs/demo"})


def _with_flags(recipe):
    """The recipe, with a square `frame_shape` as the two flags."""
    recipe = dict(recipe)
    if shape := recipe.pop("frame_shape", None):
        recipe |= {"frame_size": shape[0], "channels": shape[-1]}
    return recipe
