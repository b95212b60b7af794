"""Running standardisation against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video.networks.standardization import RunningStandardization

RNG = np.random.default_rng(0)
BATCHES = [RNG.normal(3 * i, 0.03 * (i + 1), [4, 5, 2]) for i in range(3)]


def trained(batches, **options):
    layer = RunningStandardization(**options)
    for batch in batches:
        layer(tf.constant(batch, tf.float32), training=True)
    return layer


def test_the_first_batches_count_alike():
    """Mean and deviation are those of all numbers so far."""
    layer, seen = trained(BATCHES), np.concatenate(BATCHES)
    mean, deviation = seen.mean((0, 1)), seen.std((0, 1))
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(layer.moving_variance), deviation, rtol=1e-5)
    values = np.float32(BATCHES[1])
    expected = (values - mean) / deviation
    # Differences of numbers near 3 in float32.
    np.testing.assert_allclose(layer(values), expected, atol=1e-5)


def test_later_ones_forget_by_the_momentum():
    layer = trained(BATCHES, momentum=0.25)
    # Three quarters are new each time, but for the first.
    shares = [0.0625, 0.1875, 0.75]
    means = np.array([batch.mean((0, 1)) for batch in BATCHES])
    mean = np.einsum("i,id->d", shares, means)
    squares = np.array([np.square(batch).mean((0, 1)) for batch in BATCHES])
    variance = np.einsum("i,id->d", shares, squares) - mean**2
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_unit_does_not_matter(unit):
    layer = trained([unit * BATCHES[0]])
    values = np.float32(unit * BATCHES[0])
    expected = trained(BATCHES[:1])(np.float32(BATCHES[0]))
    np.testing.assert_allclose(layer(values), expected, atol=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
def test_what_never_changes_is_only_shifted(constant):
    layer = trained(3 * [np.full([4, 5, 1], constant)])
    values = np.float32([[constant], [constant + 1]])
    np.testing.assert_allclose(layer(values), [[0], [1]], atol=2e-3)


def test_untrained_frozen_and_evaluating_it_learns_nothing():
    layer = trained([])
    np.testing.assert_array_equal(layer(BATCHES[0]), np.float32(BATCHES[0]))
    layer.trainable = False
    layer(BATCHES[0], training=True)
    np.testing.assert_array_equal(layer.num_updates, 0)


def test_numbers_that_are_not_finite_are_not_learned_from():
    bad = BATCHES[1].copy()
    bad[0, 0, 0] = np.nan
    layer, expected = trained([BATCHES[0], bad]), trained(BATCHES[:1])
    np.testing.assert_array_equal(layer.moving_mean[0], expected.moving_mean[0])
    np.testing.assert_array_equal(layer.moving_variance[0], expected.moving_variance[0])
    np.testing.assert_array_equal(layer.num_updates, [1, 2])


def test_precision_is_kept_under_mixed_precision():
    """bfloat16 has no number between 3 and 3.015."""
    layer = trained(BATCHES[1:2], dtype="mixed_bfloat16")
    assert layer.moving_mean.dtype == "float32"
    values = np.float32(BATCHES[1])
    np.testing.assert_array_equal(layer(values), trained(BATCHES[1:2])(values))


def test_what_hardly_ever_changes_does_not_drown_the_rest():
    """A button pressed once, then never again while the averages forget it."""
    layer = RunningStandardization(momentum=0.5)
    for pressed in [1.0] + [0.0] * 60:
        layer(tf.constant([[pressed], [0.0]]), training=True)
    assert float(layer(tf.ones([1, 1]))[0, 0]) == 10.0
    assert float(layer(-tf.ones([1, 1]))[0, 0]) == -10.0
