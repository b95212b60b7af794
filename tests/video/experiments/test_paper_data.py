"""The presets of the paper's data train on the files that people have."""

import gzip
import struct

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel

from tfsigmavae.video import VideoExperiment
from tfsigmavae_video.experiments.recipes import RECIPES

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")

SHORT = {"steps": 1, "batch_size": 1, "num_samples": 1, "num_eval_clips": 1}


def experiment(preset, data):
    """The preset's data and horizons with a model that trains in an instant."""
    recipe = dict(RECIPES[preset])
    assert recipe.pop("model_options")
    return VideoExperiment(str(data), model=DriftingModel, **recipe | SHORT)


def run(made, folder):
    tf.config.run_functions_eagerly(True)
    try:
        return made.run(folder)
    finally:
        tf.config.run_functions_eagerly(False)


def test_kth_trains_on_the_avi_files(tmp_path, capsys):
    av = pytest.importorskip("av", reason="PyAV writes and reads the avi files")
    data = tmp_path / "kth" / "boxing"
    data.mkdir(parents=True)
    pictures = np.random.default_rng(0).integers(0, 256, [60, 120, 160], np.uint8)
    for person in ("01", "21"):
        path = data / f"person{person}_boxing_d1_uncomp.avi"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = 120, 160, "yuv420p"
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture, format="gray")
                container.mux(stream.encode(frame.reformat(format="yuv420p")))
            container.mux(stream.encode())
    (tmp_path / "kth" / "00sequences.txt").write_text(
        "person01_boxing_d1 frames 1-15, 16-35\nperson21_boxing_d1 frames 1-39, 21-60\n"
    )
    made = experiment("kth", tmp_path / "kth")
    # 10 given frames, and 10 predicted in training or 30 in evaluation, have room.
    assert made.train_clips.clip_names == ["person01_boxing_d1@16"]
    assert made.test_clips.clip_names == ["person21_boxing_d1@21"]
    assert "15 frames, fewer than 20" in capsys.readouterr().err
    summary = run(made, tmp_path / "run")
    assert (summary["num_context"], summary["num_predicted"]) == (10, 30)
    assert summary["held_out"] and np.isfinite(summary["nll"])


def test_moving_mnist_trains_on_the_files_of_mnist(tmp_path):
    digits = np.random.default_rng(0).integers(0, 256, [6, 28, 28], np.uint8)
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *digits.shape) + digits.tobytes()
    for part in ("train", "t10k"):
        path = tmp_path / f"{part}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(content))
    made = experiment("smmnist", tmp_path)
    assert (len(made.train_clips), len(made.test_clips)) == (1_000_000, 5_000)
    summary = run(made, tmp_path / "run")
    assert (summary["num_context"], summary["num_predicted"]) == (5, 25)
    assert summary["held_out"] and np.isfinite(summary["nll"])
