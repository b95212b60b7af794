"""The output of a distribution layer before there is a distribution."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
X = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def _output(layers):
    x = keras.Input([6])
    for layer in layers:
        x = layer(x)
    return x


OUTPUTS = {
    "layer": lambda: _output([tfpl.IndependentNormal([3])]),
    "lambda": lambda: _output([tfpl.DistributionLambda(lambda t: tfd.Normal(t, 1.0))]),
    "kl": lambda: _output(
        [
            tfpl.IndependentNormal([3]),
            tfpl.KLDivergenceAddLoss(tfd.MultivariateNormalDiag(tf.zeros([3]))),
        ]
    ),
}


@pytest.mark.parametrize("name", ["mean", "log_prob", "sample", "loc", "event_shape"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_it_says_where_the_distribution_is(output, name):
    symbolic = OUTPUTS[output]()
    assert isinstance(symbolic, keras.KerasTensor)
    words = rf"no `{name}` yet.*model is called.*model\(x\).{name}.*\"mean\""
    with pytest.raises(AttributeError, match=words):
        getattr(symbolic, name)


def test_keras_sees_a_symbolic_tensor():
    inputs = keras.Input([6])
    hidden = tfpl.IndependentNormal([3], "mean")(inputs)
    assert hidden.shape == (None, 3) and hidden.dtype == "float32"
    assert not hasattr(hidden, "log_prob") and not hasattr(hidden, "_nonsense")
    mixed = keras.ops.exp(hidden) + 2.0 * hidden[:, :1] + keras.layers.Dense(3)(hidden)
    model = keras.Model(inputs, [mixed, hidden])
    half = keras.Model(hidden, mixed)  # the output of one part as the input of another
    np.testing.assert_allclose(half(model(X)[1]), model(X)[0], rtol=1e-6)
    assert "independent_normal" in keras.Model(inputs, hidden).to_json()
    for twin in (
        keras.models.clone_model(model),
        copy.deepcopy(model),
        keras.Model.from_config(model.get_config()),
    ):
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin(X)[0], model(X)[0])


def test_the_way_out_works():
    inputs = keras.Input([6])
    model = keras.Model(inputs, tfpl.IndependentNormal([3])(inputs))
    np.testing.assert_array_equal(model(X).mean(), X[:, :3])
