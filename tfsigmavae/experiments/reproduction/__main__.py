"""`python -m tfsigmavae.experiments.reproduction`: see `command`."""

import sys

from tfsigmavae.experiments.reproduction.command import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m tfsigmavae.experiments.reproduction"))
