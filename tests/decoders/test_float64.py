"""Decoders in float64, each against NumPy; float32 would be off by 1e-6."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.decoders.decoder import ContinuousDecoder

SHAPE = (2, 3, 4, 2)
# Thousands of float64 operations of 1e-16 each, and cancelling terms.
RTOL = 1e-11

lgamma = np.vectorize(math.lgamma)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def _sum(values):
    return values.reshape(len(values), -1).sum(1)


def _normal(loc, x, sigma):
    return _sum(
        -0.5 * ((x - loc) / sigma) ** 2
        - np.log(sigma)
        - 0.5 * np.log(2 * np.pi)
        + 0.0 * x
    )


def _soft_clip(raw, low=-6.0, high=1.0):
    return low + softplus(high - softplus(high - raw) - low)


def _bernoulli(raw, x):
    return _sum(x * np.log(sigmoid(raw)) + (1 - x) * np.log(sigmoid(-raw)))


def _bitwise(raw, x):
    digits = np.unpackbits(np.uint8(255 * x + 0.5)[..., None], -1)
    p = sigmoid(raw.reshape(*SHAPE, 8))
    return _sum(np.log(np.where(digits, p, 1 - p)))


def _categorical(raw, x):
    p = np.exp(raw.reshape(*SHAPE, 256))
    p /= p.sum(-1, keepdims=True)
    level = np.uint8(255 * x + 0.5).astype(int)
    return _sum(np.log(np.take_along_axis(p, level[..., None], -1)))


def _logistic_mixture(raw, x):
    logits, *rest = np.moveaxis(raw.reshape(*SHAPE[:-1], 6, 10), -2, 0)
    means, scales = rest[:2], [np.exp(_soft_clip(s, -7.0, 7.0)) for s in rest[2:4]]
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    level, prob = np.round(255 * x), 1.0
    centred = 2 * level / 255 - 1
    for c in range(2):
        mean = means[c] + (c and np.tanh(rest[4]) * centred[..., :1])
        upper = sigmoid((centred[..., c : c + 1] + 1 / 255 - mean) / scales[c])
        lower = sigmoid((centred[..., c : c + 1] - 1 / 255 - mean) / scales[c])
        upper = np.where(level[..., c : c + 1] == 255, 1.0, upper)
        prob = prob * (upper - np.where(level[..., c : c + 1] == 0, 0.0, lower))
    return _sum(np.log((weights * prob).sum(-1)))


def _optimal(axes):
    def log_prob(raw, x):
        loc = sigmoid(raw)
        sigma = np.sqrt(((x - loc) ** 2).mean(axes, keepdims=True))
        return _normal(loc, x, sigma)

    return log_prob


def _per_image(raw, x):
    log_sigma = raw[..., 2].mean((1, 2)).reshape(2, 1, 1, 1)
    return _normal(sigmoid(raw[..., :2]), x, np.exp(_soft_clip(log_sigma)))


def _per_pixel(raw, x):
    sigma = np.exp(_soft_clip(raw[..., 2:]))
    return _normal(sigmoid(raw[..., :2]), x, sigma)


def _student_t(raw, x):
    loc, scale, df = np.split(raw, 3, -1)
    loc, scale, df = sigmoid(loc), 0.0025 + softplus(scale), 2.1 + softplus(df)
    return _sum(
        lgamma((df + 1) / 2)
        - lgamma(df / 2)
        - 0.5 * np.log(np.pi * df)
        - np.log(scale)
        - (df + 1) / 2 * np.log1p(((x - loc) / scale) ** 2 / df)
    )


ORACLES = {
    "bernoulli": _bernoulli,
    "bitwise_categorical": _bitwise,
    "categorical": _categorical,
    "fixed_sigma": lambda raw, x: _normal(sigmoid(raw), x, 0.3),
    "logistic_mixture": _logistic_mixture,
    "optimal_sigma": _optimal(None),
    "optimal_sigma_per_channel": _optimal((0, 1, 2)),
    "optimal_sigma_per_image": _optimal((1, 2, 3)),
    "per_image_sigma": _per_image,
    "per_pixel_sigma": _per_pixel,
    "shared_sigma": lambda raw, x: _normal(sigmoid(raw), x, 0.3),
    "student_t": _student_t,
}
OPTIONS = {"fixed_sigma": {"sigma": 0.3}, "shared_sigma": {"initial_sigma": 0.3}}
each_decoder = pytest.mark.parametrize("name", decoders.names())


def test_every_decoder_has_an_oracle():
    assert sorted(ORACLES) == decoders.names()


def make(name, **options):
    return type(decoders.get(name)).from_config(
        {**decoders.get(name, **OPTIONS.get(name, {})).get_config(), **options}
    )


def data(decoder):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(*SHAPE[:-1], decoder.params_size(2)))
    levels = rng.integers(0, 256, SHAPE, np.uint8)
    levels.ravel()[:2] = 0, 255
    return raw, levels, levels / 255.0


@each_decoder
@pytest.mark.parametrize("jit_compile", [False, True])
def test_log_prob_is_that_of_numpy(name, jit_compile):
    decoder = make(name, dtype="float64")
    raw, levels, pixels = data(decoder)

    def score(raw):
        params = decoder.activate(raw)
        distribution = decoder(params, levels, training=True)
        return distribution.log_prob(levels), distribution.log_prob(pixels)

    decoder.build([None, *SHAPE[1:]])
    if jit_compile:
        score = tf.function(score, jit_compile=True)
    for log_prob in score(tf.constant(raw)):
        assert log_prob.dtype == tf.float64
        np.testing.assert_allclose(log_prob, ORACLES[name](raw, pixels), rtol=RTOL)


@each_decoder
def test_everything_of_it_is_float64(name):
    decoder = make(name, dtype="float64")
    raw, levels, pixels = data(decoder)
    params = decoder.activate(raw.astype(np.float32))
    distribution = decoder(params, target=levels, training=True)
    tensors = [
        params,
        decoder.to_values(levels),
        distribution,
        distribution.mean(),
        distribution.sample(seed=1),
        distribution.log_prob(tf.constant(pixels, tf.float32)),
        decoder(params).log_prob(levels),
    ]
    if decoder.measure is not None:
        tensors.append(distribution.log_mass(levels))
        tensors.append(decoder.bits_per_dim(distribution.log_prob(levels), 24))
    if isinstance(decoder, ContinuousDecoder):
        tensors.append(make(name, dtype="float64", values="real").to_values(pixels))
    assert {tensor.dtype for tensor in tensors} == {tf.float64}
    assert {weight.dtype for weight in decoder.weights} <= {"float64"}
    assert decoder(keras.KerasTensor(params.shape)).dtype == "float64"


@each_decoder
def test_mass_is_that_of_the_levels(name):
    # One pixel against the differences of its own distribution function.
    decoder = make(name, dtype="float64", event_rank=1)
    if decoder.measure is None:
        pytest.skip("gives grey levels no probability")
    raw = np.random.default_rng(0).normal(size=[1, decoder.params_size(1)])
    params = decoder.activate(np.repeat(raw, 256, 0))
    mass = decoder(params).log_mass(np.arange(256, dtype=np.uint8)[:, None])
    np.testing.assert_allclose(np.exp(mass).sum(), 1.0, rtol=1e-10)


@each_decoder
def test_the_global_policy_decides_where_none_is_given(name):
    before = keras.config.dtype_policy()
    for policy in ("float64", "float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            decoder = decoders.get(name)
        finally:
            keras.config.set_dtype_policy(before)
        raw, levels, _ = data(decoder)
        distribution = decoder(decoder.activate(raw), levels, training=True)
        expected = tf.float64 if policy == "float64" else tf.float32
        assert distribution.dtype == distribution.log_prob(levels).dtype == expected
        assert {weight.dtype for weight in decoder.weights} <= {expected.name}


@each_decoder
def test_gradients_are_those_of_numpy(name):
    decoder = make(name, dtype="float64")
    raw, levels, pixels = data(decoder)
    variable = tf.Variable(raw)
    with tf.GradientTape() as tape:
        params = decoder.activate(variable)
        log_prob = decoder(params, levels, training=True).log_prob(levels)
    gradient = tape.gradient(log_prob, variable)
    direction, step = np.random.default_rng(1).normal(size=raw.shape), 1e-6
    ahead, behind = (
        ORACLES[name](raw + sign * step * direction, pixels).sum() for sign in (1, -1)
    )
    # Central differences of step 1e-6: 1e-12 of the third derivative, 1e-10 of digits.
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-6)


def test_running_sigma_is_as_exact():
    decoder = decoders.OptimalSigma(momentum=0.9, initial_sigma=0.7, dtype="float64")
    np.testing.assert_allclose(decoder.sigma, 0.7, rtol=1e-15)
    raw, levels, pixels = data(decoder)
    decoder.build([None, *SHAPE[1:]])
    np.testing.assert_allclose(decoder.sigma, 0.7, rtol=1e-15)
    expected = 0.0
    for n in range(1, 4):
        loc = sigmoid(n * raw)
        decoder(tf.constant(loc), levels, training=True, sample_weight=[0.1, 0.2])
        weights = np.array([0.1, 0.2]).reshape(2, 1, 1, 1)
        mse = (weights * (pixels - loc) ** 2).sum() / (0.3 * 24)
        expected += 0.1 / (1 - 0.9**n) * (mse - expected)
        np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-13)
    decoder.calibrate(tf.constant([0.25]))
    np.testing.assert_allclose(decoder.sigma, 0.5, rtol=1e-15)
    shared = decoders.SharedSigma(0.3, learning_rate_factor=7.0, dtype="float64")
    np.testing.assert_allclose(shared.sigma, 0.3, rtol=1e-15)


@each_decoder
def test_it_saves_as_float64(name, tmp_path):
    decoder = make(name, dtype="float64")
    raw, levels, _ = data(decoder)
    inputs = keras.Input(raw.shape[1:], dtype="float64")
    model = keras.Model(inputs, decoder(inputs))
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    params = decoder.activate(raw)
    ours, theirs = model(params).log_prob(levels), reloaded(params).log_prob(levels)
    assert theirs.dtype == tf.float64
    np.testing.assert_array_equal(theirs, ours)
