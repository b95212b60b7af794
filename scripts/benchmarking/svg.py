"""A training step of SVG-LP: the model's own, or that of the reference program."""

import unittest.mock

import tensorflow as tf

from benchmarking.cases import SMALL_SVG
from benchmarking.flops import reference_training_macs, svg_training_macs
from benchmarking.frame_by_frame_svg_lp import FrameByFrameSVGLP
from benchmarking.gate import relative, worst
from benchmarking.models import (
    adam_step,
    make_svg,
    random_clips,
    randomise_weights,
    unguarded,
    with_gradients,
)
from benchmarking.work import Work
from tfsigmavae.math import to_unit_range
from tfsigmavae.models.seeding import ReplicaSeedGenerator

_GATE_FRAMES = 5


def make(settings) -> Work:
    """A compiled step on one batch of uint8 clips that stays on the device."""
    model, num_frames = make_svg(settings), settings["num_frames"]
    if settings["program"] == "unguarded":
        model = unguarded(model)
    if settings["program"] != "naive":
        program, macs = model_step(model), svg_training_macs(model, num_frames)
    else:
        reference = FrameByFrameSVGLP(model)
        program = naive_step(model, reference)
        macs = reference_training_macs(model, num_frames, reference)
    return step_work(program, macs, settings)


def step_work(program, macs, settings) -> Work:
    """A step on random clips.

    Args:
        program: function from clips to a loss.
        macs: int, multiply-accumulates of a clip.
        settings: dict of a video case.
    """
    clips = random_clips(settings)
    num_clips, num_frames = clips.shape[:2]
    step = tf.function(program, jit_compile=settings["jit_compile"])

    def run(num_steps):
        for _ in range(num_steps):
            loss = step(clips)
        float(loss)  # waits for a device that works on its own

    return Work(
        run,
        items=num_clips * num_frames,
        macs=num_clips * macs,
        traces=step.experimental_get_tracing_count,
    )


def model_step(model):
    """What `fit` compiles: loss, gradients, Adam, metrics."""
    return lambda clips: model.train_step(clips)["loss"]


def naive_step(model, reference):
    """Loss and gradients of the reference program, and Adam."""

    def step(clips):
        frames = to_unit_range(clips, "clips")
        noise = tf.random.normal(_noise_shape(model, frames))
        return adam_step(model, lambda: reference.loss(frames, noise))

    return step


def compare(settings) -> dict:
    """The model against the reference program, which takes statistics frame by frame.

    At full size, the loss and the norm of all gradients; of small models of random
    weights every gradient. Where there are many units, float32 rounding moves some of
    them across the kink of a leaky ReLU or to another maximum of a pool: the gradients
    of VGG then lie 0.4 % apart, those of a wrong statistic 50 % and more.

    Statistics over all frames are the same where all frames are: clips that stand
    still, of which the last frame alone is generated.
    """
    loss, norms, _ = _differences(settings, {"frame_statistics": True})
    small = settings | SMALL_SVG
    still = {"num_context": _GATE_FRAMES - 1, "stands_still": True}
    models = {
        "statistics of frames": (small, {"frame_statistics": True}),
        "rematerialised": (small, {"frame_statistics": True, "remat": True}),
        "statistics of all frames": (small | still, {"scored_frames": "future"}),
    }
    found = {"loss": (loss, 1e-5), "gradient norm": (norms, 1e-3)}
    for name, (own, options) in models.items():
        loss, _, gradients = _differences(own, options, randomise=True)
        found[f"loss of a small model, {name}"] = (loss, 1e-5)
        found[f"its every gradient, {name}"] = (worst(gradients), 1e-3)
    return found


def _differences(settings, options, randomise=False):
    model = make_svg(settings | {"options": options, "precision": "float32"})
    if randomise:
        model = randomise_weights(model)
    # The codes of two clips would normalise to +-1, and have no gradients.
    frames = random_clips(settings | {"batch_size": 3}, num_frames=_GATE_FRAMES)
    if settings.get("stands_still"):
        frames = tf.repeat(frames[:, :1], _GATE_FRAMES, axis=1)
    frames = to_unit_range(frames, "frames")
    return differences(model, FrameByFrameSVGLP(model), frames)


def differences(model, reference, frames):
    """Relative differences: of the loss, of the gradients' norm, of every gradient."""
    noise = tf.random.stateless_normal(_noise_shape(model, frames), [0, 0])

    def model_loss():
        with unittest.mock.patch.object(
            ReplicaSeedGenerator, "normal", lambda *_: noise
        ):
            terms = model.elbo_terms(frames, training=True)
        return tf.reduce_mean(terms.nll + model.beta * terms.kl)

    variables = model.trainable_variables
    expected, wanted = with_gradients(lambda: reference.loss(frames, noise), variables)
    loss, gradients = with_gradients(model_loss, variables)
    norms = tf.linalg.global_norm(gradients), tf.linalg.global_norm(wanted)
    distances = list(map(relative, gradients, wanted))
    return relative(loss, expected), relative(*norms), distances


def _noise_shape(model, frames):
    return [frames.shape[0], frames.shape[1] - 1, model.latent_size]
