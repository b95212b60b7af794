"""Training of the paper's image VAE: `fit`, or a plain loop over the same layers."""

import math
import unittest.mock

import keras
import numpy as np
import tensorflow as tf

from benchmarking.flops import image_training_macs
from benchmarking.gate import relative, worst
from benchmarking.models import adam_step, compiled, endless, unguarded, with_gradients
from benchmarking.work import CallCounter, Work
from tfsigmavae.math import to_unit_range
from tfsigmavae.models import ConvVAE
from tfsigmavae.models.seeding import ReplicaSeedGenerator

_NUM_BATCHES = 8  # in turn, for ever


def make(settings) -> Work:
    """Steps on batches of uint8 noise out of a `tf.data.Dataset`."""
    model = _make_model(settings)
    batch_size = settings["batch_size"]
    images = _random_images(settings, _NUM_BATCHES * batch_size)
    batches = tf.data.Dataset.from_tensor_slices(images)
    batches = endless(batches.batch(batch_size, drop_remainder=True))
    if settings["program"] == "unguarded":
        model = unguarded(model)
    if settings["program"] in ("model", "unguarded"):
        traces = CallCounter(model, "train_step")

        def run(num_steps):
            model.fit(batches, steps_per_epoch=num_steps, verbose=0)

    elif settings["program"] == "plain_keras":
        plain = PlainVAE(model)
        traces = CallCounter(plain, "train_step")

        def run(num_steps):
            plain.fit(batches, steps_per_epoch=num_steps, verbose=0)

    else:
        run, traces = _loop(model, batches, settings["program"] == "compiled_loop")
    macs = batch_size * image_training_macs(model)
    return Work(run, items=batch_size, macs=macs, traces=traces)


def _loop(model, batches, is_compiled):
    def step(images):
        pixels = to_unit_range(images, "images")
        noise = tf.random.normal([images.shape[0], model.latent_size])
        return adam_step(model, lambda: plain_loss(model, pixels, noise))

    traces = None
    if is_compiled:
        step = tf.function(step)
        traces = step.experimental_get_tracing_count

    def run(num_steps):
        for images in batches.take(num_steps):
            loss = step(images)
        float(loss)

    return run, traces


class PlainVAE(keras.Model):
    """A VAE as people write it in Keras: a training step of their own, and a metric."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.mean_loss = keras.metrics.Mean("loss")
        self.compile(keras.optimizers.Adam(1e-3), jit_compile=False)

    @property
    def metrics(self):
        return [self.mean_loss]

    def train_step(self, images):
        pixels = tf.cast(images, tf.float32) / 255.0
        noise = tf.random.normal([tf.shape(images)[0], self.model.latent_size])
        with tf.GradientTape() as tape:
            loss = plain_loss(self.model, pixels, noise)
        weights = self.model.trainable_weights
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}


def plain_loss(model, images, noise):
    """The sigma-VAE's loss spelt out, in nats; calls nothing of the model but its
    Keras layers."""
    hidden = images
    for layer in model.encoder.layers[:-1]:
        hidden = layer(hidden)
    mean, log_variance = tf.split(hidden, 2, axis=-1)
    outputs = mean + tf.exp(0.5 * log_variance) * noise
    for layer in model.generator.layers:
        outputs = layer(outputs)
    # With the optimal sigma**2 = mse: nll = D / 2 * (log(2 * pi * sigma**2) + 1).
    mse = tf.reduce_mean(tf.square(images - tf.sigmoid(outputs)))
    nll = 0.5 * math.prod(images.shape[1:]) * (tf.math.log(2 * math.pi * mse) + 1)
    kl = 0.5 * (tf.exp(log_variance) + tf.square(mean) - 1 - log_variance)
    return nll + tf.reduce_mean(tf.reduce_sum(kl, axis=-1))


def compare(settings) -> dict:
    """Loss and gradients of the model and of the plain loop, by the same noise."""
    settings = settings | {"batch_size": 4}
    model = _make_model(settings)
    images = to_unit_range(_random_images(settings, 4), "images")
    noise = tf.random.stateless_normal([4, model.latent_size], [0, 0])

    def model_loss():
        with unittest.mock.patch.object(
            ReplicaSeedGenerator, "normal", lambda *_: noise
        ):
            terms = model.elbo_terms(images, training=True)
        return tf.reduce_mean(terms.nll + model.beta * terms.kl)

    variables = model.trainable_variables
    loss, gradients = with_gradients(model_loss, variables)
    expected, wanted = with_gradients(
        lambda: plain_loss(model, images, noise), variables
    )
    return {
        "loss": (relative(loss, expected), 1e-5),
        "gradients": (worst(map(relative, gradients, wanted)), 1e-3),
    }


def _make_model(settings):
    size = settings["frame_size"]
    model = ConvVAE((size, size, 3), seed=0, **settings["sizes"])
    return compiled(model, learning_rate=1e-3)


def _random_images(settings, number):
    size = settings["frame_size"]
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, [number, size, size, 3], np.uint8)
