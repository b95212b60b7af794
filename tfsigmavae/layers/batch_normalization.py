"""Batch normalisation on the fused kernel."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfsigmavae")
class BatchNormalization(keras.layers.Layer):
    """Batch normalisation of images through TensorFlow's fused kernel.

    Keras' own layer computes mean and variance in separate passes on TensorFlow unless
    XLA fuses them; this one calls the fused kernel. Statistics, moving averages, scale
    and offset stay float32 under mixed precision.

    training:  (x - mean) / sqrt(variance + epsilon) * gamma + beta, statistics of this
               batch over every axis but the last
    otherwise: the same with the moving averages, so an output never depends on the
               other examples of its batch

    Args:
        momentum: float in [0, 1), weight of the past in the moving averages. Defaults
            to `0.9`.
        epsilon: float > 0. Defaults to `1e-5`.
        gamma_stddev: float >= 0, gamma starts as N(1, gamma_stddev). Defaults to `0.0`.
        seed: int or `None`, seed of gamma's initial value. Defaults to `None`.

    Call arguments:
        inputs: `[N, H, W, C]` float tensor.
        training: bool, whether to use (and learn from) this batch's statistics.

    Returns:
        Tensor of the same shape and dtype.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Ioffe & Szegedy, 2015.
    """

    def __init__(
        self, momentum=0.9, epsilon=1e-5, gamma_stddev=0.0, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must be in [0, 1), got {momentum!r}.")
        if not epsilon > 0.0:
            raise ValueError(f"`epsilon` must be positive, got {epsilon!r}.")
        if not gamma_stddev >= 0.0:
            raise ValueError(
                f"`gamma_stddev` must not be negative, got {gamma_stddev!r}."
            )
        self.momentum = momentum
        self.epsilon = epsilon
        self.gamma_stddev = gamma_stddev
        self.seed = seed

    def build(self, input_shape):
        def weight(name, initializer, trainable):
            # The fused kernel takes float32 statistics whatever the input's dtype.
            return self.add_weight(
                name=name,
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                dtype="float32",
                autocast=False,
                aggregation="mean" if not trainable else "none",
            )

        gamma = keras.initializers.RandomNormal(1.0, self.gamma_stddev, self.seed)
        self.gamma = weight("gamma", gamma if self.gamma_stddev else "ones", True)
        self.beta = weight("beta", "zeros", True)
        self.moving_mean = weight("moving_mean", "zeros", False)
        self.moving_variance = weight("moving_variance", "ones", False)

    def call(self, inputs, training=False):
        if not training:
            # Scale and shift, and not the kernel's inference mode: oneDNN refuses to
            # fuse that one with a following tanh.
            scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
            offset = self.beta - self.moving_mean * scale
            # In float32: a large mean cancels against the offset.
            output = tf.cast(inputs, tf.float32) * scale + offset
            return tf.cast(output, inputs.dtype)
        output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(self.momentum * moving + (1.0 - self.momentum) * batch)
        return output

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "gamma_stddev": self.gamma_stddev,
            "seed": self.seed,
        }
