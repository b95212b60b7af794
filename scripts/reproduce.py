"""Runs the sigma-VAE paper's comparison of decoders again, and reports what held.

    python scripts/reproduce.py --preset laptop --color-data cifar.zip

`--help` has the rest; `python -m tfsigmavae.experiments.reproduction` is the same. The
last line printed is the outcome as JSON; the exit code is 1 if a check failed.
"""

import console
import source


def main(argv=None):
    command = source.names("tfsigmavae.experiments.reproduction.command")
    return command["main"](argv)


if __name__ == "__main__":
    console.run(main, trains=True)
