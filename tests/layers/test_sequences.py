"""Nats of whole sequences, padded or not: likelihood and KL weigh as they should."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.losses import NegativeLogLikelihood
from tfsigmavae.masks import mask_of

tfd = tfp.distributions
B, K = 5, 2
WEIGHT = 0.3


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def _softplus(x):
    return np.logaddexp(0.0, x)


def _nll(params, y):
    """Of each step, in float64; the event is summed."""
    loc, raw = np.split(np.float64(params), 2, axis=-1)
    scale = _softplus(raw)
    terms = 0.5 * ((y - loc) / scale) ** 2 + np.log(scale * np.sqrt(2 * np.pi))
    return terms.sum(-1)


def _kl(params):
    loc, raw = np.split(np.float64(params), 2, axis=-1)
    scale = _softplus(raw)
    return (-np.log(scale) + 0.5 * (scale**2 + loc**2) - 0.5).sum(-1)


def _prior():
    return tfd.Independent(tfd.Normal(tf.zeros([K]), 1.0), 1)


def _last(kind):
    """The layers after the parameters; their likelihood and KL are of the same."""
    if kind == "regularizer":
        kl = tfpl.KLDivergenceRegularizer(_prior(), use_exact_kl=True, weight=WEIGHT)
        return [tfpl.IndependentNormal([K], activity_regularizer=kl)]
    kl = tfpl.KLDivergenceAddLoss(_prior(), use_exact_kl=True, weight=WEIGHT)
    return [tfpl.IndependentNormal([K]), kl]


def _data(steps):
    rng = np.random.default_rng(steps)
    params = rng.normal(size=(B, steps, 2 * K)).astype(np.float32)
    return params, rng.normal(size=(B, steps, K)).astype(np.float32)


def _untrained(layers, jit_compile=False):
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.0), NegativeLogLikelihood(), None,
                  jit_compile=jit_compile)  # fmt: skip
    return model


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
@pytest.mark.parametrize(
    ("steps", "kind", "jit_compile"),
    [
        (1, "layer", False),
        (2, "regularizer", True),
        (10, "layer", True),
        (10, "regularizer", False),
    ],
)
def test_loss_and_kl_are_both_nats_per_sequence(steps, kind, jit_compile):
    params, y = _data(steps)
    expected = (_nll(params, y) + WEIGHT * _kl(params)).sum(1).mean()
    model = _untrained([keras.Input([steps, 2 * K]), *_last(kind)], jit_compile)
    evaluated = model.evaluate(params, y, batch_size=B, verbose=0)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)
    fitted = model.fit(params, y, batch_size=B, epochs=1, verbose=0).history["loss"]
    np.testing.assert_allclose(fitted, [expected], rtol=1e-5)


@pytest.mark.parametrize(
    ("weights", "of_steps"),
    [
        (np.arange(B), np.arange(B)[:, None]),
        (np.arange(B)[:, None], np.arange(B)[:, None]),
        (np.arange(3 * B).reshape(B, 3), np.arange(3 * B).reshape(B, 3)),
        (np.arange(3 * B).reshape(B, 3, 1), np.arange(3 * B).reshape(B, 3)),
        (2.0, np.full([B, 1], 2.0)),
    ],
)
@pytest.mark.parametrize("reduction", ["sum", "none", "sum_over_batch_size"])
def test_weights_of_examples_and_of_steps(weights, of_steps, reduction):
    params, y = _data(3)
    expected = (_nll(params, y) * of_steps).sum(1)
    reduce = {"sum": np.sum, "none": np.asarray, "sum_over_batch_size": np.mean}
    loss = NegativeLogLikelihood(reduction=reduction)
    result = loss(y, tfpl.IndependentNormal([K])(params), sample_weight=weights)
    np.testing.assert_allclose(result, reduce[reduction](expected), rtol=1e-5)


def test_weights_train():
    params, y = _data(3)
    weights = np.random.default_rng(0).random([B, 3]).astype(np.float32)
    model = _untrained([keras.Input([3, 2 * K]), *_last("layer")])
    evaluated = model.evaluate(
        params, y, batch_size=B, sample_weight=weights, verbose=0
    )
    expected = (_nll(params, y) * weights + WEIGHT * _kl(params)).sum(1).mean()
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)


def test_a_mean_by_weights_is_one_of_examples():
    params, y = _data(3)
    weights = np.arange(1.0, B + 1)
    loss = NegativeLogLikelihood(reduction="mean_with_sample_weight")
    rv = tfpl.IndependentNormal([K])(params)
    expected = np.average(_nll(params, y).sum(1), weights=weights)
    np.testing.assert_allclose(loss(y, rv, weights), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="one weight for each example"):
        loss(y, rv, np.ones([B, 3]))


@pytest.mark.parametrize("shape", [[B, 2], [B - 1], [3], [B, 3, K], [1, 3]])
def test_weights_of_another_shape_are_refused(shape):
    params, y = _data(3)
    rv = tfpl.IndependentNormal([K])(params)
    with pytest.raises(ValueError, match="`sample_weight` must have one weight"):
        NegativeLogLikelihood()(y, rv, sample_weight=np.ones(shape))


# Padded sequences.

LENGTHS = [3, 1, 4, 0, 2]
STEPS = 4
VALID = np.arange(STEPS) < np.array(LENGTHS)[:, None]
X = np.random.default_rng(0).normal(size=(B, STEPS, 3)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(B, STEPS, K)).astype(np.float32)
X[~VALID] = 0.0
GARBAGE = np.where(VALID[..., None], Y, np.float32(1e4))


def _masked_layers(style):
    head = [keras.layers.Dense(2 * K), *_last("layer")]
    if style == "lstm":
        return [keras.layers.LSTM(4, return_sequences=True), *head]
    if style == "time distributed":
        return [keras.layers.TimeDistributed(keras.layers.Dense(4)), *head]
    if style == "regularizer":
        return [keras.layers.Dense(2 * K), *_last("regularizer")]
    return head


@keras.saving.register_keras_serializable(package="tests")
class Chain(keras.Model):
    def __init__(self, chained):
        super().__init__()
        self.chained = chained

    def call(self, inputs):
        for layer in self.chained:
            inputs = layer(inputs)
        return inputs


def _functional(layers):
    inputs = x = keras.Input([None, 3])
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


STYLES = {
    "sequential": keras.Sequential,
    "functional": _functional,
    "subclassed": Chain,
}


def _unpadded(layers):
    """Mean over the examples of nll and KL of each sequence for itself, in NumPy."""
    totals = []
    for x, y, length in zip(X, Y, LENGTHS, strict=True):
        params = x[None, :length]
        for layer in layers:
            if isinstance(layer, tfpl.IndependentNormal):
                break
            params = np.asarray(layer(params)) if length else np.zeros([1, 0, 2 * K])
        steps = _nll(params, y[None, :length]) + WEIGHT * _kl(params)
        totals.append(steps.sum())
    return np.mean(totals)


@pytest.mark.parametrize(
    ("style", "kind"),
    [
        ("sequential", "dense"),
        ("subclassed", "dense"),
        ("subclassed", "regularizer"),
        ("functional", "regularizer"),
        ("functional", "lstm"),
        ("sequential", "time distributed"),
    ],
)
def test_padding_enters_neither_likelihood_nor_kl(style, kind):
    layers = _masked_layers(kind)
    model = STYLES[style]([keras.layers.Masking(), *layers])
    model.compile(
        keras.optimizers.SGD(0.01), NegativeLogLikelihood(), jit_compile=False
    )
    rv = model(X)
    assert isinstance(rv, CoercibleDistribution)
    np.testing.assert_array_equal(mask_of(rv), VALID)
    expected = _unpadded(layers)
    evaluated = model.evaluate(X, GARBAGE, batch_size=B, verbose=0)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)
    if style == "functional":
        fitted = model.fit(X, GARBAGE, batch_size=B, verbose=0).history["loss"]
        np.testing.assert_allclose(fitted, [expected], rtol=1e-5)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_an_embedding_masks_its_zeros():
    tokens = np.where(VALID, np.random.default_rng(0).integers(1, 6, [B, STEPS]), 0)
    layers = [keras.layers.Embedding(6, 2 * K, mask_zero=True), *_last("layer")]
    params = np.asarray(layers[0](tokens))
    model = _untrained([keras.Input([STEPS], dtype="int32"), *layers])
    steps = _nll(params, Y) + WEIGHT * _kl(params)
    expected = np.where(VALID, steps, 0.0).sum(1).mean()
    evaluated = model.evaluate(tokens, GARBAGE, batch_size=B, verbose=0)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)


def _masked(rv, mask=VALID):
    rv._keras_mask = tf.constant(mask)
    return rv


def test_samples_and_averaged_steps_with_a_mask():
    params = np.random.default_rng(0).normal(size=(B, STEPS, 2 * K)).astype(np.float32)
    rv = _masked(tfpl.IndependentNormal([K], lambda d: d.sample(7))(params))
    ratio = np.float64(rv.log_prob(rv) - _prior().log_prob(rv))
    ratio = np.where(VALID, ratio, 0.0)
    kl = tfpl.KLDivergenceRegularizer(_prior())(rv)
    np.testing.assert_allclose(kl, ratio.sum(2).mean(), rtol=1e-5)
    kl = tfpl.KLDivergenceRegularizer(_prior(), test_points_reduce_axis=-1)(rv)
    counts = np.maximum(LENGTHS, 1)
    np.testing.assert_allclose(kl, (ratio.sum(2) / counts).mean(), rtol=1e-5)


def test_further_batch_axes_share_the_mask_of_their_step():
    params = np.random.default_rng(0).normal(size=(B, STEPS, 3, 2)).astype(np.float32)
    y = np.zeros([B, STEPS, 3], np.float32)
    rv = _masked(tfpl.IndependentNormal()(params))
    expected = np.where(VALID[..., None], _nll(params, y[..., None]), 0.0)
    loss = NegativeLogLikelihood()(y, rv)
    np.testing.assert_allclose(loss, expected.sum((1, 2)).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("bad", "jit_compile"), [(np.nan, False), (np.nan, True), (0.0, False)]
)
def test_padding_without_a_finite_gradient_leaves_the_others_alone(bad, jit_compile):
    # Zero times infinity, the gradient of a plain `tf.where`, is NaN.
    raw = tf.constant(np.random.default_rng(0).normal(size=(B, STEPS)), tf.float32)
    y = tf.constant(np.where(VALID, 2.0, bad), tf.float32)

    @tf.function(jit_compile=jit_compile)
    def loss_and_gradient(raw):
        with tf.GradientTape() as tape:
            tape.watch(raw)
            gamma = tfd.Gamma(tf.nn.softplus(raw), 1.0)
            rv = _masked(CoercibleDistribution(gamma, tfd.Distribution.mean))
            loss = NegativeLogLikelihood()(y, rv)
        return loss, tape.gradient(loss, raw)

    loss, gradient = loss_and_gradient(raw)
    expected = -tfd.Gamma(tf.nn.softplus(raw), 1.0).log_prob(2.0)
    expected = np.where(VALID, expected, 0.0).sum(1).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(np.asarray(gradient)[~VALID], 0.0)
    assert np.all(np.asarray(gradient)[VALID] != 0.0)


@pytest.mark.parametrize("exact", [False, True])
def test_a_batch_of_padding_alone_is_zero_nats(exact):
    params = tf.zeros([B, STEPS, 2 * K])
    with tf.GradientTape() as tape:
        tape.watch(params)
        rv = _masked(tfpl.IndependentNormal([K])(params), np.zeros([B, STEPS], bool))
        loss = NegativeLogLikelihood()(np.full([B, STEPS, K], np.nan), rv)
        loss += tfpl.KLDivergenceRegularizer(_prior(), exact)(rv)
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, params), tf.zeros_like(params))


def test_a_mask_within_the_event_is_refused():
    layer = tfpl.DistributionLambda(
        lambda t: tfd.Independent(tfd.Normal(t[..., 0], 1.0), 1)
    )
    rv = layer(keras.layers.Masking()(X))
    with pytest.raises(ValueError, match="make the masked steps a batch axis"):
        NegativeLogLikelihood()(Y[..., 0], rv)


def test_a_layer_of_several_inputs_joins_their_masks():
    layer = tfpl.DistributionLambda(lambda t: tfd.Normal(t[0], tf.exp(t[1])))
    other = np.where(np.arange(STEPS)[:, None] > 0, 1.0, np.zeros([B, STEPS, 3]))
    masked = keras.layers.Masking()(other.astype(np.float32))
    rv = layer([keras.layers.Masking()(X), masked])
    np.testing.assert_array_equal(mask_of(rv), VALID & (np.arange(STEPS) > 0))
    rv = layer([X, masked])
    np.testing.assert_array_equal(mask_of(rv), mask_of(masked))


def test_a_mask_given_by_hand_counts():
    rv = tfpl.IndependentNormal([1])(X[..., :2], mask=tf.constant(VALID))
    np.testing.assert_array_equal(mask_of(rv), VALID)


def test_time_distributed_divergences_leave_padding_out():
    (layer,) = _last("regularizer")
    distributed = keras.layers.TimeDistributed(layer)
    params = np.random.default_rng(0).normal(size=(B, STEPS, 2 * K)).astype(np.float32)
    distributed(params, mask=tf.constant(VALID))
    expected = WEIGHT * np.where(VALID, _kl(params), 0.0).sum(1).mean()
    np.testing.assert_allclose(sum(distributed.losses), expected, rtol=1e-5)


def test_a_user_s_layer_needs_no_mask_argument():
    @keras.saving.register_keras_serializable(package="tests")
    class Plain(tfpl.DistributionLayer):
        def call(self, params):
            return self.coercible(tfpl.IndependentNormal.new(params, [K]))

    kl = tfpl.KLDivergenceRegularizer(_prior(), use_exact_kl=True)
    layer = Plain(activity_regularizer=kl)
    dense = keras.layers.Dense(2 * K)
    layer(dense(keras.layers.Masking()(X)))
    expected = np.where(VALID, _kl(dense(X)), 0.0).sum(1).mean()
    np.testing.assert_allclose(layer.losses[0], expected, rtol=1e-5)
