"""Scores a trained model by a named protocol, and writes a report.

    tfsigmavae evaluate --model runs/demo --protocol smoke
    tfsigmavae evaluate --model runs/bair --data data/bair --protocol svg-2-28
    tfsigmavae evaluate --model runs/a --compare runs/b runs/c --output runs/abc

Writes metrics.json (every figure with its protocol), metrics.csv (a row for each clip,
step, sample and metric) and report.html, one page that needs no other file. Runs of
image models are evaluated alike. The same command goes on where it was stopped, and
ends with the same figures. The last line printed is the result as JSON.
"""

import json

from tfsigmavae_commands import console, evaluate_flags, outcome, saved

CONSOLE = {"onednn": True}


def main(argv=None):
    flags = evaluate_flags.parse(argv, __doc__)
    console.load()
    from tfsigmavae import video

    saved.import_all(flags.pop("modules"))
    runs = [flags.pop("model"), *flags.pop("compare")]
    result = video.evaluate_runs(runs, **flags)
    outcome.tell_made({result["report"]: "one page: open it in a browser"})
    print(json.dumps(result))
