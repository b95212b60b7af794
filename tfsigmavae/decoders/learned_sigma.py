"""Base of the Gaussians whose sigma is an output of the generator."""

import math
from typing import Any

import tensorflow as tf

from tfsigmavae.decoders.decoder import ContinuousDecoder
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.math import soft_clip


class LearnedSigma(ContinuousDecoder):
    """Base of the Gaussian decoders whose log sigma the generator puts out.

        log sigma = soft_clip(raw, min_log_sigma, max_log_sigma)

    Args:
        min_log_sigma: float, lower soft bound of log sigma. Defaults to `-6.0`, a sigma
            of 0.0025: about half a grey level.
        max_log_sigma: float, upper soft bound of log sigma. Defaults to `1.0`, a sigma
            of 2.7, for pixels in [0, 1].
        beta_nll: float in [0, 1], `b` of beta-NLL: training weighs the negative log
            likelihood of each element by sigma**(2 * b), without a gradient. Defaults
            to `0.0`, the plain likelihood. See `objective`.
        **kwargs: see `ContinuousDecoder`.

    Raises:
        ValueError: if the bounds are not finite and in order, or `beta_nll` is out of
            range.
    """

    def __init__(
        self,
        min_log_sigma: float = -6.0,
        max_log_sigma: float = 1.0,
        beta_nll: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not -math.inf < min_log_sigma < max_log_sigma < math.inf:
            raise ValueError(
                "`min_log_sigma` must be below `max_log_sigma`, both finite, got "
                f"min_log_sigma={min_log_sigma!r}, max_log_sigma={max_log_sigma!r}."
            )
        if not 0.0 <= beta_nll <= 1.0:
            raise ValueError(f"`beta_nll` must be in [0, 1], got {beta_nll!r}.")
        self.min_log_sigma = min_log_sigma
        self.max_log_sigma = max_log_sigma
        self.beta_nll = beta_nll

    def bounded_sigma(self, log_sigma: tf.Tensor) -> tf.Tensor:
        """Sigma from an unbounded log sigma."""
        return tf.exp(soft_clip(log_sigma, self.min_log_sigma, self.max_log_sigma))

    def objective(
        self, nll: tf.Tensor, likelihood: CoercibleDistribution, target: tf.Tensor
    ) -> tf.Tensor:
        """Beta-NLL: each element's negative log likelihood times sigma**(2 * b).

        Where sigma is small the plain likelihood pulls the mean hard, and where it is
        large hardly at all, so that badly fitted elements stay so. `b = 1` pulls the
        mean as the squared error does. The weights are far below 1 on images, hence the
        KL term of a VAE weighs more by as much: with `b > 0` the loss is no bound.

        Reference: Seitzer et al., 2022, equation 5.
        """
        if not self.beta_nll:
            return nll
        normal = likelihood.distribution.distribution
        weights = tf.stop_gradient(normal.variance() ** self.beta_nll)
        log_prob = normal.log_prob(self.to_values(target, "target"))
        return -likelihood.sum_event(weights * log_prob)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "min_log_sigma": self.min_log_sigma,
            "max_log_sigma": self.max_log_sigma,
            "beta_nll": self.beta_nll,
        }
