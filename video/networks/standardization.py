"""Numbers in any unit, brought to mean 0 and deviation 1."""

import keras
import tensorflow as tf

from tfsigmavae.layers.parameters import likelihood_dtype

_MOST = 10.0


class RunningStandardization(keras.layers.Layer):
    """Standardises each number by mean and deviation of those it was trained on.

    y = (x - mean) / std

    Both are running averages: all numbers of the first batches, then mostly those of
    the last `1 / (1 - momentum)`. Training uses them too, this batch included. A number
    that never changed has no deviation: it is only shifted. Before any training, y = x.
    y is cut off at -10 and 10: a button that is hardly ever pressed has next to no
    deviation, and would drown all else.

    Args:
        momentum: float in [0, 1), weight of the past in the averages. Defaults to
            `0.99`.

    Call arguments:
        inputs: `[..., D]` float tensor.
        training: bool, whether to learn from these. Numbers that are not finite are
            never learned from.

    Returns:
        Tensor of the same shape and dtype.
    """

    def __init__(self, momentum=0.99, **kwargs):
        # Half precision would lose what is small beside the mean, before it is taken.
        super().__init__(autocast=False, **kwargs)
        self.momentum = momentum

    def build(self, inputs_shape):
        def weight(name, initializer):
            return self.add_weight(
                name=name,
                shape=(inputs_shape[-1],),
                initializer=initializer,
                trainable=False,
                dtype=likelihood_dtype(self.dtype_policy),
                autocast=False,
                aggregation="mean",
            )

        self.moving_mean = weight("moving_mean", "zeros")
        self.moving_variance = weight("moving_variance", "ones")
        # As many numbers, so that all of the layer is averaged over replicas alike.
        self.num_updates = weight("num_updates", "zeros")

    def call(self, inputs, training=False):
        values = tf.cast(inputs, self.moving_mean.dtype)
        if training and self.trainable:
            self._learn(values)
        mean = tf.convert_to_tensor(self.moving_mean)
        variance = tf.convert_to_tensor(self.moving_variance)
        # What rounding makes of a constant is no deviation.
        varies = variance > 1e-10 * tf.square(mean)
        scale = tf.where(varies, tf.math.rsqrt(variance), 1.0)
        values = (values - mean) * scale
        return tf.cast(tf.clip_by_value(values, -_MOST, _MOST), inputs.dtype)

    def _learn(self, values):
        mean, variance = tf.nn.moments(values, list(range(values.shape.rank - 1)))
        is_finite = tf.math.is_finite(mean) & tf.math.is_finite(variance)
        rate = tf.maximum(1.0 - self.momentum, 1.0 / (self.num_updates + 1.0))
        # Weighed, and not moved by a difference: the first batch must come out exactly.
        kept, old_mean = 1.0 - rate, tf.convert_to_tensor(self.moving_mean)
        # Variance of a mixture: that within, and that between the means.
        between = kept * rate * tf.square(mean - old_mean)
        new_variance = kept * self.moving_variance + rate * variance + between
        for moving, new in (
            (self.moving_variance, new_variance),
            (self.moving_mean, kept * old_mean + rate * mean),
            (self.num_updates, self.num_updates + 1.0),
        ):
            moving.assign(tf.where(is_finite, new, moving))

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}
