"""LSTMs against a NumPy loop, in every way of running them."""

import numpy as np
import pytest
import tensorflow as tf
from naive_svg_lp import Gaussian, Linear, Recurrent, lstm_step

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video.networks.recurrence import LSTM, FramePredictor, GaussianLSTM

BATCH, SIZE, UNITS = 2, 3, 4


def inputs(num_steps):
    rng = np.random.default_rng(0)
    return rng.normal(size=[BATCH, num_steps, SIZE]).astype(np.float32)


def lstm():
    layer = LSTM(UNITS, WeightSeeds(1))
    layer.build([None, None, SIZE])
    return layer


def looped(layer, values, state):
    """Hidden states `[B, T, units]` of a NumPy loop, and the last state."""
    weights = [
        np.float64(w) for w in (layer.kernel, layer.recurrent_kernel, layer.bias)
    ]
    outputs = []
    for t in range(values.shape[1]):
        state = lstm_step(values[:, t], *state, *weights)
        outputs.append(state[0])
    return np.stack(outputs, 1), state


# 16 steps are unrolled, 17 are not.
@pytest.mark.parametrize("num_steps", [1, 5, 16, 17, 30])
def test_lstm_equals_numpy_loop(num_steps):
    layer, values = lstm(), inputs(num_steps)
    rng = np.random.default_rng(2)
    state = tuple(rng.normal(size=[2, BATCH, UNITS]).astype(np.float32))
    outputs, last = layer(values, state)
    expected, expected_last = looped(layer, values, state)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    np.testing.assert_allclose(last, expected_last, atol=1e-6)


def test_unrolled_graph_loop_and_single_steps_agree():
    layer, values = lstm(), inputs(6)
    zeros = layer.initial_state(BATCH)
    unrolled, last = layer(values, zeros)

    @tf.function(input_signature=[tf.TensorSpec([None, None, SIZE])])
    def of_any_length(values):
        return layer(values, layer.initial_state(tf.shape(values)[0]))

    outputs, loop_last = of_any_length(values)
    np.testing.assert_allclose(outputs, unrolled, atol=1e-6)
    np.testing.assert_allclose(loop_last, last, atol=1e-6)
    state, steps = zeros, []
    for t in range(6):
        output, state = layer(values[:, t : t + 1], state)
        steps.append(output)
    np.testing.assert_allclose(np.concatenate(steps, 1), unrolled, atol=1e-6)
    np.testing.assert_allclose(state, last, atol=1e-6)


def test_loop_of_no_steps_keeps_the_state():
    """What the posterior sees of a context of one frame."""
    layer = lstm()
    layer(inputs(1), layer.initial_state(BATCH))

    @tf.function(input_signature=[tf.TensorSpec([None, None, SIZE])])
    def of_any_length(values):
        ones = tf.ones([tf.shape(values)[0], UNITS])
        return layer(values, (ones, 2 * ones))

    outputs, (hidden, cell) = of_any_length(inputs(3)[:, :0])
    assert outputs.shape == (BATCH, 0, UNITS)
    np.testing.assert_array_equal(hidden, np.ones([BATCH, UNITS]))
    np.testing.assert_array_equal(cell, 2 * np.ones([BATCH, UNITS]))


def test_loop_has_the_gradient_of_the_unrolled_sequence(monkeypatch):
    layer, values = lstm(), tf.constant(inputs(4))
    gradients = []
    for limit in (16, 0):
        monkeypatch.setattr("tfsigmavae_video.networks.recurrence._MAX_UNROLLED", limit)
        with tf.GradientTape() as tape:
            outputs, _ = layer(values, layer.initial_state(BATCH))
            loss = tf.reduce_sum(outputs**2)
        gradients.append(tape.gradient(loss, layer.trainable_weights))
    for unrolled, loop in zip(*gradients, strict=True):
        assert np.abs(unrolled).max() > 1e-3
        np.testing.assert_allclose(unrolled, loop, rtol=1e-4, atol=1e-6)


def network(kind, **arguments):
    arguments = {"hidden_size": UNITS, "seeds": WeightSeeds(3), **arguments}
    layer = kind(5, **arguments)
    layer(inputs(1))
    rng = np.random.default_rng(4)
    for weight in layer.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return layer


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_predictor_equals_numpy_loop(residual, num_layers):
    layer = network(FramePredictor, residual=residual, num_layers=num_layers)
    values, state = inputs(4), []
    codes, _ = layer(values)
    for t in range(4):
        hidden, state = Recurrent(layer)(values[:, t], state)
        expected = Linear(layer.output_layer)(hidden)
        if residual:
            expected = expected + values[:, t] @ layer.bypass.kernel.numpy()
        np.testing.assert_allclose(codes[:, t], np.tanh(expected), atol=1e-6)


def test_gaussian_equals_numpy_loop():
    layer = network(GaussianLSTM, num_layers=1)
    values, state = inputs(4), []
    normal, _ = layer(values)
    assert normal.batch_shape == (BATCH, 4) and normal.event_shape == (5,)
    for t in range(4):
        (mean, log_variance), state = Gaussian(layer)(values[:, t], state)
        np.testing.assert_allclose(normal.mean()[:, t], mean, atol=1e-6)
        stddev = np.exp(log_variance / 2)
        np.testing.assert_allclose(normal.stddev()[:, t], stddev, rtol=1e-5)


def test_state_carries_a_network_over_a_cut():
    layer = network(FramePredictor, num_layers=2)
    whole, _ = layer(inputs(6))
    first, state = layer(inputs(6)[:, :2])
    second, _ = layer(inputs(6)[:, 2:], state)
    np.testing.assert_allclose(tf.concat([first, second], 1), whole, atol=1e-6)
    forgotten, _ = layer(inputs(6)[:, 2:])
    assert np.abs(forgotten - second).max() > 1e-3
