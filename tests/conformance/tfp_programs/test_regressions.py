"""Regressions as they were written for `tfp.layers`: the four of its tutorial, others.

But for the imports each is what one would write for TFP, unless it says what differs.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tfp_program import fit

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
RNG = np.random.default_rng(0)
X = np.linspace(-1.0, 1.0, 64, dtype=np.float32)[:, np.newaxis]
NOISE = RNG.normal(size=X.shape).astype(np.float32)
Y = 2.0 * X - 1.0 + 0.5 * NOISE
SLOPE, INTERCEPT = np.polyfit(X[:, 0], Y[:, 0], 1)


def posterior_mean_field(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    c = np.log(np.expm1(0.1))
    return keras.Sequential(
        [
            tfpl.VariableLayer(2 * n, dtype=dtype),
            tfpl.DistributionLambda(
                lambda t: tfd.Independent(
                    tfd.Normal(t[..., :n], 1e-5 + tf.nn.softplus(c + t[..., n:])), 1
                )
            ),
        ]
    )


def prior_trainable(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    return keras.Sequential(
        [
            tfpl.VariableLayer(n, dtype=dtype),
            tfpl.DistributionLambda(
                lambda t: tfd.Independent(tfd.Normal(loc=t, scale=1), 1)
            ),
        ]
    )


def prior_tight(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    return lambda _: tfd.Independent(tfd.Normal(tf.zeros(n, dtype), 0.1), 1)


def test_no_uncertainty():
    model = keras.Sequential(
        [
            keras.layers.Dense(1),
            tfpl.DistributionLambda(lambda t: tfd.Normal(loc=t, scale=1)),
        ]
    )
    fit(model, X, Y[:, 0], steps=100, rate=0.1)  # y without a last axis, as in TFP's
    assert isinstance(model(X), tfd.Distribution)
    weights = np.ravel(model.get_weights()[0])[0], model.get_weights()[1][0]
    np.testing.assert_allclose(weights, [SLOPE, INTERCEPT], atol=0.02)


def test_aleatoric_uncertainty():
    y = 2.0 * X - 1.0 + (0.6 + 0.5 * X) * NOISE
    model = keras.Sequential(
        [
            keras.layers.Dense(1 + 1),
            tfpl.DistributionLambda(
                lambda t: tfd.Normal(
                    loc=t[..., :1], scale=1e-3 + tf.math.softplus(t[..., 1:])
                )
            ),
        ]
    )
    fit(model, X, y, steps=100, rate=0.1)
    stddev = model(X).stddev().numpy()[:, 0]
    assert stddev[0] < 0.25 < 0.8 < stddev[-1]
    np.testing.assert_allclose(model.get_weights()[0][0, 0], 2.0, atol=0.3)


def test_epistemic_uncertainty():
    """Against the posterior of a linear regression in closed form."""
    model = keras.Sequential(
        [
            tfpl.DenseVariational(
                1, posterior_mean_field, prior_tight, kl_weight=1 / X.shape[0]
            ),
            tfpl.DistributionLambda(lambda t: tfd.Normal(loc=t, scale=0.5)),
        ]
    )
    fit(model, X, Y, steps=300, rate=0.03)
    design = np.hstack([X, np.ones_like(X)]).astype(np.float64)
    precision = np.eye(2) / 0.1**2 + design.T @ design / 0.5**2
    mean = np.linalg.solve(precision, design.T @ Y[:, 0] / 0.5**2)
    loc = model.get_weights()[0][:2]
    assert mean[0] < SLOPE / 2  # the prior weighs as much as the data
    # Steps of 0.03 with noisy gradients; the posterior's deviations are near 0.06.
    np.testing.assert_allclose(loc, mean, atol=0.12)
    means = np.stack([model(X).mean() for _ in range(30)])
    assert 0.02 < means.std(0).mean() < 0.2


def test_both_uncertainties():
    model = keras.Sequential(
        [
            tfpl.DenseVariational(
                1 + 1, posterior_mean_field, prior_trainable, kl_weight=1 / X.shape[0]
            ),
            tfpl.DistributionLambda(
                lambda t: tfd.Normal(
                    loc=t[..., :1], scale=1e-3 + tf.math.softplus(t[..., 1:])
                )
            ),
        ]
    )
    fit(model, X, Y, steps=200)
    assert len(model.trainable_weights) == 2
    outputs = [model(X) for _ in range(20)]
    slope = np.mean([rv.mean()[-1] - rv.mean()[0] for rv in outputs]) / 2.0
    np.testing.assert_allclose(slope, SLOPE, atol=0.3)
    stddev = np.mean([rv.stddev() for rv in outputs])
    np.testing.assert_allclose(stddev, 0.5, atol=0.15)


def test_a_deep_bayesian_network():
    """Exact KL of a full covariance, as often written for small networks."""

    def posterior(kernel_size, bias_size, dtype=None):
        n = kernel_size + bias_size
        return keras.Sequential(
            [
                tfpl.VariableLayer(
                    tfpl.MultivariateNormalTriL.params_size(n), dtype=dtype
                ),
                tfpl.MultivariateNormalTriL(n),
            ]
        )

    def prior(kernel_size, bias_size, dtype=None):
        n = kernel_size + bias_size
        return keras.Sequential(
            [
                tfpl.DistributionLambda(
                    lambda _: tfd.MultivariateNormalDiag(tf.zeros(n), tf.ones(n))
                )
            ]
        )

    options = {
        "make_posterior_fn": posterior,
        "make_prior_fn": prior,
        "kl_weight": 1 / len(X),
        "kl_use_exact": True,
    }
    inputs = keras.layers.Input(shape=(1,))
    hidden = tfpl.DenseVariational(units=4, activation="sigmoid", **options)(inputs)
    params = keras.layers.Dense(units=2)(hidden)
    model = keras.Model(inputs, tfpl.IndependentNormal(1)(params))
    fit(model, X, Y, steps=60)
    means = np.stack([model(X).mean() for _ in range(2)])
    assert np.any(means[0] != means[1])
    assert len(model.losses) == 1 and float(model.losses[0]) > 0.0


def test_independent_normal_head():
    inputs = keras.Input([1])
    params = keras.layers.Dense(tfpl.IndependentNormal.params_size(1))(inputs)
    model = keras.Model(inputs, tfpl.IndependentNormal(1)(params))
    fit(model, X, Y, steps=100, rate=0.1)
    rv = model(X)
    np.testing.assert_allclose(rv.mean()[-1] - rv.mean()[0], [2 * SLOPE], atol=0.05)
    residual = np.std(Y - np.polyval([SLOPE, INTERCEPT], X))
    np.testing.assert_allclose(np.mean(rv.stddev()), residual, atol=0.05)
    np.testing.assert_allclose(rv.mean(), rv.mode())


def test_correlated_targets():
    """The covariance of the residuals is learned."""
    scale = np.array([[1.0, 0.0], [0.8, 0.6]], np.float32)
    y = np.random.default_rng(1).normal(size=[256, 2]).astype(np.float32) @ scale.T
    x = np.ones([256, 1], np.float32)
    model = keras.Sequential(
        [
            keras.layers.Dense(
                tfpl.MultivariateNormalTriL.params_size(2), use_bias=False
            ),
            tfpl.MultivariateNormalTriL(2),
        ]
    )
    fit(model, x, y, steps=150, rate=0.1)
    np.testing.assert_allclose(
        model(x[:1]).covariance()[0], np.cov(y.T, bias=True), atol=0.02
    )


def test_student_t_withstands_outliers():
    y = Y.copy()
    y[-4:] -= 30.0
    model = keras.Sequential(
        [
            keras.layers.Dense(1),
            tfpl.DistributionLambda(lambda t: tfd.StudentT(df=2.0, loc=t, scale=0.3)),
        ]
    )
    fit(model, X, y, steps=150, rate=0.05)
    assert abs(float(model.get_weights()[0][0, 0]) - 2.0) < 0.4
    assert np.polyfit(X[:, 0], y[:, 0], 1)[0] < 0.0


def test_quantiles_and_deviations_as_outputs():
    """What stands for the distribution in `predict` is a function of it."""
    model = keras.Sequential(
        [
            keras.layers.Dense(2),
            tfpl.DistributionLambda(
                make_distribution_fn=lambda t: tfd.Normal(
                    t[..., :1], tf.math.softplus(t[..., 1:])
                ),
                convert_to_tensor_fn=lambda d: tf.concat(
                    [d.quantile(q) for q in (0.1, 0.5, 0.9)] + [d.stddev()], -1
                ),
            ),
        ]
    )
    fit(model, X, Y, steps=80, rate=0.1)
    low, middle, high, stddev = np.split(model.predict(X, verbose=0), 4, axis=-1)
    # The 90 % quantile of a Gaussian.
    np.testing.assert_allclose(high - middle, 1.28155 * stddev, rtol=1e-4)
    np.testing.assert_allclose(middle - low, high - middle, rtol=1e-3)
    assert 0.6 < np.mean((Y > low) & (Y < high)) < 0.95


@pytest.fixture
def float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.backend.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.backend.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def test_float64_throughout(float64):
    """Differs: besides `set_floatx` Keras 3 has a policy, which is what layers read."""
    model = keras.Sequential(
        [
            keras.layers.Dense(1),
            tfpl.DistributionLambda(
                lambda t: tfd.Normal(loc=t, scale=tf.ones([], tf.float64))
            ),
        ]
    )
    x, y = X.astype(np.float64), Y.astype(np.float64)
    fit(model, x, y, steps=20)
    assert model(x).dtype == tf.float64
    residual = y - (x @ model.get_weights()[0] + model.get_weights()[1])
    expected = -0.5 * residual**2 - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(model(x).log_prob(y), expected, rtol=1e-12)


def test_dropout_at_test_time():
    inputs = keras.Input([1])
    hidden = keras.layers.Dense(32, "relu")(inputs)
    hidden = keras.layers.Dropout(0.5)(hidden, training=True)
    params = keras.layers.Dense(2)(hidden)
    model = keras.Model(inputs, tfpl.IndependentNormal(1)(params))
    fit(model, X, Y, steps=60)
    means = np.stack([model(X).mean() for _ in range(10)])
    assert np.all(means.std(0) > 0.0)


def test_an_ensemble_is_a_mixture():
    """A distribution of several inputs; TFP's layer takes a list, too."""
    inputs = keras.Input([1])
    members = [
        keras.layers.Dense(
            2, kernel_initializer=keras.initializers.RandomNormal(seed=i)
        )
        for i in range(3)
    ]
    outputs = tfpl.DistributionLambda(
        lambda params: tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.zeros(3)),
            tfd.Normal(
                tf.concat([p[..., :1] for p in params], -1),
                tf.math.softplus(tf.concat([p[..., 1:] for p in params], -1)),
            ),
        )
    )([member(inputs) for member in members])
    model = keras.Model(inputs, outputs)
    fit(model, X[:, 0], Y[:, 0], steps=40)
    means = np.mean([member(X)[:, 0] for member in members], axis=0)
    np.testing.assert_allclose(model(X).mean(), means, rtol=1e-4, atol=1e-5)
