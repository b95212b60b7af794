"""Sequences as they were written for `tfp.layers`: recurrent and temporal heads.

But for the imports each is what one would write for TFP, unless it says what differs.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tfp_program import fit

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
RNG = np.random.default_rng(0)
TIME = np.arange(8, dtype=np.float32)
PHASE = RNG.uniform(0.0, 6.0, [32, 1]).astype(np.float32)
WAVES = np.sin(0.7 * TIME + PHASE)[..., np.newaxis]
NEXT = np.sin(0.7 * 8.0 + PHASE)


def _mse(model, x, y):
    return float(np.mean((model(x).mean() - y) ** 2))


def test_forecast_head_of_an_lstm(rng):
    model = keras.Sequential(
        [
            keras.layers.LSTM(8),
            keras.layers.Dense(tfpl.IndependentNormal.params_size(1)),
            tfpl.IndependentNormal(1),
        ]
    )
    y = NEXT + 0.2 * rng.normal(size=NEXT.shape)
    fit(model, WAVES, y, steps=40)
    assert _mse(model, WAVES, y) < 0.7 * np.var(y)


def test_a_distribution_at_each_step():
    """Batch shape [B, T]: Keras averages a loss `[B, T]` over both axes."""
    model = keras.Sequential(
        [
            keras.layers.GRU(6, return_sequences=True),
            keras.layers.TimeDistributed(
                keras.layers.Dense(tfpl.IndependentNormal.params_size([1]))
            ),
            tfpl.IndependentNormal([1]),
        ]
    )
    y = np.roll(WAVES, -1, axis=1)
    fit(model, WAVES, y, steps=30)
    rv = model(WAVES)
    assert rv.batch_shape == [32, 8] and rv.event_shape == [1]
    loss = model.evaluate(WAVES, y, verbose=0)
    np.testing.assert_allclose(loss, -np.mean(rv.log_prob(y)), rtol=1e-4)


def test_the_whole_sequence_is_one_event():
    """`Independent` over time: the loss is that of the sequence."""
    model = keras.Sequential(
        [
            keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True)),
            keras.layers.Dense(2),
            tfpl.DistributionLambda(
                lambda t: tfd.Independent(
                    tfd.Normal(t[..., :1], 1e-2 + tf.nn.softplus(t[..., 1:])), 2
                )
            ),
        ]
    )
    fit(model, WAVES, WAVES, steps=30)
    rv = model(WAVES)
    assert rv.log_prob(WAVES).shape == [32]
    loss = model.evaluate(WAVES, WAVES, verbose=0)
    np.testing.assert_allclose(loss, -np.mean(rv.log_prob(WAVES)), rtol=1e-4)


def test_convolutional_lstm_predicts_frames(rng):
    clips = (rng.random([8, 3, 4, 4, 1]) > 0.5).astype(np.float32)
    clips[:, 1:] = clips[:, :1]  # nothing moves
    model = keras.Sequential(
        [
            keras.layers.ConvLSTM2D(4, 3, padding="same"),
            keras.layers.Conv2D(1, 3, padding="same"),
            keras.layers.Flatten(),
            tfpl.IndependentBernoulli([4, 4, 1], tfd.Bernoulli.logits),
        ]
    )
    fit(model, clips, clips[:, -1], steps=30)
    log_prob = model(clips).log_prob(clips[:, -1])
    assert log_prob.shape == [8]
    assert np.mean(log_prob) > -16 * np.log(2.0)  # better than a guess


def test_convolutions_of_a_series():
    """Causal convolutions, a mixture at each step."""
    model = keras.Sequential(
        [
            keras.layers.Conv1D(8, 3, padding="causal", activation="tanh"),
            keras.layers.Conv1D(
                tfpl.MixtureNormal.params_size(2, [1]), 1, padding="causal"
            ),
            tfpl.MixtureNormal(2, [1]),
        ]
    )
    y = np.roll(WAVES, -1, axis=1)
    fit(model, WAVES[:, :-1], y[:, :-1], steps=40)
    assert model(WAVES).log_prob(y).shape == [32, 8]
    assert _mse(model, WAVES[:, 2:-1], y[:, 2:-1]) < 0.5 * np.var(WAVES)


def test_several_steps_ahead():
    """A forecast fed back: each sample is the input of the next step."""
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(2), tfpl.IndependentNormal(1)]
    )
    fit(model, WAVES, NEXT, steps=150)
    window = WAVES
    for _ in range(3):
        draw = tf.convert_to_tensor(model(window))
        window = np.concatenate([window[:, 1:], draw[:, np.newaxis]], axis=1)
    expected = np.sin(0.7 * 10.0 + PHASE)
    assert np.mean((window[:, -1] - expected) ** 2) < np.var(WAVES)


def test_padded_sequences():
    """Differs: padding is none of the loss; TFP's layers lose the mask."""
    x = WAVES.copy()
    x[16:, 5:] = -9.0
    model = keras.Sequential(
        [
            keras.Input([8, 1]),
            keras.layers.Masking(-9.0),
            keras.layers.LSTM(4, return_sequences=True),
            keras.layers.Dense(2),
            tfpl.IndependentNormal([1]),
        ]
    )
    y = WAVES.copy()
    y[16:, 5:] = 1e6  # would be seen
    fit(model, x, y, steps=10)
    assert model.evaluate(x, y, verbose=0) < 1e3
