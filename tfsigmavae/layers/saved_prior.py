"""What a saved model holds of a KL divergence: its prior, its weight."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.saved_distribution import (
    distribution_config,
    distribution_from_config,
)
from tfsigmavae.layers.saved_function import (
    function_config,
    function_from_config,
    shared_config,
)

tfd = tfp.distributions


def prior_config(prior):
    if isinstance(prior, tfd.Distribution):
        return distribution_config(prior)
    if isinstance(prior, keras.layers.Layer):
        return shared_config(prior)
    return function_config(prior, "distribution_b")


def weight_config(weight):
    if isinstance(weight, (tf.Variable, keras.Variable)):
        return {
            "variable": weight.numpy().tolist(),
            "trainable": weight.trainable,
            "dtype": tf.as_dtype(weight.dtype).name,
        }
    return None if weight is None else np.asarray(weight).tolist()


def weight_from_config(weight):
    """The opposite of `weight_config`; anything but a configuration is left as is."""
    if isinstance(weight, dict):
        return tf.Variable(
            weight["variable"],
            trainable=weight["trainable"],
            dtype=weight.get("dtype", "float32"),
        )
    return weight


def kl_arguments(config):
    """Constructor arguments from what `get_config` gave."""
    prior = config["distribution_b"]
    if "distribution" in prior:
        prior = distribution_from_config(prior)
    return {
        **config,
        "distribution_b": function_from_config(prior),
        "test_points_fn": function_from_config(config["test_points_fn"])
        or tf.convert_to_tensor,
        "weight": weight_from_config(config["weight"]),
    }
