"""`tfsigmavae data convert`, from a clone."""

import sys

from tfsigmavae_commands.__main__ import main

if __name__ == "__main__":
    main(["data", "convert", *sys.argv[1:]])
