"""Convolution, batch normalisation, activation: the brick of both networks."""

import keras

from tfsigmavae.layers import BatchNormalization
from tfsigmavae_video.networks.initializers import draw_seed, normal_initializer

# gamma starts as N(1, 0.02), like every other weight of SVG.
GAMMA_STDDEV = 0.02


class ConvUnit(keras.layers.Layer):
    """Convolution, batch normalisation, activation; with or without a skip.

    The convolution has no bias, as the normalisation would remove it. A convolution of
    concatenated inputs is the sum of two convolutions:

        conv(concat(x, skip)) = conv_x(x) + conv_skip(skip)

    SVG's skip stays the same from the last context frame on, so `project_skip` runs on
    the context frames only and its result is shared by all later frames.

    Args:
        filters: int, output channels.
        kernel_size: int.
        rng: `numpy.random.Generator` for the initial weights.
        strides: int. Defaults to `1`.
        transpose: bool, transposed convolution (strides enlarge). Defaults to `False`.
        skip: bool, whether the unit takes a skip input. Defaults to `False`.
        batch_norm_momentum: float. Defaults to `0.9`.

    Call arguments:
        inputs: `[N, H, W, C]`.
        skip_map: `[N, H', W', filters]` from `project_skip`, or `None`.
        training: bool.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        rng,
        strides=1,
        transpose=False,
        skip=False,
        batch_norm_momentum=0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        kind = keras.layers.Conv2DTranspose if transpose else keras.layers.Conv2D

        def convolution(name):
            return kind(
                filters,
                kernel_size,
                strides=strides,
                padding="same",
                use_bias=False,
                kernel_initializer=normal_initializer(rng),
                dtype=self.dtype_policy,
                name=name,
            )

        self.convolution = convolution("convolution")
        self.skip_convolution = convolution("skip_convolution") if skip else None
        self.batch_norm = BatchNormalization(
            momentum=batch_norm_momentum,
            gamma_stddev=GAMMA_STDDEV,
            seed=draw_seed(rng),
            dtype=self.dtype_policy,
        )

    def project_skip(self, skip):
        return self.skip_convolution(skip)

    def call(self, inputs, skip_map=None, training=False):
        outputs = self.convolution(inputs)
        if skip_map is not None:
            outputs = outputs + skip_map
        outputs = self.batch_norm(outputs, training=training)
        return keras.ops.leaky_relu(outputs, negative_slope=0.2)
