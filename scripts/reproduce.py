"""`tfsigmavae reproduce`, from a clone."""

import sys

from tfsigmavae_commands.__main__ import main

if __name__ == "__main__":
    main(["reproduce", *sys.argv[1:]])
