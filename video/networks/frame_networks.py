"""What the DCGAN and VGG networks share: code layers, stages, skips."""

import itertools
import math

import keras

from tfsigmavae.layers import BatchNormalization
from tfsigmavae_video.networks.conv_unit import GAMMA_STDDEV
from tfsigmavae_video.networks.initializers import draw_seed, normal_initializer


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


class StagedNetwork(keras.layers.Layer):
    """A network whose layers come in stages, one a resolution.

    Args:
        rng: `numpy.random.Generator` for the initial weights.
        batch_norm_momentum: float.
    """

    def __init__(self, rng, batch_norm_momentum, **kwargs):
        super().__init__(**kwargs)
        self.unit_arguments = {
            "rng": rng,
            "batch_norm_momentum": batch_norm_momentum,
            "dtype": self.dtype_policy,
        }

    def normalised_dense(self, units):
        """A dense layer and the batch normalisation to follow it."""
        rng = self.unit_arguments["rng"]
        dense = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=normal_initializer(rng),
            dtype=self.dtype_policy,
        )
        norm = BatchNormalization(
            momentum=self.unit_arguments["batch_norm_momentum"],
            gamma_stddev=GAMMA_STDDEV,
            seed=draw_seed(rng),
            dtype=self.dtype_policy,
        )
        return dense, norm

    def set_stages(self, stages):
        stages = [list(stage) for stage in stages]
        # One flat list: Keras before 3.13 does not save layers in lists of lists.
        self.units = [unit for stage in stages for unit in stage]
        self.stage_lengths = [len(stage) for stage in stages]

    @property
    def stages(self) -> list:
        """Lists of layers."""
        units = iter(self.units)
        return [list(itertools.islice(units, n)) for n in self.stage_lengths]


class FrameEncoder(StagedNetwork):
    """Frames -> code and skips. A subclass says what a stage is.

    The last layer, SVG's valid convolution over the remaining 4 x 4 pixels, is written
    as the dense layer that it is.

    Args:
        frame_shape: (height, width, channels).
        code_size: int, size g of the code.
        width: int, channels of the finest stage; coarser ones have up to 8 times as
            many.
        rng: `numpy.random.Generator` for the initial weights.
        batch_norm_momentum: float. Defaults to `0.9`.

    Call arguments:
        frames: `[N, H, W, C]` in [0, 1].
        training: bool, batch statistics or moving averages.

    Returns:
        Code `[N, code_size]` in (-1, 1), and a list of skips, finest first.

    Reference: Denton & Fergus, 2018, appendix; sizes in the official models.
    """

    pool = False

    def __init__(
        self,
        frame_shape,
        code_size,
        width,
        rng,
        batch_norm_momentum=0.9,
        **kwargs,
    ):
        super().__init__(rng, batch_norm_momentum, **kwargs)
        widths = stage_widths(frame_shape, width)
        self.set_stages(self.stage(i, filters) for i, filters in enumerate(widths))
        self.code, self.code_norm = self.normalised_dense(code_size)

    def stage(self, index: int, filters: int) -> list:
        """The `ConvUnit`s of stage `index` (0 is the finest)."""
        raise NotImplementedError

    def call(self, frames, training=False):
        skips = []
        outputs = frames
        for stage in self.stages:
            for unit in stage:
                outputs = unit(outputs, training=training)
            skips.append(outputs)
            if self.pool:
                outputs = keras.ops.max_pool(outputs, 2)
        code = self.code(keras.ops.reshape(outputs, (-1, math.prod(outputs.shape[1:]))))
        code = self.code_norm(code[:, None, None, :], training=training)
        return keras.ops.tanh(code[:, 0, 0, :]), skips


class FrameGenerator(StagedNetwork):
    """Code and skips -> raw decoder parameters. A subclass says what a stage is.

    Args:
        frame_shape: (height, width, channels).
        num_outputs: int, channels of the output, `decoder.params_size(channels)`.
        width, rng, batch_norm_momentum: as in `FrameEncoder`.

    Call arguments:
        code: `[N, code_size]`.
        skip_maps: list from `project_skips`, batch `[N]`.
        training: bool, batch statistics or moving averages.

    Returns:
        `[N, H, W, num_outputs]`, before the decoder's activation.
    """

    def __init__(
        self,
        frame_shape,
        num_outputs,
        width,
        rng,
        batch_norm_momentum=0.9,
        **kwargs,
    ):
        super().__init__(rng, batch_norm_momentum, **kwargs)
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

    def stage(self, index: int, filters: int, next_filters: int) -> list:
        """The layers of stage `index` (0 is the finest); the first takes the skip."""
        raise NotImplementedError

    def upsample(self, inputs):
        """What comes before a stage's first layer."""
        return inputs

    def finish(self, outputs):
        """What comes after the finest stage."""
        return outputs

    def project_skips(self, skips):
        """The skips' share of each stage's first convolution, coarsest first."""
        return [
            stage[0].project_skip(skip)
            for stage, skip in zip(self.stages, reversed(skips), strict=True)
        ]

    def call(self, code, skip_maps, training=False):
        outputs = keras.ops.reshape(self.stem(code), (-1, *self.stem_shape))
        outputs = self.stem_norm(outputs, training=training)
        outputs = keras.ops.leaky_relu(outputs, negative_slope=0.2)
        for (first, *rest), skip_map in zip(self.stages, skip_maps, strict=True):
            outputs = first(self.upsample(outputs), skip_map, training=training)
            for unit in rest:
                outputs = unit(outputs, training=training)
        return self.finish(outputs)
