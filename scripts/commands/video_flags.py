"""Flags of `train video`. No heavy import: `--help` must be instant."""

import argparse
import pathlib
import sys

from tfsigmavae_commands import console, source, training_flags
from tfsigmavae_commands.parsing import early, existing, frame_size

OWN = {
    "data": [
        ("--data", str, "folder of videos, a video, or a data set of docs/data.md"),
        ("--frame-size", "64", "pixels, height and width alike or as HEIGHTxWIDTH"),
        ("--channels", 3, "channels of a frame"),
        ("--windows", "first", "which part of a record to train on"),
        ("--cache", str, "'memory', or a folder for decoded frames (default: none)"),
        ("--data-service", str, "grpc://host:port that reads (docs/distributed.md)"),
    ],
    "model": [
        ("--model", "svg_lp", "network"),
        ("--num-context", 2, "given frames"),
        ("--use-actions", False, "give the model the actions"),
    ],
    "training": [
        ("--steps", 180_000, "training steps"),
        ("--batch-size", 100, "clips per step"),
        ("--num-frames", 10, "frames to predict in training"),
        ("--curriculum", str, "shorter clips first: SHARE:FRAMES, ... (default: none)"),
        ("--learning-rate", 2e-3, "of Adam"),
    ],
    "evaluation and pictures": [
        ("--eval-frames", 28, "frames to predict"),
        ("--num-samples", 100, "futures per clip"),
        ("--num-eval-clips", 256, "held-out clips, at most"),
        ("--compare", False, "train SVG's weight and sigma 1 as well"),
    ],
}
CHOICES = {"--windows": ["first", "random", "last"]}


OPTIONS = training_flags.OPTIONS | {
    "--data-options": "options of this kind of data, see docs/data.md, e.g. fps=10",
}


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    argv = sys.argv[1:] if argv is None else argv
    data = _videos(argv)
    if not data:
        return _parsed(argv, description)
    # Mistakes in flags are told before the videos are looked at.
    argv = ["--preset", "own", *argv]
    _parsed(argv, description, own={})
    console.load()
    from tfsigmavae_video.experiments import own_recipe
    from tfsigmavae_video.experiments.own_videos import is_own

    if early(argv[2:], "--preset")["preset"] is None and not is_own(data):
        return _parsed(argv[2:], description)
    own = own_recipe(data, use_actions="--use-actions" in argv)
    known = _parsed(argv, description, own=own.options)
    _tell_own(known, own, data)
    return known


def _parsed(argv, description, **more):
    """The flags by name; `more` are recipes of data."""
    found = source.names("tfsigmavae_video.experiments.recipes")
    recipes = found["RECIPES"] | more
    models = "tfsigmavae_video.models"
    model = early(argv, "--model")["model"]
    if model in source.registry(models, "MODELS"):
        recipes = {k: found["for_model"](each, model) for k, each in recipes.items()}
    recipes = {name: _with_flags(recipe) for name, recipe in recipes.items()}
    parser = training_flags.parser_of(
        "train video", description, OWN, CHOICES, models, recipes, argv, OPTIONS
    )
    outputs = {name: f"runs/{name}" for name in recipes if name.startswith("demo")}
    known = training_flags.parse(parser, argv, recipes, outputs, OPTIONS)
    _check_data(parser, known, recipes)
    try:
        size = frame_size(known.pop("frame_size"))
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --frame-size: {error}")
    is_presets = known["curriculum"] == parser.get_default("curriculum")
    try:
        known["curriculum"] = _stages(known["curriculum"])
    except ValueError:
        parser.error(
            "argument --curriculum: stages are SHARE:FRAMES, the share of the steps "
            f"where they end, as in 0.3:2,0.6:5, got {known['curriculum']!r}"
        )
    if is_presets:  # no longer than the clips that flags ask for
        most = known["num_frames"]
        known["curriculum"] = [s for s in known["curriculum"] if s[1] < most]
    return known | {"frame_shape": (*size, known.pop("channels"))}


def _check_data(parser, known, recipes):
    """Refuses data that are not there; the demo makes its own."""
    made = recipes.get(known["preset"], {}).get("data")
    done = pathlib.Path(known["output"] or "", "summary.json")
    if known["data"] in (None, made) or done.exists():
        return
    try:
        existing(known["data"])
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --data: {error}")


def _tell_own(known, own, data):
    """Prints why the options are what they are, but for those that flags give."""
    found, given = (dict(options["data_options"]) for options in (own.options, known))
    rates = {"stride", "fps"}
    if rates <= given.keys():  # one was found, the other is given in its place
        known["data_options"] = given = {
            k: v for k, v in given.items() if k not in rates & found.keys()
        }
    found, given = own.options | found, known | given
    kept = {name for name in found.keys() | rates if found.get(name) == given.get(name)}
    told = [text for text, names in own.reasons.items() if kept.issuperset(names)]
    print(f"--preset own, for '{data}':", *told, sep="\n  ", file=sys.stderr)


def _videos(argv):
    """Data that may be videos for which options are to be found, or `None`."""
    known = early(argv, "--preset", "--data")
    if {"-h", "--help"} & {*argv} or known["preset"] not in (None, "own"):
        return None
    return known["data"]


def _stages(text):
    """`0.3:2,0.6:5` as [[0.3, 2], [0.6, 5]]."""
    pairs = [stage.split(":") for stage in (text or "").split(",") if stage.strip()]
    return [[float(share), int(num_frames)] for share, num_frames in pairs]


def _with_flags(recipe):
    """The recipe, with `frame_shape` as the two flags and `curriculum` as text."""
    recipe = dict(recipe)
    if stages := recipe.pop("curriculum", None):
        recipe["curriculum"] = ",".join(f"{share}:{frames}" for share, frames in stages)
    if shape := recipe.pop("frame_shape", None):
        recipe |= {"frame_size": f"{shape[0]}x{shape[1]}", "channels": shape[2]}
    return recipe
