"""VGG-like networks: 3 x 3 convolutions, pooling; the paper's choice for BAIR."""

import keras

from tfsigmavae_video.networks.convolutions import Convolution, UpsampledConvolution
from tfsigmavae_video.networks.frame_networks import FrameEncoder, FrameGenerator
from tfsigmavae_video.networks.initializers import INITIAL_STDDEV


def _depth(index):
    """Convolutions of a stage: two in the two finest, three in the coarser ones."""
    return 2 if index < 2 else 3


class VGGEncoder(FrameEncoder):
    """Encoder of 3 x 3 convolutions and max pooling. Arguments: see `FrameEncoder`."""

    pool = True

    def stage(self, index, filters):
        return [
            self.unit(self.layer(Convolution, filters, 3)) for _ in range(_depth(index))
        ]


class VGGGenerator(FrameGenerator):
    """Generator of nearest upsampling and 3 x 3 convolutions.

    Args:
        frame_shape, num_outputs, width, seeds: see `FrameGenerator`.
        **kwargs: see `FrameGenerator`.
    """

    def __init__(self, frame_shape, num_outputs, width, seeds, **kwargs):
        super().__init__(frame_shape, num_outputs, width, seeds, **kwargs)
        self.output_convolution = keras.layers.Conv2D(
            num_outputs,
            3,
            padding="same",
            kernel_initializer=seeds.normal(INITIAL_STDDEV),
            dtype=self.dtype_policy,
        )

    def stage(self, index, filters, next_filters):
        depth = 1 if index == 0 else _depth(index)
        first, *rest = [filters] * (depth - 1) + [next_filters]
        enlarging = self.unit(
            self.layer(UpsampledConvolution, first, name="convolution"),
            self.layer(Convolution, first, 3, name="skip_convolution"),
        )
        return [
            enlarging,
            *(self.unit(self.layer(Convolution, count, 3)) for count in rest),
        ]

    def build_finish(self, inputs_shape):
        self.output_convolution.build(inputs_shape)

    def finish(self, outputs):
        return self.output_convolution(outputs)
