"""An experiment trains on a folder of videos as it is, broken and short ones in it."""

import dataclasses

import numpy as np
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

from tfsigmavae.video import VideoExperiment

SHAPE = (16, 16, 3)


def test_a_folder_of_videos_trains(tmp_path, capsys):
    for number in range(4):
        clip = random_clips(1, 5 + number, (24, 32, 3), seed=number)[0]
        np.save(tmp_path / f"{number}.npy", clip)
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    experiment = VideoExperiment(
        str(tmp_path),
        model=DriftingModel,
        steps=2,
        batch_size=2,
        num_context=1,
        num_frames=2,
        eval_frames=3,
        windows="last",
        frame_shape=SHAPE,
        num_samples=2,
    )
    tf.config.run_functions_eagerly(True)
    try:
        summary = experiment.run(tmp_path / "runs" / "mine")
    finally:
        tf.config.run_functions_eagerly(False)
    assert (summary["num_clips"], summary["held_out"]) == (1, True)
    assert "broken.gif" in capsys.readouterr().err
    # The run lies in the folder of its data, and is none of them.
    again = dataclasses.replace(experiment, eval_frames=2)
    names = again.train_clips.clip_names + again.test_clips.clip_names
    assert sorted(names) == [f"{n}.npy" for n in range(4)]
    (train,) = {again.train_clips.skipped["runs/mine"]}
    assert train == "is a run's folder"
