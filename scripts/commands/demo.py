"""Makes data, trains a small video predictor on them, and draws what may come next.

    tfsigmavae demo
    tfsigmavae demo --compare
    tfsigmavae demo --output runs/other --steps 500

The same as `tfsigmavae train video --preset demo`, whose flags it takes: some ten
minutes on two CPU cores. Writes data/pushing/ and runs/demo/ into the working
directory. The last line printed is the result as JSON.
"""

import sys

from tfsigmavae_commands import train_video
from tfsigmavae_commands.parsing import early

CONSOLE = train_video.CONSOLE


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & {*argv}:
        print(f"usage: tfsigmavae demo [flags of tfsigmavae train video]\n\n{__doc__}")
        return 0
    preset = [] if early(argv, "--preset")["preset"] else ["--preset", "demo"]
    return train_video.main([*preset, *argv])
