"""A probability for each of the 256 grey levels."""

import keras
import tensorflow as tf

from tfsigmavae.decoders.decoder import Decoder
from tfsigmavae.distributions import (
    CategoricalLevels,
    CoercibleDistribution,
    GreyLevels,
)
from tfsigmavae.math import split_last_axis

_NUM_LEVELS = 256


@keras.saving.register_keras_serializable(package="tfsigmavae")
class Categorical(Decoder):
    """Categorical decoder: 256 logits for every pixel and channel.

    log P(x | z) = sum over pixels and channels of log_softmax(logits)[255 * x]

    Args:
        **kwargs: see `Decoder`.

    Call arguments:
        params: `[B, ..., C * 256]` float tensor: the logits of the levels 0 ... 255 of
            the first channel, then those of the second ...
        target: ignored.

    Returns:
        `GreyLevels` of `CategoricalLevels`, batch shape `[B]`, event shape `[..., C]`:
        the exact probability of 8-bit pixels.

    Example:
        >>> decoder = Categorical()
        >>> levels = decoder(tf.zeros([2, 8, 8, decoder.params_size(3)]))
        >>> levels.event_shape, levels.mean().numpy().max()
        (TensorShape([8, 8, 3]), 0.5)

    Reference: van den Oord et al., 2016 ("Pixel Recurrent Neural Networks"), section
    3.4; Rybkin et al., 2021, table 2.
    """

    measure = "mass"

    def params_size(self, channels: int) -> int:
        return _NUM_LEVELS * channels

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        levels = CategoricalLevels(split_last_axis(params, _NUM_LEVELS))
        return GreyLevels(self.independent(levels, params), dtype=params.dtype)
