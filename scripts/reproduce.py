"""Runs the sigma-VAE paper's comparison of decoders again, and reports what held.

    python scripts/reproduce.py --preset laptop --color-data cifar.zip

`--help` has the rest; `python -m tfsigmavae.experiments.reproduction` is the same. The
last line printed is the outcome as JSON; the exit code is 1 if a check failed.
"""

import pathlib
import runpy

import console

# By its path: an import would load the whole package, and help must be instant.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "tfsigmavae"
main = runpy.run_path(str(_PACKAGE / "experiments" / "reproduction" / "command.py"))[
    "main"
]

if __name__ == "__main__":
    console.run(main)
