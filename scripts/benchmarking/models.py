"""The models and data that workers share."""

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.video import SVGLP, WarpVRNN

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def make_svg(settings):
    """A compiled `SVGLP`; its optimizer has its variables."""
    size = settings["frame_size"]
    model = SVGLP(
        frame_shape=(size, size, 3),
        network=settings["network"],
        num_context=settings["num_context"],
        seed=0,
        dtype=_POLICIES[settings["precision"]],
        **settings["sizes"],
        **settings["options"],
    )
    return compiled(model, settings["jit_compile"])


def make_warp_vrnn(settings):
    """A compiled `WarpVRNN`; its optimizer has its variables."""
    size = settings["frame_size"]
    model = WarpVRNN(
        frame_shape=(size, size, 3),
        num_context=settings["num_context"],
        seed=0,
        dtype=_POLICIES[settings["precision"]],
        **settings["sizes"],
        **settings["options"],
    )
    return compiled(model, settings["jit_compile"])


def compiled(model, jit_compile=False, learning_rate=2e-3):
    """The model with Adam. No XLA unless asked for, also where Keras would take it."""
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, jit_compile=jit_compile)
    optimizer.build(model.trainable_variables)
    return model


def unguarded(model):
    """The model whose step looks at nothing: what the guard costs shows beside it."""
    model._guard.remember = lambda variables: lambda is_good: None
    model._guard.judge = lambda *args: None
    model._apply = lambda gradients, is_good: model.optimizer.apply(
        gradients, model.trainable_variables
    )
    return model


def random_clips(settings, num_frames=None):
    """uint8 `[B, T, H, W, 3]` of noise, as a constant on the device."""
    size = settings["frame_size"]
    shape = [settings["batch_size"], num_frames or settings["num_frames"]]
    rng = np.random.default_rng(0)
    return tf.constant(rng.integers(0, 256, [*shape, size, size, 3], np.uint8))


def endless(batches):
    """Repeats a `tf.data.Dataset` whose speed is not what is measured.

    Nothing of it is tuned while it runs: on a busy CPU, TensorFlow's tuner lets the end
    of an iterator, as at the end of every `fit`, wait for its next turn, seconds later.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.repeat().prefetch(2).with_options(options)


def randomise_weights(model, seed=0):
    """Gives every weight a value that shows in the outputs, statistics included."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name == "num_updates":
            continue
        if weight.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, shape)
        elif weight.name == "running_variance":
            value = rng.uniform(0.05, 0.1, shape)
        elif len(shape) < 2:
            value = rng.normal(0, 0.3, shape)
        else:
            fan_in = np.prod(shape) / max(shape[-2:])
            value = rng.normal(0, 1.5 / np.sqrt(fan_in), shape)
        weight.assign(value)
    return model


def adam_step(model, loss):
    """One step of the model's optimizer.

    Args:
        model: compiled model.
        loss: function without arguments -> scalar.
    """
    value, gradients = with_gradients(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
    return value


def with_gradients(loss, variables):
    """Value and gradients of `loss()`, a function without arguments."""
    with tf.GradientTape() as tape:
        value = loss()
    return value, tape.gradient(value, variables)
