"""Decoders of 8-bit pixels: which parameter is which, and sums of probabilities."""

import numpy as np
import pytest
import tensorflow as tf
from grey_levels import LEVELS

from tfsigmavae.decoders import BitwiseCategorical, Categorical, LogisticMixture

EACH = {
    "bitwise": BitwiseCategorical,
    "categorical": Categorical,
    "mixture": lambda **options: LogisticMixture(3, **options),
}
each_decoder = pytest.mark.parametrize("make", EACH.values(), ids=EACH)
IMAGE = np.random.default_rng(5).integers(0, 256, (2, 3, 4, 3), np.uint8)


def _raw(decoder, shape, channels, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(*shape, decoder.params_size(channels)))
    return tf.constant(raw, tf.float32)


@each_decoder
def test_probabilities_of_all_levels_sum_to_one(make):
    decoder = make(event_rank=1)
    params = tf.repeat(decoder.activate(_raw(decoder, [4], 1)), 256, axis=0)
    levels = np.tile(LEVELS.astype(np.uint8), 4)[:, None]
    distribution = decoder(params)
    prob = np.exp(np.float64(distribution.log_prob(levels))).reshape(4, 256)
    np.testing.assert_allclose(prob.sum(1), 1.0, rtol=1e-5)
    mean = prob @ LEVELS / 255
    # The mixture's mean is that before binning, exact to a fraction of a level.
    np.testing.assert_allclose(distribution.mean()[::256, 0], mean, atol=1e-3)


@each_decoder
def test_zeros_are_a_sane_start(make):
    decoder = make()
    distribution = decoder(
        decoder.activate(tf.zeros([2, 3, 4, decoder.params_size(3)]))
    )
    np.testing.assert_allclose(
        distribution.mean(), np.full(IMAGE.shape, 0.5), rtol=1e-5
    )
    bits = decoder.bits_per_dim(-distribution.log_prob(IMAGE), IMAGE[0].size)
    # Eight bits are uniform levels; a logistic of scale 1 favours both ends.
    uniform = make is not EACH["mixture"]
    np.testing.assert_allclose(bits, 8.0, rtol=1e-5 if uniform else 0.15)


def test_categorical_logits_are_channel_by_channel():
    logits = np.full([*IMAGE.shape, 256], -20.0, np.float32)
    np.put_along_axis(logits, IMAGE[..., None].astype(int), 20.0, -1)
    distribution = Categorical()(tf.reshape(logits, [2, 3, 4, 768]))
    for pixels in (distribution.mode(), distribution.mean(), distribution.sample()):
        np.testing.assert_allclose(255 * pixels, IMAGE, atol=1e-3)
    np.testing.assert_allclose(distribution.log_prob(IMAGE), 0.0, atol=1e-4)


def test_bitwise_logits_are_channel_by_channel_and_digit_by_digit():
    digits = np.unpackbits(IMAGE[..., None], axis=-1)  # most significant first
    logits = np.where(digits == 1, 20.0, -20.0).astype(np.float32)
    distribution = BitwiseCategorical()(tf.reshape(logits, [2, 3, 4, 24]))
    for pixels in (distribution.mode(), distribution.mean(), distribution.sample()):
        np.testing.assert_allclose(255 * pixels, IMAGE, atol=1e-3)
    np.testing.assert_allclose(distribution.log_prob(IMAGE), 0.0, atol=1e-4)


def _mixture_log_prob(raw, levels, num_mixtures, low=-7.0):
    """From the raw outputs of one pixel to its log probability, in float64."""
    channels = len(levels)
    logits, loc, log_scale, coefficients = np.split(
        np.float64(raw).reshape(-1, num_mixtures),
        np.cumsum([1, channels, channels]),
    )
    log_scale = 7.0 - np.logaddexp(0.0, 7.0 - log_scale)
    scale = np.exp(low + np.logaddexp(0.0, log_scale - low))
    coefficients = np.tanh(coefficients)
    sigmoid = lambda x: 1.0 / (1.0 + np.exp(-x))  # noqa: E731
    x = levels / 127.5 - 1.0
    centre = loc.copy()
    if channels == 3:
        centre[1] += coefficients[0] * x[0]
        centre[2] += coefficients[1] * x[0] + coefficients[2] * x[1]
    mass = np.exp(logits[0]) / np.exp(logits[0]).sum()
    for c, level in enumerate(levels):
        upper = sigmoid((x[c] + 1 / 255 - centre[c]) / scale[c]) if level < 255 else 1.0
        lower = sigmoid((x[c] - 1 / 255 - centre[c]) / scale[c]) if level > 0 else 0.0
        mass = mass * (upper - lower)
    return np.log(mass.sum())


@pytest.mark.parametrize("channels", [1, 3])
def test_mixture_is_that_of_pixelcnnpp(channels):
    decoder = LogisticMixture(num_mixtures=4)
    assert decoder.params_size(channels) == {1: 12, 3: 40}[channels]
    raw = _raw(decoder, [2, 3, 4], channels)
    image = IMAGE[..., :channels].copy()
    image[0, 0, 0], image[0, 0, 1] = 0, 255
    expected = [
        sum(
            _mixture_log_prob(pixel_raw, pixel, 4)
            for pixel_raw, pixel in zip(
                raws.numpy().reshape(12, -1),
                pixels.reshape(12, -1).astype(int),
                strict=True,
            )
        )
        for raws, pixels in zip(raw, image, strict=True)
    ]
    np.testing.assert_allclose(decoder(raw).log_prob(image), expected, rtol=1e-5)


def test_mixture_scale_has_a_soft_floor():
    decoder = LogisticMixture(1, min_log_scale=-3.0)
    raw = np.array([0.0, 0.2, -50.0], np.float32).reshape(1, 1, 3)
    mixture = decoder(tf.constant(raw)).levels.distribution
    np.testing.assert_allclose(mixture.parameters["scale"], [[[[np.exp(-3.0)]]]], 1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_mixtures": 0}, "`num_mixtures` must be an int >= 1"),
        ({"num_mixtures": 2.5}, "`num_mixtures` must be an int >= 1"),
        ({"min_log_scale": 7.0}, "`min_log_scale` must be finite and below"),
        ({"min_log_scale": -np.inf}, "`min_log_scale` must be finite and below"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        LogisticMixture(**arguments)
