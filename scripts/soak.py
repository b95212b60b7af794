"""Attacks the package for some minutes, and prints which promises held.

    python scripts/soak.py --minutes 2
    python scripts/soak.py --minutes 60 --seed 7 --output soak

Small runs are killed at random moments and inside their writes, their checkpoints and
data are damaged, exported models are asked nonsense: docs/reliability.md. Every attack
has at least one try, however short the time. A table comes on standard output, then a
line of JSON; progress on standard error. The exit code is 1 if a promise was broken.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile

from tfsigmavae_commands import console


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--minutes", type=float, default=2.0, help="default: %(default)s")
    add("--seed", type=int, default=0, help="of all chance (default: %(default)s)")
    add("--output", help="a new folder for what is attacked (default: a temporary one)")
    args = parser.parse_args(argv)
    if not args.minutes > 0:
        parser.error("--minutes must be positive.")
    if args.seed < 0:
        parser.error("--seed must be at least 0.")
    if args.output and pathlib.Path(args.output).exists():
        parser.error(f"--output '{args.output}' exists: choose a new folder.")
    return args


def main(argv=None):
    args = parse(argv)
    from soaking.ground import Ground
    from soaking.rows import soak, table

    output = args.output or tempfile.mkdtemp(prefix="soak-")
    broken = True
    try:
        results = soak(
            Ground(output, args.seed),
            60.0 * args.minutes,
            lambda line: print(line, file=sys.stderr, flush=True),
        )
        broken = any(row["problems"] for row in results)
    finally:
        if broken:
            print(f"What was attacked is left in '{output}'.", file=sys.stderr)
        elif not args.output:
            shutil.rmtree(output)
    print(table(results))
    print(json.dumps({"seed": args.seed, "minutes": args.minutes, "rows": results}))
    return int(broken)


if __name__ == "__main__":
    console.run(main)
