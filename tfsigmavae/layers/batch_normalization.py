"""Batch normalisation on the fused kernel."""

from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.layers.parameters import likelihood_dtype
from tfsigmavae.typing import Shape


@keras.saving.register_keras_serializable(package="tfsigmavae")
class BatchNormalization(keras.layers.Layer):
    """Batch normalisation of images through TensorFlow's fused kernel.

    Keras' own layer computes mean and variance in separate passes on TensorFlow unless
    XLA fuses them; this one calls the fused kernel. Statistics, moving averages, scale
    and offset stay float32 under mixed precision; a layer of float64 computes without
    the fused kernel, which has no float64.

    training:  (x - mean) / sqrt(variance + epsilon) * gamma + beta, statistics of this
               batch over every axis but the last; with `num_groups`, of each of that
               many equal parts of the batch, one after the other
    otherwise: the same with the moving averages, so an output never depends on the
               other examples of its batch

    Under a strategy of `tf.distribute` the batch is that of all replicas together, so
    that results do not depend on their number: each layer then waits for one sum over
    the replicas, forwards and backwards, and is without the fused kernel.

    With `trainable=False` the layer is frozen, as Keras' own: it does "otherwise" in
    training too.

    Args:
        momentum: float in [0, 1), weight of the past in the moving averages. Defaults
            to `0.9`.
        epsilon: float > 0. Defaults to `1e-5`.
        gamma_stddev: float >= 0, gamma starts as N(1, gamma_stddev). Defaults to `0.0`.
        seed: int or `None`, seed of gamma's initial value. Defaults to `None`.
        synchronized: bool; without it each replica normalises its own part of the batch
            (faster, and other results). Defaults to `True`.

    Call arguments:
        inputs: `[N, H, W, C]` float tensor.
        training: bool, whether to use (and learn from) this batch's statistics.
        num_groups: int, parts of the batch with statistics of their own; the moving
            averages then learn the mean of these. N must be a multiple. Defaults to
            `1`.

    Returns:
        Tensor of the same shape and dtype.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Ioffe & Szegedy, 2015.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        gamma_stddev: float = 0.0,
        seed: int | None = None,
        synchronized: bool = True,
        **kwargs: Any,
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
        self.synchronized = synchronized

    def build(self, input_shape: Shape) -> None:
        # The fused kernel takes float32 statistics whatever the input's dtype.
        dtype = likelihood_dtype(self.dtype_policy)

        def weight(name, initializer, trainable):
            return self.add_weight(
                name=name,
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                dtype=dtype,
                autocast=False,
                aggregation="mean" if not trainable else "none",
            )

        gamma = keras.initializers.RandomNormal(1.0, self.gamma_stddev, self.seed)
        self.gamma = weight("gamma", gamma if self.gamma_stddev else "ones", True)
        self.beta = weight("beta", "zeros", True)
        self.moving_mean = weight("moving_mean", "zeros", False)
        self.moving_variance = weight("moving_variance", "ones", False)

    def call(
        self, inputs: tf.Tensor, training: bool = False, num_groups: int = 1
    ) -> tf.Tensor:
        if not self.learns(training):
            # Scale and shift, and not the kernel's inference mode: oneDNN refuses to
            # fuse that one with a following tanh.
            scale, offset = self.scale_and_offset()
            # In full precision: a large mean cancels against the offset.
            output = tf.cast(inputs, scale.dtype) * scale + offset
            return tf.cast(output, inputs.dtype)
        output, mean, variance = self.normalize(
            inputs, self.gamma, self.beta, num_groups
        )
        self.update(mean, variance)
        return output

    def learns(self, training: bool) -> bool:
        """Whether the batch's statistics are used, and the moving averages move."""
        return bool(training) and self.trainable

    def scale_and_offset(self) -> tuple[tf.Tensor, tf.Tensor]:
        """`[C]` each: outside of training, the layer is x * scale + offset."""
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, self.beta - self.moving_mean * scale

    def normalize(
        self, inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, num_groups: int = 1
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The training mode as a pure function, which learns nothing.

        Args:
            inputs, num_groups: see the class.
            gamma, beta: `[C]`.

        Returns:
            Output, and the mean and variance for `update`, `[C]`.
        """
        parts = [inputs] if num_groups == 1 else tf.split(inputs, num_groups)
        replica = tf.distribute.get_replica_context()
        if self.synchronized and replica and replica.num_replicas_in_sync > 1:
            # Deviations from a number near the mean: their squares lose no digits.
            shift = tf.convert_to_tensor(self.moving_mean)
            moments = _moments_of_all(replica, parts, shift)
            normalized = [
                _apply(part, *each, gamma, beta, self.epsilon)
                for part, each in zip(parts, moments, strict=True)
            ]
        else:
            normalize = _plain if inputs.dtype == tf.float64 else _fused
            normalized = [normalize(part, gamma, beta, self.epsilon) for part in parts]
        outputs, means, variances = zip(*normalized, strict=True)
        if num_groups == 1:
            return outputs[0], means[0], variances[0]
        # One update of the mean, not one a part: the latter would forget faster.
        return (
            tf.concat(outputs, 0),
            tf.add_n(means) / num_groups,
            tf.add_n(variances) / num_groups,
        )

    def update(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Moves the moving averages towards a batch's mean and variance."""
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(self.momentum * moving + (1.0 - self.momentum) * batch)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "gamma_stddev": self.gamma_stddev,
            "seed": self.seed,
            "synchronized": self.synchronized,
        }


def _fused(inputs, gamma, beta, epsilon):
    output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=gamma,
        offset=beta,
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    return output, mean, variance


def _plain(inputs, gamma, beta, epsilon):
    mean, variance = tf.nn.moments(inputs, [0, 1, 2])
    count = tf.size(inputs) // tf.size(mean)
    return _apply(inputs, mean, variance, count, gamma, beta, epsilon)


def _moments_of_all(replica, parts, shift):
    """Mean, variance `[C]` and number of values of each part, over all replicas."""
    sums = []
    for part in parts:
        deviations = tf.cast(part, shift.dtype) - shift
        sums += [tf.reduce_sum(deviations, [0, 1, 2])]
        sums += [tf.reduce_sum(tf.square(deviations), [0, 1, 2])]
    count = tf.cast(tf.size(parts[0]) // tf.size(shift), shift.dtype)
    # In one piece, of all parts: every sum over the replicas is a wait.
    joined = tf.concat([*sums, count[tf.newaxis]], 0)
    joined = replica.all_reduce(tf.distribute.ReduceOp.SUM, joined)
    sums, count = tf.reshape(joined[:-1], [len(parts), 2, -1]), joined[-1]
    means = sums[:, 0] / count
    variances = tf.maximum(sums[:, 1] / count - tf.square(means), 0.0)
    return [(means[i] + shift, variances[i], count) for i in range(len(parts))]


def _apply(inputs, mean, variance, count, gamma, beta, epsilon):
    output = tf.nn.batch_normalization(
        tf.cast(inputs, mean.dtype), mean, variance, beta, gamma, epsilon
    )
    # As the kernel has it: the moving average is that of the unbiased variance.
    count = tf.cast(count, mean.dtype)
    unbiased = variance * count / tf.maximum(count - 1.0, 1.0)
    return tf.cast(output, inputs.dtype), mean, unbiased
