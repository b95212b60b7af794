"""Cross entropy of grey values taken for probabilities."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders.decoder import Decoder
from tfsigmavae.decoders.pixel_distribution import PixelDistribution
from tfsigmavae.distributions import CoercibleDistribution

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class Bernoulli(Decoder):
    """Bernoulli decoder: a pixel in [0, 1] is used as the probability of a 1.

    score = sum over pixels and channels of
        x * log(p) + (1 - x) * log(1 - p),    p = sigmoid(logit)

    A likelihood only for black and white images (x is 0 or 1). For grey values it is
    neither a density nor a probability, and `measure` is `None`: over the 256 levels of
    a pixel exp(score) adds up to 128 at p = 0.5, and still to 37 at p = 0.999. A
    perfect reconstruction, p = x, costs 0.69 nats a pixel at mid grey and none at black
    or white. It pulls on the mean as a Gaussian of sigma sqrt(p * (1 - p)) does, 0.5 at
    mid grey, whatever the data. Compare it by its samples, not by its loss.

    Args:
        **kwargs: see `Decoder`.

    Call arguments:
        params: `[B, ..., C]` float tensor, logits.
        target: ignored.

    Returns:
        `tfd.Independent` of `tfd.Bernoulli`, batch shape `[B]`, event shape `[..., C]`.
        Samples are pixels of 0 and 1; the mean is p.

    Example:
        >>> p = Bernoulli()(tf.zeros([2, 8, 8, 1])).mean()
        >>> p.numpy().min(), p.numpy().max()
        (0.5, 0.5)

    Reference: Rybkin et al., 2021, table 2.
    """

    measure = None

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        return self.independent(tfd.Bernoulli(params, dtype=params.dtype), params)

    def wrapper(self) -> type:
        return _Intensities


class _Intensities(PixelDistribution):
    def log_mass(self, value):
        raise TypeError(
            "A Bernoulli decoder gives grey levels no probability: it takes a pixel "
            "for the probability of a 1. Choose another decoder to compare likelihoods."
        )

    step_log_mass = log_mass
