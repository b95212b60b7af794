"""Everything in float64 where the policy says so, to the last digits, against NumPy."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
RNG = np.random.default_rng(0)
# float64 has 16 digits; what was once rounded to float32 is wrong in the 8th.
EXACT = {"rtol": 1e-12, "atol": 1e-13}


def _softplus(x):
    return np.logaddexp(0.0, x)


def _log_sigmoid(x):
    return -_softplus(-x)


def _log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def _normal(params, y):
    loc, raw = np.split(params, 2, axis=-1)
    scale = _softplus(raw)
    terms = -0.5 * ((y - loc) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
    return terms.sum(-1)


def _logistic(params, y):
    loc, raw = np.split(params, 2, axis=-1)
    scale = _softplus(raw)
    z = (y - loc) / scale
    return (_log_sigmoid(z) + _log_sigmoid(-z) - np.log(scale)).sum(-1)


def _bernoulli(params, y):
    return (y * _log_sigmoid(params) + (1 - y) * _log_sigmoid(-params)).sum(-1)


def _poisson(params, y):
    factorials = np.vectorize(math.lgamma)(y + 1)
    return (y * params - np.exp(params) - factorials).sum(-1)


def _one_hot(params, y):
    return (y * _log_softmax(params)).sum(-1)


def _diagonal(params, y):
    loc, log_variance = np.split(params, 2, axis=-1)
    terms = (y - loc) ** 2 / np.exp(log_variance) + log_variance + np.log(2 * np.pi)
    return -0.5 * terms.sum(-1)


def _triangular(params, y):
    (loc, (a, b, c)) = params[:2], params[2:]
    # Of two dimensions: fill_triangular([a, b, c]) is [[c, 0], [b, a]].
    scale = np.array([[_softplus(c) + 1e-5, 0.0], [b, _softplus(a) + 1e-5]])
    z = np.linalg.solve(scale, y - loc)
    return -0.5 * z @ z - np.log(2 * np.pi * scale[0, 0] * scale[1, 1])


def _mixture(component, k):
    def log_prob(params, y):
        logits, rest = params[..., :k], params[..., k:]
        rest = rest.reshape(*rest.shape[:-1], k, -1)
        parts = _log_softmax(logits) + component(rest, y[..., None, :])
        return np.logaddexp.reduce(parts, axis=-1)

    return log_prob


REAL = RNG.normal(size=(4, 2))
TRUTHS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
COUNTS = np.array([[0.0, 3.0], [1.0, 7.0], [2.0, 0.0], [5.0, 1.0]])
CATEGORIES = np.eye(2)[[0, 1, 1, 0]]
CASES = [
    (tfpl.IndependentNormal, ([2],), 4, _normal, REAL),
    (tfpl.IndependentLogistic, ([2],), 4, _logistic, REAL),
    (tfpl.IndependentBernoulli, ([2],), 2, _bernoulli, TRUTHS),
    (tfpl.IndependentPoisson, ([2],), 2, _poisson, COUNTS),
    (tfpl.OneHotCategorical, (2,), 2, _one_hot, CATEGORIES),
    (
        tfpl.CategoricalMixtureOfOneHotCategorical,
        (2, 3),
        9,
        _mixture(_one_hot, 3),
        CATEGORIES,
    ),
    (tfpl.DiagonalNormal, (2,), 4, _diagonal, REAL),
    (
        tfpl.MultivariateNormalTriL,
        (2,),
        5,
        lambda p, y: np.array([_triangular(*row) for row in zip(p, y, strict=True)]),
        REAL,
    ),
    (tfpl.MixtureNormal, (3, [2]), 15, _mixture(_normal, 3), REAL),
    (tfpl.MixtureLogistic, (3, [2]), 15, _mixture(_logistic, 3), REAL),
    (
        tfpl.MixtureSameFamily,
        (3, tfpl.IndependentNormal([2], dtype="float64")),
        15,
        _mixture(_normal, 3),
        REAL,
    ),
    (
        tfpl.DistributionLambda,
        (lambda t: tfpl.IndependentNormal.new(t, [2]),),
        4,
        _normal,
        REAL,
    ),
]


@pytest.fixture
def restored():
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize(
    ("kind", "arguments", "size", "oracle", "y"),
    CASES,
    ids=[kind.__name__ for kind, *_ in CASES],
)
def test_log_probabilities_have_sixteen_digits(kind, arguments, size, oracle, y):
    params = np.random.default_rng(1).normal(size=(4, size))
    rv = kind(*arguments, dtype="float64")(params)
    assert rv.dtype == rv.sample().dtype == rv.log_prob(y).dtype == tf.float64
    expected = oracle(params, y)
    np.testing.assert_allclose(rv.log_prob(y), expected, **EXACT)
    loss = NegativeLogLikelihood()(y, rv)
    assert loss.dtype == tf.float64
    np.testing.assert_allclose(loss, -expected.mean(), **EXACT)


def test_targets_of_any_float_meet_the_distribution():
    params = RNG.normal(size=(2, 4))
    double = tfpl.IndependentNormal([2], dtype="float64")(params)
    single = tfpl.IndependentNormal([2])(params)
    y = RNG.normal(size=(2, 2))
    rounded = y.astype(np.float32)
    nll = NegativeLogLikelihood()
    for given in (y, y.tolist(), tf.constant(y)):
        np.testing.assert_allclose(
            nll(given, double), -_normal(params, y).mean(), **EXACT
        )
    for given in (rounded, tf.constant(rounded)):
        np.testing.assert_allclose(
            nll(given, double), -_normal(params, np.float64(rounded)).mean(), **EXACT
        )
    assert nll(y, single).dtype == tf.float32


def test_integers_are_taken_in_float64():
    params = RNG.normal(size=(2, 4))
    rv = tfpl.IndependentNormal([2], dtype="float64")(params)
    levels = np.array([[0, 255], [7, 100]], np.uint8)
    expected = -_normal(params, levels / 1.0).mean()
    np.testing.assert_allclose(NegativeLogLikelihood()(levels, rv), expected, **EXACT)


@pytest.mark.parametrize("dtype", [tf.float64, np.float64])
def test_a_dtype_may_be_given_as_one(dtype):
    layer = tfpl.IndependentNormal([2], dtype=dtype)
    assert layer(np.zeros([2, 4])).dtype == tf.float64
    assert tfpl.IndependentNormal.from_config(layer.get_config()).dtype == "float64"


def test_an_asked_dtype_of_the_loss_holds():
    rv = tfpl.IndependentNormal([2], dtype="float64")(RNG.normal(size=(2, 4)))
    assert NegativeLogLikelihood(dtype="float32")(REAL[:2], rv).dtype == tf.float32


def _closed_form_kl(params):
    loc, raw = np.split(params, 2, axis=-1)
    scale = _softplus(raw)
    return (-np.log(scale) + 0.5 * (scale**2 + loc**2) - 0.5).sum(-1)


def _float64_prior():
    zeros = tf.zeros([2], tf.float64)
    return tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)


@pytest.mark.parametrize(
    "weight", [0.1, np.float64(0.1), tf.Variable(0.1, dtype=tf.float64)]
)
@pytest.mark.parametrize("exact", [False, True])
def test_kl_has_sixteen_digits(weight, exact):
    params = RNG.normal(size=(3, 4))
    kl = tfpl.KLDivergenceRegularizer(_float64_prior(), exact, weight=weight)
    rv = tfpl.IndependentNormal([2], dtype="float64")(params)
    if exact:
        expected = _closed_form_kl(params).mean()
    else:
        points = np.asarray(rv)
        log_prior = -0.5 * (points**2).sum(-1) - np.log(2 * np.pi)
        expected = (_normal(params, points) - log_prior).mean()
    np.testing.assert_allclose(kl(rv), 0.1 * expected, **EXACT)


def test_test_points_of_another_dtype_are_taken():
    kl = tfpl.KLDivergenceRegularizer(
        _float64_prior(), test_points_fn=lambda d: tf.zeros([3, 2], tf.float32)
    )
    params = RNG.normal(size=(3, 4))
    rv = tfpl.IndependentNormal([2], dtype="float64")(params)
    expected = (_normal(params, np.zeros([3, 2])) + np.log(2 * np.pi)).mean()
    np.testing.assert_allclose(kl(rv), expected, **EXACT)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", ["regularizer", "layer"])
def test_a_prior_of_the_other_precision_is_named(exact, kind):
    prior = tfd.Independent(tfd.Normal(tf.zeros([2]), 1.0), 1)
    params = np.zeros([3, 4])
    with pytest.raises(ValueError, match="`distribution_b` must have the dtype.*float"):
        if kind == "layer":
            rv = tfpl.IndependentNormal([2], dtype="float64")(params)
            tfpl.KLDivergenceAddLoss(prior, exact)(rv)
        else:
            kl = tfpl.KLDivergenceRegularizer(prior, exact)
            tfpl.IndependentNormal([2], dtype="float64", activity_regularizer=kl)(
                params
            )


def test_a_variable_layer_is_float64():
    layer = tfpl.VariableLayer([2], dtype="float64", initializer="ones")
    assert layer(tf.zeros([1])).dtype == layer.weights[0].dtype == "float64"


def _model(**options):
    """Posterior with its exact KL, and a likelihood; nothing is drawn."""
    prior = keras.Sequential(
        [
            tfpl.VariableLayer([4], **options),
            tfpl.IndependentNormal([2], **options),
        ]
    )
    weight = tf.Variable(0.1, trainable=False, dtype=tf.float64)
    kl = tfpl.KLDivergenceAddLoss(prior, use_exact_kl=True, weight=weight, **options)
    inputs = keras.Input([3], **options)
    x = keras.layers.Dense(4, **options)(inputs)
    x = kl(tfpl.IndependentNormal([2], "mean", **options)(x))
    x = keras.layers.Dense(4, **options)(x)
    return keras.Model(inputs, tfpl.IndependentNormal([2], **options)(x))


def _numpy_loss(model, x, y):
    kernel, bias, kernel_2, bias_2 = (
        layer.get_weights()[i] for layer in (model.layers[1], model.layers[4])
        for i in (0, 1)
    )  # fmt: skip
    prior = model.get_layer(index=3).regularizer.distribution_b.get_weights()[0]
    hidden = x @ kernel + bias
    loc, raw = np.split(hidden, 2, axis=-1)
    prior_loc, prior_scale = prior[:2], _softplus(prior[2:])
    scale = _softplus(raw)
    kl = np.log(prior_scale / scale) - 0.5
    kl = kl + 0.5 * (scale**2 + (loc - prior_loc) ** 2) / prior_scale**2
    nll = -_normal(loc @ kernel_2 + bias_2, y)
    return (nll + 0.1 * kl.sum(-1)).mean()


X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))


@pytest.mark.parametrize(
    ("how", "loss", "jit_compile"),
    [
        ("floatx", "lambda", False),
        ("floatx and policy", "lambda", True),
        ("floatx and policy", "class", True),
    ],
)
def test_a_model_trains_and_is_saved_in_float64(
    how, loss, jit_compile, tmp_path, restored
):
    keras.config.set_floatx("float64")
    options = {"dtype": "float64"} if how == "floatx" else {}
    if not options:
        keras.config.set_dtype_policy("float64")
    model = _model(**options)
    assert {weight.dtype for weight in model.weights} == {"float64"}
    loss = NegativeLogLikelihood() if loss == "class" else lambda y, d: -d.log_prob(y)
    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=jit_compile)
    expected = _numpy_loss(model, X, Y)
    history = model.fit(X, Y, batch_size=6, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history[0], expected, **EXACT)
    assert history[1] < history[0]
    expected = _numpy_loss(model, X, Y)
    evaluated = model.evaluate(X, Y, batch_size=6, verbose=0)
    np.testing.assert_allclose(evaluated, expected, **EXACT)
    if not isinstance(loss, NegativeLogLikelihood):
        return
    model.save(tmp_path / "model.keras")
    twin = keras.models.load_model(tmp_path / "model.keras")
    assert {weight.dtype for weight in twin.weights} == {"float64"}
    np.testing.assert_array_equal(twin(X).log_prob(Y), model(X).log_prob(Y))
    np.testing.assert_allclose(twin.evaluate(X, Y, verbose=0), expected, **EXACT)


@pytest.mark.parametrize("loss", ["class", "lambda"])
@pytest.mark.parametrize("how", ["layers", "floatx alone", "policy alone"])
def test_models_of_two_precisions_train(how, loss, restored):
    # Keras' own sums of losses then are of the one precision, layers of the other.
    if how == "floatx alone":
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float32")
    if how == "policy alone":
        keras.config.set_dtype_policy("float64")
    model = _model(**({"dtype": "float64"} if how == "layers" else {}))
    loss = NegativeLogLikelihood() if loss == "class" else lambda y, d: -d.log_prob(y)
    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
    expected = _numpy_loss(model, X, Y)
    history = model.fit(X, Y, batch_size=6, epochs=1, verbose=0).history["loss"]
    np.testing.assert_allclose(history[0], expected, rtol=1e-5)
