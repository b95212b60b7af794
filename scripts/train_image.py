"""Trains an image VAE on a data set, scores it and draws what it samples.

    python scripts/train_image.py --preset demo
    python scripts/train_image.py --preset svhn --root /data/svhn --output runs/svhn

The defaults are the paper's recipe for SVHN (Rybkin et al., 2021), which --preset svhn
names with its data. The same command again resumes a run that was stopped; Ctrl-C is
safe. Standard output is the result as one line of JSON (OUTPUT/summary.json).
"""

import json
import sys

import console
import image_flags
from flags import run_options


def main(argv=None):
    flags = image_flags.parse(argv, __doc__)
    from tfsigmavae.experiments import ImageExperiment

    is_dry, output = flags.pop("dry_run"), flags.pop("output")
    options = run_options(flags)
    del flags["preset"]
    if is_dry:
        flags["data"] = flags["data"] or "noise"
    experiment = ImageExperiment(**flags)
    print(f"Options: {json.dumps(experiment.options())}", file=sys.stderr)
    if is_dry:
        summary = experiment.dry_run()
    else:
        summary = experiment.run(output, **options)
    if summary is None:
        return console.stopped(output)
    if "samples" in summary:
        print(f"Samples: {summary['samples']}", file=sys.stderr)
        print(f"Report: {summary['report']}", file=sys.stderr)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    console.run(main, trains=True)
