"""The negative log likelihood as a Keras loss, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders import FixedSigma, OptimalSigma
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
SHAPE = (4, 3, 5, 2)


def _pixels(seed=0):
    return np.random.default_rng(seed).random(SHAPE, dtype=np.float32)


def _numpy_nll(pixels, loc, sigma):
    """Sum over the event, `[B]`."""
    residual = (pixels.astype(np.float64) - loc) / sigma
    terms = 0.5 * residual**2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)
    return terms.sum(axis=(1, 2, 3))


@pytest.fixture
def distribution():
    return FixedSigma(0.3)(tf.constant(_pixels(seed=1)))


@pytest.fixture
def expected():
    return _numpy_nll(_pixels(), _pixels(seed=1), 0.3)


def test_sums_over_the_event_and_averages_over_the_batch(distribution, expected):
    loss = NegativeLogLikelihood()(_pixels(), distribution)
    assert loss.shape == () and loss.dtype == tf.float32
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("reduction", "reduce"),
    [("sum", np.sum), ("none", np.asarray), ("sum_over_batch_size", np.mean)],
)
def test_reductions(distribution, expected, reduction, reduce):
    loss = NegativeLogLikelihood(reduction=reduction)(_pixels(), distribution)
    np.testing.assert_allclose(loss, reduce(expected), rtol=1e-5)


@pytest.mark.parametrize("column", [False, True])
def test_sample_weights_scale_each_example(distribution, expected, column):
    weights = np.array([0.0, 1.0, 2.0, 0.5], np.float32)
    given = weights[:, None] if column else weights
    loss = NegativeLogLikelihood()(_pixels(), distribution, sample_weight=given)
    np.testing.assert_allclose(loss, np.mean(expected * weights), rtol=1e-5)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_uint8_means_value_over_255(distribution, as_tensor):
    levels = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    expected = _numpy_nll(levels / 255.0, _pixels(seed=1), 0.3).mean()
    target = tf.constant(levels) if as_tensor else levels
    loss = NegativeLogLikelihood()(target, distribution)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_float_targets_are_cast_to_the_distribution(distribution, dtype):
    pixels = _pixels().astype(dtype)
    expected = _numpy_nll(pixels, _pixels(seed=1), 0.3).mean()
    loss = NegativeLogLikelihood()(pixels, distribution)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_a_latent_may_have_any_value():
    latents = np.array([[-7.0, 3.0], [40.0, 0.0]], np.float32)
    distribution = DiagonalNormal(2)(tf.zeros([2, 4]))
    expected = 0.5 * (latents**2).sum(1) + np.log(2 * np.pi)
    loss = NegativeLogLikelihood()(latents, distribution)
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16", "bool"])
def test_other_integers_are_refused(distribution, dtype):
    with pytest.raises(TypeError, match=f"must be uint8 .* got dtype {dtype}"):
        NegativeLogLikelihood()(np.ones(SHAPE, dtype), distribution)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integers_stay_what_they_are_for_a_distribution_of_integers(dtype):
    logits = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    categories = np.array([0, 4, 2, 2], dtype)
    distribution = CoercibleDistribution(tfd.Categorical(logits=logits))
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = -np.mean(log_probs[np.arange(4), categories.astype(int)])
    loss = NegativeLogLikelihood()(categories, distribution)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 5, 2), (4, 3, 5, 1), (4, 3, 5), (3, 5, 2)])
def test_a_target_that_would_broadcast_is_refused(distribution, shape):
    with pytest.raises(ValueError, match="must have batch shape plus event shape"):
        NegativeLogLikelihood()(np.zeros(shape, np.float32), distribution)


def test_a_vector_of_targets_against_a_column_of_scalars_is_refused():
    # log_prob would give [4, 4] of them in silence.
    column = CoercibleDistribution(tfd.Normal(tf.zeros([4, 1]), 1.0))
    with pytest.raises(ValueError, match="must have batch shape plus event shape"):
        NegativeLogLikelihood()(np.zeros([4], np.float32), column)


@pytest.mark.parametrize("output", [np.zeros(SHAPE, np.float32), tf.zeros(SHAPE)])
def test_an_output_that_is_no_distribution_is_refused(output):
    with pytest.raises(TypeError, match="whose output is a distribution, got"):
        NegativeLogLikelihood()(_pixels(), output)


def test_a_model_without_a_distribution_is_refused_when_it_trains():
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
    model.compile(loss=NegativeLogLikelihood(), jit_compile=False)
    with pytest.raises(TypeError, match="whose output is a distribution, got"):
        model.fit(np.zeros([2, 3]), np.zeros([2, 2]), verbose=0)


def test_gradient_reaches_the_parameters():
    loc = tf.constant(_pixels(seed=1))
    with tf.GradientTape() as tape:
        tape.watch(loc)
        loss = NegativeLogLikelihood()(_pixels(), FixedSigma(0.3)(loc))
    expected = (loc - _pixels()) / 0.3**2 / SHAPE[0]
    np.testing.assert_allclose(tape.gradient(loss, loc), expected, rtol=1e-4, atol=1e-6)


def test_configuration_round_trip():
    loss = NegativeLogLikelihood(reduction="sum", name="nats")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert isinstance(twin, NegativeLogLikelihood)
    assert (twin.reduction, twin.name) == ("sum", "nats")


HEADS = {
    "one-hot": (
        lambda: tfd.OneHotCategorical(tf.zeros([4, 3]), dtype=tf.float32),
        np.eye(3)[[0, 2, 1, 0]],
    ),
    "labels": (
        lambda: tfd.Independent(tfd.Bernoulli(tf.ones([4, 2]), dtype=tf.float32), 1),
        np.array([[0, 1], [1, 1], [0, 0], [1, 0]]),
    ),
    "counts": (lambda: tfd.Poisson(tf.fill([4], 30.0)), np.array([40, 0, 200, 7])),
    "ages": (lambda: tfd.Normal(tf.fill([4], 35.0), 9.0), np.array([40, 0, 99, 7])),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("head", HEADS)
def test_numbers_are_what_they_are_where_no_decoder_takes_pixels(head, dtype):
    make, targets = HEADS[head]
    expected = -np.mean(make().log_prob(targets.astype(np.float32)))
    loss = NegativeLogLikelihood()(targets.astype(dtype), CoercibleDistribution(make()))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_a_target_of_unknown_rank_is_checked_when_the_graph_runs():
    distribution = CoercibleDistribution(tfd.Normal(tf.zeros([4]), 1.0))

    @tf.function(input_signature=[tf.TensorSpec(None)])
    def loss(y):
        return NegativeLogLikelihood()(y, distribution)

    np.testing.assert_allclose(loss(np.zeros(4)), 0.5 * np.log(2 * np.pi), rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        loss(np.zeros([4, 1]))


def test_targets_that_are_missing_are_asked_for():
    inputs = keras.Input([3])
    decoder = OptimalSigma(values="real")
    outputs = decoder(keras.layers.Dense(3)(inputs), target=inputs)
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss=NegativeLogLikelihood(), run_eagerly=True)
    with pytest.raises(ValueError, match=r"needs targets.*`fit\(x, x\)`"):
        model.fit(np.zeros([4, 3], "float32"), verbose=0)
