"""Student's t: heavy tails that tame a variance of every pixel's own."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders.decoder import ContinuousDecoder
from tfsigmavae.distributions import CoercibleDistribution

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class StudentT(ContinuousDecoder):
    """Student's t decoder: location, scale and degrees of freedom of every element.

    log p(x | z) = sum over pixels and channels of
        lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(pi * df) - log(scale)
        - (df + 1) / 2 * log(1 + ((x - loc) / scale)**2 / df)

        scale = min_scale + softplus(raw),  df = min_df + softplus(raw)

    Args:
        min_scale: float > 0, lower bound of the scale in image units ([0, 1]). Defaults
            to `0.0025`, about half a grey level.
        min_df: float > 1, lower bound of the degrees of freedom. The mean exists above
            1 and the variance, `df / (df - 2) * scale**2`, above 2; with a bound below
            that `stddev()` may be infinite. Defaults to `2.1`: at most `21 * scale**2`.
        **kwargs: see `ContinuousDecoder`.

    Call arguments:
        params: `[B, ..., 3 * C]` float tensor: the mean image, then raw scales, then
            raw degrees of freedom.
        target: ignored.

    Returns:
        `tfd.Independent` of `tfd.StudentT`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: if a bound is out of range.

    Example:
        >>> decoder = StudentT()
        >>> params = decoder.activate(tf.zeros([2, 8, 8, decoder.params_size(3)]))
        >>> decoder(params).log_prob(tf.zeros([2, 8, 8, 3])).shape
        TensorShape([2])

    Reference: Takahashi et al., 2018 ("Student-t Variational Autoencoder for Robust
    Density Estimation"), whose degrees of freedom have no lower bound but 0.
    """

    def __init__(self, min_scale: float = 0.0025, min_df: float = 2.1, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0.0 < min_scale < math.inf:
            raise ValueError(f"`min_scale` must be positive, got {min_scale!r}.")
        if not 1.0 < min_df < math.inf:
            raise ValueError(
                "`min_df` must be above 1, where the mean begins to exist, "
                f"got {min_df!r}."
            )
        self.min_scale = min_scale
        self.min_df = min_df

    def params_size(self, channels: int) -> int:
        return 3 * channels

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        loc, scale, df = tf.split(params, 3, axis=-1)
        scale = self.min_scale + tf.nn.softplus(scale)
        df = self.min_df + tf.nn.softplus(df)
        return self.independent(tfd.StudentT(df, loc, scale), loc)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "min_scale": self.min_scale,
            "min_df": self.min_df,
        }
