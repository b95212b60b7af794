"""Any function as a distribution layer: what it may be, what is tracked and saved."""

import functools
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DistributionLambda, IndependentNormal, VariableLayer

tfd = tfp.distributions
X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)


@keras.saving.register_keras_serializable(package="tests")
def normal_of_halves(params):
    loc, log_scale = tf.split(params, 2, axis=-1)
    return tfd.Normal(loc, tf.exp(log_scale))


@keras.saving.register_keras_serializable(package="tests")
def mean_and_a_half(distribution):
    return distribution.mean() + 0.5


def _positive(value):
    return tfp.util.TransformedVariable(value, tfp.bijectors.Softplus())


def _is_tracked(variable, layer):
    return [weight.value is variable for weight in layer.weights].count(True) == 1


def test_the_function_makes_the_distribution():
    layer = DistributionLambda(lambda t: tfd.Normal(t[..., 0], tf.exp(t[..., 1])))
    rv = layer(X)
    assert isinstance(rv, CoercibleDistribution) and rv.batch_shape == [16]
    np.testing.assert_array_equal(rv.mean(), X[:, 0])
    z = (0.3 - X[:, 0].astype(np.float64)) / np.exp(X[:, 1])
    expected = -0.5 * z**2 - X[:, 1] - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(rv.log_prob(0.3), expected, rtol=1e-5)


def test_several_inputs():
    layer = DistributionLambda(lambda t: tfd.Normal(*t), "mean")
    loc, scale = keras.Input([3]), keras.Input([3])
    model = keras.Model([loc, scale], layer([loc, scale]))
    rv = model([X, np.full_like(X, 2.0)])
    np.testing.assert_array_equal(rv, X)
    np.testing.assert_array_equal(rv.stddev(), np.full_like(X, 2.0))
    named = DistributionLambda(lambda t: tfd.Normal(t["loc"], t["scale"]), "mean")
    np.testing.assert_array_equal(named({"loc": X, "scale": X**2}), X)


def test_integer_inputs_stay_integers():
    table = tf.constant([1.0, 2.0, 3.0])
    layer = DistributionLambda(lambda i: tfd.Normal(tf.gather(table, i), 1.0), "mean")
    np.testing.assert_array_equal(layer(np.array([2, 0])), [3.0, 1.0])
    assert layer(keras.Input([], dtype="int32")).shape == (None,)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_training_and_mask_are_given_to_who_asks():
    seen = []

    def make(t, training, mask=None):
        seen.append((training, mask))
        return tfd.Normal(t, 1.0)

    layer = DistributionLambda(make)
    layer(X, training=True)
    layer(X, training=False, mask=tf.ones([16]))
    assert [training for training, _ in seen] == [True, False]
    assert seen[0][1] is None and seen[1][1] is not None


def test_a_function_may_end_in_another_layer():
    rv = DistributionLambda(lambda t: IndependentNormal([1], "mean")(t[..., :2]))(X)
    assert isinstance(rv.distribution, tfd.Independent)
    assert rv.shape == [16, 1]


@pytest.mark.parametrize("make", [None, 3.0, tfd.Normal(0.0, 1.0)])
def test_what_is_no_function_is_refused(make):
    with pytest.raises(TypeError, match="`make_distribution_fn` must be a function"):
        DistributionLambda(make)


def test_a_function_that_returns_no_distribution_is_refused():
    with pytest.raises(TypeError, match="must be a tfd.Distribution, got"):
        DistributionLambda(lambda t: 2.0 * t)(X)


def test_a_joint_distribution_stands_for_its_last_variable():
    inputs = keras.Input([])
    params = VariableLayer([2, 4, 3])(inputs)
    params = keras.layers.Dense(3, "softplus", use_bias=False)(params)
    outputs = DistributionLambda(
        lambda t: tfd.JointDistributionSequential(
            [
                tfd.Gamma(t[..., 0] + 1.0, t[..., 1] + 1.0),
                tfd.Normal(t[..., 2], 1.0),
                lambda loc, scale: tfd.Normal(loc, scale),
            ]
        )
    )(params)
    model = keras.Model(inputs, outputs)
    rv = model(tf.zeros([1]))
    assert isinstance(rv.distribution, tfd.JointDistributionSequential)
    assert len(model.weights) == 2 and rv.shape == [2, 4]
    assert rv.log_prob(rv.sample()).shape == [2, 4]


def _sequential(layer):
    model = keras.Sequential([keras.layers.Dense(1), layer])
    model.build((None, 3))
    return model


def _functional(layer):
    inputs = keras.Input([3])
    return keras.Model(inputs, layer(keras.layers.Dense(1)(inputs)))


class Subclassed(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.dense, self.last = keras.layers.Dense(1), layer

    def call(self, inputs):
        return self.last(self.dense(inputs))


@pytest.mark.parametrize("make", [_sequential, _functional, Subclassed])
def test_variables_of_the_distribution_train(make):
    scale = _positive(1.0)
    model = make(DistributionLambda(lambda t: tfd.Normal(t, scale)))
    # Seen at the first trace, so that the optimizer knows of it.
    model.compile(
        keras.optimizers.SGD(0.1),
        loss=lambda y, rv: -rv.log_prob(y),
        jit_compile=False,
    )
    before = scale.numpy()
    model.fit(X, 5.0 * X[:, :1], epochs=1, verbose=0)
    assert _is_tracked(scale.pretransformed_input, model)
    assert len(model.trainable_weights) == 3
    assert scale.numpy() > before


def test_a_variable_of_two_layers_is_one_weight():
    scale = tf.Variable(2.0)
    inputs = keras.Input([3])
    first = DistributionLambda(lambda t: tfd.Normal(t, scale))(inputs)
    second = DistributionLambda(lambda t: tfd.Normal(-t, scale))(first)
    model = keras.Model(inputs, second)
    assert len(model.weights) == 1 and _is_tracked(scale, model)
    model.weights[0].assign(3.0)
    np.testing.assert_array_equal(model(X).stddev(), np.full_like(X, 3.0))


def test_a_variable_that_does_not_train_is_kept_as_such():
    scale = tf.Variable(2.0, trainable=False)
    layer = DistributionLambda(lambda t: tfd.Normal(t, scale))
    layer(X)
    assert not layer.trainable_weights and len(layer.non_trainable_weights) == 1


def test_layers_set_as_attributes_train():
    dense = keras.layers.Dense(2)
    layer = DistributionLambda(lambda t: tfd.Normal(dense(t), 1.0))
    layer.dense = dense
    model = keras.Sequential([keras.Input([3]), layer])
    assert len(model.trainable_weights) == 2


def test_a_keras_variable_set_as_attribute_is_one_weight():
    scale = keras.Variable(2.0)
    layer = DistributionLambda(lambda t: tfd.Normal(t, scale.value))
    layer.scale = scale
    layer(X)
    assert len(layer.trainable_weights) == 1 and layer.trainable_weights[0] is scale


@pytest.mark.parametrize(
    ("thing", "make"),
    [
        (keras.layers.Dense(2), lambda thing, t: tfd.Normal(thing(t), 1.0)),
        (tf.Variable(1.0), lambda thing, t: tfd.Normal(t, tf.nn.softplus(thing))),
        (keras.Variable(1.0), lambda thing, t: tfd.Normal(t, tf.exp(thing))),
    ],
)
def test_it_warns_of_weights_that_would_not_train(thing, make):
    layer = DistributionLambda(lambda t: make(thing, t), name="head")
    with pytest.warns(UserWarning, match=r"layer 'head' uses \['thing'\], whose var"):
        layer(X)
    layer(X)  # once is enough


def test_it_does_not_warn_of_the_model_around_it():
    class Around(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)
            self.last = DistributionLambda(lambda t: tfd.Normal(self.dense(t), 1.0))

        def call(self, inputs):
            return self.last(inputs)

    model = Around()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model(X)
    assert not caught and len(model.trainable_weights) == 2


def test_nor_of_what_cannot_train():
    frozen = tf.Variable(1.0, trainable=False)
    layer = DistributionLambda(lambda t: tfd.Normal(t, tf.exp(frozen)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layer(X)
    assert not caught


def test_registered_functions_are_saved(tmp_path):
    model = keras.Sequential(
        [
            keras.Input([3]),
            keras.layers.Dense(4),
            DistributionLambda(normal_of_halves, mean_and_a_half, name="head"),
        ]
    )
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(X), model(X))
    np.testing.assert_array_equal(reloaded(X), model(X).mean() + 0.5)
    np.testing.assert_array_equal(reloaded(X).log_prob(1.0), model(X).log_prob(1.0))


SIDE = tf.Variable(1.0)


@keras.saving.register_keras_serializable(package="tests")
def normal_with_side_variable(loc):
    return tfd.Normal(loc, SIDE)


def test_side_variables_are_saved(tmp_path):
    model = keras.Sequential(
        [keras.Input([3]), DistributionLambda(normal_with_side_variable)]
    )
    SIDE.assign(4.0)
    model.save(tmp_path / "model.keras")
    SIDE.assign(1.0)
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(X).stddev(), np.full_like(X, 4.0))


def unregistered(t):
    return tfd.Normal(t, 1.0)


@pytest.mark.parametrize(
    "make",
    [
        unregistered,
        functools.partial(unregistered),
    ],
)
def test_what_would_have_to_be_pickled_is_refused(make, tmp_path):
    model = keras.Sequential([keras.Input([3]), DistributionLambda(make)])
    with pytest.raises(ValueError, match="`make_distribution_fn` cannot be sav") as e:
        model.save(tmp_path / "model.keras")
    assert "register_keras_serializable" in str(e.value)
    with pytest.raises(ValueError, match="`convert_to_tensor_fn` cannot be saved"):
        DistributionLambda(normal_of_halves, make).get_config()


def test_functions_of_a_scope_are_found():
    layer = DistributionLambda(unregistered)
    with keras.saving.custom_object_scope({"unregistered": unregistered}):
        config = json.loads(json.dumps(layer.get_config()))
        assert DistributionLambda.from_config(config).make_distribution_fn is (
            unregistered
        )


def test_another_float_policy_leaves_it_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        dense = keras.layers.Dense(3)
        rv = DistributionLambda(lambda t: tfd.Normal(t, 1.0))(dense(X))
    finally:
        keras.config.set_dtype_policy("float32")
    assert rv.dtype == tf.float32 and rv.mean().dtype == tf.float32


def test_summary_and_prediction(capsys):
    model = keras.Sequential(
        [
            keras.Input([3]),
            DistributionLambda(
                lambda t: tfd.Normal(t, 1.0), lambda d: d.sample(2) * 0.0
            ),
        ]
    )
    model.summary()
    assert "(2, None, 3)" in capsys.readouterr().out
    np.testing.assert_array_equal(model.predict(X, verbose=0), np.zeros([2, 16, 3]))
