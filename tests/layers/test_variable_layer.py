"""A trainable constant as a layer."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.layers import VariableLayer


@pytest.mark.parametrize(
    "shape", [[2, 3], (2, 3), np.array([2, 3]), tf.constant([2, 3])]
)
def test_the_input_is_ignored(shape):
    layer = VariableLayer(shape, initializer="ones", activation=lambda x: 3.0 * x)
    for inputs in (tf.zeros([5, 7]), np.float32(0.0), tf.zeros([])):
        np.testing.assert_array_equal(layer(inputs), np.full([2, 3], 3.0))
    assert layer(keras.Input([7])).shape == (2, 3)


def test_an_int_is_the_shape_of_a_vector():
    np.testing.assert_array_equal(VariableLayer(3)(tf.zeros([1])), np.zeros(3))


def test_the_variable_trains_with_its_regularizer_and_constraint():
    layer = VariableLayer(
        [2],
        initializer=keras.initializers.Constant(3.0),
        regularizer=keras.regularizers.L2(0.5),
        constraint="non_neg",
    )
    model = keras.Sequential([keras.Input([1]), layer])
    model.compile(
        keras.optimizers.SGD(1.0), lambda _, y: y * [1.0, 8.0], jit_compile=False
    )
    model.fit(np.zeros([2, 1]), np.zeros([2, 1]), batch_size=2, verbose=0)
    # 3 - (1 + 3) / 2 ... the loss is the mean over the vector: gradients 0.5 and 4.
    np.testing.assert_allclose(model.get_weights()[0], [0.0, 0.0], atol=1e-6)


def test_it_may_be_frozen():
    assert not VariableLayer([2], trainable=False).trainable_weights


@pytest.mark.parametrize("dtype", ["float64", tf.float64])
def test_dtype(dtype):
    assert VariableLayer([2], dtype=dtype)(tf.zeros([1])).dtype == tf.float64


def test_configuration_round_trip():
    layer = VariableLayer(
        [2, 3], None, "softplus", "ones", "l2", "non_neg", name="constant"
    )
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == layer.get_config()
    np.testing.assert_array_equal(twin(tf.zeros([1])), layer(tf.zeros([1])))


@pytest.mark.parametrize("shape", [[0], [-1], 2.5, [[2]]])
def test_shapes_that_are_none_are_refused(shape):
    with pytest.raises(ValueError, match="`shape` must be a positive integer"):
        VariableLayer(shape)
