"""The layers beside those of TFP, which still run on Keras 2.

The only file that may name `tfp.layers` and `tf_keras`: what they give is the oracle.
"""

import inspect
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras

from tfsigmavae import layers

tfd = tfp.distributions
NAMES = [
    "CategoricalMixtureOfOneHotCategorical",
    "DenseVariational",
    "DistributionLambda",
    "IndependentBernoulli",
    "IndependentLogistic",
    "IndependentNormal",
    "IndependentPoisson",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "VariableLayer",
]

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "migrating_from_tfp_layers.md"


def _arguments(function):
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind != inspect.Parameter.VAR_KEYWORD
    ]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_have_the_same_names_and_order(name):
    ours, theirs = getattr(layers, name), getattr(tfp.layers, name)
    expected = _arguments(theirs.__init__)
    assert _arguments(ours.__init__)[: len(expected)] == expected
    for method in ("new", "params_size"):
        if hasattr(theirs, method):
            expected = _arguments(getattr(theirs, method))
            assert _arguments(getattr(ours, method)) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "size", "value"),
    [
        ("IndependentNormal", [[2, 3]], 12, 0.3),
        ("IndependentNormal", [4], 8, 0.3),
        ("IndependentNormal", [], 2, 0.3),
        ("IndependentLogistic", [[2, 3]], 12, 0.3),
        ("IndependentBernoulli", [[2, 3]], 6, 1.0),
        ("IndependentPoisson", [[2, 3]], 6, 2.0),
        ("MultivariateNormalTriL", [4], 14, 0.3),
        ("OneHotCategorical", [5], 5, [0.0, 0.0, 1.0, 0.0, 0.0]),
        ("CategoricalMixtureOfOneHotCategorical", [3, 2], 8, [0.0, 1.0, 0.0]),
        ("MixtureNormal", [3, [2]], 15, 0.3),
        ("MixtureLogistic", [3, [2]], 15, 0.3),
    ],
)
def test_new_gives_the_same_distribution(name, arguments, size, value):
    ours, theirs = getattr(layers, name), getattr(tfp.layers, name)
    assert ours.params_size(*arguments) == theirs.params_size(*arguments) == size
    params = tf.random.stateless_normal([4, 3, size], seed=[1, 2])
    one, other = ours.new(params, *arguments), theirs.new(params, *arguments)
    assert issubclass(type(one), type(other))
    assert (one.batch_shape, one.event_shape) == (other.batch_shape, other.event_shape)
    assert one.dtype == other.dtype
    value = tf.broadcast_to(tf.constant(value), one.batch_shape + one.event_shape)
    np.testing.assert_allclose(one.log_prob(value), other.log_prob(value), rtol=1e-5)
    np.testing.assert_allclose(one.mean(), other.mean(), rtol=1e-5)


def test_mixture_of_another_layer_gives_the_same_distribution():
    params = tf.random.stateless_normal([4, 18], seed=[1, 2])
    one, other = (
        place.MixtureSameFamily.new(params, 3, place.MultivariateNormalTriL(2))
        for place in (layers, tfp.layers)
    )
    np.testing.assert_allclose(one.log_prob([0.1, 0.2]), other.log_prob([0.1, 0.2]))
    sizes = [
        place.MixtureSameFamily.params_size(
            3, place.MultivariateNormalTriL.params_size(2)
        )
        for place in (layers, tfp.layers)
    ]
    assert sizes == [18, 18]


def _names_of_tfp():
    return [
        name
        for name, thing in vars(tfp.layers).items()
        if not inspect.ismodule(thing) and not name.startswith("_")
    ]


def test_the_page_on_moving_over_tells_of_every_name():
    names = _names_of_tfp()
    assert len(names) == 30
    told = set(re.findall(r"\w+", PAGE.read_text()))
    assert not [name for name in names if name not in told]
    assert {name for name in names if hasattr(layers, name)} == set(NAMES)


def _subclassed():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = tfp.layers.IndependentNormal(1)

        def call(self, inputs):
            return self.head(inputs)

    model = Model()
    model.compile("sgd", lambda y, rv: -rv.log_prob(y), jit_compile=False)
    model.fit(np.zeros([2, 2]), np.zeros([2, 1]), verbose=0)


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (
            lambda: keras.Sequential([tfp.layers.IndependentNormal(1)]),
            "Only instances of `keras.Layer` can be added to a Sequential model",
        ),
        (
            lambda: tfp.layers.IndependentNormal(1)(keras.Input([2])),
            "A KerasTensor cannot be used as input to a TensorFlow function",
        ),
        (_subclassed, "'SymbolicTensor' object has no attribute 'log_prob'"),
        (
            lambda: layers.IndependentNormal(1)(keras.Input([2])).log_prob(0.0),
            "There is no `log_prob` yet",
        ),
        (
            lambda: layers.VariableLayer(2)(0.0),
            "Only input tensors may be passed as positional arguments",
        ),
    ],
    ids=["sequential", "functional", "subclassed", "symbolic", "number"],
)
def test_the_page_on_moving_over_quotes_what_keras_says(program, text):
    assert text in PAGE.read_text()
    with pytest.raises((ValueError, AttributeError), match=re.escape(text)):
        program()


# A VAE as they were written for TFP. Means stand for the posteriors and the KL is
# exact, so that two runs can be compared. TFP's regularizer counts the KL twice: the
# same loss has half the weight there.
OLD_PROGRAM = """
image_shape, latent_size = [4, 4, 1], 2
prior = tfd.MultivariateNormalDiag(loc=tf.zeros(latent_size))
encoder = keras.Sequential([
    keras.layers.InputLayer(input_shape=image_shape),
    keras.layers.Flatten(),
    keras.layers.Dense(8, activation="tanh"),
    keras.layers.Dense(tfpl.MultivariateNormalTriL.params_size(latent_size)),
    tfpl.MultivariateNormalTriL(
        latent_size,
        convert_to_tensor_fn=tfd.Distribution.mean,
        activity_regularizer=tfpl.KLDivergenceRegularizer(
            prior, use_exact_kl=True, weight=kl_weight
        ),
    ),
])
decoder = keras.Sequential([
    keras.layers.InputLayer(input_shape=[latent_size]),
    keras.layers.Dense(8, activation="tanh"),
    keras.layers.Dense(tfpl.IndependentBernoulli.params_size(image_shape)),
    tfpl.IndependentBernoulli(image_shape, tfd.Bernoulli.logits),
])
vae = keras.Model(inputs=encoder.inputs, outputs=decoder(encoder.outputs[0]))
vae.compile(
    optimizer=keras.optimizers.SGD(0.1),
    loss=lambda x, rv_x: -rv_x.log_prob(x),
    run_eagerly=True,
)
vae.set_weights(weights)
history = vae.fit(
    pixels, pixels, batch_size=8, epochs=3, shuffle=False, verbose=0
).history["loss"]
evaluated = vae.evaluate(pixels, pixels, batch_size=8, verbose=0)
log_likelihood = vae(pixels).log_prob(pixels)
draw = decoder(prior.sample(3)).mean()
"""


@pytest.mark.filterwarnings("ignore:Argument `input_shape` is deprecated")
@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
def test_an_old_vae_trains_alike_after_the_import_line_is_changed():
    rng = np.random.default_rng(0)
    shapes = [(16, 8), (8,), (8, 5), (5,), (2, 8), (8,), (8, 16), (16,)]
    common = {
        "weights": [0.3 * rng.normal(size=shape) for shape in shapes],
        "pixels": (rng.random([24, 4, 4, 1]) > 0.6).astype(np.float32),
        "tf": tf,
        "tfd": tfd,
    }
    old = {**common, "keras": tf_keras, "tfpl": tfp.layers, "kl_weight": 0.35}
    new = {**common, "keras": keras, "tfpl": layers, "kl_weight": 0.7}
    for namespace in (old, new):
        exec(compile(OLD_PROGRAM, "old program", "exec"), namespace)
    # The same float32 operations through two versions of Keras, for nine steps.
    np.testing.assert_allclose(new["history"], old["history"], rtol=1e-4)
    np.testing.assert_allclose(new["evaluated"], old["evaluated"], rtol=1e-4)
    np.testing.assert_allclose(
        new["log_likelihood"], old["log_likelihood"], rtol=1e-3, atol=1e-3
    )
    assert new["draw"].shape == old["draw"].shape == [3, 4, 4, 1]


# A Bayesian regression, its noise drawn from a fixed seed: both programs see the same.
OLD_REGRESSION = """
def posterior(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    return keras.Sequential([
        tfpl.VariableLayer(2 * n, dtype=dtype),
        tfpl.DistributionLambda(
            lambda t: tfd.Independent(
                tfd.Normal(t[..., :n], 0.1 + tf.nn.softplus(t[..., n:])), 1
            ),
            convert_to_tensor_fn=lambda d: d.sample(seed=tf.constant([1, 2])),
        ),
    ])

def prior(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    return keras.Sequential([
        tfpl.VariableLayer(n, dtype=dtype),
        tfpl.DistributionLambda(
            lambda t: tfd.Independent(tfd.Normal(loc=t, scale=1), 1)
        ),
    ])

model = keras.Sequential([
    tfpl.DenseVariational(
        3, posterior, prior, 1 / len(x), exact, "tanh", use_bias, input_shape=[2]
    ),
    tfpl.DenseVariational(1, posterior, prior, 1 / len(x), exact, use_bias=use_bias),
    tfpl.DistributionLambda(lambda t: tfd.Normal(loc=t, scale=1)),
])
model.compile(
    keras.optimizers.SGD(0.05), lambda y, rv_y: -rv_y.log_prob(y), run_eagerly=True
)
history = model.fit(
    x, y, batch_size=8, epochs=3, shuffle=False, verbose=0
).history["loss"]
evaluated = model.evaluate(x, y, batch_size=8, verbose=0)
mean = model(x).mean()
losses = model.losses
weights = model.get_weights()
"""


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.parametrize(("exact", "use_bias"), [(False, True), (True, False)])
def test_an_old_bayesian_regression_trains_alike(exact, use_bias):
    rng = np.random.default_rng(0)
    x = rng.normal(size=[24, 2]).astype(np.float32)
    given = {"tf": tf, "tfd": tfd, "exact": exact, "use_bias": use_bias}
    given |= {"x": x, "y": x[:, :1] - 1}
    old = {**given, "keras": tf_keras, "tfpl": tfp.layers}
    new = {**given, "keras": keras, "tfpl": layers}
    for namespace in (old, new):
        exec(compile(OLD_REGRESSION, "old regression", "exec"), namespace)
    assert len(new["losses"]) == 2
    # The same float32 operations through two versions of Keras, for nine steps.
    for name in ("history", "evaluated", "mean", "losses"):
        np.testing.assert_allclose(new[name], old[name], rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(new["weights"], old["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
