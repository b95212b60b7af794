"""Mixture of discretised logistics over the channels of a pixel."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.checks import check_at_least
from tfsigmavae.decoders.decoder import Decoder
from tfsigmavae.distributions import (
    CoercibleDistribution,
    DiscretizedLogisticMixture,
    GreyLevels,
)
from tfsigmavae.math import soft_clip, split_last_axis

tfd = tfp.distributions

# On [-1, 1] a logistic of scale exp(7) has all its mass in the two outermost levels.
_MAX_LOG_SCALE = 7.0


@keras.saving.register_keras_serializable(package="tfsigmavae")
class LogisticMixture(Decoder):
    """Discretised logistic mixture decoder, as in PixelCNN++.

    All channels of a pixel share the mixture's choice, and a channel's mean depends
    linearly on the levels of the channels before it; see
    `tfsigmavae.distributions.DiscretizedLogisticMixture`. On [-1, 1], the unit of means
    and scales,

        scale = exp(soft_clip(raw, min_log_scale, 7)),  coefficient = tanh(raw)

    so that a generator that puts out zeros begins with means at mid grey and scales 1.

    Args:
        num_mixtures: int > 0, number of mixture components M. Defaults to `10`.
        min_log_scale: float < 7, lower soft bound of log scale, on [-1, 1]. Defaults to
            `-7.0`, a tenth of a grey level.
        **kwargs: see `Decoder`.

    Call arguments:
        params: `[B, ..., (1 + 2 * C + C * (C - 1) / 2) * M]` float tensor: M logits,
            then M means a channel, M raw log scales a channel, and M raw coefficients
            for each pair of channels: for RGB green on red, blue on red, blue on green.
        target: ignored.

    Returns:
        `GreyLevels`, batch shape `[B]`, event shape `[..., C]`: the exact probability
        of 8-bit pixels.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> decoder = LogisticMixture(num_mixtures=10)
        >>> decoder.params_size(1), decoder.params_size(3)
        (30, 100)

    Reference: Salimans et al., 2017 ("PixelCNN++"), section 2.
    """

    measure = "mass"

    def __init__(
        self, num_mixtures: int = 10, min_log_scale: float = -7.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        check_at_least("num_mixtures", num_mixtures, 1)
        if not -math.inf < min_log_scale < _MAX_LOG_SCALE:
            raise ValueError(
                f"`min_log_scale` must be finite and below {_MAX_LOG_SCALE}, "
                f"got {min_log_scale!r}."
            )
        self.num_mixtures = int(num_mixtures)
        self.min_log_scale = min_log_scale

    def params_size(self, channels: int) -> int:
        return (1 + 2 * channels + _num_pairs(channels)) * self.num_mixtures

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        channels = self.num_channels(params.shape[-1])
        logits, loc, log_scale, coefficients = tf.split(
            split_last_axis(params, self.num_mixtures),
            [1, channels, channels, _num_pairs(channels)],
            axis=-2,
        )
        mixture = DiscretizedLogisticMixture(
            tf.squeeze(logits, -2),
            loc,
            tf.exp(soft_clip(log_scale, self.min_log_scale, _MAX_LOG_SCALE)),
            tf.tanh(coefficients),
        )
        # The mixture's own event is the last axis, the channels.
        levels = tfd.Independent(mixture, len(self.event_axes(params)) - 1)
        return GreyLevels(levels, dtype=params.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_mixtures": self.num_mixtures,
            "min_log_scale": self.min_log_scale,
        }


def _num_pairs(channels):
    return channels * (channels - 1) // 2
