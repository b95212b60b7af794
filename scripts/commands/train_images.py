"""Trains an image VAE on a data set, scores it and draws what it samples.

    tfsigmavae train images --preset demo
    tfsigmavae train images --data photos.zip --image-size 32 --output runs/photos
    tfsigmavae train images --preset svhn --root /data/svhn --output runs/svhn

The defaults are the paper's recipe for SVHN (Rybkin et al., 2021), which --preset svhn
names with its data. The same command again resumes a run that was stopped; Ctrl-C is
safe. Standard output is the result as one line of JSON (OUTPUT/summary.json).
"""

import json
import pathlib

from tfsigmavae_commands import console, image_flags, outcome
from tfsigmavae_commands.training_flags import headings, run_options

CONSOLE = {"trains": True}


def main(argv=None):
    flags = image_flags.parse(argv, __doc__)
    console.load()
    from tfsigmavae.experiments import ImageExperiment

    is_dry, output = flags.pop("dry_run"), flags.pop("output")
    options = run_options(flags)
    del flags["preset"]
    if is_dry:
        flags["data"] = flags["data"] or "noise"
    experiment = ImageExperiment(**flags)
    outcome.tell_options(experiment.options(), headings(image_flags.OWN))
    if is_dry:
        if pathlib.Path(flags["data"]).exists():
            experiment.check_data()
        summary = experiment.dry_run()
    else:
        summary = experiment.run(output, **options)
    if summary is None:
        return console.stopped(None if is_dry else output)
    outcome.tell_run(summary, output, experiment.data, "export")
    print(json.dumps(summary))
    return 0
