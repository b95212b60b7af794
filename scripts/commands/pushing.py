"""Writes the embedded pushing data set: a simulated arm that pushes coloured shapes.

    tfsigmavae data pushing --output data/pushing

The layout is that of BAIR robot pushing, so whatever reads one reads the other. The
last line printed is JSON.
"""

import json
import time

from tfsigmavae_commands import console
from tfsigmavae_commands.parsing import Parser


def main(argv=None):
    parser = Parser("data pushing", __doc__)
    parser.named = {"root": "--output"}
    add = parser.add_argument
    add("--output", required=True, help="folder to make")
    add("--num-train", type=int, default=1000, help="clips (default: %(default)s)")
    add("--num-test", type=int, default=64, help="clips (default: %(default)s)")
    add("--num-frames", type=int, default=30, help="per clip (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    args = parser.parse_args(argv)
    console.load()
    from tfsigmavae.video import pushing

    started = time.time()
    sizes = {key: getattr(args, key) for key in ("num_train", "num_test", "num_frames")}
    pushing.write(args.output, seed=args.seed, **sizes)
    seconds = round(time.time() - started, 1)
    print(json.dumps({"path": args.output, **sizes, "seconds": seconds}))
