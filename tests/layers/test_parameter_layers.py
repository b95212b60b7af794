"""Layers from a vector of parameters to a distribution, against NumPy in float64."""

import functools
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import (
    CategoricalMixtureOfOneHotCategorical,
    DistributionLambda,
    IndependentBernoulli,
    IndependentLogistic,
    IndependentNormal,
    IndependentPoisson,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
    MultivariateNormalTriL,
    OneHotCategorical,
)

tfd = tfp.distributions


def _softplus(x):
    return np.logaddexp(0.0, x)


def _log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def _sum_event(x, event_shape):
    return x.reshape(*x.shape[: x.ndim - len(event_shape)], -1).sum(-1)


def _halves(params, event_shape):
    loc, raw = np.split(params, 2, axis=-1)
    shape = (*params.shape[:-1], *event_shape)
    return loc.reshape(shape), _softplus(raw).reshape(shape)


def _normal(params, value, event_shape):
    loc, scale = _halves(params, event_shape)
    z = (value - loc) / scale
    return _sum_event(
        -0.5 * z**2 - np.log(scale) - 0.5 * np.log(2 * np.pi), event_shape
    )


def _logistic(params, value, event_shape):
    loc, scale = _halves(params, event_shape)
    z = (value - loc) / scale
    return _sum_event(-z - np.log(scale) - 2.0 * _softplus(-z), event_shape)


def _bernoulli(params, value, event_shape):
    logits = params.reshape(*params.shape[:-1], *event_shape)
    return _sum_event(value * logits - _softplus(logits), event_shape)


def _poisson(params, value, event_shape):
    log_rate = params.reshape(*params.shape[:-1], *event_shape)
    log_factorial = np.vectorize(math.lgamma)(value + 1.0)
    return _sum_event(value * log_rate - np.exp(log_rate) - log_factorial, event_shape)


def _one_hot(params, value, event_shape):
    return (value * _log_softmax(params)).sum(-1)


def _multivariate_normal(params, value, event_shape):
    (size,) = event_shape
    loc, raw = params[..., :size], params[..., size:]
    # TFP fills the triangle with what follows the first row, then all of it backwards.
    square = np.concatenate([raw[..., size:], raw[..., ::-1]], axis=-1)
    tril = np.tril(square.reshape(*raw.shape[:-1], size, size))
    diagonal = _softplus(np.diagonal(tril, axis1=-2, axis2=-1)) + 1e-5
    tril = np.tril(tril, -1) + diagonal[..., None] * np.eye(size)
    z = np.linalg.solve(tril, (value - loc)[..., None])[..., 0]
    return (-0.5 * z**2 - np.log(diagonal) - 0.5 * np.log(2 * np.pi)).sum(-1)


def _mixture(component):
    def log_prob(params, value, event_shape, k=3):
        log_weights = _log_softmax(params[..., :k])
        rest = params[..., k:].reshape(*params.shape[:-1], k, -1)
        value = np.expand_dims(value, params.ndim - 1)
        return np.logaddexp.reduce(
            log_weights + component(rest, value, event_shape), axis=-1
        )

    return log_prob


def _real(rng, shape):
    return rng.normal(size=shape)


def _bits(rng, shape):
    return rng.integers(0, 2, shape)


def _counts(rng, shape):
    return rng.integers(0, 9, shape)


def _one_of(rng, shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def _triangular_mixture(**kwargs):
    return MixtureSameFamily(3, MultivariateNormalTriL(2), **kwargs)


def _case(make, arguments, event_shape, size, log_prob, values):
    name = make.__name__.strip("_")
    return pytest.param(make, arguments, event_shape, size, log_prob, values, id=name)


CASES = [
    _case(IndependentNormal, [(2, 3)], (2, 3), 12, _normal, _real),
    _case(IndependentLogistic, [(2, 3)], (2, 3), 12, _logistic, _real),
    _case(IndependentBernoulli, [(2, 3)], (2, 3), 6, _bernoulli, _bits),
    _case(IndependentPoisson, [(2, 3)], (2, 3), 6, _poisson, _counts),
    _case(MultivariateNormalTriL, [3], (3,), 9, _multivariate_normal, _real),
    _case(OneHotCategorical, [5], (5,), 5, _one_hot, _one_of),
    _case(
        CategoricalMixtureOfOneHotCategorical,
        [4, 3],
        (4,),
        15,
        _mixture(_one_hot),
        _one_of,
    ),
    _case(MixtureNormal, [3, (2,)], (2,), 15, _mixture(_normal), _real),
    _case(MixtureLogistic, [3, (2,)], (2,), 15, _mixture(_logistic), _real),
    _case(_triangular_mixture, [], (2,), 18, _mixture(_multivariate_normal), _real),
]
ALL = pytest.mark.parametrize("make,arguments,event_shape,size,log_prob,values", CASES)
INDEPENDENT = [
    IndependentNormal,
    IndependentLogistic,
    IndependentBernoulli,
    IndependentPoisson,
]


def _parameters(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@ALL
def test_log_prob(make, arguments, event_shape, size, log_prob, values):
    layer = make(*arguments)
    if make is not _triangular_mixture:
        assert layer.params_size(*arguments) == size
    for batch in [(4,), (2, 3)]:
        params = _parameters(*batch, size)
        value = values(np.random.default_rng(1), (*batch, *event_shape))
        distribution = layer(params)
        assert distribution.batch_shape == batch and distribution.shape[: -len(batch)]
        assert distribution.event_shape == event_shape
        assert distribution.shape == (*batch, *event_shape)
        expected = log_prob(params.astype(np.float64), value, event_shape)
        # float32 sums of some ten terms.
        result = distribution.log_prob(value.astype(np.float32))
        np.testing.assert_allclose(result, expected, rtol=2e-4, atol=1e-4)


@ALL
def test_keras_knows_the_shape(make, arguments, event_shape, size, log_prob, values):
    """Sizes are static where they can be, else a Dense layer could not follow."""
    output = make(*arguments)(keras.Input([None, size]))
    assert tuple(output.shape) == (None, None, *event_shape)
    assert output.dtype == "float32"


@ALL
def test_gradient_descent_fits_it(make, arguments, event_shape, size, log_prob, values):
    layer = make(*arguments, convert_to_tensor_fn="mean")
    value = values(np.random.default_rng(1), (1, *event_shape)).astype(np.float32)
    params = tf.Variable(_parameters(1, size))
    losses = []
    for _ in range(6):
        with tf.GradientTape() as tape:
            loss = -layer(params).log_prob(value)
        gradient = tape.gradient(loss, params)
        assert np.isfinite(gradient).all()
        params.assign_sub(0.02 * gradient)
        losses.append(float(loss[0]))
    assert all(
        after < before for before, after in zip(losses, losses[1:], strict=False)
    )


def test_the_number_of_parameters_may_be_unknown():
    """As a reshape before the layer may leave it."""
    output = IndependentNormal([2, 3], "mean")(keras.Input([None]))
    assert output.shape == (None, 2, 3)
    layer = MultivariateNormalTriL(3, "mean")
    assert layer(keras.Input([None])).shape == (None, 3)
    free = tf.function(layer, input_signature=[tf.TensorSpec([None, None])])
    assert free(tf.zeros([4, 9])).shape == [4, 3]
    with pytest.raises(tf.errors.InvalidArgumentError):
        free(tf.zeros([4, 10]))


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (IndependentLogistic((2, 3)), 12),
        (CategoricalMixtureOfOneHotCategorical(4, 3), 15),
        (_triangular_mixture(), 18),
    ],
)
def test_xla_gives_the_same(layer, size):
    params = tf.constant(_parameters(4, size))
    value = layer(params) + 0.0

    def log_prob_and_gradient(params):
        with tf.GradientTape() as tape:
            tape.watch(params)
            result = layer(params).log_prob(value)
        return result, tape.gradient(result, params)

    compiled = tf.function(log_prob_and_gradient, jit_compile=True)(params)
    for ours, expected in zip(compiled, log_prob_and_gradient(params), strict=True):
        assert np.isfinite(ours).all() and np.any(ours)
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)


@ALL
def test_new_takes_parameters_of_unknown_rank(
    make, arguments, event_shape, size, log_prob, values
):
    if make is _triangular_mixture:
        make, arguments = MixtureSameFamily, [3, MultivariateNormalTriL(2)]
    new = tf.function(
        lambda params: make.new(params, *arguments).mean(),
        input_signature=[tf.TensorSpec(None)],
    )
    params = _parameters(2, 3, size)
    expected = make.new(params, *arguments, name="x").mean()
    np.testing.assert_allclose(new(params), expected, rtol=1e-5)


@ALL
def test_configuration_round_trip(make, arguments, event_shape, size, log_prob, values):
    layer = make(*arguments, convert_to_tensor_fn="mean", validate_args=True, name="x")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == layer.get_config()
    params = _parameters(4, size)
    value = values(np.random.default_rng(1), (4, *event_shape)).astype(np.float32)
    np.testing.assert_array_equal(twin(params), layer(params).mean())
    ours, theirs = twin(params).log_prob(value), layer(params).log_prob(value)
    np.testing.assert_array_equal(ours, theirs)
    assert layer(params).validate_args and twin(params).validate_args


@ALL
def test_parameters_of_another_size_are_refused(
    make, arguments, event_shape, size, log_prob, values
):
    for wrong in (size - 1, size + 1, 2 * size):
        with pytest.raises(ValueError, match="last axis of the parameters must"):
            make(*arguments)(tf.zeros([4, wrong]))


def test_several_in_one_model_saved_reloaded_and_exported(tmp_path):
    # The logistic ones share all their code with the normal ones.
    cases = [case.values for case in CASES if "Logistic" not in case.id]
    inputs = keras.Input([15])
    outputs = [
        make(*arguments, convert_to_tensor_fn="mean", name=f"layer_{number}")(
            keras.layers.Dense(size)(inputs)
        )
        for number, (make, arguments, _, size, *_) in enumerate(cases)
    ]
    model = keras.Model(inputs, outputs)
    assert model.output_shape == [
        (None, *event_shape) for _, _, event_shape, *_ in cases
    ]
    params = _parameters(3, 15)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    model.export(tmp_path / "saved", verbose=False)
    exported = tf.saved_model.load(tmp_path / "saved")
    for ours, twin, served in zip(
        model(params), reloaded(params), exported.serve(params), strict=True
    ):
        assert isinstance(twin, CoercibleDistribution)
        np.testing.assert_array_equal(twin.log_prob(ours), ours.log_prob(ours))
        # The graph may order float32 operations otherwise.
        np.testing.assert_allclose(served, ours, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", INDEPENDENT)
def test_a_scalar_event_is_the_default(kind):
    size = kind.params_size()
    distribution = kind()(_parameters(3, 2, size))
    assert distribution.batch_shape == [3, 2] and distribution.event_shape == []
    assert distribution.shape == [3, 2]
    assert kind()(keras.Input([2, size])).shape == (None, 2)


@pytest.mark.parametrize(
    "event_shape",
    [3, [3], (3,), np.array([3]), np.int64(3), tf.constant([3]), tf.TensorShape([3])],
)
def test_event_shapes_come_in_many_types(event_shape):
    layer = IndependentNormal(event_shape)
    assert layer.event_shape == (3,) and type(layer.event_shape[0]) is int
    size = IndependentNormal.params_size(event_shape)
    assert size == 6 and type(size) is int
    assert keras.layers.Dense(size).units == 6
    assert MixtureNormal.params_size(tf.constant(2), event_shape) == 14


@pytest.mark.parametrize("wrong", [0, -1, 2.5, [2, None], [[2]], "2", tf.constant(2.0)])
def test_sizes_that_are_no_positive_integers_are_refused(wrong):
    for make in (
        lambda: IndependentNormal(wrong),
        lambda: MixtureNormal(2, wrong),
        lambda: IndependentPoisson.params_size(wrong),
    ):
        with pytest.raises(ValueError, match="`event_shape` must be a positive int"):
            make()
    with pytest.raises(ValueError, match="`event_size` must be a positive integer"):
        MultivariateNormalTriL(wrong)
    with pytest.raises(ValueError, match="`num_components` must be a positive"):
        MixtureLogistic(wrong)


def test_a_size_known_only_in_the_graph_is_refused():
    sizes = tf.function(lambda size: IndependentNormal.params_size(size))
    with pytest.raises(ValueError, match="known in advance"):
        sizes(tf.constant([2]))


def test_half_precision_parameters_give_a_float32_distribution():
    params = tf.cast(_parameters(3, 9), tf.bfloat16)
    assert MultivariateNormalTriL(3)(params).dtype == tf.float32
    assert MixtureNormal(3)(params).log_prob(tf.zeros([3])).dtype == tf.float32


def test_new_keeps_the_dtype_of_its_parameters():
    params = _parameters(3, 9).astype(np.float64)
    assert MultivariateNormalTriL.new(params, 3).dtype == tf.float64
    assert MixtureNormal.new(params, 3).dtype == tf.float64
    assert OneHotCategorical.new(params, 9).dtype == tf.float64


@pytest.mark.parametrize("value", [-1.0, 0.5])
def test_validate_args_reaches_the_scalars(value):
    params = tf.zeros([1, 2])
    IndependentBernoulli(2)(params).log_prob([[value, value]])
    with pytest.raises(tf.errors.InvalidArgumentError):
        checked = IndependentBernoulli(2, validate_args=True)(params)
        checked.log_prob([[value, value]])


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda dtype: IndependentBernoulli((2, 3), "sample", dtype), 6),
        (lambda dtype: OneHotCategorical(6, "sample", dtype), 6),
        (
            lambda dtype: CategoricalMixtureOfOneHotCategorical(6, 2, "sample", dtype),
            14,
        ),
    ],
)
@pytest.mark.parametrize("dtype", [None, tf.int32, "int32", np.uint8])
def test_dtype_of_samples(make, size, dtype):
    layer = make(dtype)
    distribution = layer(_parameters(4, size))
    assert distribution.dtype == (dtype or tf.float32)
    assert distribution.mean().dtype == tf.float32
    twin = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert twin(_parameters(4, size)).dtype == distribution.dtype


@pytest.mark.parametrize("logits", [tfd.Bernoulli.logits, "logits"])
def test_logits_of_bernoullis_stand_in_the_shape_of_the_event(logits):
    params = _parameters(4, 6)
    layer = IndependentBernoulli((2, 3), logits)
    np.testing.assert_array_equal(layer(params), params.reshape(4, 2, 3))
    twin = IndependentBernoulli.from_config(layer.get_config())
    np.testing.assert_array_equal(twin(params), params.reshape(4, 2, 3))
    one_hot = OneHotCategorical(6, tfd.OneHotCategorical.logits)
    np.testing.assert_array_equal(one_hot(params), params)


def test_several_samples_stand_in_front():
    layer = IndependentNormal([3], lambda distribution: distribution.sample(5))
    assert layer(_parameters(4, 6)).shape == [5, 4, 3]
    assert layer(keras.Input([6])).shape == (5, None, 3)


def test_mean_of_a_categorical_mixture_is_its_probabilities():
    params = _parameters(4, 15).astype(np.float64)
    weights = np.exp(_log_softmax(params[:, :3]))
    components = np.exp(_log_softmax(params[:, 3:].reshape(4, 3, 4)))
    expected = np.einsum("bk,bkd->bd", weights, components)
    layer = CategoricalMixtureOfOneHotCategorical(4, 3, lambda d: d.log_mean())
    distribution = layer(params)
    np.testing.assert_allclose(distribution.mean(), expected, rtol=1e-5)
    np.testing.assert_allclose(distribution.log_mean(), np.log(expected), rtol=1e-5)
    np.testing.assert_allclose(distribution, np.log(expected), rtol=1e-5)
    sample = distribution.sample(20_000, seed=1)
    # Four standard errors of 20,000 draws.
    np.testing.assert_allclose(np.mean(sample, 0), expected, atol=0.015)


def test_log_mean_does_not_underflow():
    params = np.float32([[0.0, 0.0, 0.0, -200.0, 0.0, -200.0]])
    distribution = CategoricalMixtureOfOneHotCategorical.new(params, 2, 2)
    np.testing.assert_allclose(distribution.log_mean(), [[0.0, -200.0]], atol=1e-5)


def test_components_may_be_made_by_a_function():
    params = _parameters(4, 9)
    mixture = MixtureSameFamily(
        3, lambda raw: tfd.Normal(raw[..., 0], tf.exp(raw[..., 1]))
    )(params)
    assert mixture.batch_shape == [4] and mixture.event_shape == []
    log_weights = _log_softmax(params[:, :3].astype(np.float64))
    loc, log_scale = np.moveaxis(params[:, 3:].reshape(4, 3, 2), -1, 0)
    terms = -0.5 * ((0.5 - loc) / np.exp(log_scale)) ** 2 - log_scale
    expected = np.logaddexp.reduce(log_weights + terms, axis=1) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(mixture.log_prob(0.5), expected, rtol=1e-4)


@keras.saving.register_keras_serializable(package="tests")
class ScaledNormal(IndependentNormal):
    """A component with a weight of its own."""

    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=(), initializer="ones")

    def call(self, params):
        return super().call(params * self.factor)


def test_weights_of_the_component_layer_train():
    layer = MixtureSameFamily(3, ScaledNormal([2]))
    with tf.GradientTape() as tape:
        loss = layer(_parameters(4, 15)).log_prob(tf.zeros([4, 2]))
    (weight,) = layer.trainable_variables
    assert tape.gradient(loss, weight.value) is not None


@keras.saving.register_keras_serializable(package="tests")
def unit_normals(raw):
    return tfd.Normal(raw[..., 0], 1.0)


def test_a_registered_component_function_is_saved_and_a_partial_one_is_not():
    layer = MixtureSameFamily(2, unit_normals)
    twin = MixtureSameFamily.from_config(json.loads(json.dumps(layer.get_config())))
    assert twin.component_layer is unit_normals
    with pytest.raises(ValueError, match="`component_layer` cannot be saved"):
        MixtureSameFamily(2, functools.partial(unit_normals)).get_config()


def test_a_component_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="`component_layer` must be a layer or a"):
        MixtureSameFamily(2, tfd.Normal(0.0, 1.0))


def test_time_distributed():
    layer = keras.layers.TimeDistributed(IndependentNormal([3], "mean"))
    assert layer(keras.Input([4, 6])).shape == (None, 4, 3)
    params = _parameters(2, 4, 6)
    np.testing.assert_array_equal(layer(params), params[..., :3])


CONCRETE = [
    IndependentBernoulli([2]),
    IndependentLogistic([2]),
    IndependentNormal([2]),
    IndependentPoisson([2]),
    MixtureLogistic(2, [2]),
    MixtureNormal(2, [2]),
    MixtureSameFamily(2, IndependentNormal([2])),
    MultivariateNormalTriL(2),
    OneHotCategorical(2),
    CategoricalMixtureOfOneHotCategorical(2, 2),
]


@pytest.mark.parametrize("layer", CONCRETE, ids=lambda layer: type(layer).__name__)
def test_each_is_a_distribution_lambda_as_in_tfp(layer):
    assert isinstance(layer, DistributionLambda)
    assert callable(layer.make_distribution_fn)
    config = layer.get_config()
    assert "make_distribution_fn" not in config
    assert type(layer).from_config(config).get_config() == config
    assert not layer._layers or isinstance(layer, MixtureSameFamily)  # as once saved
