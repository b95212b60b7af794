"""Reductions and unit conversions against NumPy and closed forms."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.math import (
    mean_event,
    nats_to_bits_per_dim,
    soft_clip,
    split_last_axis,
    sum_event,
    to_unit_range,
)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 4, 4, 1), (2, 3, 4, 4, 3)])
def test_event_reductions_keep_the_batch_axis_only(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    rows = values.reshape(shape[0], -1).astype(np.float64)
    assert sum_event(tf.constant(values)).shape == shape[:1]
    # float32 sums of at most 144 numbers.
    np.testing.assert_allclose(sum_event(tf.constant(values)), rows.sum(1), atol=1e-5)
    np.testing.assert_allclose(mean_event(tf.constant(values)), rows.mean(1), atol=1e-6)


def test_event_reductions_work_with_a_free_batch():
    function = tf.function(
        lambda values: (sum_event(values), mean_event(values)),
        input_signature=[tf.TensorSpec([None, 2, 5])],
    )
    total, mean = function(tf.ones([3, 2, 5]))
    np.testing.assert_array_equal(total, [10.0] * 3)
    np.testing.assert_array_equal(mean, [1.0] * 3)


def test_uniform_grey_levels_cost_eight_bits():
    num_dims = 12
    nats = tf.constant([num_dims * math.log(256.0)])
    bits = nats_to_bits_per_dim(nats, num_dims, density=False)
    np.testing.assert_allclose(bits, [8.0], rtol=1e-6)


def test_uniform_density_costs_eight_bits():
    # p(x) = 1 on [0, 1]: zero nats, and 1 / 256 for each of 256 bins.
    np.testing.assert_allclose(nats_to_bits_per_dim(tf.zeros([2]), 5), [8.0, 8.0])


@pytest.mark.parametrize("density", [True, False])
def test_bits_per_dim_against_numpy(density):
    nats = np.array([-3300.0, 0.0, 500.0])
    expected = nats / 2352 / np.log(2) + (8.0 if density else 0.0)
    bits = nats_to_bits_per_dim(tf.constant(nats, tf.float32), 2352, density)
    np.testing.assert_allclose(bits, expected, rtol=1e-6)
    # The number of dimensions may be a tensor, as in a model with a free clip length.
    bits = nats_to_bits_per_dim(
        tf.constant(nats, tf.float32), tf.constant(2352), density
    )
    np.testing.assert_allclose(bits, expected, rtol=1e-6)


def test_every_uint8_level_means_its_value_over_255():
    levels = np.arange(256, dtype=np.uint8)
    unit = to_unit_range(levels)
    assert unit.dtype == tf.float32
    np.testing.assert_allclose(unit, levels / 255.0, rtol=1e-6)
    assert unit[0] == 0.0 and unit[255] == 1.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_floats_in_the_unit_range_pass_as_float32(dtype):
    pixels = tf.cast([0.0, 0.25, 1.0], dtype)
    unit = to_unit_range(pixels)
    assert unit.dtype == tf.float32
    np.testing.assert_array_equal(unit, [0.0, 0.25, 1.0])


def test_rounding_of_a_resized_image_is_neither_refused_nor_clipped():
    pixels = np.array([-0.001, 1.001], np.float32)
    np.testing.assert_array_equal(to_unit_range(pixels), pixels)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint16", "bool"])
def test_other_dtypes_are_refused_by_name(dtype):
    with pytest.raises(TypeError, match=f"`clip` must be uint8 .* got dtype {dtype}"):
        to_unit_range(np.zeros([2], dtype), "clip")


@pytest.mark.parametrize("value", [-0.1, -1.0, 1.01, 255.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("graph", [False, True])
def test_values_outside_the_unit_range_are_refused(value, graph):
    function = tf.function(to_unit_range) if graph else to_unit_range
    pixels = tf.constant([0.5, value, 0.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must lie in \[0, 1\]"):
        function(pixels, "clip")


def test_xla_converts_too():
    convert = tf.function(to_unit_range, jit_compile=True)
    np.testing.assert_array_equal(convert(tf.constant([0.5])), [0.5])
    unit = convert(tf.constant([255], tf.uint8))
    np.testing.assert_array_equal(unit, [1.0])


def test_gradient_passes_through():
    pixels = tf.constant([0.2, 0.8])
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        total = tf.reduce_sum(to_unit_range(pixels))
    np.testing.assert_array_equal(tape.gradient(total, pixels), [1.0, 1.0])


def test_xla_drops_the_check_of_the_range_but_not_its_result():
    compiled = tf.function(to_unit_range, jit_compile=True)
    np.testing.assert_array_equal(compiled(tf.constant([0.0, 1.0])), [0.0, 1.0])
    for pixels in ([0.5, 255.0], [-1.0, 1.0], [0.5, np.nan]):
        assert np.isnan(compiled(tf.constant(pixels))).all()


@pytest.mark.parametrize(
    ("value", "clipped"),
    [(-3.0, -2.951), (-4.0, -3.873), (-5.0, -4.687), (-6.0, -5.307), (1.0, 1.001)],
)
def test_soft_clip_is_biased_near_its_bound(value, clipped):
    np.testing.assert_allclose(soft_clip(value, low=-6.0), clipped, atol=5e-4)
    # The upper bound is its mirror image.
    np.testing.assert_allclose(soft_clip(-value, high=6.0), -clipped, atol=5e-4)


def test_soft_clip_against_numpy():
    values = np.linspace(-30.0, 30.0, 121)
    expected = 1.0 - np.logaddexp(0.0, 1.0 - values)
    expected = -6.0 + np.logaddexp(0.0, expected + 6.0)
    clipped = soft_clip(tf.constant(values, tf.float32), -6.0, 1.0)
    np.testing.assert_allclose(clipped, expected, rtol=1e-5, atol=1e-6)
    assert np.all(np.diff(clipped) >= 0.0)
    np.testing.assert_array_equal(soft_clip(tf.constant([-9.0, 9.0])), [-9.0, 9.0])


def test_soft_clip_bounds_any_value_and_its_gradient_never_dies():
    values = tf.constant([-1e4, -50.0, 0.0, 50.0, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(values)
        clipped = soft_clip(values, -6.0, 1.0)
    # The upper bound is exceeded by the lower one's bias there, exp(-7).
    assert np.all(clipped >= -6.0) and np.all(clipped <= 1.0 + 1e-3)
    gradient = tape.gradient(clipped, values)
    assert np.isfinite(gradient).all() and np.all(gradient[1:4] > 0.0)


@pytest.mark.parametrize("shape", [(6,), (2, 6), (2, 3, 1, 2, 6)])
def test_the_last_axis_splits_into_groups(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    groups = split_last_axis(tf.constant(values), 2)
    np.testing.assert_array_equal(groups, values.reshape(*shape[:-1], 3, 2))


def test_the_last_axis_splits_with_free_axes_before_it():
    split = tf.function(
        lambda values: split_last_axis(values, 2),
        input_signature=[tf.TensorSpec([None, 3, None, 6])],
    )
    assert split.get_concrete_function().output_shapes.as_list() == [
        None,
        3,
        None,
        3,
        2,
    ]
    assert split(tf.zeros([2, 3, 4, 6])).shape == (2, 3, 4, 3, 2)


@pytest.mark.parametrize("pixels", [np.uint8([0, 51]), np.array([0.0, 0.2])])
def test_float64_pixels_are_not_rounded_to_float32(pixels):
    unit = to_unit_range(pixels, dtype="float64")
    assert unit.dtype == tf.float64
    np.testing.assert_array_equal(unit, [0.0, 0.2])


def _lists_of(frames):
    """The same pixels in all the ways of a list."""
    return [
        list(frames),
        tuple(frames),
        [list(frame) for frame in frames],
        [tf.constant(frame) for frame in frames],
        [frames[0], tf.constant(frames[1])],
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lists_of_frames_have_the_dtype_of_the_frames(dtype):
    frames = np.random.default_rng(0).integers(0, 256, [2, 3, 4, 1], np.uint8)
    for pixels in _lists_of(frames):
        values = to_unit_range(pixels, dtype=dtype)
        assert values.dtype == dtype
        np.testing.assert_allclose(values, frames / 255.0, rtol=1e-6)
    floats = frames / 255.0
    for pixels in _lists_of(floats):
        np.testing.assert_allclose(to_unit_range(pixels), floats, rtol=1e-6)
    # Numbers of Python keep their digits.
    exact = to_unit_range(floats.tolist(), dtype=dtype)
    np.testing.assert_array_equal(exact, floats.astype(dtype))


def test_lists_of_other_integers_are_refused_by_their_own_name():
    with pytest.raises(TypeError, match="`clip` must be uint8 .* got dtype int64"):
        to_unit_range([0, 255], "clip")
    with pytest.raises(TypeError, match="`clip` must be uint8 .* got dtype int16"):
        to_unit_range([np.zeros(2, np.int16)], "clip")
