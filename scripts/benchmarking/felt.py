"""What a user waits for: each thing the first time in a process, and then again."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import keras
import tensorflow as tf

from benchmarking.gate import largest
from benchmarking.models import make_svg, random_clips
from benchmarking.work import Work
from tfsigmavae import export_saved_model
from tfsigmavae.video import evaluate_prediction

_NUM_FRAMES, _NUM_SAMPLES = 10, 10


def make(settings) -> Work:
    """One thing, by `settings["program"]`; what it needs is made before."""
    act = _ACTIONS[settings["program"]](settings)

    def run(num_steps):
        for _ in range(num_steps):
            act()

    return Work(run, items=1)


def _import(settings):
    """In a process of its own, by the packages that all others import already."""
    code = "import keras, tensorflow_probability, tfsigmavae, tfsigmavae.video"
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def _fit_step(settings):
    model, clips = make_svg(settings), random_clips(settings)
    return lambda: model.fit(clips, batch_size=len(clips), verbose=0)


def _load(settings):
    path = pathlib.Path(tempfile.mkdtemp(dir=settings["folder"])) / "model.keras"
    make_svg(settings).save(path)
    return lambda: keras.models.load_model(path)


def _predict(settings):
    model, context = make_svg(settings), random_clips(settings)[:1, :2]

    def act():
        model.predict_frames(context, _NUM_FRAMES, num_samples=1, seed=0).numpy()

    return act


def _reconstruct(settings):
    model, clips = make_svg(settings), random_clips(settings)[:1]
    return lambda: model.reconstruct(clips).numpy()


def _evaluate_clip(settings):
    """Ten futures of ten frames, with all that a summary tells."""
    model = make_svg(settings)
    clip = random_clips(settings, 2 + _NUM_FRAMES)[:1]
    return lambda: evaluate_prediction(model, clip, num_samples=_NUM_SAMPLES)


def _export(settings):
    model = make_svg(settings)
    path = pathlib.Path(tempfile.mkdtemp(dir=settings["folder"])) / "1"

    def act():
        shutil.rmtree(path, ignore_errors=True)
        export_saved_model(model, path)

    return act


def _served(settings):
    path = pathlib.Path(tempfile.mkdtemp(dir=settings["folder"])) / "1"
    export_saved_model(make_svg(settings), path)
    model = tf.saved_model.load(path)
    context = tf.cast(random_clips(settings)[:1, :2], tf.float32) / 255.0
    return lambda: model.predict_video(context, _NUM_FRAMES, 1, 0).numpy()


_ACTIONS = {
    "import": _import,
    "fit_step": _fit_step,
    "load": _load,
    "predict": _predict,
    "reconstruct": _reconstruct,
    "evaluate_clip": _evaluate_clip,
    "export": _export,
    "served": _served,
}


def compare(settings) -> dict:
    """What is loaded and what is served predict as the model does."""
    model = make_svg(settings)
    context = random_clips(settings)[:1, :2]
    expected = model.predict_frames(context, 3, num_samples=1, seed=0)
    path = pathlib.Path(settings["folder"]) / "gate"
    path.mkdir()
    model.save(path / "model.keras")
    loaded = keras.models.load_model(path / "model.keras")
    export_saved_model(model, path / "1")
    served = tf.saved_model.load(path / "1")
    pixels = tf.cast(context, tf.float32) / 255.0
    return {
        "frames of the loaded": (
            largest(loaded.predict_frames(context, 3, num_samples=1, seed=0), expected),
            0.0,
        ),
        # Pixels are divided by 255 before they are sent.
        "frames of the served": (
            largest(served.predict_video(pixels, 3, 1, 0), expected),
            1e-5,
        ),
    }
