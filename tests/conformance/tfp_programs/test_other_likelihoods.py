"""Heads of other distributions, each against an estimate in closed form.

But for the imports each is what one would write for TFP, unless it says what differs.
The models see one constant input: their maximum of likelihood is that of the sample.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import optimize, special
from tfp_program import fit, negloglik

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
ONES = np.ones([400, 1], np.float32)


def _head(size, make_distribution_fn, convert_to_tensor_fn=tfd.Distribution.mean):
    return keras.Sequential(
        [
            keras.layers.Dense(size, use_bias=False),
            tfpl.DistributionLambda(make_distribution_fn, convert_to_tensor_fn),
        ]
    )


def test_log_normal(rng):
    y = np.exp(0.5 + 0.3 * rng.normal(size=[400, 1])).astype(np.float32)
    model = _head(2, lambda t: tfd.LogNormal(t[..., :1], tf.nn.softplus(t[..., 1:])))
    fit(model, ONES, y, steps=150)
    np.testing.assert_allclose(model(ONES[:1]).loc, [[np.log(y).mean()]], atol=0.02)
    np.testing.assert_allclose(model(ONES[:1]).scale, [[np.log(y).std()]], atol=0.02)


def test_gamma_with_the_mean_in_closed_form(rng):
    """With its shape fixed the best rate gives the mean of the sample."""
    y = rng.gamma(3.0, 2.0, [400, 1]).astype(np.float32)
    model = _head(1, lambda t: tfd.Gamma(3.0, tf.nn.softplus(t)))
    fit(model, ONES, y, steps=100)
    np.testing.assert_allclose(model(ONES[:1]).mean(), [[y.mean()]], rtol=0.02)


def test_beta(rng):
    y = rng.beta(2.0, 5.0, [400, 1]).astype(np.float32)
    model = _head(
        2,
        lambda t: tfd.Beta(
            tf.nn.softplus(t[..., :1]) + 1e-3, tf.nn.softplus(t[..., 1:]) + 1e-3
        ),
    )
    fit(model, ONES, y, steps=250, rate=0.1)
    rv = model(ONES[:1])
    # Where the likelihood is at its maximum the expected logarithms are the mean ones.
    a, b = np.squeeze(rv.concentration1), np.squeeze(rv.concentration0)
    expected = [np.log(y).mean(), np.log1p(-y).mean()]
    digammas = special.digamma([a, b]) - special.digamma(a + b)
    np.testing.assert_allclose(digammas, expected, atol=0.03)


def test_dirichlet(rng):
    y = rng.dirichlet([1.0, 2.0, 3.0], 400).astype(np.float32)
    y = np.clip(y, 1e-4, None)
    y /= y.sum(-1, keepdims=True)
    model = _head(3, lambda t: tfd.Dirichlet(tf.nn.softplus(t) + 1e-3))
    fit(model, ONES, y, steps=200, rate=0.1)
    concentration = np.float64(model(ONES[:1]).concentration[0])
    digammas = special.digamma(concentration) - special.digamma(concentration.sum())
    np.testing.assert_allclose(digammas, np.log(y).mean(0), atol=0.05)


def test_von_mises(rng):
    y = rng.vonmises(1.0, 4.0, [400, 1]).astype(np.float32)
    model = _head(
        2, lambda t: tfd.VonMises(t[..., :1], tf.nn.softplus(t[..., 1:]) + 1e-3)
    )
    fit(model, ONES, y, steps=150, rate=0.1)
    direction = np.angle(np.mean(np.exp(1j * y.astype(np.float64))))
    np.testing.assert_allclose(model(ONES[:1]).mean(), [[direction]], atol=0.02)


def test_poisson_regression_of_counts(rng):
    x = np.repeat([[0.0], [1.0]], 200, axis=0).astype(np.float32)
    y = rng.poisson(np.exp(0.5 + x)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.layers.Dense(tfpl.IndependentPoisson.params_size([1])),
            tfpl.IndependentPoisson([1], tfd.Distribution.mean),
        ]
    )
    fit(model, x, y, steps=150)
    rates = model.predict(np.float32([[0.0], [1.0]]), verbose=0)
    np.testing.assert_allclose(rates[:, 0], [y[:200].mean(), y[200:].mean()], rtol=0.01)


def test_zero_inflated_poisson(rng):
    y = (rng.poisson(4.0, [400, 1]) * (rng.random([400, 1]) > 0.3)).astype(np.float32)

    def zero_inflated(t):
        probs = tf.nn.sigmoid(t[..., 0])
        return tfd.Mixture(
            cat=tfd.Categorical(probs=tf.stack([1.0 - probs, probs], -1)),
            components=[
                tfd.Deterministic(loc=tf.zeros_like(probs)),
                tfd.Poisson(log_rate=t[..., 1]),
            ],
        )

    model = _head(2, zero_inflated)
    fit(model, ONES, y[:, 0], steps=200)
    rv = model(ONES[:1])
    # At the maximum the share of zeros and the mean are those of the sample.
    np.testing.assert_allclose(tf.exp(rv.log_prob(0.0)), [(y == 0).mean()], atol=0.01)
    np.testing.assert_allclose(rv.mean(), [y.mean()], rtol=0.02)


def test_negative_binomial(rng):
    y = rng.negative_binomial(3, 0.4, [400, 1]).astype(np.float32)
    model = _head(
        2,
        lambda t: tfd.NegativeBinomial(
            total_count=tf.nn.softplus(t[..., :1]) + 1e-3, logits=t[..., 1:]
        ),
    )
    fit(model, ONES, y, steps=200)
    rv = model(ONES[:1])
    np.testing.assert_allclose(rv.mean(), [[y.mean()]], rtol=0.05)
    assert np.all(rv.variance() > rv.mean())  # more than a Poisson's


def test_ordinal(rng):
    """Ordered grades; their cut points are what a dense layer gives."""
    y = rng.choice(3, 400, p=[0.2, 0.5, 0.3])
    model = _head(
        2,
        lambda t: tfd.OrderedLogistic(
            cutpoints=tfp.bijectors.Ascending()(t), loc=tf.zeros(tf.shape(t)[:-1])
        ),
        tfd.Distribution.mode,
    )
    fit(model, ONES, y, steps=150)
    rv = model(ONES[:1])
    shares = [np.exp(rv.log_prob(grade)[0]) for grade in range(3)]
    np.testing.assert_allclose(shares, np.bincount(y) / 400, atol=0.01)


def test_censored_times(rng):
    """A loss of two columns: the time, and whether it was seen to the end."""
    times = rng.exponential(2.0, 400)
    seen = times < 3.0
    y = np.stack([np.minimum(times, 3.0), seen], -1).astype(np.float32)

    def loss(y, rv):
        time, is_seen = y[:, 0], y[:, 1]
        log_likelihood = is_seen * rv.log_prob(time)
        return -(log_likelihood + (1 - is_seen) * rv.log_survival_function(time))

    model = _head(1, lambda t: tfd.Exponential(tf.nn.softplus(t[..., 0])))
    fit(model, ONES, y, steps=100, loss=loss)
    rate = seen.sum() / np.minimum(times, 3.0).sum()
    np.testing.assert_allclose(model(ONES[:1]).rate, [rate], rtol=0.02)


def test_normalising_flow(rng):
    """A skewed density: its log probability is that of the change of variables."""
    y = rng.gamma(2.0, 1.0, [400, 1]).astype(np.float32)

    def flow(t):
        return tfd.TransformedDistribution(
            tfd.Normal(t[..., :1], tf.nn.softplus(t[..., 1:])),
            bijector=tfp.bijectors.Softplus(),
        )

    model = _head(2, flow, tfd.Distribution.sample)
    fit(model, ONES, y, steps=80)
    normal = model(ONES[:1]).distribution
    inner = getattr(normal, "distribution", normal)
    raw = np.log(np.expm1(np.float32(2.0)))
    expected = inner.log_prob(raw) - tf.math.log_sigmoid(raw)
    np.testing.assert_allclose(model(ONES[:1]).log_prob(2.0), expected, rtol=1e-4)


def test_conditional_flow_of_two_dimensions(rng):
    """A bijector that a network makes, on a fixed base."""
    angle = rng.uniform(0.0, np.pi, 400)
    y = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    model = keras.Sequential(
        [
            keras.layers.Dense(5),
            tfpl.DistributionLambda(
                lambda t: tfd.TransformedDistribution(
                    tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2)),
                    tfp.bijectors.Chain(
                        [
                            tfp.bijectors.Shift(t[..., :2]),
                            tfp.bijectors.ScaleMatvecTriL(
                                tfp.bijectors.FillScaleTriL()(t[..., 2:])
                            ),
                        ]
                    ),
                )
            ),
        ]
    )
    fit(model, ONES, y, steps=100)
    rv = model(ONES)
    best = -negloglik(
        y,
        tfd.MultivariateNormalTriL(
            y.mean(0), np.linalg.cholesky(np.cov(y.T, bias=True)).astype(np.float32)
        ),
    )
    np.testing.assert_allclose(np.mean(rv.log_prob(y)), np.mean(best), atol=0.02)


def test_logistic_head(rng):
    y = rng.logistic(1.0, 0.5, [400, 1]).astype(np.float32)
    model = keras.Sequential([keras.layers.Dense(2), tfpl.IndependentLogistic(1)])
    fit(model, ONES, y, steps=100)

    def nll(params):
        z = (y - params[0]) * np.exp(-params[1])
        return np.sum(z + params[1] + 2 * np.logaddexp(0.0, -z))

    loc, log_scale = optimize.minimize(nll, [0.0, 0.0]).x
    rv = model(ONES[:1])
    np.testing.assert_allclose(rv.mean(), [[loc]], atol=0.02)
    stddev = np.exp(log_scale) * np.pi / np.sqrt(3.0)
    np.testing.assert_allclose(rv.stddev(), [[stddev]], atol=0.03)


def test_joint_distribution_as_output(rng):
    """Differs: with TFP such a model is built, but Keras 2 cannot train it.

    Two columns, the second given the first.
    """
    first = rng.normal(size=[400, 1])
    y = np.hstack([first, 2.0 * first + 0.5]).astype(np.float32)
    y[:, 1] += rng.normal(size=400)
    model = _head(
        2,
        lambda t: tfd.JointDistributionSequential(
            [
                tfd.Normal(tf.zeros_like(t[..., 0]), 1.0),
                lambda a: tfd.Normal(t[..., 0] * a + t[..., 1], 1.0),
            ]
        ),
        tfd.Distribution.sample,
    )

    def loss(y, rv):
        return -rv.log_prob([y[:, 0], y[:, 1]])

    fit(model, ONES, y, steps=100, loss=loss)
    expected = np.polyfit(y[:, 0], y[:, 1], 1)
    np.testing.assert_allclose(model.get_weights()[0][0], expected, atol=0.02)
