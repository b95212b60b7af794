"""Measures the package's speed against plain programs of the same mathematics.

    python scripts/benchmark.py --case svg_vgg --rounds 3
    python scripts/benchmark.py --short --report docs/performance.md

Every variant of a case runs in a process of its own; they step in turn, and ratios are
taken within a round, of CPU seconds (user and system). An equality gate comes first:
where programs that should compute the same do not, no timing is printed, and the exit
code is 1. The last line printed is JSON. See docs/performance.md.
"""

import argparse
import json
import signal
import sys

from benchmarking.cases import CASES
from tfsigmavae_commands import console

OVERRIDES = ("batch_size", "num_frames", "network")


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    about = "; ".join(f"{name}: {case.about}" for name, case in CASES.items())
    add("--case", choices=CASES, help=f"default: all of them. {about}")
    add("--variants", nargs="+", metavar="NAME", help="default: those of the case")
    add("--rounds", type=int, help="default: 3, or 1 with --short or --dry-run")
    add("--batch-size", type=int, help="clips or images of a step")
    add("--num-frames", type=int, help="of a clip; generate: to predict")
    add("--network", choices=["dcgan", "vgg"], help="of a video case")
    add(
        "--peer",
        metavar="PATH",
        help="checkout of SVG, or of the sigma-VAE in PyTorch, to run too",
    )
    add("--short", action="store_true", help="fewer variants, smaller steps")
    add("--dry-run", action="store_true", help="tiny models, whose figures say nothing")
    add("--report", metavar="FILE", help="Markdown file to put the tables into")
    args = parser.parse_args(argv)
    if args.rounds is None:
        args.rounds = 1 if args.short or args.dry_run else 3
    if args.rounds < 1:
        parser.error("--rounds must be at least 1.")
    return args


def main(argv=None):
    args = parse(argv)
    from benchmarking import report
    from benchmarking.benchmark import GateError, run_cases
    from benchmarking.jobs import case_names, choose_jobs

    given = {name: getattr(args, name) for name in OVERRIDES}
    given = {name: value for name, value in given.items() if value is not None}
    if args.report:
        report.check_report(args.report, case_names(args.case))
    jobs = choose_jobs(args, given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # prints what there is
    try:
        results, are_complete = run_cases(jobs, args.rounds)
    except GateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(results[0] if args.case else {"cases": results}), flush=True)
    if args.report:
        report.write_report(results, args.report)
    return 0 if are_complete else 1


if __name__ == "__main__":
    console.run(main, trains=True)
