"""Mixtures and categories as they were written for `tfp.layers`.

But for the imports each is what one would write for TFP, unless it says what differs.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tfp_program import fit, negloglik

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
RNG = np.random.default_rng(0)
ONES = np.ones([300, 1], np.float32)
# Two branches: -2 and 1 in the ratio of 1 to 2.
SIDES = RNG.choice([-2.0, 1.0], [300, 1], p=[1 / 3, 2 / 3])
TWO_MODES = (SIDES + 0.2 * RNG.normal(size=[300, 1])).astype(np.float32)
LABELS = RNG.choice(3, 300, p=[0.2, 0.5, 0.3])
SHARES = np.bincount(LABELS) / 300


def _spread(size):
    """A first guess whose components are not alike."""
    return keras.layers.Dense(
        size, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=3)
    )


def _gaussian_log_likelihood():
    return -np.log(TWO_MODES.std()) - 0.5 * np.log(2 * np.pi) - 0.5


def test_mixture_density_network():
    model = keras.Sequential(
        [
            _spread(tfpl.MixtureNormal.params_size(2, [1])),
            tfpl.MixtureNormal(num_components=2, event_shape=[1]),
        ]
    )
    fit(model, ONES, TWO_MODES, steps=150, rate=0.1)
    rv = model(ONES[:1])
    centres = np.sort(np.ravel(rv.components_distribution.mean()))
    np.testing.assert_allclose(centres, [-2.0, 1.0], atol=0.05)
    share = np.mean(SIDES < 0)
    probs = np.sort(np.ravel(rv.mixture_distribution.probs_parameter()))
    np.testing.assert_allclose(probs, [share, 1 - share], atol=0.02)
    log_likelihood = np.mean(model(ONES).log_prob(TWO_MODES))
    assert log_likelihood > _gaussian_log_likelihood() + 0.3


def test_mixture_of_a_lambda():
    """The same network in one function, without a layer of its own."""
    model = keras.Sequential(
        [
            _spread(6),
            tfpl.DistributionLambda(
                lambda t: tfd.MixtureSameFamily(
                    mixture_distribution=tfd.Categorical(logits=t[..., :2]),
                    components_distribution=tfd.Normal(
                        loc=t[..., 2:4], scale=1e-3 + tf.nn.softplus(t[..., 4:])
                    ),
                )
            ),
        ]
    )
    fit(model, ONES, TWO_MODES[:, 0], steps=150, rate=0.1)
    rv = model(ONES[:1])
    np.testing.assert_allclose(rv.mean(), [TWO_MODES.mean()], atol=0.05)
    assert rv.log_prob(-0.5)[0] < -2.0 < -0.5 < rv.log_prob(1.0)[0]


def test_mixture_of_gaussians_with_covariances(rng):
    size = tfpl.MixtureSameFamily.params_size(
        2, component_params_size=tfpl.MultivariateNormalTriL.params_size(2)
    )
    model = keras.Sequential(
        [_spread(size), tfpl.MixtureSameFamily(2, tfpl.MultivariateNormalTriL(2))]
    )
    y = np.hstack([TWO_MODES, rng.normal(size=[300, 1]) - TWO_MODES])
    fit(model, ONES, y, steps=100, rate=0.1)
    rv = model(ONES[:1])
    assert rv.batch_shape == [1] and rv.event_shape == [2]
    np.testing.assert_allclose(rv.mean(), [y.mean(0)], atol=0.1)


def test_mixture_of_logistics():
    model = keras.Sequential(
        [_spread(tfpl.MixtureLogistic.params_size(2)), tfpl.MixtureLogistic(2)]
    )
    fit(model, ONES, TWO_MODES[:, 0], steps=100, rate=0.1)
    log_likelihood = np.mean(model(ONES).log_prob(TWO_MODES[:, 0]))
    assert log_likelihood > _gaussian_log_likelihood() + 0.3


def test_classes_as_one_hot_vectors():
    model = keras.Sequential(
        [keras.layers.Dense(3), tfpl.OneHotCategorical(3, tfd.Distribution.mode)]
    )
    one_hot = np.eye(3, dtype=np.float32)[LABELS]
    fit(model, ONES, one_hot, steps=80, rate=0.1, metrics=["accuracy"])
    rv = model(ONES[:1])
    np.testing.assert_allclose(rv.probs_parameter(), [SHARES], atol=0.01)
    assert np.argmax(model.predict(ONES[:1], verbose=0)) == np.argmax(SHARES)


def test_integer_labels_made_one_hot_in_the_loss():
    model = keras.Sequential(
        [keras.layers.Dense(3), tfpl.OneHotCategorical(event_size=3)]
    )

    def loss(y, rv):
        return -rv.log_prob(tf.one_hot(tf.cast(tf.reshape(y, [-1]), tf.int32), 3))

    fit(model, ONES, LABELS, steps=80, rate=0.1, loss=loss)
    np.testing.assert_allclose(model(ONES[:1]).mean(), [SHARES], atol=0.01)


def test_integer_labels_of_a_categorical():
    """A distribution of integers, its loss a lambda."""
    model = keras.Sequential(
        [
            keras.layers.Dense(3),
            tfpl.DistributionLambda(lambda t: tfd.Categorical(logits=t)),
        ]
    )
    fit(model, ONES, LABELS, steps=80, rate=0.1)
    rv = model(ONES[:1])
    np.testing.assert_allclose(rv.probs_parameter(), [SHARES], atol=0.01)
    assert model.predict(ONES, verbose=0).shape == (300,)  # samples


def test_bernoulli_of_integers(rng):
    y = (rng.random([300, 1]) < 0.3).astype(np.int32)
    model = keras.Sequential(
        [
            keras.layers.Dense(1),
            tfpl.DistributionLambda(lambda t: tfd.Bernoulli(logits=t)),
        ]
    )
    fit(model, ONES, y, steps=80, rate=0.1)
    np.testing.assert_allclose(model(ONES[:1]).mean(), [[y.mean()]], atol=0.01)
    assert set(np.unique(model.predict(ONES, verbose=0))) <= {0, 1}


def test_bernoulli_pixels_sampled_as_integers(rng):
    model = keras.Sequential(
        [
            keras.layers.Dense(tfpl.IndependentBernoulli.params_size([2, 2])),
            tfpl.IndependentBernoulli([2, 2], sample_dtype=tf.int32),
        ]
    )
    y = (rng.random([300, 2, 2]) < 0.8).astype(np.float32)
    fit(model, ONES, y, steps=60, rate=0.1)
    assert model(ONES).sample().dtype == tf.int32
    np.testing.assert_allclose(model(ONES[:1]).mean()[0], y.mean(0), atol=0.03)


def test_mixture_of_categories():
    layer = tfpl.CategoricalMixtureOfOneHotCategorical
    model = keras.Sequential(
        [
            _spread(layer.params_size(event_size=3, num_components=2)),
            layer(event_size=3, num_components=2),
        ]
    )
    one_hot = np.eye(3, dtype=np.float32)[LABELS]
    fit(model, ONES, one_hot, steps=80, rate=0.1)
    np.testing.assert_allclose(model(ONES[:1]).mean(), [SHARES], atol=0.02)
    np.testing.assert_allclose(model(ONES[:1]).log_mean(), [np.log(SHARES)], atol=0.1)


def test_straight_through_codes():
    """One of four vectors a code: a gradient passes the choice as it were none."""

    def straight_through(d):
        soft = tf.nn.softmax(d.logits)
        hard = tf.one_hot(tf.argmax(d.logits, -1), 4)
        return soft + tf.stop_gradient(hard - soft)

    corners = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
    x = np.repeat(corners, 8, axis=0)
    inputs = keras.Input([2])
    logits = keras.layers.Dense(4)(keras.layers.Dense(16, "tanh")(inputs))
    codes = tfpl.OneHotCategorical(4, convert_to_tensor_fn=straight_through)(logits)
    outputs = keras.layers.Dense(2, use_bias=False)(codes)
    model = keras.Model(inputs, outputs)
    fit(model, x, x, steps=150, loss="mse")
    codes = keras.Model(inputs, codes)(corners)
    hard = np.asarray(tf.convert_to_tensor(codes))
    np.testing.assert_allclose(hard, np.round(hard), atol=1e-6)
    assert np.mean((model.predict(corners, verbose=0) - corners) ** 2) < 0.25


def test_relaxed_categories():
    temperature = tf.Variable(1.0, trainable=False)
    model = keras.Sequential(
        [
            keras.layers.Dense(3),
            tfpl.DistributionLambda(
                lambda t: tfd.RelaxedOneHotCategorical(temperature, logits=t)
            ),
            keras.layers.Dense(1),
        ]
    )
    fit(model, ONES, TWO_MODES, steps=40, loss="mse")
    draw = model.layers[1](np.zeros([5, 3], np.float32))
    np.testing.assert_allclose(tf.reduce_sum(draw, -1), np.ones(5), rtol=1e-5)
    assert [weight.trainable for weight in model.layers[1].weights] == [False]


def test_policy_gradient():
    """Reward 1 for the arm of the state: REINFORCE finds it."""
    policy = keras.Sequential(
        [
            keras.layers.Dense(2),
            tfpl.DistributionLambda(lambda t: tfd.Categorical(logits=t)),
        ]
    )
    states = np.repeat(np.eye(2, dtype=np.float32), 32, axis=0)
    policy(states)
    optimizer = keras.optimizers.Adam(0.1)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            actions = policy(states)
            choice = tf.convert_to_tensor(actions)
            reward = tf.cast(choice == tf.argmax(states, -1, tf.int32), tf.float32)
            loss = tf.reduce_mean(negloglik(choice, actions) * (reward - 0.5))
        gradients = tape.gradient(loss, policy.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, policy.trainable_variables, strict=True)
        )
        return tf.reduce_mean(reward)

    first = float(step())
    for _ in range(60):
        last = float(step())
    assert first < 0.8 < 0.9 < last
    assert np.all(policy(states).entropy() < np.log(2.0))
