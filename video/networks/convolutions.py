"""Convolutions without a bias, on a kernel that the caller may change first."""

import keras
import tensorflow as tf

from tfsigmavae_video.networks.initializers import INITIAL_STDDEV

# From this height on, the sub-pixel form won on a CPU (2.1 times in float32). Below,
# it gains 10 % in float32 and loses half in bfloat16.
_MIN_SUB_PIXEL_HEIGHT = 8


class Convolution(keras.layers.Layer):
    """Two-dimensional convolution with zero padding, output size H / strides.

    `convolve(inputs, kernel)` works on any kernel, such as one into which a batch
    normalisation is folded.

    Args:
        filters: int, output channels.
        kernel_size: int.
        seeds: `WeightSeeds`, of the initial weights.
        strides: int. Defaults to `1`.

    Call arguments:
        inputs: `[N, H, W, C]`, in the precision to compute in.
        scale: float32 `[filters]`, factors of the output channels. Defaults to `None`.
    """

    def __init__(self, filters, kernel_size, seeds, strides=1, **kwargs):
        # The kernel is scaled in full precision, and rounded after.
        super().__init__(autocast=False, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.kernel_initializer = seeds.normal(INITIAL_STDDEV)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=self.kernel_shape(input_shape[-1]),
            initializer=self.kernel_initializer,
            autocast=False,
        )

    def kernel_shape(self, num_inputs):
        return self.kernel_size, self.kernel_size, num_inputs, self.filters

    def scaled_kernel(self, scale):
        """The kernel that multiplies output channel i by `scale[i]`."""
        return self.kernel * scale

    def convolve(self, inputs, kernel):
        kernel = tf.cast(kernel, inputs.dtype)
        return tf.nn.conv2d(inputs, kernel, self.strides, "SAME")

    def call(self, inputs, scale=None):
        kernel = self.kernel if scale is None else self.scaled_kernel(scale)
        return self.convolve(inputs, kernel)


class TransposedConvolution(Convolution):
    """Transposed convolution, output size H * strides. Arguments: see `Convolution`."""

    def kernel_shape(self, num_inputs):
        return self.kernel_size, self.kernel_size, self.filters, num_inputs

    def scaled_kernel(self, scale):
        return self.kernel * scale[:, None]

    def convolve(self, inputs, kernel):
        return _transposed(inputs, kernel, self.strides)


class UpsampledConvolution(Convolution):
    """Nearest upsampling by 2, then a 3 x 3 convolution.

    Every output pixel sees only 2 x 2 different input pixels. So the two steps are a
    transposed convolution of stride 2 with 4 x 4 weights, the 3 x 3 kernel smeared by a
    box of 2 x 2: 16 instead of 36 products for an input pixel, and no enlarged copy of
    the input. The weight stays the 3 x 3 kernel.

    Args:
        filters, seeds: see `Convolution`.
    """

    def __init__(self, filters, seeds, **kwargs):
        super().__init__(filters, 3, seeds, **kwargs)

    def convolve(self, inputs, kernel):
        if inputs.shape[1] >= _MIN_SUB_PIXEL_HEIGHT:
            return _transposed(inputs, _smeared(kernel), 2)
        enlarged = tf.repeat(tf.repeat(inputs, 2, axis=1), 2, axis=2)
        return super().convolve(enlarged, kernel)


def _transposed(inputs, kernel, strides):
    """Transposed convolution; kernel `[h, w, out, in]`."""
    height, width = inputs.shape[1] * strides, inputs.shape[2] * strides
    shape = [tf.shape(inputs)[0], height, width, kernel.shape[2]]
    kernel = tf.cast(kernel, inputs.dtype)
    return tf.nn.conv2d_transpose(inputs, kernel, shape, strides, "SAME")  # pyright: ignore[reportArgumentType]


def _smeared(kernel):
    """`[3, 3, in, out]` -> `[4, 4, out, in]`, the kernel of the transposed form."""
    # A transposed convolution stamps its kernel: a convolution's is stamped reversed.
    stamp = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
    corners = [(top, left) for top in (0, 1) for left in (0, 1)]
    unchanged = [0, 0]
    return tf.add_n(
        [
            tf.pad(stamp, [[top, 1 - top], [left, 1 - left], unchanged, unchanged])
            for top, left in corners
        ]
    )
