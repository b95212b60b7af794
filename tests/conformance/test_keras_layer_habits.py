"""What people do with a Keras model, done with one that ends in each of our layers."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import decoders
from tfsigmavae import layers as tfpl
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tests")
def unit_normal_vector(loc):
    return tfd.Independent(tfd.Normal(loc, 1.0), 1)


def _normal_with_kl():
    prior = tfd.Independent(tfd.Normal(tf.zeros([2]), 1.0), 1)
    regularizer = tfpl.KLDivergenceRegularizer(prior, weight=0.1)
    return tfpl.IndependentNormal(2, activity_regularizer=regularizer)


# Name: (how it is made, shape of its input, shape of its event).
LAYERS = {
    "DiagonalNormal": (lambda: tfpl.DiagonalNormal(2), [4], [2]),
    "IndependentNormal": (lambda: tfpl.IndependentNormal([3, 2]), [12], [3, 2]),
    "IndependentLogistic": (lambda: tfpl.IndependentLogistic(2), [4], [2]),
    "IndependentBernoulli": (lambda: tfpl.IndependentBernoulli(2), [2], [2]),
    "IndependentPoisson": (lambda: tfpl.IndependentPoisson(2), [2], [2]),
    "MultivariateNormalTriL": (lambda: tfpl.MultivariateNormalTriL(3), [9], [3]),
    "OneHotCategorical": (lambda: tfpl.OneHotCategorical(3), [3], [3]),
    "CategoricalMixtureOfOneHotCategorical": (
        lambda: tfpl.CategoricalMixtureOfOneHotCategorical(3, 2),
        [8],
        [3],
    ),
    "MixtureNormal": (lambda: tfpl.MixtureNormal(2, 3), [14], [3]),
    "MixtureLogistic": (lambda: tfpl.MixtureLogistic(2, 3), [14], [3]),
    "MixtureSameFamily": (
        lambda: tfpl.MixtureSameFamily(2, tfpl.IndependentNormal(3)),
        [14],
        [3],
    ),
    "DistributionLambda": (
        lambda: tfpl.DistributionLambda(unit_normal_vector),
        [3],
        [3],
    ),
    "KLDivergenceRegularizer": (_normal_with_kl, [4], [2]),
}
DECODERS = {
    name: (
        lambda name=name: decoders.get(name),
        [4, 4, decoders.get(name).params_size(3)],
        [4, 4, 3],
    )
    for name in decoders.names()
}


def _model(make, input_shape):
    inputs = keras.Input(input_shape)
    scale = keras.layers.Dense(input_shape[-1], kernel_initializer="identity")
    model = keras.Model(inputs, make()(scale(inputs)))
    model.compile(keras.optimizers.SGD(1e-3), NegativeLogLikelihood(), run_eagerly=True)
    return model


@pytest.fixture(params=LAYERS | DECODERS, scope="module")
def case(request):
    """A model, inputs and targets that its distribution can give."""
    make, input_shape, event = (LAYERS | DECODERS)[request.param]
    model = _model(make, input_shape)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=[4, *input_shape]).astype(np.float32)
    if request.param in DECODERS:
        targets = rng.integers(0, 256, [4, *event], np.uint8)
    else:
        targets = np.asarray(model(inputs).sample(seed=0))
    return model, inputs, targets


def _log_prob(model, inputs, targets):
    return np.asarray(model(inputs).log_prob(targets))


def _copies(model, path):
    """The model again, by every way that there is."""
    model.save(path / "model.keras")
    yield keras.models.load_model(path / "model.keras")
    yield copy.deepcopy(model)
    yield pickle.loads(pickle.dumps(model))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    yield clone
    clone = type(model).from_config(model.get_config())
    model.save_weights(path / "model.weights.h5")
    clone.load_weights(path / "model.weights.h5")
    yield clone


# A decoder that fits sigma wants a target as an input of the model.
pytestmark = pytest.mark.filterwarnings("ignore:.*without|.*no `target`")


def test_summary_shows_the_shape(case):
    model, inputs, targets = case
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    shape = ", ".join(map(str, targets.shape[1:]))
    assert f"(None, {shape})" in "\n".join(lines)
    assert f"{model.count_params():,}" in "\n".join(lines)
    assert model.output_shape == (None, *targets.shape[1:])


def test_copies_give_the_same_likelihood(case, tmp_path):
    model, inputs, targets = case
    expected = _log_prob(model, inputs, targets)
    for other in _copies(model, tmp_path):
        np.testing.assert_allclose(_log_prob(other, inputs, targets), expected, 1e-5)


def test_it_trains_on_every_source(case):
    model, inputs, targets = case
    weights = model.get_weights()
    dataset = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(4)
    for source in (
        (inputs, targets),
        (dataset,),
        (((inputs, targets) for _ in range(1)),),
    ):
        model.set_weights(weights)
        before = -_log_prob(model, inputs, targets).mean()
        loss = model.fit(*source, verbose=0, shuffle=False).history["loss"][0]
        extra = sum(map(float, model.losses))
        # Sampled KL terms differ from call to call.
        tolerance = 0.5 if extra else 1e-3
        np.testing.assert_allclose(loss, before, rtol=tolerance, atol=tolerance)
    model.set_weights(weights)
    assert model.predict(inputs, verbose=0).shape == targets.shape
    assert model.predict_on_batch(inputs).shape == targets.shape


def test_examples_are_weighed(case):
    model, inputs, targets = case
    given = np.float32([2, 0, 0, 0])
    losses = []
    for arguments in (
        {"x": inputs, "y": targets, "sample_weight": given, "verbose": 0},
        {"x": inputs[:1], "y": targets[:1], "verbose": 0},
    ):
        losses.append(model.evaluate(**arguments))
    if not model.losses:
        # Keras divides by the number of examples.
        np.testing.assert_allclose(losses[0], 2 * losses[1] / 4, rtol=1e-4)


def test_a_frozen_layer_keeps_its_weights(case):
    model, inputs, targets = case
    layer = model.layers[-1]
    layer.trainable = False
    before = layer.get_weights()
    model.train_on_batch(inputs, targets)
    layer.trainable = True
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_it_is_exported(case, tmp_path):
    model, inputs, targets = case
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    assert served.serve(inputs[:3]).shape == (3, *targets.shape[1:])
