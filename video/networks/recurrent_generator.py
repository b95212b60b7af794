"""From a latent vector to pixels, with memories at several resolutions."""

import keras
import tensorflow as tf

from tfsigmavae_video.networks.conv_gru import ConvGRU
from tfsigmavae_video.networks.conv_unit import leaky_relu
from tfsigmavae_video.networks.frame_pyramid import Convolution, Upsampling, he_normal

# Scale of the raw outputs: a logit of one, a pixel of flow, soon within reach.
_OUTPUT_SCALE = 4.0
_OUTPUT_GAIN = 0.3


class RecurrentGenerator(keras.layers.Layer):
    """Generator whose states are maps: the recurrent part of `WarpVRNN`.

    From the coarsest map to the finest, at each resolution:

        y = convolution([y, map of the frame before])     the latent comes in first
        y = h = ConvGRU(y, h)                             not at half the resolution
        y = upsampling(y)

    Args:
        latent_size: int, numbers that come in: z, and the action.
        size: (height, width) of the coarsest map.
        filters: list of int, channels of the frame's maps, finest first.
        num_outputs: int, raw numbers for a pixel.
        seeds: `WeightSeeds`, of the initial weights.
        **kwargs: `name` and `dtype` of the layer.

    Call arguments:
        latent: `[B, latent_size]`.
        maps: of `FramePyramid`, of the frame before.
        states: from `initial_state` or an earlier call.

    Returns:
        `[B, H, W, num_outputs]` in the compute dtype, and the next states.
    """

    def __init__(self, latent_size, size, filters, num_outputs, seeds, **kwargs):
        super().__init__(autocast=False, **kwargs)
        shared = {"seeds": seeds, "dtype": self.dtype_policy}
        # Half as many as the encoder has, but for the finest.
        own = self.filters = [filters[0], *(number // 2 for number in filters[1:])]
        self.size = size
        top = own[-1]
        self.embedding = keras.layers.Dense(
            size[0] * size[1] * top,
            kernel_initializer=he_normal(seeds, latent_size, 1.0),
            dtype=self.dtype_policy,
        )
        self.embedding.build((None, latent_size))
        # Coarsest first, as they are passed.
        levels = list(range(len(filters)))[::-1]
        inputs = [top, *(own[level + 1] for level in levels[1:])]
        self.entries, self.cells, self.upsamplings = [], [], []
        for level, num_inputs in zip(levels, inputs, strict=True):
            joined = num_inputs + filters[level]
            self.entries.append(Convolution(own[level], 3, joined, **shared))
            if level > 0:
                cell = ConvGRU(own[level], **shared)
                cell.build((None, None, None, own[level]))
                self.cells.append(cell)
                self.upsamplings.append(Upsampling(own[level], own[level], **shared))
        self.output_layer = Convolution(
            4 * num_outputs, 3, own[0], gain=_OUTPUT_GAIN, **shared
        )
        self.built = True

    def initial_state(self, batch_size):
        """Zeros, the state of a clip of which nothing was seen; coarsest first."""
        height, width = self.size
        return [
            cell.initial_state(batch_size, (height * 2**i, width * 2**i))
            for i, cell in enumerate(self.cells)
        ]

    def call(self, latent, maps, states):
        latent = tf.cast(latent, self.compute_dtype)
        hidden = leaky_relu(self.embedding(latent))
        hidden = tf.reshape(hidden, [-1, *self.size, self.filters[-1]])
        new_states = []
        for i, entry in enumerate(self.entries):
            joined = tf.concat([hidden, maps[-1 - i]], axis=-1)
            hidden = leaky_relu(entry(joined))
            if i < len(self.cells):
                hidden = self.cells[i](hidden, states[i])
                new_states.append(hidden)
                hidden = leaky_relu(self.upsamplings[i](hidden))
        raw = _OUTPUT_SCALE * self.output_layer(hidden)
        return tf.nn.depth_to_space(raw, 2), new_states
