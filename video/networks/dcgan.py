"""DCGAN-like networks: strided convolutions; the paper's choice for moving digits."""

import keras

from tfsigmavae_video.networks.convolutions import Convolution, TransposedConvolution
from tfsigmavae_video.networks.frame_networks import FrameEncoder, FrameGenerator
from tfsigmavae_video.networks.initializers import INITIAL_STDDEV


class DCGANEncoder(FrameEncoder):
    """Encoder of 4 x 4 convolutions with stride 2. Arguments: see `FrameEncoder`."""

    def stage(self, index: int, filters: int) -> list:
        return [self.unit(self.layer(Convolution, filters, 4, strides=2))]


class DCGANGenerator(FrameGenerator):
    """Generator of 4 x 4 transposed convolutions. Arguments: see `FrameGenerator`."""

    def stage(self, index: int, filters: int, next_filters: int) -> list:
        if index == 0:
            return [self.layer(OutputConvolution, self.num_outputs)]
        convolutions = [
            self.layer(TransposedConvolution, next_filters, 4, strides=2, name=name)
            for name in ("convolution", "skip_convolution")
        ]
        return [self.unit(*convolutions)]


class OutputConvolution(keras.layers.Layer):
    """The last transposed convolution: a skip and a bias, no normalisation."""

    def __init__(self, filters, seeds, **kwargs):
        super().__init__(**kwargs)

        def convolution(name, use_bias):
            return keras.layers.Conv2DTranspose(
                filters,
                4,
                strides=2,
                padding="same",
                use_bias=use_bias,
                kernel_initializer=seeds.normal(INITIAL_STDDEV),
                dtype=self.dtype_policy,
                name=name,
            )

        self.convolution = convolution("convolution", use_bias=True)
        self.skip_convolution = convolution("skip_convolution", use_bias=False)

    def build(self, inputs_shape, skip_map_shape=None):
        self.convolution.build(inputs_shape)

    def fold(self):
        """Nothing, as there is no normalisation."""
        return None

    def project_skip(self, skip, training=False):
        return self.skip_convolution(skip)

    def call(self, inputs, skip_map, training=False, num_groups=1, folded=None):
        return self.convolution(inputs) + skip_map
