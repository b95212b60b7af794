"""What `fit` adds to the compiled step that it calls."""

import tensorflow as tf

from benchmarking.cases import TINY_SVG
from benchmarking.gate import largest, worst
from benchmarking.models import endless, make_svg, random_clips
from benchmarking.work import CallCounter, Work


def make(settings) -> Work:
    """Steps of `model.fit`, or of its own compiled function in a bare loop."""
    model = make_svg(settings)
    traces = CallCounter(model, "train_step")
    run = _make_run(model, settings)
    return Work(
        run, items=settings["batch_size"] * settings["num_frames"], traces=traces
    )


def _make_run(model, settings):
    batches = endless(tf.data.Dataset.from_tensors(random_clips(settings)))
    if settings["program"] == "model":
        return lambda num_steps: model.fit(
            batches, steps_per_epoch=num_steps, verbose=0
        )
    model.make_train_function()
    iterator = iter(batches)

    def run(num_steps):
        for _ in range(num_steps):
            logs = model.train_function(iterator)
        float(logs["loss"])

    return run


def compare(settings) -> dict:
    """Weights of a small model after the same steps, in a process that is deterministic
    throughout."""
    settings = settings | TINY_SVG
    tf.config.experimental.enable_op_determinism()
    weights = []
    for program in ("model", "bare"):
        model = make_svg(settings)
        _make_run(model, settings | {"program": program})(3)
        weights.append(model.get_weights())
    return {"weights": (worst(map(largest, *weights)), 0.0)}
