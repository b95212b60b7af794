"""Flags of `train_video.py`. No heavy import: `--help` must be instant."""

import argparse
import sys

import flags
import source

OWN = [
    ("--data", str, "folder of videos, a video, or a data set of docs/data.md"),
    ("--model", "svg_lp", "network"),
    ("--steps", 180_000, "training steps"),
    ("--batch-size", 100, "clips per step"),
    ("--learning-rate", 2e-3, "of Adam"),
    ("--num-context", 2, "given frames"),
    ("--num-frames", 10, "frames to predict in training"),
    ("--curriculum", str, "shorter clips first: SHARE:FRAMES, ... (default: none)"),
    ("--eval-frames", 28, "frames to predict in evaluation and pictures"),
    ("--windows", "first", "which part of a record to train on"),
    ("--cache", str, "'memory', or a folder for decoded frames (default: none)"),
    ("--data-service", str, "grpc://host:port that reads (docs/distributed.md)"),
    ("--frame-size", "64", "pixels, height and width alike or as HEIGHTxWIDTH"),
    ("--channels", 3, "channels of a frame"),
    ("--use-actions", False, "give the model the actions"),
    ("--num-samples", 100, "futures per clip in evaluation"),
    ("--num-eval-clips", 256, "held-out clips in evaluation, at most"),
    ("--compare", False, "train SVG's weight and sigma 1 as well"),
    ("--seed", 0, "of weights, noise, order of the data, samples"),
]
CHOICES = {"--windows": ["first", "random", "last"]}


OPTIONS = flags.OPTIONS | {
    "--data-options": "options of this kind of data, see docs/data.md, e.g. fps=10",
}


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    argv = sys.argv[1:] if argv is None else argv
    found = source.names("tfsigmavae_video.experiments.recipes")
    recipes = found["RECIPES"]
    if data := _videos(argv):
        from tfsigmavae_video.experiments import own_recipe

        own = own_recipe(data, use_actions="--use-actions" in argv)
        recipes["own"] = own.options
        argv = ["--preset", "own", *argv]
    models = "tfsigmavae_video.models"
    if (model := _model(argv)) in source.registry(models, "MODELS"):
        recipes = {k: found["for_model"](each, model) for k, each in recipes.items()}
    recipes = {name: _with_flags(recipe) for name, recipe in recipes.items()}
    parser = flags.parser_of(description, OWN, CHOICES, models, recipes, argv, OPTIONS)
    outputs = {name: f"runs/{name}" for name in recipes if name.startswith("demo")}
    known = flags.parse(parser, argv, recipes, outputs, OPTIONS)
    try:
        size = flags.frame_size(known.pop("frame_size"))
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
    known |= {"frame_shape": (*size, known.pop("channels"))}
    if data:
        _tell_own(known, own, data)
    return known


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


def _model(argv):
    """The model that is asked for, or `None`: the preset's."""
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--model")
    return early.parse_known_args(argv)[0].model


def _videos(argv):
    """The videos for which options are to be found, or `None`."""
    early = argparse.ArgumentParser(add_help=False)
    for flag in ("--preset", "--data"):
        early.add_argument(flag)
    for flag in ("-h", "--help", "--dry-run"):
        early.add_argument(flag, action="store_true", dest="no_data")
    known, _ = early.parse_known_args(argv)
    if known.no_data or not known.data or known.preset not in (None, "own"):
        return None
    from tfsigmavae_video.experiments.own_videos import is_own

    return known.data if known.preset or is_own(known.data) else None


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
