"""The parts of a hierarchical VAE: residual blocks, levels of latents."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers.parameters import likelihood_dtype
from tfsigmavae.models.networks import sequential

tfd = tfp.distributions

# Scales from exp(-7) to exp(7), far beyond what a trained model uses: a wild step
# cannot overflow. Smooth, so that a gradient leads back.
LOG_SCALE_LIMIT = 7.0


class Convolutions:
    """Makes convolutions in the model's precision, with initial weights of their own.

    Args:
        seeds: `WeightSeeds`.
        dtype: dtype policy of the model.
    """

    def __init__(self, seeds, dtype):
        self.dtype = dtype
        self._seeds = seeds

    def __call__(self, width, size=1, stride=1, kind="Conv2D", **kwargs):
        initializer = self._seeds.glorot()
        return getattr(keras.layers, kind)(
            width,
            size,
            strides=stride,
            padding="same",
            **{"kernel_initializer": initializer, "dtype": self.dtype, **kwargs},
        )

    def relu(self):
        return keras.layers.Activation("relu", dtype=self.dtype)

    def blocks(self, width, num_blocks):
        return [ResidualBlock(width, self) for _ in range(num_blocks)]

    def network(self, input_shape, layers, name=None):
        return sequential(input_shape, layers, self.dtype, name)

    def head(self, channels, **kwargs):
        """Statistics of latents: float32 at least, whatever the model's precision."""
        return self(channels, dtype=likelihood_dtype(self.dtype), **kwargs)


class ResidualBlock(keras.layers.Layer):
    """Bottleneck beside a bypass.

    inputs + 1x1(relu(3x3(relu(1x1(relu(inputs)))))), half the channels inside

    Args:
        width: int, channels of inputs and outputs.
        convolution: `Convolutions`.

    Call arguments:
        inputs: `[B, H, W, width]`.
    """

    def __init__(self, width, convolution):
        super().__init__(dtype=convolution.dtype)
        self.narrow = convolution(width // 2)
        self.spatial = convolution(width // 2, 3)
        # No bias, here and wherever a sum follows: later layers have one, and
        # TensorFlow fails to fuse a chain of biases and sums, with an error message.
        self.widen = convolution(width, use_bias=False)

    def build(self, input_shape):
        *size, width = input_shape
        self.narrow.build(input_shape)
        self.spatial.build((*size, width // 2))
        self.widen.build((*size, width // 2))

    def call(self, inputs):
        hidden = self.narrow(tf.nn.relu(inputs))
        hidden = self.spatial(tf.nn.relu(hidden))
        return inputs + self.widen(tf.nn.relu(hidden))

    def compute_output_shape(self, input_shape):
        return input_shape


class TopDownLevel(keras.layers.Layer):
    """One level of latents on the way from the coarsest to the image.

    The state sums up all coarser latents z_<l. With `limited(s) = L * tanh(s / L)`:

        p(z_l | z_<l)    = N(loc, exp(log_scale)),
                           log_scale = limited(raw log scale of the prior)
        q(z_l | x, z_<l) = N(loc + shift, exp(log_scale + limited(raw change)))

    The posterior is told relative to the prior. All but `shift` is zero at first: an
    untrained level has p = N(0, 1) and q = N(shift, 1), whose means tell of the image
    from the first step on. So training starts from a small KL.

    Args:
        shape: (height, width) of the level.
        factor: int, how many times larger than the level above it is.
        width: int, channels of the state.
        channels: int, channels of the latents.
        num_blocks: int, residual blocks before the latents.
        convolution: `Convolutions`.
        **kwargs: `name` of the layer.
    """

    def __init__(
        self, shape, factor, width, channels, num_blocks, convolution, **kwargs
    ):
        super().__init__(dtype=convolution.dtype, **kwargs)
        coarser = [side // factor for side in shape]
        enlarge = [convolution(width, factor, factor, kind="Conv2DTranspose")]
        self.state_network = convolution.network(
            [*coarser, width],
            [
                *(enlarge if factor > 1 else []),
                *convolution.blocks(width, num_blocks),
            ],
        )
        self.prior_network = convolution.network(
            [*shape, width],
            [
                *convolution.blocks(width, 1),
                convolution.head(2 * channels, kernel_initializer="zeros"),
            ],
        )
        self.posterior_network = convolution.network(
            [*shape, 2 * width],
            [convolution(width), *convolution.blocks(width, 1)],
        )
        self.shift_head = convolution.network(
            [*shape, width], [convolution.head(channels)]
        )
        self.change_head = convolution.network(
            [*shape, width], [convolution.head(channels, kernel_initializer="zeros")]
        )
        self.latent_network = convolution.network(
            [*shape, channels], [convolution(width, use_bias=False)]
        )
        self.built = True

    def enter(self, state):
        """The state at this level's resolution, `[B, *shape, width]`."""
        return self.state_network(state)

    def prior(self, state):
        """p(z_l | z_<l), event shape `[*shape, channels]`."""
        return _normal(*self._prior_statistics(state))

    def prior_and_posterior(self, state, features):
        """p(z_l | z_<l) and q(z_l | x, z_<l); `features` are the encoder's of x."""
        loc, log_scale = self._prior_statistics(state)
        hidden = self.posterior_network(tf.concat([state, features], axis=-1))
        shift, change = self.shift_head(hidden), _limited(self.change_head(hidden))
        return _normal(loc, log_scale), _normal(loc + shift, log_scale + change)

    def _prior_statistics(self, state):
        loc, raw = tf.split(self.prior_network(state), 2, axis=-1)
        return loc, _limited(raw)

    def leave(self, state, latents):
        """The state that also sums up z_l."""
        return state + self.latent_network(latents)


def _limited(raw):
    return LOG_SCALE_LIMIT * tf.tanh(raw / LOG_SCALE_LIMIT)


def _normal(loc, log_scale):
    return tfd.Independent(tfd.Normal(loc, tf.exp(log_scale)), 3)
