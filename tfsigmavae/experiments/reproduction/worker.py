"""One job of the reproduction, in a process of its own.

    python -m tfsigmavae.experiments.reproduction.worker OUTPUT features STUDY
    python -m tfsigmavae.experiments.reproduction.worker OUTPUT run NAME

OUTPUT/plan.json says what the names mean.
"""

import math
import pathlib
import sys
import time

import keras
import numpy as np

from tfsigmavae.checkpoints import DivergedError
from tfsigmavae.experiments.image_experiment import ImageExperiment
from tfsigmavae.experiments.reproduction.features import FeatureNetwork, train_features
from tfsigmavae.experiments.reproduction.files import Files
from tfsigmavae.experiments.reproduction.scores import score_run
from tfsigmavae.files import read_json, write_json


def make_features(files, study):
    """Trains the feature network of a study."""
    experiment = ImageExperiment(**study["options"])
    train_features(experiment, files.features(study["key"]), study["num_samples"])


def make_run(files, run, study) -> bool:
    """Trains and scores one run; whether it came to its end.

    A run that diverged has an end as well, and no figures: the others go on.
    """
    experiment = ImageExperiment(**run["options"])
    folder = files.run(run["name"])
    try:
        summary = experiment.run(folder)
    except DivergedError:
        summary = {"elbo": math.nan}
    if summary is None:
        return False
    if not math.isfinite(summary["elbo"]):
        write_json(files.scores(run["name"]), _diverged(experiment))
        return True
    model = keras.saving.load_model(folder / "model.keras")
    network = FeatureNetwork(files.features(run["study"]))
    scores, pictures = score_run(
        model, experiment.test_images, network, study["num_samples"]
    )
    scores["num_train"] = len(experiment.train_images)
    np.savez_compressed(folder / "pictures.npz", **pictures)
    write_json(files.scores(run["name"]), scores)
    return True


def _diverged(experiment):
    """What is known of such a run; its folder may have no record."""
    return {
        "diverged": True,
        "parameters": experiment.make_model().count_params(),
        "steps": experiment.steps,
        "cpu_seconds": round(time.process_time(), 1),
        "num_dims": math.prod(experiment.test_images.shape[1:]),
        "num_train": len(experiment.train_images),
        "num_test": len(experiment.test_images),
    }


def main(argv=None) -> int:
    output, kind, name = argv or sys.argv[1:]
    files = Files(pathlib.Path(output))
    plan = read_json(files.plan)
    if kind == "features":
        make_features(files, plan["studies"][name])
        return 0
    run = plan["runs"][name]
    return 0 if make_run(files, run, plan["studies"][run["study"]]) else 130


if __name__ == "__main__":
    sys.exit(main())
