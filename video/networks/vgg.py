"""VGG-like networks: 3 x 3 convolutions, pooling; the paper's choice for BAIR."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae.typing import Shape
from tfsigmavae_video.networks.convolutions import Convolution, UpsampledConvolution
from tfsigmavae_video.networks.frame_networks import FrameEncoder, FrameGenerator
from tfsigmavae_video.networks.initializers import INITIAL_STDDEV


def _depth(index):
    """Convolutions of a stage: two in the two finest, three in the coarser ones."""
    return 2 if index < 2 else 3


class VGGEncoder(FrameEncoder):
    """Encoder of 3 x 3 convolutions and max pooling. Arguments: see `FrameEncoder`."""

    pool = True

    def stage(self, index: int, filters: int) -> list:
        return [
            self.unit(self.layer(Convolution, filters, 3)) for _ in range(_depth(index))
        ]


class VGGGenerator(FrameGenerator):
    """Generator of nearest upsampling and 3 x 3 convolutions.

    Args:
        frame_shape, num_outputs, width, seeds: see `FrameGenerator`.
        **kwargs: see `FrameGenerator`.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        num_outputs: int,
        width: int,
        seeds: WeightSeeds,
        **kwargs: Any,
    ):
        super().__init__(frame_shape, num_outputs, width, seeds, **kwargs)
        self.output_convolution = keras.layers.Conv2D(
            num_outputs,
            3,
            padding="same",
            kernel_initializer=seeds.normal(INITIAL_STDDEV),  # pyright: ignore[reportArgumentType]
            dtype=self.dtype_policy,
        )

    def stage(self, index: int, filters: int, next_filters: int) -> list:
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

    def build_finish(self, inputs_shape: Shape) -> None:
        self.output_convolution.build(inputs_shape)

    def finish(self, outputs: tf.Tensor) -> tf.Tensor:
        return self.output_convolution(outputs)
