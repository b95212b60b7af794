"""Fixtures for all tests."""

import gc
import json
import os
import pathlib
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import decoders

# Graphs are made of many small objects, which a collector that comes every 700 of them
# would go through again and again: a tenth of the time.
gc.freeze()
gc.set_threshold(20_000, 10, 10)

# In the background a shell has Ctrl-C ignored, and tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture
def eager_functions():
    """No `tf.function` is traced: for a few calls of a small model that takes long."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def _pixels(shape, seed=0):
    """Grey levels, black and white among them, as uint8 and as floats."""
    levels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    levels.ravel()[:2] = 0, 255
    return levels, tf.constant(levels / 255.0, tf.float32)


def _check_distribution(distribution, shape, measure):
    levels, pixels = _pixels(shape)
    assert distribution.batch_shape == shape[:1]
    assert distribution.event_shape == shape[1:]
    assert distribution.shape == shape and distribution.dtype == tf.float32
    log_prob = distribution.log_prob(pixels)
    assert log_prob.shape == shape[:1] and log_prob.dtype == tf.float32
    assert np.isfinite(log_prob).all()
    np.testing.assert_allclose(distribution.log_prob(levels), log_prob, rtol=1e-5)
    np.testing.assert_array_equal(distribution, distribution.mean())
    # One float32 rounding of slack, for means that are sums of probabilities.
    assert np.all(distribution.mean() >= -1e-6)
    assert np.all(distribution.mean() <= 1 + 1e-6)
    sample = distribution.sample(3, seed=1)
    assert sample.shape == (3, *shape) and sample.dtype == tf.float32
    assert np.isfinite(sample).all()
    if measure is None:
        with pytest.raises(TypeError, match="grey levels"):
            distribution.log_mass(pixels)
        return
    log_mass = distribution.log_mass(levels)
    assert log_mass.shape == shape[:1] and np.isfinite(log_mass).all()
    assert np.all(log_mass <= 0.0), "a probability above 1"
    if measure == "mass":
        np.testing.assert_array_equal(log_mass, distribution.log_prob(levels))
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
    for size in (1, channels):
        assert type(decoder.params_size(size)) is int
        assert decoder.num_channels(decoder.params_size(size)) == size


def _log_prob_and_gradient(decoder, raw, target):
    with tf.GradientTape() as tape:
        tape.watch(raw)
        params = decoder.activate(raw)
        log_prob = decoder(params, target, training=True).log_prob(target)
    return log_prob, tape.gradient(log_prob, raw)


def _check_xla(decoder, raw, target):
    """The same with and without XLA; XLA gives NaN where an assertion would raise."""

    def step(raw, target):
        mass = ()
        if decoder.measure is not None:
            mass = (decoder(decoder.activate(raw)).log_mass(target),)
        return *mass, *_log_prob_and_gradient(decoder, raw, target)

    state = decoder.get_weights()
    plain = step(raw, target)
    decoder.set_weights(state)
    compiled = tf.function(step, jit_compile=True)
    for ours, theirs in zip(compiled(raw, target), plain, strict=True):
        assert np.isfinite(theirs).all() and np.any(theirs)
        # Different order of float32 operations.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert np.isnan(compiled(raw, 255.0 * target)[-2]).all()


def _check_extremes(decoder, raw, target):
    """Raw outputs of a wild step leave likelihood and gradient finite."""
    for size in (5.0, 50.0):
        wild = size * tf.sign(raw)
        for values in _log_prob_and_gradient(decoder, wild, target):
            assert np.isfinite(values).all()
        assert np.isfinite(decoder(decoder.activate(wild)).mean()).all()


def _check_save(decoder, raw, path):
    params = decoder.activate(raw)
    inputs = keras.Input(params.shape[1:])
    model = keras.Model(inputs, decoder(inputs))
    model.save(path)
    reloaded = keras.models.load_model(path)
    _, pixels = _pixels(model(params).shape)
    ours, theirs = model(params), reloaded(params)
    np.testing.assert_array_equal(theirs.log_prob(pixels), ours.log_prob(pixels))
    # A graph multiplies by 1 / 255 where eager mode divides.
    predicted = reloaded.predict(params, verbose=0)
    np.testing.assert_allclose(predicted, ours.mean(), rtol=1e-6)


@pytest.fixture
def check_decoder(tmp_path):
    """`check_decoder(decoder, channels)`: what holds for each decoder.

    Shapes, dtypes and ranges for vectors, images, clips and volumes, with and without a
    target; grey levels; configuration; wild parameters; XLA; a saved model. The decoder
    must be new, and is trained by it.
    """

    def check(decoder, channels):
        assert decoder.sigma is None or np.all(decoder.sigma > 0.0)
        _check_config(decoder, channels)
        rng = np.random.default_rng(0)
        for event in ([], [3, 4, 4], [2, 2, 2, 2], [4, 6]):  # images last
            shape = (2, *event, channels)
            levels, pixels = _pixels(shape)
            raw = rng.normal(size=(*shape[:-1], decoder.params_size(channels)))
            raw = tf.constant(raw, tf.float32)
            params = decoder.activate(raw)
            for training, target in ((True, levels), (True, pixels), (False, levels)):
                distribution = decoder(params, target=target, training=training)
                assert distribution.event_shape == shape[1:]
                assert np.isfinite(distribution.log_prob(target)).all()
            _check_distribution(decoder(params), shape, decoder.measure)
        half = decoder.activate(tf.cast(raw, tf.bfloat16))
        assert half.dtype == decoder(half).mean().dtype == tf.float32
        _check_extremes(decoder, raw, pixels)
        _check_xla(decoder, raw, pixels)
        _check_save(decoder, raw, tmp_path / "decoder.keras")
        assert decoder.sigma is None or np.all(decoder.sigma > 0.0)

    return check
