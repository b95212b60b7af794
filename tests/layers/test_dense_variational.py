"""Dense layers of drawn weights: outputs, KL, every mode, saving, errors."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from fresh_process import run_python

from tfsigmavae.layers import (
    DenseVariational,
    DistributionLambda,
    IndependentNormal,
    MultivariateNormalTriL,
    VariableLayer,
)
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
SIZE, UNITS = 3, 2
NUM_WEIGHTS = (SIZE + 1) * UNITS
INPUTS = np.random.default_rng(0).normal(size=(6, SIZE)).astype(np.float32)


@keras.saving.register_keras_serializable(package="tests")
def mean_field(kernel_size, bias_size=0, dtype=None):
    size = kernel_size + bias_size
    start = keras.initializers.RandomNormal(seed=1)
    return keras.Sequential(
        [VariableLayer(2 * size, dtype, None, start), IndependentNormal(size)]
    )


@keras.saving.register_keras_serializable(package="tests")
def trainable_prior(kernel_size, bias_size=0, dtype=None):
    size = kernel_size + bias_size
    return keras.Sequential(
        [
            VariableLayer(size, dtype=dtype),
            DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t, 2.0), 1)),
        ]
    )


@keras.saving.register_keras_serializable(package="tests")
def fixed_prior(kernel_size, bias_size=0, dtype=None):
    loc = tf.fill([kernel_size + bias_size], tf.constant(0.5, dtype))
    return lambda _: tfd.Independent(tfd.Normal(loc, tf.constant(1.0, dtype)), 1)


def full_covariance(kernel_size, bias_size=0, dtype=None):
    size = kernel_size + bias_size
    return keras.Sequential(
        [
            VariableLayer(MultivariateNormalTriL.params_size(size), dtype=dtype),
            MultivariateNormalTriL(size, "mean"),
        ]
    )


def at_its_mean(kernel_size, bias_size=0, dtype=None):
    """Without noise: the outputs are those of a plain dense layer."""
    size = kernel_size + bias_size
    return keras.Sequential(
        [VariableLayer(2 * size, dtype), IndependentNormal(size, "mean")]
    )


def _layer(posterior=mean_field, prior=fixed_prior, **options):
    return DenseVariational(UNITS, posterior, prior, **options)


def _closed_form(params, prior_loc=0.5, prior_scale=1.0):
    """KL of independent normals, nats of all weights, in float64."""
    loc, raw = np.split(np.asarray(params, np.float64), 2)
    scale = np.logaddexp(0.0, raw)
    ratio = (scale**2 + (loc - prior_loc) ** 2) / prior_scale**2
    return np.sum(np.log(prior_scale / scale) + 0.5 * ratio - 0.5)


def _regression(layer, **options):
    scale_one = DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t, 1), 1))
    model = keras.Sequential([keras.Input([SIZE]), layer, scale_one])
    model.compile(keras.optimizers.SGD(0.0), NegativeLogLikelihood(), **options)
    return model


@pytest.mark.parametrize("shape", [(4,), (4, 5), (2, 3, 5)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_outputs_are_those_of_a_dense_layer_with_the_drawn_weights(shape, use_bias):
    layer = _layer(at_its_mean, use_bias=use_bias, activation="tanh")
    inputs = np.random.default_rng(1).normal(size=(*shape, SIZE)).astype(np.float32)
    layer.build(inputs.shape)
    params = np.random.default_rng(2).normal(size=layer.weights[0].shape)
    layer.set_weights([params])
    kernel = params[: SIZE * UNITS].reshape(SIZE, UNITS)
    bias = params[SIZE * UNITS : NUM_WEIGHTS] if use_bias else 0.0
    expected = np.tanh(inputs.astype(np.float64) @ kernel + bias)
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape(inputs.shape) == (*shape, UNITS)


def test_one_draw_of_the_weights_for_all_examples_and_a_new_one_in_each_call():
    layer = _layer()
    same = np.repeat(INPUTS[:1], 5, axis=0)
    one, other = layer(same).numpy(), layer(same).numpy()
    np.testing.assert_allclose(one, np.repeat(one[:1], 5, axis=0), rtol=1e-6)
    assert np.all(one[0] != other[0])
    graph = tf.function(lambda x: layer(x))
    assert np.all(graph(same)[0] != graph(same)[0])


def test_exact_kl_is_the_closed_form_of_all_weights():
    layer = _layer(prior=trainable_prior, kl_use_exact=True)
    for _ in range(2):  # a call takes the place of the one before
        layer(INPUTS)
    (kl,) = layer.losses
    params = layer.trainable_weights[0]
    np.testing.assert_allclose(kl, _closed_form(params, 0.0, 2.0), rtol=1e-5)


@pytest.mark.parametrize("repeats", [1, 4])
def test_inexact_kl_is_that_of_the_weights_drawn_whatever_the_batch(repeats):
    layer = _layer(use_bias=False)
    kernel = layer(np.tile(np.eye(SIZE, dtype=np.float32), [repeats, 1]))[:SIZE]
    weights = np.ravel(kernel).astype(np.float64)
    loc, raw = np.split(np.float64(layer.get_weights()[0]), 2)
    scale = np.logaddexp(0.0, raw)
    # Each log density but for the constant that both have.
    posterior = np.sum(-0.5 * ((weights - loc) / scale) ** 2 - np.log(scale))
    expected = posterior - np.sum(-0.5 * (weights - 0.5) ** 2)
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-4)


@pytest.mark.parametrize("posterior", [mean_field, full_covariance])
@pytest.mark.parametrize("exact", [True, False])
def test_gradients_reach_posterior_and_prior(posterior, exact):
    def prior(kernel_size, bias_size, dtype):
        size = kernel_size + bias_size
        if posterior is mean_field:
            return trainable_prior(kernel_size, bias_size, dtype)
        return keras.Sequential(
            [
                VariableLayer(size, dtype=dtype),
                DistributionLambda(lambda t: tfd.MultivariateNormalDiag(t)),
            ]
        )

    layer = _layer(posterior, prior, kl_use_exact=exact)
    layer.build(INPUTS.shape)
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    with tf.GradientTape() as tape:
        outputs = layer(INPUTS)
        loss = tf.reduce_sum(outputs**2) + tf.add_n(layer.losses)
    assert [w.path.split("/")[1] for w in layer.weights] == ["posterior", "prior"]
    for gradient in tape.gradient(loss, [w.value for w in layer.weights]):
        assert np.all(np.isfinite(gradient)) and np.any(gradient)


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}, {"run_eagerly": True}])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_kl_counts_once_a_step(options, steps):
    if steps == 3 and "run_eagerly" in options:
        pytest.skip("Keras takes one step at a time eagerly")
    layer = _layer(at_its_mean, kl_use_exact=True, kl_weight=0.25)
    options = {"jit_compile": False, **options}
    model = _regression(layer, steps_per_execution=steps, **options)
    target = np.zeros([6, UNITS])
    expected = 0.25 * _closed_form(layer.get_weights()[0])
    expected -= np.sum(model(INPUTS).log_prob(target)) / 6
    history = model.fit(INPUTS, target, batch_size=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history, [expected], rtol=1e-5)
    evaluated = model.evaluate(INPUTS, target, batch_size=2, verbose=0)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)


@pytest.mark.slow
def test_the_kl_counts_once_a_step_of_two_replicas(tmp_path):
    code = """
        import json
        import keras
        import numpy as np
        import tensorflow as tf
        import tensorflow_probability as tfp
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        from tfsigmavae.layers import *
        tfd = tfp.distributions

        def posterior(kernel_size, bias_size, dtype):
            size = kernel_size + bias_size
            return keras.Sequential(
                [VariableLayer(2 * size), IndependentNormal(size, "mean")]
            )

        def prior(kernel_size, bias_size, dtype):
            return lambda _: tfd.Normal(tf.ones(kernel_size), 1.0)

        def losses():
            layer = DenseVariational(
                1, posterior, prior, kl_use_exact=True, use_bias=False
            )
            model = keras.Sequential([keras.Input([2]), layer])
            model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
            data = tf.data.Dataset.from_tensors((tf.ones([4, 2]), tf.ones([4, 1])))
            history = model.fit(data.repeat(3), epochs=2, verbose=0).history["loss"]
            return [*history, *np.ravel(model.get_weights()[0]).tolist()]

        one = losses()
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            print(json.dumps([one, losses()]))
    """
    one, two = json.loads(run_python(code, cwd=tmp_path).splitlines()[-1])
    # The same sums in another order of float32 operations, for six steps.
    np.testing.assert_allclose(two, one, rtol=1e-5)


@pytest.mark.parametrize("make", [tf.Variable, keras.Variable])
def test_the_weight_of_the_kl_may_be_a_variable(make):
    weight = make(0.0, trainable=False)
    layer = _layer(kl_weight=weight, kl_use_exact=True)
    layer(INPUTS)
    step = tf.function(lambda: (layer(INPUTS), layer.losses)[1])
    for value in (0.0, 0.5, 2.0):
        weight.assign(value)
        expected = value * _closed_form(layer.trainable_weights[0])
        np.testing.assert_allclose(step(), [expected], rtol=1e-5)
    assert len(layer.trainable_weights) == len(layer.non_trainable_weights) == 1


def test_distributions_of_independent_scalars_count_as_one_of_a_vector():
    """As programs that leave out `tfd.Independent` have them."""

    def posterior(kernel_size, bias_size, dtype):
        size = kernel_size + bias_size
        return keras.Sequential(
            [
                VariableLayer(2 * size),
                DistributionLambda(
                    lambda t: tfd.Normal(t[:size], tf.nn.softplus(t[size:]))
                ),
            ]
        )

    def prior(kernel_size, bias_size, dtype):
        loc = tf.fill([kernel_size + bias_size], 0.5)
        return lambda _: tfd.Normal(loc, 1.0)

    layer = _layer(posterior, prior, kl_use_exact=True)
    assert layer(INPUTS).shape == [6, UNITS]
    expected = _closed_form(layer.trainable_weights[0])
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)


def test_variables_that_a_distribution_holds_are_trained():
    variable = tf.Variable(tf.zeros([NUM_WEIGHTS]))
    layer = _layer(
        lambda *sizes: lambda _: tfd.MultivariateNormalDiag(variable),
        lambda *sizes: tfd.MultivariateNormalDiag(tf.Variable(variable)),
    )
    assert np.all(layer(INPUTS)[0] != layer(INPUTS)[0])
    assert len(layer.trainable_weights) == 2
    assert any(weight.value is variable for weight in layer.trainable_weights)


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16", tf.float64])
def test_dtype(dtype):
    wanted = "float32" if dtype == "mixed_bfloat16" else "float64"
    asked = []

    def posterior(kernel_size, bias_size, dtype):
        asked.append(dtype)
        return keras.Sequential(
            [VariableLayer(2 * NUM_WEIGHTS, dtype), IndependentNormal(8, dtype=dtype)]
        )

    layer = _layer(posterior, dtype=dtype, kl_use_exact=True)
    assert layer(INPUTS.astype(np.float64)).dtype == wanted
    assert layer.losses[0].dtype == "float32"  # Keras adds losses in `floatx`
    assert asked == [tf.as_dtype(wanted)]
    expected = _closed_form(layer.weights[0])
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)


@pytest.fixture
def everywhere():
    """`everywhere(dtype)` sets Keras' policy, until the test ends."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_it_trains_where_the_dtype_is_keras_default(dtype, everywhere):
    everywhere(dtype)
    model = _regression(_layer(prior=trainable_prior), jit_compile=False)
    history = model.fit(INPUTS, np.zeros([6, UNITS]), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model(INPUTS).dtype == ("float64" if dtype == "float64" else "float32")


def test_integers_are_inputs_too():
    layer = _layer(at_its_mean)
    whole = np.array([[1, 2, 3]])
    np.testing.assert_allclose(layer(whole), layer(whole.astype(np.float32)))


def test_a_frozen_layer_has_nothing_to_train():
    layer = _layer(prior=trainable_prior, trainable=False)
    layer(INPUTS)
    assert not layer.trainable_weights and len(layer.weights) == 2
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_masks_pass():
    inputs = keras.Input([4, SIZE])
    outputs = _layer()(keras.layers.Masking()(inputs))
    assert outputs._keras_mask is not None


@pytest.mark.parametrize("style", ["functional", "sequential", "subclassed"])
def test_the_kl_is_in_the_losses_of_any_model(style):
    layer = _layer(kl_use_exact=True)
    if style == "functional":
        inputs = keras.Input([None, SIZE])
        model = keras.Model(inputs, layer(inputs))
    elif style == "sequential":
        model = keras.Sequential([layer])  # built at its first step
    else:

        class Subclassed(keras.Model):
            def __init__(self):
                super().__init__()
                self.layer = layer

            def call(self, inputs):
                return self.layer(inputs)

        model = Subclassed()
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(INPUTS[:, None], np.zeros([6, 1, UNITS]), verbose=0)
    model(INPUTS[:, None])
    expected = _closed_form(model.trainable_weights[0])
    np.testing.assert_allclose(model.losses, [expected], rtol=1e-5)


def test_a_functional_posterior_takes_an_input_of_its_own_shape():
    def posterior(kernel_size, bias_size, dtype):
        inputs = keras.Input([7])
        params = VariableLayer(2 * (kernel_size + bias_size))(inputs)
        return keras.Model(inputs, IndependentNormal(kernel_size + bias_size)(params))

    assert _layer(posterior)(INPUTS).shape == [6, UNITS]


def test_configuration_round_trip():
    layer = DenseVariational(
        2, mean_field, trainable_prior, 0.5, True, "relu", False, "l2", name="bayes"
    )
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == layer.get_config()
    assert twin.make_prior_fn is trainable_prior and twin.kl_use_exact


@pytest.mark.parametrize("kl_weight", [0.5, "variable"])
def test_a_model_is_saved_with_registered_functions(kl_weight, tmp_path):
    if kl_weight == "variable":
        kl_weight = keras.Variable(0.25, trainable=False)
    layer = _layer(
        prior=trainable_prior, kl_weight=kl_weight, activation="tanh", kl_use_exact=True
    )
    model = keras.Sequential([keras.Input([SIZE]), layer])
    model.set_weights([w + 0.1 for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    for old, new in zip(model.get_weights(), reloaded.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    for each in (model, reloaded):
        each(INPUTS)
    np.testing.assert_allclose(reloaded.losses, model.losses, rtol=1e-6)
    if isinstance(kl_weight, keras.Variable):
        assert float(reloaded.layers[0].kl_weight) == pytest.approx(0.35)


def test_units_must_be_positive():
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        DenseVariational(0, mean_field, fixed_prior)


@pytest.mark.parametrize("wrong", [None, 3, keras.Sequential([VariableLayer(3)])])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(TypeError, match="`make_prior_fn` must be a function of"):
        DenseVariational(1, mean_field, wrong)


@pytest.mark.parametrize("argument", ["make_posterior_fn", "make_prior_fn"])
@pytest.mark.parametrize(
    "returned",
    [
        lambda *sizes: keras.Sequential([VariableLayer(NUM_WEIGHTS)]),
        lambda *sizes: lambda _: tf.zeros([NUM_WEIGHTS]),
        lambda *sizes: None,
    ],
    ids=["model", "function", "nothing"],
)
def test_functions_that_give_no_distribution_are_named(argument, returned):
    functions = {"make_posterior_fn": mean_field, "make_prior_fn": fixed_prior}
    layer = DenseVariational(UNITS, **{**functions, argument: returned})
    with pytest.raises(TypeError, match=f"`{argument}` returns must give a tfd"):
        layer(INPUTS)


@pytest.mark.parametrize("argument", ["make_posterior_fn", "make_prior_fn"])
@pytest.mark.parametrize(
    "distribution",
    [
        tfd.MultivariateNormalDiag(tf.zeros([NUM_WEIGHTS - UNITS])),
        tfd.Normal(0.0, 1.0),
        tfd.MultivariateNormalDiag(tf.zeros([6, NUM_WEIGHTS])),
        tfd.MultivariateNormalDiag(tf.zeros([NUM_WEIGHTS], tf.float64)),
    ],
    ids=["no bias", "scalar", "one for each example", "another dtype"],
)
def test_distributions_of_other_shapes_are_refused(argument, distribution):
    functions = {"make_posterior_fn": mean_field, "make_prior_fn": fixed_prior}
    functions[argument] = lambda *sizes: lambda _: distribution
    with pytest.raises(ValueError, match=f"`{argument}` must make .* of 8 weights"):
        DenseVariational(UNITS, **functions)(INPUTS)


def test_several_draws_at_once_are_refused():
    def posterior(*sizes):
        return keras.Sequential(
            [
                VariableLayer(2 * NUM_WEIGHTS),
                IndependentNormal(NUM_WEIGHTS, lambda d: d.sample(5)),
            ]
        )

    with pytest.raises(ValueError, match="one draw of 8 weights"):
        _layer(posterior)(INPUTS)


def test_the_last_axis_must_be_known():
    with pytest.raises(ValueError, match="last axis of the inputs must be known"):
        _layer()(keras.Input([None]))


def test_inputs_without_a_batch_are_refused():
    with pytest.raises(ValueError, match="min_ndim=2"):
        _layer()(tf.zeros([SIZE]))


def test_another_size_than_at_first_is_refused():
    layer = _layer()
    layer(INPUTS)
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(tf.zeros([6, SIZE + 1]))


def test_functions_that_are_not_registered_are_refused_when_saved():
    with pytest.raises(ValueError, match="`make_posterior_fn` cannot be saved"):
        _layer(full_covariance).get_config()
