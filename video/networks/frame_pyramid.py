"""A frame at several resolutions."""

import keras
import tensorflow as tf

from tfsigmavae_video.networks.conv_unit import leaky_relu


def he_normal(seeds, fan_in, gain=2.0**0.5):
    """N(0, gain**2 / fan_in): keeps the size of activations under leaky ReLUs.

    Not Keras' own: of a transposed convolution that counts the outputs as inputs.

    Args:
        seeds: `WeightSeeds`.
        fan_in: int or float, numbers that make up one output.
        gain: float. Defaults to `sqrt(2)`.

    Reference: He et al., 2015.
    """
    return seeds.normal(gain / fan_in**0.5)


class Convolution(keras.layers.Conv2D):
    """Convolution with a bias and initial weights of He et al.

    Args:
        filters, kernel_size, strides: see `keras.layers.Conv2D`; padding is `"same"`.
        num_inputs: int, channels of the input.
        seeds: `WeightSeeds`.
        gain: see `he_normal`.
        **kwargs: `name` and `dtype` of the layer.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        num_inputs,
        seeds,
        strides=1,
        gain=2.0**0.5,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding="same",
            kernel_initializer=he_normal(seeds, kernel_size**2 * num_inputs, gain),
            **kwargs,
        )
        self.build((None, None, None, num_inputs))


class Upsampling(keras.layers.Conv2DTranspose):
    """Transposed convolution 4 x 4 of stride 2: twice the height and width.

    Args: see `Convolution`.
    """

    def __init__(self, filters, num_inputs, seeds, **kwargs):
        super().__init__(
            filters,
            4,
            strides=2,
            padding="same",
            # Of 16 weights of a kernel, 4 meet in an output.
            kernel_initializer=he_normal(seeds, 4 * num_inputs),
            **kwargs,
        )
        self.build((None, None, None, num_inputs))


class FramePyramid(keras.layers.Layer):
    """Encoder: maps of a frame from half its resolution downwards.

    Args:
        channels: int, of a frame.
        filters: list of int, channels of the maps, finest first.
        seeds: `WeightSeeds`, of the initial weights.
        **kwargs: `name` and `dtype` of the layer.

    Call arguments:
        frames: `[B, H, W, channels]` in [0, 1]; H and W multiples of 2**len(filters).

    Returns:
        List of `[B, H / 2**i, W / 2**i, filters[i - 1]]`, i = 1 ... len(filters).
    """

    def __init__(self, channels, filters, seeds, **kwargs):
        super().__init__(autocast=False, **kwargs)
        shared = {"seeds": seeds, "dtype": self.dtype_policy}
        # Pixels two by two become channels: a quarter of the positions to go through.
        first = Convolution(filters[0], 3, 4 * channels, name="half", **shared)
        self.convolutions = [first] + [
            Convolution(filters[i], 4, filters[i - 1], strides=2, **shared)
            for i in range(1, len(filters))
        ]
        self.built = True

    def call(self, frames):
        maps = tf.cast(2.0 * frames - 1.0, self.compute_dtype)
        maps, found = tf.nn.space_to_depth(maps, 2), []
        for convolution in self.convolutions:
            maps = leaky_relu(convolution(maps))
            found.append(maps)
        return found
