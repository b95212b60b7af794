"""Fixed distributions as plain data and back."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.saved_distribution import (
    distribution_config,
    distribution_from_config,
)

tfd = tfp.distributions


@pytest.mark.parametrize(
    "distribution",
    [
        tfd.Normal(0.1, np.float32(2.0)),
        tfd.Independent(tfd.Normal(tf.zeros([3]), [1.0, 2.0, 3.0]), 1),
        tfd.MultivariateNormalDiag(loc=tf.zeros([2]), scale_diag=[0.1, 1e30]),
        tfd.MultivariateNormalTriL(tf.zeros([2]), tf.eye(2) / 3.0),
        tfd.Bernoulli(logits=[0.3, -np.inf], dtype=tf.float32),
        tfd.MixtureSameFamily(
            tfd.Categorical(probs=[0.2, 0.8]),
            tfd.MultivariateNormalDiag(tf.constant([[0.0, 1.0], [2.0, 3.0]])),
        ),
        tfd.Mixture(
            tfd.Categorical(logits=[0.0, 1.0]),
            [tfd.Normal(0.0, 1.0), tfd.Normal(3.0, 1.0)],
        ),
        tfd.Normal(np.float64(0.1), np.float64(2.0)),
    ],
)
def test_round_trip_is_exact(distribution):
    config = json.loads(json.dumps(distribution_config(distribution)))
    twin = distribution_from_config(config)
    assert type(twin) is type(distribution) and twin.dtype == distribution.dtype
    assert twin.batch_shape == distribution.batch_shape
    assert twin.event_shape == distribution.event_shape
    value = distribution.sample(seed=1)
    np.testing.assert_array_equal(twin.log_prob(value), distribution.log_prob(value))


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        (tfd.Normal(tf.Variable(0.0), 1.0), "holds variables"),
        (
            tfd.Normal(tfp.util.TransformedVariable(1.0, tfp.bijectors.Exp()), 1.0),
            "holds variables",
        ),
        (
            tfd.TransformedDistribution(tfd.Normal(0.0, 1.0), tfp.bijectors.Exp()),
            "bijector .* cannot be saved",
        ),
        (type("Mine", (tfd.Normal,), {})(0.0, 1.0), "no class of tfp.distributions"),
    ],
)
def test_what_is_not_plain_is_refused(distribution, message):
    with pytest.raises(ValueError, match=message):
        distribution_config(distribution)


@pytest.mark.parametrize("name", ["kl_divergence", "NoSuch", "RegisterKL", "__name__"])
def test_only_distributions_are_made(name):
    with pytest.raises(ValueError, match="has no distribution"):
        distribution_from_config({"distribution": name, "parameters": {}})
