"""Scores a trained model by a named protocol, and writes a report.

    python scripts/evaluate.py --model runs/demo --protocol smoke
    python scripts/evaluate.py --model runs/bair --data data/bair --protocol svg-2-28
    python scripts/evaluate.py --model runs/a --compare runs/b runs/c --output runs/abc

Writes metrics.json (every figure with its protocol), metrics.csv (a row for each clip,
step, sample and metric) and report.html, one page that needs no other file. Runs of
image models are evaluated alike. The same command goes on where it was stopped, and
ends with the same figures. The last line printed is the result as JSON.
"""

import json
import sys

import console
import evaluate_flags


def main(argv=None):
    flags = evaluate_flags.parse(argv, __doc__)
    from tfsigmavae import video

    runs = [flags.pop("model"), *flags.pop("compare")]
    result = video.evaluate_runs(runs, **flags)
    print(f"Report: {result['report']}", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    console.run(main, onednn=True)
