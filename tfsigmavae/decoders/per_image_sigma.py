"""Gaussian with one sigma per image, put out by the generator."""

import keras
import tensorflow as tf

from tfsigmavae.decoders.example_weights import masked_weights
from tfsigmavae.decoders.learned_sigma import LearnedSigma
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.masks import mask_of


@keras.saving.register_keras_serializable(package="tfsigmavae")
class PerImageSigma(LearnedSigma):
    """Gaussian decoder to whose means the generator adds one sigma per image.

    The generator puts out one more channel than the image has. That channel's mean over
    the whole event (pixels, and frames of a clip) is the image's raw log sigma:

        log sigma = soft_clip(mean(raw), min_log_sigma, max_log_sigma)

    Args:
        min_log_sigma, max_log_sigma, beta_nll: see `LearnedSigma`: soft bounds, -6 and
            1 by default, and the exponent of beta-NLL, 0 by default.
        **kwargs: see `ContinuousDecoder`.

    Call arguments:
        params: `[B, ..., C + 1]` float tensor: the mean image, then the channel of raw
            log sigma.
        target: ignored.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: see `LearnedSigma`.

    Example:
        >>> decoder = PerImageSigma()
        >>> params = decoder.activate(tf.zeros([2, 8, 8, decoder.params_size(3)]))
        >>> decoder(params).stddev().shape
        TensorShape([2, 8, 8, 3])

    Reference: Rybkin et al., 2021, section 4, whose per-image sigma is the analytic
    one of `OptimalSigma(scope="image")`.
    """

    def params_size(self, channels: int) -> int:
        return channels + 1

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        loc, log_sigma = tf.split(params, [params.shape[-1] - 1, 1], axis=-1)  # pyright: ignore[reportOptionalOperand]
        log_sigma = self._event_mean(log_sigma, mask_of(params))
        return self.normal(loc, self.bounded_sigma(log_sigma))

    def _event_mean(self, values, mask):
        # Kept dimensions, so that [B, 1, ..., 1] broadcasts against the means.
        axes = self.event_axes(values)
        if mask is None or not self.masks_event(values, mask):
            return tf.reduce_mean(values, axes, keepdims=True)
        steps = tf.ones_like(values) * masked_weights(None, mask, values)
        total = tf.reduce_sum(steps * values, axes, keepdims=True)
        return tf.math.divide_no_nan(total, tf.reduce_sum(steps, axes, keepdims=True))
