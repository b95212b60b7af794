"""The command line of the reproduction.

Nothing heavy is imported before the flags are parsed: `scripts/reproduce.py` runs this
file by its path, so that `--help` is instant.
"""

import argparse
import json

DESCRIPTION = """Runs the sigma-VAE paper's comparison of decoders again, and says what
held.

    python scripts/reproduce.py
    python scripts/reproduce.py --preset laptop --color-data cifar.zip
    python scripts/reproduce.py --preset paper --data svhn --root /data/svhn

The same as `python -m tfsigmavae.experiments.reproduction`. Tables 1 and 2 and
figures 4 and 9 of Rybkin et al., 2021, on Fashion-MNIST by default: decoders and
hand-set beta, over seeds, one process a core. OUTPUT/report.md answers the paper's
five questions by the figures, OUTPUT/results.csv has a row a run. The same command
again goes on after the runs that are finished. The last line printed is the outcome
as JSON; the exit code is 1 if an acceptance check failed.
"""

PRESETS = {
    "quick": "9 short runs of one seed on 20,000 images, about 5 minutes on 2 cores: "
    "figures and checks, no verdicts",
    "laptop": "seeds and all decoders, about 40 minutes on 2 cores",
    "paper": "full width and schedules on SVHN, MNIST and colour images, for a GPU",
}


def parse(argv=None, prog=None) -> dict:
    """Reads the flags.

    Args:
        argv: list of words. Defaults to `None`: those of the process.
        prog: what the help calls the program. Defaults to `None`: its file.

    Returns:
        dict of the arguments of `reproduce`, and `dry_run`.
    """
    parser = argparse.ArgumentParser(
        prog, None, DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    explained = "; ".join(f"{name}: {text}" for name, text in PRESETS.items())
    add("--preset", choices=PRESETS, default="quick", help=f"{explained}")
    add("--data", help="name, folder or zip of the images (default: fashion_mnist)")
    add("--root", help="folder of the files of a named data set")
    add("--color-data", help="name, folder or zip of 32x32 colour images")
    add("--output", help="folder (default: runs/reproduce-PRESET)")
    add("--processes", type=int, help="runs at a time (default: one a core; 1 on GPU)")
    add("--dry-run", action="store_true", help="two steps on noise, nothing is kept")
    flags = vars(parser.parse_args(argv))
    if flags["data"] is None:
        flags["data"] = "svhn" if flags["preset"] == "paper" else "fashion_mnist"
    return flags


def main(argv=None, prog=None) -> int:
    """Runs the command.

    Args:
        argv, prog: see `parse`.

    Returns:
        The exit code: 1 if a gated check failed.
    """
    flags = parse(argv, prog)
    from tfsigmavae.experiments import reproduction

    if flags.pop("dry_run"):
        outcome = reproduction.dry_run()
    else:
        outcome = reproduction.reproduce(**flags)
        print(f"Report: {outcome['report']}")
    print(json.dumps(outcome))
    return 1 if outcome["failed"] else 0
