"""Strict about what it scores: shapes, ranges, dtypes, and who has grey levels."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import decoders
from tfsigmavae.decoders.pixel_distribution import (
    FieldDistribution,
    PixelDistribution,
    to_field,
)

tfd = tfp.distributions
SHAPE = (2, 3, 4, 1)


def _wrapped(kind=PixelDistribution, sigma=0.1):
    loc = tf.constant(np.random.default_rng(0).random(SHAPE), tf.float32)
    normal = tfd.Independent(tfd.Normal(loc, sigma), 3)
    return kind(normal, tfd.Distribution.mean)


def _levels():
    return np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)


def test_eight_bit_pixels_mean_value_over_255():
    wrapped, levels = _wrapped(), _levels()
    pixels = np.float32(levels / 255)
    for score in (wrapped.log_prob, wrapped.log_mass):
        np.testing.assert_allclose(score(levels), score(pixels), rtol=1e-5)
    expected = wrapped.distribution.log_prob(pixels)
    np.testing.assert_allclose(wrapped.log_prob(levels), expected, rtol=1e-6)


def test_mass_of_wide_noise_is_density_times_bin_width():
    # Away from black and white, where the tails come in.
    levels = np.clip(_levels(), 1, 254)
    wrapped = _wrapped(sigma=1.0)
    bridge = math.log(255.0) * math.prod(SHAPE[1:])
    # The midpoint rule: (1 / 255)**2 / 24 for each pixel; float32 in the ends of bins.
    np.testing.assert_allclose(
        wrapped.log_mass(levels), wrapped.log_prob(levels) - bridge, atol=1e-3
    )


def test_mass_of_narrow_noise_is_that_of_the_one_level_it_hits():
    loc = tf.constant(_levels() / 255.0, tf.float32)
    normal = tfd.Independent(tfd.Normal(loc, 1e-4), 3)
    wrapped = PixelDistribution(normal, tfd.Distribution.mean)
    assert np.all(wrapped.log_prob(_levels()) > 0.0)  # as a density
    np.testing.assert_allclose(wrapped.log_mass(_levels()), 0.0, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 4, 1), (3, 4, 1), (2, 3, 4, 3), (2, 3, 4)])
@pytest.mark.parametrize("kind", [PixelDistribution, FieldDistribution])
def test_other_shapes_are_refused(kind, shape):
    wrapped = _wrapped(kind)
    with pytest.raises(ValueError, match="batch shape plus event shape"):
        wrapped.log_prob(tf.zeros(shape))
    if kind is PixelDistribution:
        with pytest.raises(ValueError, match="batch shape plus event shape"):
            wrapped.log_mass(tf.zeros(shape))


def test_pixels_out_of_range_are_refused():
    for score in (_wrapped().log_prob, _wrapped().log_mass):
        with pytest.raises(tf.errors.InvalidArgumentError, match="`value` must lie in"):
            score(tf.fill(SHAPE, 1.1))
        with pytest.raises(TypeError, match="`value` must be uint8"):
            score(tf.zeros(SHAPE, tf.int32))


def test_fields_take_any_real_number_and_have_no_grey_levels():
    wrapped = _wrapped(FieldDistribution)
    values = np.random.default_rng(2).normal(0.0, 100.0, SHAPE)
    expected = wrapped.distribution.log_prob(np.float32(values))
    np.testing.assert_allclose(wrapped.log_prob(values), expected, rtol=1e-5)
    with pytest.raises(TypeError, match="Only pixels have grey levels"):
        wrapped.log_mass(np.float32(values))
    with pytest.raises(TypeError, match='`value` must be floating.*"real".*uint8'):
        wrapped.log_prob(_levels())


def test_a_field_is_float32_whatever_it_was():
    for dtype in (np.float16, np.float32, np.float64):
        field = to_field(np.array([-2.5, 1000.0], dtype))
        assert field.dtype == tf.float32
        np.testing.assert_array_equal(field, [-2.5, 1000.0])


def test_lists_of_uint8_images_are_scored():
    levels = np.random.default_rng(0).integers(0, 256, [2, 3, 4, 1], np.uint8)
    distribution = decoders.FixedSigma()(tf.zeros(levels.shape))
    for score in (distribution.log_prob, distribution.log_mass):
        np.testing.assert_array_equal(score(list(levels)), score(levels))
    with pytest.raises(TypeError, match="`value` must be uint8.*int64"):
        distribution.log_prob(levels.tolist())
    field = decoders.FixedSigma(values="real")(tf.zeros(levels.shape))
    with pytest.raises(TypeError, match="`value` must be floating.*dtype uint8"):
        field.log_prob(list(levels))
    floats = list(levels / 255.0)
    np.testing.assert_allclose(field.log_prob(floats), distribution.log_prob(levels))


CLIPS = (2, 3, 4, 4, 3)


@pytest.mark.parametrize("name", decoders.names())
def test_steps_add_up_to_the_whole(name):
    """And a step is what the clip of that one step is."""
    decoder = decoders.get(name)
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(*CLIPS[:-1], decoder.params_size(3)))
    if name == "per_image_sigma":  # the mean of a clip: that of its one step is another
        raw[..., 3:] = rng.normal(size=(2, 1, 1, 1, raw.shape[-1] - 3))
    params = decoder.activate(tf.constant(raw, tf.float32))
    levels = rng.integers(0, 256, CLIPS, np.uint8)
    clips = decoder(params)
    scores = ["prob"] if decoder.measure is None else ["prob", "mass"]
    for score in scores:
        steps = getattr(clips, f"step_log_{score}")(levels)
        assert steps.shape == (2, 3) and steps.dtype == tf.float32
        whole = getattr(clips, f"log_{score}")(levels)
        np.testing.assert_allclose(tf.reduce_sum(steps, 1), whole, rtol=1e-5)
        for step in range(3):
            alone = decoder(params[:, step : step + 1])
            alone = getattr(alone, f"log_{score}")(levels[:, step : step + 1])
            np.testing.assert_allclose(steps[:, step], alone, rtol=1e-5)
    if decoder.measure is None:
        with pytest.raises(TypeError, match="grey levels"):
            clips.step_log_mass(levels)
    with pytest.raises(ValueError, match="batch shape plus event shape"):
        clips.step_log_prob(levels[:, 1:])


def test_padded_steps_score_nothing():
    mask = np.array([[True, True, False], [True, False, False]])
    loc = tf.constant(np.random.default_rng(0).random(CLIPS), tf.float32)
    normal = tfd.Independent(tfd.Normal(loc, 0.5), 4)
    levels = np.random.default_rng(1).integers(0, 256, CLIPS, np.uint8)
    masked, plain = (
        PixelDistribution(normal, tfd.Distribution.mean, m)
        for m in (tf.constant(mask), None)
    )
    expected = np.where(mask, plain.step_log_prob(levels), 0.0)
    np.testing.assert_allclose(masked.step_log_prob(levels), expected, rtol=1e-5)
    np.testing.assert_allclose(masked.log_prob(levels), expected.sum(axis=1), rtol=1e-5)


def test_fields_have_no_levels_of_steps():
    with pytest.raises(TypeError, match="Only pixels have grey levels"):
        _wrapped(FieldDistribution).step_log_mass(np.zeros(SHAPE, np.float32))
