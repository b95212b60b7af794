"""Fixtures for all tests."""

import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import decoders

_DEFAULT_FOLDER = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """`shared_data(name)`: path of a real data file, or a skip where there is none."""
    folder = pathlib.Path(os.environ.get("TFSIGMAVAE_TEST_DATA", _DEFAULT_FOLDER))

    def find(name):
        path = folder / name
        if not path.is_file():
            pytest.skip(f"no '{name}' in '{folder}'; set TFSIGMAVAE_TEST_DATA")
        return path

    return find


def _pixels(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _check_distribution(distribution, shape, is_density):
    pixels = tf.constant(_pixels(shape) / 255.0, tf.float32)
    assert distribution.batch_shape == shape[:1]
    assert distribution.event_shape == shape[1:]
    assert distribution.shape == shape and distribution.dtype == tf.float32
    log_prob = distribution.log_prob(pixels)
    assert log_prob.shape == shape[:1] and log_prob.dtype == tf.float32
    assert np.isfinite(log_prob).all()
    if not is_density:
        assert np.all(log_prob <= 0.0), "a probability above 1"
    np.testing.assert_array_equal(distribution, distribution.mean())
    # One float32 rounding of slack, for means that are sums of probabilities.
    assert np.all(distribution.mean() >= -1e-6)
    assert np.all(distribution.mean() <= 1 + 1e-6)
    sample = distribution.sample(3, seed=1)
    assert sample.shape == (3, *shape) and sample.dtype == tf.float32
    assert np.isfinite(sample).all()
    if not is_density:  # grey levels
        assert np.all(sample >= 0.0) and np.all(sample <= 1.0)
        np.testing.assert_allclose(255 * sample, np.round(255 * sample), atol=1e-3)


def _check_config(decoder, channels):
    config = decoder.get_config()
    json.dumps(config)
    twin = type(decoder).from_config(config)
    assert twin.get_config() == config
    found = decoders.get(keras.saving.serialize_keras_object(decoder))
    assert type(found) is type(decoder) and found.get_config() == config
    assert twin.params_size(channels) == decoder.params_size(channels)
    assert type(decoder.params_size(channels)) is int


def _check_xla(decoder, raw, target):
    """The same log probability, and finite gradients, with and without XLA."""
    pixels = tf.constant(target / 255.0, tf.float32)

    def step(raw):
        with tf.GradientTape() as tape:
            tape.watch(raw)
            params = decoder.activate(raw)
            log_prob = decoder(params, target=target, training=True).log_prob(pixels)
        return log_prob, tape.gradient(log_prob, raw)

    plain = step(raw)
    compiled = tf.function(step, jit_compile=True)(raw)
    for ours, theirs in zip(compiled, plain, strict=True):
        assert np.isfinite(theirs).all() and np.any(theirs)
        # Different order of float32 operations.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def _check_save(decoder, raw, path):
    params = decoder.activate(raw)
    inputs = keras.Input(params.shape[1:])
    model = keras.Model(inputs, decoder(inputs))
    model.save(path)
    reloaded = keras.models.load_model(path)
    pixels = tf.constant(_pixels(model(params).shape) / 255.0, tf.float32)
    ours, theirs = model(params), reloaded(params)
    np.testing.assert_array_equal(theirs.log_prob(pixels), ours.log_prob(pixels))
    np.testing.assert_array_equal(reloaded.predict(params, verbose=0), ours.mean())


@pytest.fixture
def check_decoder(tmp_path):
    """`check_decoder(decoder, channels)`: what holds for each decoder.

    Shapes, dtypes and ranges for images and clips, with and without a target;
    configuration; XLA; a saved model. The decoder must be new, and is trained by it.
    """

    def check(decoder, channels):
        assert decoder.sigma is None or np.all(decoder.sigma > 0.0)
        _check_config(decoder, channels)
        for event in ([4, 6], [3, 4, 4]):  # images; clips of three frames
            shape = (2, *event, channels)
            raw_shape = (2, *event, decoder.params_size(channels))
            raw = np.random.default_rng(0).normal(size=raw_shape)
            for dtype in (tf.float32, tf.bfloat16):
                params = decoder.activate(tf.cast(raw, dtype))
                assert params.dtype == tf.float32
                for training, target in (
                    (False, None),
                    (False, _pixels(shape)),
                    (True, _pixels(shape)),
                    (True, tf.constant(_pixels(shape) / 255.0, tf.float32)),
                ):
                    distribution = decoder(params, target=target, training=training)
                    _check_distribution(distribution, shape, decoder.is_density)
        raw = tf.constant(raw, tf.float32)
        _check_xla(decoder, raw, _pixels(shape))
        _check_save(decoder, raw, tmp_path / "decoder.keras")
        assert decoder.sigma is None or np.all(decoder.sigma > 0.0)

    return check
