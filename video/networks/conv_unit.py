"""Convolution, batch normalisation, activation: the brick of both networks."""

from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.layers import BatchNormalization
from tfsigmavae_video.networks.initializers import INITIAL_STDDEV

_SLOPE = 0.2


class ConvUnit(keras.layers.Layer):
    """Convolution, batch normalisation, leaky ReLU; with or without a skip.

    A convolution of concatenated inputs is the sum of two convolutions:

        conv(concat(x, skip)) = conv_x(x) + conv_skip(skip)

    SVG's skip stays the same from the last context frame on, so `project_skip` runs on
    the context frames only and its result is shared by all later frames.

    Outside of training the normalisation is a part of the convolution, and in training
    where the layer of normalisation is frozen:

        scale * conv(x) + offset = conv_with_kernel(scale * kernel)(x) + offset

    Args:
        convolution: a `Convolution`.
        seeds: `WeightSeeds`, of the initial weights.
        skip_convolution: a `Convolution`, or `None` for a unit without a skip. Defaults
            to `None`.
        batch_norm_momentum: float. Defaults to `0.9`.
        remat: bool, whether training keeps only the unit's inputs in memory and
            computes the rest again for the gradient. Defaults to `False`.

    Call arguments:
        inputs: `[N, H, W, C]`.
        skip_map: `[N, H', W', filters]` from `project_skip`, or `None`.
        training: bool.
        num_groups: int, see `BatchNormalization`. Defaults to `1`.
        folded: what `fold` gives, to compute it once for many calls. Defaults to
            `None`; without effect in training.
    """

    def __init__(
        self,
        convolution,
        seeds,
        skip_convolution: Any = None,
        batch_norm_momentum=0.9,
        remat=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.remat = remat
        self.convolution = convolution
        self.skip_convolution = skip_convolution
        self.batch_norm = BatchNormalization(
            momentum=batch_norm_momentum,
            gamma_stddev=INITIAL_STDDEV,
            seed=seeds.draw(),
            dtype=self.dtype_policy,
        )
        # Now, because `project_skip` may come before the first call.
        self.batch_norm.build([None, None, None, convolution.filters])

    def build(self, inputs_shape, skip_map_shape=None):
        if not self.convolution.built:
            self.convolution.build(inputs_shape)

    def fold(self):
        """Kernel and offset that do convolution and normalisation at once."""
        scale, offset = self.batch_norm.scale_and_offset()
        return self.convolution.scaled_kernel(scale), offset

    def project_skip(self, skip, training=False):
        """The skip's share of the convolution, normalised as `call` expects it."""
        scale = None
        if not self.batch_norm.learns(training):
            scale, _ = self.batch_norm.scale_and_offset()
        return self.skip_convolution(skip, scale=scale)

    def call(self, inputs, skip_map=None, training=False, num_groups=1, folded=None):
        skip_maps = [] if skip_map is None else [skip_map]
        if not self.batch_norm.learns(training):
            kernel, offset = folded or self.fold()
            outputs = self.convolution.convolve(inputs, kernel)
            outputs = tf.nn.bias_add(outputs, tf.cast(offset, outputs.dtype))
            return tf.nn.leaky_relu(tf.add_n([outputs, *skip_maps]), _SLOPE)

        def forward(inputs, kernel, gamma, beta, *skip_maps):
            outputs = self.convolution.convolve(inputs, kernel)
            outputs = tf.add_n([outputs, *skip_maps])
            outputs, mean, variance = self.batch_norm.normalize(
                outputs, gamma, beta, num_groups
            )
            return leaky_relu(outputs), mean, variance

        # The moving averages are updated out here: once, whatever is computed twice.
        compute = tf.recompute_grad(forward) if self.remat else forward
        weights = self.convolution.kernel, self.batch_norm.gamma, self.batch_norm.beta
        weights = [tf.convert_to_tensor(weight) for weight in weights]
        outputs, mean, variance = compute(inputs, *weights, *skip_maps)
        self.batch_norm.update(mean, variance)
        return outputs


@tf.custom_gradient
def leaky_relu(inputs) -> Any:
    """Leaky ReLU whose gradient needs the outputs only.

    Outputs have the signs of the inputs, and the next convolution keeps them anyway:
    the normalised values need not stay in memory.
    """
    outputs = tf.nn.leaky_relu(inputs, _SLOPE)

    def gradient(upstream):
        return tf.raw_ops.LeakyReluGrad(
            gradients=upstream, features=outputs, alpha=_SLOPE
        )

    return outputs, gradient
