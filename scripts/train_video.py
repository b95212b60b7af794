"""Trains SVG-LP on a video data set, scores and draws its predictions.

    python scripts/train_video.py --preset demo
    python scripts/train_video.py --data /data/bair --output runs/bair

Without a preset the flags are the paper's recipe for BAIR (Denton & Fergus, 2018;
sigma: Rybkin et al., 2021). The same command again resumes a run that was stopped;
Ctrl-C is safe. Standard output is the result as one line of JSON (OUTPUT/summary.json).
"""

import json
import sys

import console
import video_flags


def main(argv=None):
    flags = video_flags.parse(argv, __doc__)
    from tfsigmavae.video import VideoExperiment, compare, pushing
    from tfsigmavae_video.experiments.recipes import DEMO

    size, channels = flags.pop("frame_size"), flags.pop("channels")
    mode = {key: flags.pop(key) for key in ("preset", "dry_run", "compare")}
    output, tensorboard = flags.pop("output"), flags.pop("tensorboard")
    if mode["dry_run"]:
        flags["data"] = flags["data"] or "noise"
    experiment = VideoExperiment(frame_shape=(size, size, channels), **flags)
    print(f"Options: {json.dumps(experiment.options())}", file=sys.stderr)
    if mode["dry_run"]:
        summary = experiment.dry_run()
    else:
        if mode["preset"] == "demo" and experiment.data == DEMO["data"]:
            pushing.write(experiment.data)
        train = compare if mode["compare"] else VideoExperiment.run
        summary = train(experiment, output, tensorboard=tensorboard)
    if summary is None:
        print(f"Interrupted; the same command resumes {output}.", file=sys.stderr)
        return 130
    if "gif" in summary:
        print(f"Samples of the future: {summary['gif']}", file=sys.stderr)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    console.run(main)
