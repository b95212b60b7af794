"""Trains a video predictor, scores it and draws its predictions.

    tfsigmavae train video --preset demo
    tfsigmavae train video --data my_videos/ --output runs/mine
    tfsigmavae train video --data /data/bair --output runs/bair

For videos of your own (mp4, mov, avi, mkv, webm, GIF, folders of pictures, arrays),
size, frame rate, context, horizon and network are chosen by what is found and told with
the reasons (--preset own); flags win. For other data without a preset the flags are the
paper's recipe for BAIR (Denton & Fergus, 2018; sigma: Rybkin et al., 2021). The same
command again resumes a run that was stopped; Ctrl-C is safe. The last line printed is
the result as JSON (OUTPUT/summary.json).
"""

import json
import pathlib

from tfsigmavae_commands import console, outcome, video_flags
from tfsigmavae_commands.training_flags import headings, run_options

CONSOLE = {"trains": True}


def main(argv=None):
    flags = video_flags.parse(argv, __doc__)
    console.load()
    from tfsigmavae.video import VideoExperiment, compare, pushing
    from tfsigmavae_video.experiments.recipes import RECIPES, beside

    mode = {key: flags.pop(key) for key in ("preset", "dry_run", "compare")}
    output, options = flags.pop("output"), run_options(flags)
    if mode["dry_run"]:
        flags["data"] = flags["data"] or "noise"
    experiment = VideoExperiment(**flags)
    console.share_cores(experiment.models[experiment.model])
    outcome.tell_options(experiment.options(), headings(video_flags.OWN))
    if mode["dry_run"]:
        if pathlib.Path(flags["data"]).exists():
            experiment.check_data()
            len(experiment.train_clips)  # says which are left out
        summary = experiment.dry_run()
    else:
        recipe = RECIPES.get(mode["preset"], {})
        if experiment.data == recipe.get("data"):
            pushing.write(experiment.data)
        if mode["compare"]:
            others = beside(mode["preset"], experiment.steps)
            summary = compare(experiment, output, beside=others, **options)
        else:
            summary = experiment.run(output, **options)
    if summary is None:
        return console.stopped(None if mode["dry_run"] else output)
    outcome.tell_run(summary, output, experiment.data, "predict")
    print(json.dumps(summary))
    return 0
