"""The recurrent cell against a loop over pixels."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video.networks.conv_gru import ConvGRU

CHANNELS, FILTERS = 2, 3


def looped(inputs, state, kernel, bias):
    """Pixel by pixel, from the docstring."""
    both = np.concatenate([inputs, state], axis=-1)
    margin = kernel.shape[0] // 2
    both = np.pad(both, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    new = np.zeros_like(state)
    for number, y, x in np.ndindex(state.shape[:3]):
        seen = both[number, y : y + kernel.shape[0], x : x + kernel.shape[1]]
        outputs = np.tensordot(seen, kernel, axes=3) + bias
        update = 1.0 / (1.0 + np.exp(-outputs[:FILTERS]))
        candidate = np.tanh(outputs[FILTERS:])
        old = state[number, y, x]
        new[number, y, x] = (1.0 - update) * old + update * candidate
    return new


def cell_of(kernel_size=3, seed=0, **options):
    cell = ConvGRU(FILTERS, WeightSeeds(seed), kernel_size, **options)
    cell.build((None, None, None, CHANNELS))
    cell.convolution.bias.assign(np.random.default_rng(1).normal(size=2 * FILTERS))
    return cell


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_steps_are_those_of_a_loop(size, kernel_size):
    cell = cell_of(kernel_size, dtype="float64")
    kernel, bias = (np.array(weight) for weight in cell.weights)
    assert kernel.shape == (kernel_size, kernel_size, CHANNELS + FILTERS, 2 * FILTERS)
    state = cell.initial_state(2, size)
    assert state.shape == (2, *size, FILTERS) and not np.any(state)
    rng, expected = np.random.default_rng(2), np.zeros(state.shape)
    for _ in range(3):
        inputs = rng.normal(size=[2, *size, CHANNELS])
        state = cell(inputs, state)
        expected = looped(inputs, expected, kernel, bias)
        np.testing.assert_allclose(state, expected, atol=1e-12)


def test_the_state_stays_where_the_gate_is_shut():
    cell = cell_of()
    cell.convolution.bias.assign([-50.0] * FILTERS + [0.0] * FILTERS)
    state = tf.random.stateless_normal([1, 4, 4, FILTERS], [0, 1])
    np.testing.assert_array_equal(cell(tf.ones([1, 4, 4, CHANNELS]), state), state)
    cell.convolution.bias.assign([50.0] * FILTERS + [50.0] * FILTERS)
    opened = cell(tf.ones([1, 4, 4, CHANNELS]), state)
    np.testing.assert_allclose(opened, np.ones([1, 4, 4, FILTERS]), atol=1e-6)


def test_half_precision_and_seeds():
    half = cell_of(dtype="mixed_bfloat16")
    state = half.initial_state(1, (2, 2))
    assert state.dtype == half(tf.ones([1, 2, 2, CHANNELS]), state).dtype == tf.bfloat16
    one, same, other = (cell_of(seed=seed).convolution.kernel for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)
    # Glorot: uniform, of variance 2 / (inputs + outputs).
    wide = ConvGRU(32, WeightSeeds(0))
    wide.build((None, None, None, 32))
    limit = np.sqrt(6.0 / (9 * 64 + 9 * 64))
    assert np.std(wide.convolution.kernel) == pytest.approx(limit / 3**0.5, rel=0.02)
    assert np.abs(wide.convolution.kernel).max() <= limit
