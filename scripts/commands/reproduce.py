"""Runs the sigma-VAE paper's comparison of decoders again, and says what held.

    tfsigmavae reproduce
    tfsigmavae reproduce --preset laptop --color-data cifar.zip
    tfsigmavae reproduce --preset paper --data svhn --root /data/svhn

Tables 1 and 2 and figures 4 and 9 of Rybkin et al., 2021, on Fashion-MNIST by default:
decoders and hand-set beta, over seeds, one process a core. OUTPUT/report.md answers the
paper's five questions by the figures, OUTPUT/results.csv has a row a run. The same
command again goes on after the runs that are finished. The last line printed is the
outcome as JSON; the exit code is 1 if an acceptance check failed.
"""

import json

from tfsigmavae_commands import console, outcome
from tfsigmavae_commands.parsing import Parser

CONSOLE = {"trains": True}
PRESETS = {
    "quick": "9 short runs of one seed on 20,000 images, about 5 minutes on 2 cores: "
    "figures and checks, no verdicts",
    "laptop": "seeds and all decoders, about 40 minutes on 2 cores",
    "paper": "full width and schedules on SVHN, MNIST and colour images, for a GPU",
}


def parse(argv=None) -> dict:
    """Arguments of `tfsigmavae.experiments.reproduction.reproduce`, and `dry_run`."""
    parser = Parser("reproduce", __doc__)
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


def main(argv=None):
    flags = parse(argv)
    console.load()
    from tfsigmavae.experiments import reproduction

    if flags.pop("dry_run"):
        found = reproduction.dry_run()
    else:
        found = reproduction.reproduce(**flags)
        outcome.tell_made({str(found["report"]): "answers to the paper's questions"})
    print(json.dumps(found))
    return 1 if found["failed"] else 0
