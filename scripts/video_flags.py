"""Flags of `train_video.py`. No heavy import: `--help` must be instant."""

import argparse

from presets import PRESETS

# Flag, default (its type is the flag's), explanation.
FLAGS = [
    ("--steps", 180_000, "training steps"),
    ("--batch-size", 100, "clips per step"),
    ("--learning-rate", 2e-3, "of Adam"),
    ("--decay-from", 1.0, "share of the steps after which the rate falls to 5 %%"),
    ("--num-context", 2, "given frames"),
    ("--num-frames", 10, "frames to predict, in training as in evaluation"),
    ("--windows", "first", "which part of a record to train on"),
    ("--decoder", "optimal_sigma", "any name of tfsigmavae.decoders.names()"),
    ("--beta", 1.0, "KL weight"),
    ("--network", "vgg", "convolutions"),
    ("--width", 64, "channels of the finest convolutions"),
    ("--latent-size", 64, "size of z"),
    ("--code-size", 128, "size of h and g"),
    ("--hidden-size", 256, "size of the LSTMs"),
    ("--frame-size", 64, "height and width of a frame"),
    ("--channels", 3, "channels of a frame"),
    ("--prior", "learned", "p(z)"),
    ("--scored-frames", "all", "frames in the loss"),
    ("--predictor-residual", False, "linear bypass around the predictor's LSTMs"),
    ("--posterior-residual", False, "linear bypass from h to the posterior's mean"),
    ("--posterior-log-variance-bias", 0.0, "initial bias"),
    ("--prior-log-variance-bias", 0.0, "initial bias"),
    ("--posterior-mean-stddev", 0.02, "initial weights"),
    ("--batch-norm-momentum", 0.9, "of the moving averages"),
    ("--frame-statistics", False, "batch norm of each time step by itself"),
    ("--remat", False, "less memory, 0.75 times the speed"),
    ("--gradient-accumulation-steps", 1, "steps (of --steps) in one update"),
    ("--use-actions", False, "tell the model the actions"),
    ("--precision", "float32", "dtype policy"),
    ("--num-samples", 100, "futures per clip in evaluation"),
    ("--num-eval-clips", 256, "held-out clips in evaluation, at most"),
    ("--seed", 0, "of weights, noise, order of the data, samples"),
]

CHOICES = {
    "--windows": ["first", "random"],
    "--network": ["dcgan", "vgg"],
    "--prior": ["learned", "standard_normal"],
    "--scored-frames": ["all", "future"],
    "--precision": ["float32", "mixed_bfloat16", "mixed_float16"],
}


def parse(argv, description) -> dict:
    """Parses flags; explicit ones win over the preset's."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--preset", choices=sorted(PRESETS), default="bair", help="default: bair")
    add("--data", help="folder with train/ and test/, or one record file")
    add("--output", help="run folder")
    add("--cache", help="'memory', or a folder for decoded frames (default: none)")
    add("--sigma", type=float, help="standard deviation of --decoder fixed_sigma")
    add("--dry-run", action="store_true", help="two steps on noise, nothing is kept")
    add("--compare", action="store_true", help="train SVG's weight and sigma 1 as well")
    add("--tensorboard", action="store_true", help="write OUTPUT/logs")
    for flag, default, text in FLAGS:
        kind = {"type": type(default)}
        if isinstance(default, bool):
            kind = {"action": argparse.BooleanOptionalAction}
        elif flag in CHOICES:
            kind = {"choices": CHOICES[flag]}
        add(flag, default=default, help=f"{text} (default: %(default)s)", **kind)
    # Known before `--help` prints the defaults.
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--preset")
    parser.set_defaults(**PRESETS.get(early.parse_known_args(argv)[0].preset, {}))
    flags = vars(parser.parse_args(argv))
    if not flags["dry_run"] and not (flags["data"] and flags["output"]):
        parser.error("--data and --output are needed, or --preset demo, or --dry-run.")
    return flags
