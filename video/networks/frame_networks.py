"""What the DCGAN and VGG networks share: code layers, stages, skips."""

import abc
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.layers import BatchNormalization
from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae.typing import Shape
from tfsigmavae_video.networks.conv_unit import ConvUnit, leaky_relu
from tfsigmavae_video.networks.initializers import INITIAL_STDDEV


def stage_widths(frame_shape, width) -> list[int]:
    """Channels of each resolution, finest first: width * (1, 2, 4, 8, 8, ...).

    Every stage halves the frame until its smaller side is 4 to 7 pixels.

    Args:
        frame_shape: (height, width, channels).
        width: int, channels of the finest stage.

    Raises:
        ValueError: if the frame is too small, or not divisible by the stages' factor.
    """
    height, frame_width, _ = frame_shape
    num_stages = int(math.log2(max(min(height, frame_width) / 4, 1)))
    factor = 2**num_stages
    if num_stages < 1 or height % factor or frame_width % factor:
        raise ValueError(
            "`frame_shape` must be (height, width, channels) with both sides at least "
            f"8 and multiples of {max(factor, 2)} (powers of two always fit), "
            f"got {tuple(frame_shape)}."
        )
    return [width * min(2**i, 8) for i in range(num_stages)]


class StagedNetwork(keras.layers.Layer, metaclass=abc.ABCMeta):
    """A network whose layers come in stages, one a resolution.

    Args:
        seeds: `WeightSeeds`, of the initial weights.
        batch_norm_momentum: float.
        remat: bool, see `ConvUnit`.
    """

    def __init__(
        self,
        seeds: WeightSeeds,
        batch_norm_momentum: float,
        remat: bool,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.seeds = seeds
        self.batch_norm_momentum = batch_norm_momentum
        self.remat = remat

    def layer(self, kind: type, *args: Any, **kwargs: Any) -> Any:
        """A layer of convolutions with the network's initial weights and precision."""
        return kind(*args, seeds=self.seeds, dtype=self.dtype_policy, **kwargs)

    def unit(self, convolution: Any, skip_convolution: Any = None) -> Any:
        """A `ConvUnit` of a convolution and, if given, the skip's."""
        return ConvUnit(
            convolution,
            self.seeds,
            skip_convolution,
            self.batch_norm_momentum,
            self.remat,
            dtype=self.dtype_policy,
        )

    def normalised_dense(self, units: int) -> tuple[Any, Any]:
        """A dense layer and the batch normalisation to follow it."""
        dense = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=self.seeds.normal(INITIAL_STDDEV),  # pyright: ignore[reportArgumentType]
            dtype=self.dtype_policy,
        )
        norm = BatchNormalization(
            momentum=self.batch_norm_momentum,
            gamma_stddev=INITIAL_STDDEV,
            seed=self.seeds.draw(),
            dtype=self.dtype_policy,
        )
        return dense, norm

    def fold(self) -> list:
        """What the units compute from their weights, to do it once for many calls."""
        return [unit.fold() for unit in self.units]

    def set_stages(self, stages: Iterable) -> None:
        lists = [list(stage) for stage in stages]
        # One flat list: Keras before 3.13 does not save layers in lists of lists.
        self.units = [unit for stage in lists for unit in stage]
        self.stage_lengths = [len(stage) for stage in lists]

    @property
    def stages(self) -> list:
        """Lists of layers."""
        return self.by_stage(self.units)

    def by_stage(self, values: Iterable) -> list:
        """Lists of what belongs to each unit of a stage."""
        left = iter(values)
        return [list(itertools.islice(left, n)) for n in self.stage_lengths]


class FrameEncoder(StagedNetwork):
    """Frames -> code and skips. A subclass defines what a stage is.

    The last layer, SVG's valid convolution over the remaining 4 x 4 pixels, is written
    as the dense layer that it is.

    Args:
        frame_shape: (height, width, channels).
        code_size: int, size g of the code.
        width: int, channels of the finest stage; coarser ones have up to 8 times as
            many.
        seeds: `WeightSeeds`, of the initial weights.
        batch_norm_momentum: float. Defaults to `0.9`.
        remat: bool, see `ConvUnit`. Defaults to `False`.

    Call arguments:
        frames: `[N, H, W, C]` in [0, 1].
        num_skips: int tensor, how many frames to give skips of, from the first one on;
            `None` for all. Defaults to `None`.
        training: bool, batch statistics or moving averages.
        num_groups: int, see `BatchNormalization`. Defaults to `1`.
        folded: what `fold` gives, to compute it once for many calls. Defaults to
            `None`.

    Returns:
        Code `[N, code_size]` in (-1, 1), and a list of skips `[num_skips, ...]`, finest
        first.

    Reference: Denton & Fergus, 2018, appendix; sizes in the official models.
    """

    pool = False

    def __init__(
        self,
        frame_shape: Sequence[int],
        code_size: int,
        width: int,
        seeds: WeightSeeds,
        batch_norm_momentum: float = 0.9,
        remat: bool = False,
        **kwargs: Any,
    ):
        super().__init__(seeds, batch_norm_momentum, remat, **kwargs)
        widths = stage_widths(frame_shape, width)
        self.set_stages(self.stage(i, filters) for i, filters in enumerate(widths))
        self.code, self.code_norm = self.normalised_dense(code_size)

    def build(self, frames_shape: Shape) -> None:
        channels = frames_shape[-1]
        for unit in self.units:
            unit.build([None, None, None, channels])
            channels = unit.convolution.filters
        factor = 2 ** len(self.stage_lengths)
        height, width = (side // factor for side in frames_shape[1:3])
        self.code.build([None, height * width * channels])
        self.code_norm.build([None, 1, 1, self.code.units])

    @property
    def skip_channels(self) -> list:
        """Channels of the skips, finest first."""
        return [stage[-1].convolution.filters for stage in self.stages]

    @abc.abstractmethod
    def stage(self, index: int, filters: int) -> list:
        """The `ConvUnit`s of stage `index` (0 is the finest)."""

    def call(
        self,
        frames: tf.Tensor,
        num_skips: int | None = None,
        training: bool = False,
        num_groups: int = 1,
        folded: Any = None,
    ) -> Any:
        skips = []
        outputs: Any = frames
        folded = self.by_stage(folded or [None] * len(self.units))
        for stage, stage_folded in zip(self.stages, folded, strict=True):
            for unit, unit_folded in zip(stage, stage_folded, strict=True):
                outputs = unit(
                    outputs,
                    training=training,
                    num_groups=num_groups,
                    folded=unit_folded,
                )
            skip = outputs
            if num_skips is not None:
                outputs, skip = _with_first(outputs, num_skips)
            skips.append(skip)
            if self.pool:
                outputs = keras.ops.max_pool(outputs, 2)
        code = self.code(keras.ops.reshape(outputs, (-1, math.prod(outputs.shape[1:]))))
        code = self.code_norm(
            code[:, None, None, :], training=training, num_groups=num_groups
        )
        return keras.ops.tanh(code[:, 0, 0, :]), skips


@tf.custom_gradient
def _with_first(values, num) -> Any:
    """`values` and `values[:num]`; the gradient of a slice would fill with zeros."""

    def gradient(of_values, of_first):
        first = of_values[:num] + of_first
        return tf.concat([first, of_values[num:]], 0), None

    return (tf.identity(values), values[:num]), gradient


class FrameGenerator(StagedNetwork):
    """Code and skips -> raw decoder parameters. A subclass defines a stage.

    Args:
        frame_shape: (height, width, channels).
        num_outputs: int, channels of the output, `decoder.params_size(channels)`.
        width, seeds, batch_norm_momentum, remat: as in `FrameEncoder`.

    Call arguments:
        code: `[N, code_size]`.
        skip_maps: list from `project_skips`, batch `[N]`.
        training, num_groups, folded: as in `FrameEncoder`.

    Returns:
        `[N, H, W, num_outputs]`, before the decoder's activation.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        num_outputs: int,
        width: int,
        seeds: WeightSeeds,
        batch_norm_momentum: float = 0.9,
        remat: bool = False,
        **kwargs: Any,
    ):
        super().__init__(seeds, batch_norm_momentum, remat, **kwargs)
        self.num_outputs = num_outputs
        widths = stage_widths(frame_shape, width)
        factor = 2 ** len(widths)
        self.stem_shape = (
            frame_shape[0] // factor,
            frame_shape[1] // factor,
            widths[-1],
        )
        self.stem, self.stem_norm = self.normalised_dense(math.prod(self.stem_shape))
        # Coarsest first; a stage turns width i into the width of the next finer one.
        self.set_stages(
            self.stage(i, widths[i], widths[max(i - 1, 0)])
            for i in reversed(range(len(widths)))
        )

    @abc.abstractmethod
    def stage(self, index: int, filters: int, next_filters: int) -> list:
        """The layers of stage `index` (0 is the finest); the first takes the skip."""

    def build(self, code_shape: Shape, skip_maps_shape: Any = None) -> None:
        self.stem.build(code_shape)
        self.stem_norm.build([None, *self.stem_shape])
        channels = self.stem_shape[-1]
        for unit in self.units:
            unit.build([None, None, None, channels])
            channels = unit.convolution.filters
        self.build_finish([None, None, None, channels])

    def build_skips(self, skip_channels: Any) -> None:
        """Builds what `project_skips` uses, for the encoder's `skip_channels`."""
        for stage, channels in zip(self.stages, reversed(skip_channels), strict=True):
            stage[0].skip_convolution.build([None, None, None, channels])

    def build_finish(self, inputs_shape: Shape) -> None:
        """Builds what `finish` uses."""

    def finish(self, outputs: tf.Tensor) -> tf.Tensor:
        """What comes after the finest stage."""
        return outputs

    def project_skips(self, skips: Any, training: bool = False) -> list:
        """The skips' share of each stage's first convolution, coarsest first."""
        return [
            stage[0].project_skip(skip, training=training)
            for stage, skip in zip(self.stages, reversed(skips), strict=True)
        ]

    def call(
        self,
        code: tf.Tensor,
        skip_maps: Any,
        training: bool = False,
        num_groups: int = 1,
        folded: Any = None,
    ) -> tf.Tensor:
        outputs = keras.ops.reshape(self.stem(code), (-1, *self.stem_shape))
        outputs = self.stem_norm(outputs, training=training, num_groups=num_groups)
        outputs = leaky_relu(outputs)
        folded = self.by_stage(folded or [None] * len(self.units))
        for stage, stage_folded, skip_map in zip(
            self.stages, folded, skip_maps, strict=True
        ):
            for unit, unit_folded in zip(stage, stage_folded, strict=True):
                outputs = unit(
                    outputs,
                    skip_map,
                    training=training,
                    num_groups=num_groups,
                    folded=unit_folded,
                )
                skip_map = None  # it is the first unit's
        return self.finish(outputs)
