"""Gaussian with a sigma for every pixel and channel, put out by the generator."""

import keras
import tensorflow as tf

from tfsigmavae.decoders.learned_sigma import LearnedSigma
from tfsigmavae.distributions import CoercibleDistribution


@keras.saving.register_keras_serializable(package="tfsigmavae")
class PerPixelSigma(LearnedSigma):
    """Gaussian decoder whose generator puts out a sigma for every element.

        log sigma = soft_clip(raw, min_log_sigma, max_log_sigma)

    Good bounds and poor samples, according to the paper: density piles up on pixels
    that never vary. Without the bounds training diverges.

    Args:
        min_log_sigma, max_log_sigma, beta_nll: see `LearnedSigma`: soft bounds, -6 and
            1 by default, and the exponent of beta-NLL, 0 by default.
        **kwargs: see `ContinuousDecoder`.

    Call arguments:
        params: `[B, ..., 2 * C]` float tensor: the mean image, then raw log sigma.
        target: ignored.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: see `LearnedSigma`.

    Example:
        >>> decoder = PerPixelSigma()
        >>> params = decoder.activate(tf.zeros([2, 8, 8, decoder.params_size(3)]))
        >>> decoder(params).stddev().shape
        TensorShape([2, 8, 8, 3])

    Reference: Rybkin et al., 2021, section 4; Seitzer et al., 2022, for `beta_nll`.
    """

    def params_size(self, channels: int) -> int:
        return 2 * channels

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        loc, log_sigma = tf.split(params, 2, axis=-1)
        return self.normal(loc, self.bounded_sigma(log_sigma))
