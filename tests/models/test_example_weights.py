"""Weights of examples: steps, logs and sigma are those of repeated examples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_vae import TinyVAE

from tfsigmavae.decoders import Decoder, FixedSigma, OptimalSigma

IMAGES = np.random.default_rng(0).random((4, 4, 4, 1)).astype(np.float32)
WEIGHTS = np.float32([3, 0, 1, 1])
REPEATED = IMAGES[[0, 0, 0, 2, 3]]


def _without_noise(decoder, **options):
    """Its noise would differ between an example and its copies."""
    model = TinyVAE(decoder=decoder, seed=1)
    model(IMAGES)
    dense = model.encoder.layers[-2]
    dense.bias.assign([0.0, 0.0, -40.0, -40.0])
    dense.kernel.assign(dense.kernel * [1.0, 1.0, 0.0, 0.0])
    options = {"run_eagerly": True, **options}
    model.compile(keras.optimizers.SGD(0.01), **options)
    return model


DECODERS = {
    "fixed": lambda: FixedSigma(0.3),
    "batch": lambda: OptimalSigma("batch"),
    "channel": lambda: OptimalSigma("channel"),
}


@pytest.mark.parametrize("jit_compile", [None, True])
@pytest.mark.parametrize("name", DECODERS)
def test_a_step_is_that_of_repeated_examples(name, jit_compile):
    options = {"run_eagerly": not jit_compile, "jit_compile": bool(jit_compile)}
    ours, theirs = (_without_noise(DECODERS[name](), **options) for _ in range(2))
    before = ours.get_weights()
    logs = ours.train_on_batch(IMAGES, sample_weight=WEIGHTS, return_dict=True)
    expected = theirs.train_on_batch(REPEATED, return_dict=True)
    assert logs.keys() == expected.keys()
    for key in logs:
        # A posterior's deviation is exp(-10) at least.
        np.testing.assert_allclose(logs[key], expected[key], rtol=1e-4, err_msg=key)
    weights = zip(before, ours.get_weights(), theirs.get_weights(), strict=True)
    moved = [(new - old, other - old) for old, new, other in weights]
    assert max(np.abs(step).max() for step, _ in moved) > 1e-3
    for step, other in moved:
        np.testing.assert_allclose(step, other, rtol=1e-3, atol=1e-5)


def test_weights_count_by_their_share():
    ours, theirs = (_without_noise(FixedSigma(0.3)) for _ in range(2))
    ours.train_on_batch(IMAGES, sample_weight=WEIGHTS)
    theirs.train_on_batch(IMAGES, sample_weight=10 * WEIGHTS)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_they_are_forgotten_when_a_step_fails():
    model = _without_noise(FixedSigma(0.3))
    with pytest.raises(tf.errors.InvalidArgumentError):
        model.train_on_batch(2.0 + IMAGES, sample_weight=WEIGHTS)
    assert model.sample_weight is None


def test_a_model_within_another_is_not_weighed():
    class Outer(TinyVAE):
        def elbo_terms(self, inputs, training):
            seen.append((self.sample_weight is None, inner.sample_weight is None))
            return super().elbo_terms(inputs, training)

    seen, inner = [], TinyVAE()
    outer = Outer()
    outer.compile(run_eagerly=True)
    outer.test_on_batch(IMAGES, sample_weight=WEIGHTS)
    assert seen == [(False, True)]


def test_an_event_that_is_not_the_example_is_refused():
    """Likelihoods of pixels would broadcast against the KL of images."""
    model = TinyVAE(decoder=FixedSigma(0.3, event_rank=1))
    model.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="must have batch shape"):
        model.train_on_batch(IMAGES)


@keras.saving.register_keras_serializable(package="tests")
class PaddedVAE(TinyVAE):
    """Rows of an image whose pixels are all 0 are padding."""

    def likelihood(self, raw, target=None, training=False):
        params = self.decoder.activate(raw)
        if target is not None:
            params._keras_mask = tf.reduce_any(target > 0.0, [2, 3])
        return Decoder.__call__(self.decoder, params, target=target, training=training)


def test_padding_enters_no_figure():
    images = IMAGES.copy()
    valid = np.array([4, 1, 2, 3])[:, None] > np.arange(4)
    images[~valid] = 0.0
    model = PaddedVAE(decoder=OptimalSigma(momentum=0.0), seed=1)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.train_on_batch(images)
    dense = model.encoder.layers[-2]
    dense.bias.assign([0.0, 0.0, -40.0, -40.0])
    dense.kernel.assign(dense.kernel * [1.0, 1.0, 0.0, 0.0])
    logs = model.train_on_batch(images, return_dict=True)
    errors = np.square(np.float64(images) - np.float64(model(images)))[..., 0]
    errors = np.where(valid[..., None], errors, np.nan)
    mse = np.nanmean(errors)
    np.testing.assert_allclose(logs["sigma"], np.sqrt(mse), rtol=1e-4)
    per_image = np.nanmean(errors, axis=(1, 2))
    np.testing.assert_allclose(logs["mse"], per_image.mean(), rtol=1e-4)
    dims = valid.sum(1) * 4
    nll = dims * (0.5 * np.log(2 * np.pi * mse) + per_image / (2 * mse))
    np.testing.assert_allclose(logs["nll"], nll.mean(), rtol=1e-4)
    bits = np.mean((nll / dims + np.log(256)) / np.log(2))
    kl_bits = np.mean(logs["kl"] / dims) / np.log(2)
    assert abs(logs["bits_per_dim"] - bits) < 3 * kl_bits + 0.01
    np.testing.assert_allclose(model.recalibrate(images), np.sqrt(mse), rtol=1e-4)
