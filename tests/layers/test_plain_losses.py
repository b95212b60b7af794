"""Losses that are plain functions, where Keras casts or reshapes the output."""

import keras
import numpy as np
import pytest
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
B = 8
X = np.random.default_rng(0).normal(size=(B, 3)).astype(np.float32)


def _model(*layers):
    return keras.Sequential([keras.Input([3]), *layers])


def _fit(model, y, loss, jit_compile=False):
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit_compile)
    before = model.get_weights()
    history = model.fit(X, y, batch_size=B, verbose=0).history["loss"]
    pairs = zip(before, model.get_weights(), strict=True)
    assert all(np.any(old != new) for old, new in pairs)
    return history[0]


def negative_log_prob(y, rv):
    return -rv.log_prob(y)


def _parameters(model):
    return X @ model.layers[0].get_weights()[0] + model.layers[0].get_weights()[1]


def _log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


CATEGORIES = np.arange(B) % 4
INTEGERS = {
    "categorical": (
        4,
        lambda: tfpl.DistributionLambda(lambda t: tfd.Categorical(logits=t)),
        CATEGORIES,
        lambda t, y: -_log_softmax(t)[np.arange(B), y],
    ),
    "one hot": (
        4,
        lambda: tfpl.OneHotCategorical(4, sample_dtype="int32"),
        np.eye(4, dtype=np.int32)[CATEGORIES],
        lambda t, y: -(y * _log_softmax(t)).sum(-1),
    ),
    "bernoulli": (
        2,
        lambda: tfpl.IndependentBernoulli([2], sample_dtype="int64"),
        np.stack([CATEGORIES > 1, CATEGORIES % 2], 1).astype(np.int64),
        lambda t, y: (np.logaddexp(0, t) - y * t).sum(-1),
    ),
    "poisson": (
        1,
        lambda: tfpl.DistributionLambda(lambda t: tfd.Poisson(log_rate=t), lambda d: 3),
        np.array([0, 1] * (B // 2))[:, None],  # log(y!) = 0
        lambda t, y: (np.exp(t) - y * t)[:, 0],
    ),
    "float64": (
        2,
        lambda: tfpl.IndependentNormal([1], dtype="float64"),
        np.ones([B, 1]),
        lambda t, y: (
            0.5 * ((y[:, 0] - t[:, 0]) / np.logaddexp(0, t[:, 1])) ** 2
            + np.log(np.logaddexp(0, t[:, 1]) * np.sqrt(2 * np.pi))
        ),
    ),
}


@pytest.mark.parametrize(
    ("name", "jit_compile"), [*((name, False) for name in INTEGERS), ("one hot", True)]
)
def test_distributions_that_keras_casts_train(name, jit_compile):
    size, make_layer, y, oracle = INTEGERS[name]
    model = _model(keras.layers.Dense(size), make_layer())
    model(X)
    expected = oracle(_parameters(model).astype(np.float64), y).mean()
    loss = _fit(model, y, negative_log_prob, jit_compile)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def _scalars():
    return tfpl.DistributionLambda(lambda t: tfd.Normal(t[..., 0], 1.0))


@pytest.mark.parametrize(
    "loss", [negative_log_prob, lambda y, rv: (y - rv.mean()) ** 2]
)
def test_a_column_of_targets_for_scalars_is_explained(loss):
    # As under TFP it would be [B, B] of them.
    model = _model(keras.layers.Dense(1), _scalars())
    with pytest.raises(AttributeError, match="`y_true`.*NegativeLogLikelihood"):
        _fit(model, np.ones([B, 1]), loss)
    with pytest.raises(ValueError, match="batch shape plus event shape"):
        _fit(model, np.ones([B, 1]), NegativeLogLikelihood())
    assert np.isfinite(_fit(model, np.ones([B]), loss))


def test_a_missing_axis_of_events_is_explained():
    params = keras.layers.Reshape([2, 2])
    model = _model(keras.layers.Dense(4), params, tfpl.IndependentNormal([1]))
    with pytest.raises(AttributeError, match="NegativeLogLikelihood"):
        _fit(model, np.ones([B, 2]), negative_log_prob)
    assert np.isfinite(_fit(model, np.ones([B, 2, 1]), negative_log_prob))


def test_a_vector_of_targets_for_a_column_is_aligned_by_keras():
    model = _model(keras.layers.Dense(1), tfpl.DistributionLambda(
        lambda t: tfd.Normal(t, 1.0)))  # fmt: skip
    y = np.arange(B, dtype=np.float32)
    loc = _parameters(model)[:, 0]
    expected = (0.5 * (y - loc) ** 2 + 0.5 * np.log(2 * np.pi)).mean()
    np.testing.assert_allclose(_fit(model, y, negative_log_prob), expected, rtol=1e-5)


def test_keras_averages_a_plain_loss_over_the_unmasked_steps():
    x = np.zeros([2, 3, 1], np.float32)
    x[0, :2] = 1.0
    model = keras.Sequential(
        [
            keras.layers.Masking(),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones"),
            tfpl.DistributionLambda(lambda t: tfd.Normal(t[..., 0], 1.0)),
        ]
    )
    model.compile(loss=negative_log_prob, jit_compile=False)
    y = np.where(x[..., 0] == 1.0, 3.0, 1e4)
    expected = 0.5 * 4.0 + 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)
