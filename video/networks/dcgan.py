"""DCGAN-like networks: strided convolutions; the paper's choice for moving digits."""

import keras

from tfsigmavae_video.networks.conv_unit import ConvUnit
from tfsigmavae_video.networks.frame_networks import FrameEncoder, FrameGenerator
from tfsigmavae_video.networks.initializers import normal_initializer


class DCGANEncoder(FrameEncoder):
    """Encoder of 4 x 4 convolutions with stride 2. Arguments: see `FrameEncoder`."""

    def stage(self, index, filters):
        return [ConvUnit(filters, 4, strides=2, **self.unit_arguments)]


class DCGANGenerator(FrameGenerator):
    """Generator of 4 x 4 transposed convolutions. Arguments: see `FrameGenerator`."""

    def stage(self, index, filters, next_filters):
        if index == 0:
            return [OutputConvolution(self.num_outputs, **self.unit_arguments)]
        unit = ConvUnit(
            next_filters, 4, strides=2, transpose=True, skip=True, **self.unit_arguments
        )
        return [unit]


class OutputConvolution(keras.layers.Layer):
    """The last transposed convolution: a skip and a bias, no normalisation."""

    def __init__(self, filters, rng, batch_norm_momentum, **kwargs):
        super().__init__(**kwargs)

        def convolution(name, use_bias):
            return keras.layers.Conv2DTranspose(
                filters,
                4,
                strides=2,
                padding="same",
                use_bias=use_bias,
                kernel_initializer=normal_initializer(rng),
                dtype=self.dtype_policy,
                name=name,
            )

        self.convolution = convolution("convolution", use_bias=True)
        self.skip_convolution = convolution("skip_convolution", use_bias=False)

    def project_skip(self, skip):
        return self.skip_convolution(skip)

    def call(self, inputs, skip_map, training=False):
        return self.convolution(inputs) + skip_map
