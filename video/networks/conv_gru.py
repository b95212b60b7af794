"""A recurrent cell whose state is a map."""

import keras
import tensorflow as tf


class ConvGRU(keras.layers.Layer):
    """Convolutional gated recurrent unit without a reset gate, one step.

        u, c = split(conv([x, h]))
        h    = (1 - sigmoid(u)) * h + sigmoid(u) * tanh(c)

    The reset gate of the GRU would need a second convolution, after the first one;
    without it there is one (Ravanelli et al.).

    Args:
        filters: int, channels of the state.
        seeds: `WeightSeeds`, of the initial weights.
        kernel_size: int. Defaults to `3`.

    Call arguments:
        inputs: `[B, H, W, C]`.
        state: `[B, H, W, filters]`, see `initial_state`.

    Returns:
        The next state, which is the output.

    Reference: Ballas et al., 2016; without a reset gate: Ravanelli et al., 2018.
    """

    def __init__(self, filters, seeds, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.convolution = keras.layers.Conv2D(
            2 * filters,
            kernel_size,
            padding="same",
            kernel_initializer=seeds.glorot(),
            dtype=self.dtype_policy,
        )

    def build(self, inputs_shape, state_shape=None):
        *size, channels = inputs_shape
        self.convolution.build((*size, channels + self.filters))

    def initial_state(self, batch_size, size):
        """Zeros `[batch_size, *size, filters]`."""
        return tf.zeros([batch_size, *size, self.filters], self.compute_dtype)

    def call(self, inputs, state):
        both = self.convolution(tf.concat([inputs, state], axis=-1))
        update, candidate = tf.split(both, 2, axis=-1)
        return state + tf.sigmoid(update) * (tf.tanh(candidate) - state)
