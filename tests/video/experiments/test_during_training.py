"""What people do while a run is trained, of images and of videos alike.

look at the terminal        a line in words, with the time left
redirect it to a file       a line an epoch, nothing that is written over
open samples/               pictures by the step, sorted by their names
open history.png            curves, after Ctrl-C too
tensorboard --logdir        the figures of history.csv, and the pictures
the same command again      nothing is doubled, lost or other than uninterrupted
read the last line          test_scripts: standard output is JSON and nothing else
a small terminal            test_progress_line
"""

import contextlib
import io
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from PIL import Image
from tiny_svg_lp import random_clips

from tfsigmavae.callbacks import TrainingCheckpoint, read_history
from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.pictures import write_png
from tfsigmavae_video import VideoExperiment, write_shards

STEPS = 5
KINDS = ("image", "clip")
OPTIONS = {"steps": STEPS, "batch_size": 2, "preview_every": 2, "seed": 1}
PICTURES = {
    "image": ["reconstructions-000002.png", "samples-000004.png"],
    "clip": ["step_000002.gif", "step_000004.gif"],
}

# Eagerly, a step of so small a model is quicker than its tracing.
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for number, split in enumerate(("train", "test")):
        clips = random_clips(3, 5, (16, 16, 3), seed=number)
        write_shards(folder / "clips", split, clips)
        for index, image in enumerate(clips.reshape([-1, 16, 16, 3])[:4]):
            write_png(folder / "images" / split / f"{index}.png", image[:8, :8])
    return folder


def make(kind, data, **changes):
    if kind == "image":
        model_options = {"latent_size": 2, "widths": (2, 3)}
        options = OPTIONS | {"model_options": model_options, "validation_images": 2}
        return ImageExperiment(str(data / "images"), **options | changes)
    lengths = {"num_context": 1, "num_frames": 3, "eval_frames": 3}
    sizes = {"frame_shape": (16, 16, 3), "num_samples": 2, "num_eval_clips": 2}
    options = OPTIONS | lengths | sizes | {"model": DriftingModel}
    return VideoExperiment(str(data / "clips"), **options | changes)


def run(kind, data, folder, **changes):
    """The summary, and what was said of the run."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        summary = make(kind, data, **changes).run(folder, tensorboard=True)
    return summary, said.getvalue()


@pytest.fixture(scope="module", params=KINDS)
def whole(request, data, tmp_path_factory):
    """Kind, folder and words of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    _, said = run(request.param, data, folder)
    return request.param, folder, said


def test_a_file_holds_a_line_an_epoch_in_words(whole):
    kind, _, said = whole
    first, line, evaluation, *scoring = said.splitlines()
    assert first == "step 0 of 5 (0 %)  preparing the first step ..."
    assert line.startswith("step 5 of 5 (100 %)  sigma ") and "(RMSE " in line
    for word in (f" nats/{kind}  ", " bits/dim", f" {kind}s/s  ", "took "):
        assert word in line, word
    assert ("(validation " in line) == (kind == "image")
    assert evaluation == "Evaluating and drawing ..." and "\r" not in said
    assert scoring[0].startswith("Scoring: 0 of ") and ", took " in " ".join(scoring)


def test_samples_lie_in_the_order_of_training(whole):
    kind, folder, _ = whole
    names = [path.name for path in sorted((folder / "samples").iterdir())]
    numbered = [name for name in names if "00000" in name]
    assert numbered[:: 3 if kind == "image" else 1] == PICTURES[kind]
    assert len(numbered) == len(PICTURES[kind]) * (2 if kind == "image" else 1)


def test_tensorboard_has_the_table_and_the_pictures(whole):
    kind, folder, _ = whole
    scalars, pictures = logged(folder)
    (row,) = read_history(folder / "history.csv")
    for name in set(row) - {"epoch", "step"}:
        assert scalars[name] == {STEPS: pytest.approx(row[name], rel=1e-6)}, name
    tag, name = ("reconstructions", PICTURES[kind][0])
    if kind == "clip":
        tag, name = "prediction", PICTURES[kind][0]
    content = (folder / "samples" / name).read_bytes()
    assert pictures[f"samples/{tag}"][2] == content
    assert list(pictures[f"samples/{tag}"]) == [2, 4]


def logged(folder):
    """Scalars and pictures: tag -> step -> value; none may be doubled."""
    scalars, pictures = {}, {}
    for path in sorted((folder / "logs").glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.HasField("tensor"):
                    continue
                is_picture = value.HasField("image")
                steps = (pictures if is_picture else scalars).setdefault(value.tag, {})
                assert event.step not in steps, (value.tag, event.step)
                steps[event.step] = (
                    value.image.encoded_image_string
                    if is_picture
                    else value.simple_value
                )
    return scalars, pictures


def test_ctrl_c_leaves_curves_and_the_same_command_goes_on(
    whole, data, tmp_path, monkeypatch
):
    kind, folder, _ = whole
    original = TrainingCheckpoint.on_train_batch_end

    def interrupt(self, batch, logs=None):
        original(self, batch, logs)
        if self.step == 3:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "on_train_batch_end", interrupt)
        summary, said = run(kind, data, tmp_path / "run")
    assert summary is None and said.splitlines()[-1].startswith("step 3 of 5 (60 %)")
    with Image.open(tmp_path / "run" / "history.png") as curves:
        assert curves.width > 1000
    assert [row["step"] for row in read_history(tmp_path / "run/history.csv")] == [3]

    _, said = run(kind, data, tmp_path / "run")
    assert said.splitlines()[:2] == [
        "Resuming at step 3 of 5.",
        "step 3 of 5 (60 %)  preparing the first step ...",
    ]
    # One row for the epoch, as in a run that nobody stopped.
    assert read_history(tmp_path / "run/history.csv") == read_history(
        folder / "history.csv"
    )
    pictures = sorted((folder / "samples").iterdir())
    for path in pictures:
        ours = (tmp_path / "run" / "samples" / path.name).read_bytes()
        assert ours == path.read_bytes(), path.name
    assert logged(tmp_path / "run")[1] == logged(folder)[1]


def test_a_run_without_all_this_is_the_same(whole, data, tmp_path):
    kind, folder, _ = whole
    experiment = make(kind, data, preview_every=0)
    experiment.run(tmp_path / "run")
    models = [
        keras.models.load_model(path / "model.keras")
        for path in (folder, tmp_path / "run")
    ]
    variables = ([*model.weights, *model.optimizer.variables] for model in models)
    for one, other in zip(*variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    assert not list((tmp_path / "run" / "samples").glob("*00000*"))
    # They shape no result: a run that goes on may have other ones.
    assert make(kind, data, preview_every=3).run(tmp_path / "run")["steps"] == STEPS


@pytest.mark.parametrize(
    ("steps", "every"),
    [(5, 10), (20, 10), (250, 20), (3000, 300), (5730, 600), (180_000, 20_000)],
)
def test_pictures_are_about_ten_unless_asked_otherwise(data, steps, every):
    assert make("clip", data, steps=steps, preview_every=None).preview_steps == every
    assert make("image", data, steps=steps, preview_every=0).preview_steps == 0
    with pytest.raises(ValueError, match="`preview_every` must be an int >= 0"):
        make("clip", data, preview_every=-1)
