"""Recurrent networks of SVG-LP, over whole sequences and step by step."""

import abc

import keras
import tensorflow as tf

from tfsigmavae.layers import DiagonalNormal

# Up to this many steps a sequence of known length is unrolled: faster than a loop, at
# the price of a longer first step.
_MAX_UNROLLED = 16


class LSTM(keras.layers.Layer):
    """Long short-term memory with the input projection hoisted out of the recurrence.

    Not `keras.layers.LSTM`: this one steps one frame at a time with the same weights,
    and keeps XLA possible on a GPU, where the cuDNN kernel rules it out.

    Args:
        units: int, hidden size.
        seeds: `WeightSeeds`, of the initial weights, uniform in
            +-1 / sqrt(units), biases too.

    Call arguments:
        inputs: `[B, T, D]`.
        state: pair `(hidden, cell)`, each `[B, units]`.

    Returns:
        Outputs `[B, T, units]` and the last state.
    """

    def __init__(self, units, seeds, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.seeds = [seeds.draw() for _ in range(3)]

    def build(self, inputs_shape):
        def weight(name, shape, seed):
            limit = self.units**-0.5
            uniform = keras.initializers.RandomUniform(-limit, limit, seed)
            return self.add_weight(name=name, shape=shape, initializer=uniform)

        gates = 4 * self.units
        self.kernel = weight("kernel", (inputs_shape[-1], gates), self.seeds[0])
        self.recurrent_kernel = weight(
            "recurrent_kernel", (self.units, gates), self.seeds[1]
        )
        self.bias = weight("bias", (gates,), self.seeds[2])

    def initial_state(self, batch_size):
        zeros = tf.zeros([batch_size, self.units], self.compute_dtype)
        return zeros, zeros

    def call(self, inputs, state):
        projected = tf.matmul(inputs, self.kernel) + self.bias
        num_steps = projected.shape[1]
        if num_steps == 0:  # XLA compiles no loop over nothing
            return projected[..., : self.units], state
        if num_steps and num_steps <= _MAX_UNROLLED:
            outputs = []
            # Not `projected[:, i]`: the gradient of each slice would be a whole tensor.
            for step in tf.unstack(projected, axis=1):
                state = self._cell(step, state)
                outputs.append(state[0])
            return tf.stack(outputs, axis=1), state
        return self._loop(projected, state)

    def _cell(self, projected, state):
        hidden, cell = state
        gates = projected + tf.matmul(hidden, self.recurrent_kernel)
        update, forget, candidate, output = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(update) * tf.tanh(candidate)
        return tf.sigmoid(output) * tf.tanh(cell), cell

    def _loop(self, projected, state):
        steps = tf.transpose(projected, [1, 0, 2])
        # XLA needs a static length for the gradient.
        num_steps = projected.shape[1] or tf.shape(steps)[0]
        # Starts with the given state: no steps at all could not be stacked.
        array = tf.TensorArray(
            projected.dtype, num_steps + 1, element_shape=[None, self.units]
        ).write(0, state[0])

        def body(i, hidden, cell, array):
            hidden, cell = self._cell(steps[i], (hidden, cell))
            return i + 1, hidden, cell, array.write(i + 1, hidden)

        _, hidden, cell, array = tf.while_loop(
            lambda i, *_: i < num_steps,
            body,
            (0, *state, array),
            maximum_iterations=num_steps,
        )
        outputs = tf.transpose(array.stack()[1:], [1, 0, 2])
        outputs.set_shape([None, projected.shape[1], self.units])
        return outputs, (hidden, cell)


class RecurrentNetwork(keras.layers.Layer, metaclass=abc.ABCMeta):
    """Linear embedding and stacked LSTMs; base of predictor, posterior and prior.

    Args:
        hidden_size: int, size of the embedding and of each LSTM.
        num_layers: int, number of LSTMs.
        seeds: `WeightSeeds`, of the initial weights.

    Call arguments:
        inputs: `[B, T, D]`.
        state: from `initial_state` or an earlier call, or `None` to start afresh.

    Returns:
        What `head` makes of the hidden sequence, and the last state.
    """

    def __init__(self, hidden_size, num_layers, seeds, **kwargs):
        super().__init__(**kwargs)
        self.seeds = seeds
        self.embedding = self.dense(hidden_size)
        self.lstms = [
            LSTM(hidden_size, seeds, dtype=self.dtype_policy) for _ in range(num_layers)
        ]

    def dense(self, units, stddev=0.02, **kwargs):
        kwargs.setdefault("kernel_initializer", self.seeds.normal(stddev))
        return keras.layers.Dense(units, dtype=self.dtype_policy, **kwargs)

    def initial_state(self, batch_size):
        return [lstm.initial_state(batch_size) for lstm in self.lstms]

    def build(self, inputs_shape):
        self.embedding.build(inputs_shape)
        hidden_shape = (*inputs_shape[:-1], self.embedding.units)
        for lstm in self.lstms:
            lstm.build(hidden_shape)
        self.build_head(hidden_shape, inputs_shape)

    @abc.abstractmethod
    def build_head(self, hidden_shape, inputs_shape):
        """Builds the layers that `head` uses."""

    @abc.abstractmethod
    def head(self, hidden, inputs):
        """What the network gives, of the hidden sequence `[B, T, hidden_size]`."""

    def call(self, inputs, state=None):
        if state is None:
            state = self.initial_state(tf.shape(inputs)[0])
        hidden = self.embedding(inputs)
        new_state = []
        for lstm, lstm_state in zip(self.lstms, state, strict=True):
            hidden, lstm_state = lstm(hidden, lstm_state)
            new_state.append(lstm_state)
        return self.head(hidden, inputs), new_state


class FramePredictor(RecurrentNetwork):
    """[h, z (, action)] -> g, the code of the next frame.

    g = tanh(output(LSTMs(inputs)))                       the paper's
    g = tanh(output(LSTMs(inputs)) + bypass(inputs))      with `residual=True`

    Freshly initialised LSTMs pass on little of their input; the linear bypass lets h
    and z reach the generator from the first step, which shortens training a lot.

    Args:
        code_size: int, size of g.
        residual: bool, whether to add the bypass. Defaults to `False`.
        **kwargs: see `RecurrentNetwork`.
    """

    def __init__(self, code_size, residual=False, **kwargs):
        super().__init__(**kwargs)
        self.output_layer = self.dense(code_size)
        self.bypass = None
        if residual:
            # Scaled by its size, unlike SVG's layers: what passes here must be felt.
            glorot = self.seeds.glorot()
            self.bypass = self.dense(
                code_size, use_bias=False, kernel_initializer=glorot
            )

    def build_head(self, hidden_shape, inputs_shape):
        self.output_layer.build(hidden_shape)
        if self.bypass is not None:
            self.bypass.build(inputs_shape)

    def head(self, hidden, inputs):
        outputs = self.output_layer(hidden)
        if self.bypass is not None:
            outputs = outputs + self.bypass(inputs)
        return tf.tanh(outputs)


class StandardNormal(keras.layers.Layer):
    """N(0, 1) over z at every step, whatever h is: the prior of SVG-FP.

    Args:
        latent_size: int, size of z.

    Call arguments:
        inputs: `[B, T, D]`.
        state: without effect.

    Returns:
        Distribution with batch shape `[B, T]` and event shape `[latent_size]`, and no
        state.
    """

    def __init__(self, latent_size, **kwargs):
        super().__init__(**kwargs)
        self.normal = DiagonalNormal(
            latent_size, convert_to_tensor_fn="mean", dtype=self.dtype_policy
        )
        self.latent_size = latent_size

    def build(self, inputs_shape):
        self.normal.build((*inputs_shape[:-1], 2 * self.latent_size))

    def call(self, inputs, state=None):
        shape = tf.concat([tf.shape(inputs)[:2], [2 * self.latent_size]], 0)
        return self.normal(tf.zeros(shape, self.normal.compute_dtype)), []


class GaussianLSTM(RecurrentNetwork):
    """h -> diagonal Gaussian over z at every step: posterior and prior.

    mean = head(LSTM(h))                   the paper's
    mean = head(LSTM(h)) + bypass(h)       with `residual=True`

    Args:
        latent_size: int, size of z.
        log_variance_bias: float, initial bias of the log variance. Defaults to `0.0`.
        mean_stddev: float, standard deviation of the mean's initial weights. Defaults
            to `0.02`.
        residual: bool, whether to add the bypass, with initial weights as the mean's.
            Defaults to `False`.
        **kwargs: see `RecurrentNetwork`.
    """

    def __init__(
        self,
        latent_size,
        log_variance_bias=0.0,
        mean_stddev=0.02,
        residual=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.latent_size = latent_size
        self.mean = self.dense(latent_size, mean_stddev)
        self.bypass = None
        if residual:
            self.bypass = self.dense(latent_size, mean_stddev, use_bias=False)
        self.log_variance = self.dense(
            latent_size,
            bias_initializer=keras.initializers.Constant(log_variance_bias),
        )
        self.normal = DiagonalNormal(
            latent_size, convert_to_tensor_fn="mean", dtype=self.dtype_policy
        )

    def build_head(self, hidden_shape, inputs_shape):
        self.mean.build(hidden_shape)
        if self.bypass is not None:
            self.bypass.build(inputs_shape)
        self.log_variance.build(hidden_shape)
        self.normal.build((*hidden_shape[:-1], 2 * self.latent_size))

    def head(self, hidden, inputs):
        mean = self.mean(hidden)
        if self.bypass is not None:
            mean = mean + self.bypass(inputs)
        return self.normal(tf.concat([mean, self.log_variance(hidden)], axis=-1))
