"""From maps to a Gaussian over one vector."""

import keras
import tensorflow as tf

from tfsigmavae.layers.parameters import likelihood_dtype
from tfsigmavae_video.networks.conv_unit import leaky_relu
from tfsigmavae_video.networks.frame_pyramid import Convolution

_FILTERS = 32
_LOG_VARIANCES = -12.0, 4.0


class GaussianHead(keras.layers.Layer):
    """Maps -> mean and standard deviation of a latent vector: posterior and prior.

    Two convolutions, the second of stride 2, and a dense layer each for the mean and
    the log variance, which is clipped to [-12, 4].

    Args:
        latent_size: int, size of z.
        size: (height, width) of the maps.
        num_inputs: int, channels of the maps.
        seeds: `WeightSeeds`, of the initial weights.
        num_extra: int, numbers that come beside the maps. Defaults to `0`.
        mean_gain: float, initial size of the mean beside that of its input.
        log_variance_bias: float, initial log variance.
        **kwargs: `name` and `dtype` of the layer.

    Call arguments:
        maps: list of `[B, *size, C]`, C adding up to `num_inputs`.
        extra: `[B, num_extra]`, or `None`.

    Returns:
        Mean and standard deviation `[B, latent_size]`, float32 (float64).
    """

    def __init__(
        self,
        latent_size,
        size,
        num_inputs,
        seeds,
        mean_gain,
        log_variance_bias,
        num_extra=0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        shared = {"seeds": seeds, "dtype": self.dtype_policy}
        self.first = Convolution(_FILTERS, 3, num_inputs, **shared)
        self.second = Convolution(_FILTERS, 4, _FILTERS, strides=2, **shared)
        height, width = size
        fan_in = -(-height // 2) * -(-width // 2) * _FILTERS + num_extra

        def dense(stddev, bias, name):
            layer = keras.layers.Dense(
                latent_size,
                kernel_initializer=seeds.normal(stddev),
                bias_initializer=keras.initializers.Constant(bias),  # pyright: ignore[reportArgumentType]
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build((None, fan_in))
            return layer

        self.mean = dense(mean_gain / fan_in**0.5, 0.0, "mean")
        self.log_variance = dense(0.01, log_variance_bias, "log_variance")
        self.built = True

    def call(self, maps, extra=None):
        hidden = tf.concat(maps, axis=-1)
        hidden = leaky_relu(self.second(leaky_relu(self.first(hidden))))
        hidden = tf.reshape(hidden, [-1, *_flat(hidden)])
        if extra is not None:
            hidden = tf.concat([hidden, tf.cast(extra, hidden.dtype)], axis=-1)
        dtype = likelihood_dtype(self.dtype_policy)
        log_variance = tf.cast(self.log_variance(hidden), dtype)
        stddev = tf.exp(0.5 * tf.clip_by_value(log_variance, *_LOG_VARIANCES))
        return tf.cast(self.mean(hidden), dtype), stddev


def _flat(maps):
    height, width, channels = maps.shape[1:]
    return [height * width * channels]
