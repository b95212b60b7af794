"""What a model says of one batch."""

import typing

import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.math import mean_event


def rates_of(posterior, prior) -> tf.Tensor:
    """KL(posterior || prior) of each latent, in nats, of two diagonal Gaussians.

        log(s_p / s_q) + (s_q**2 + (m_q - m_p)**2) / (2 * s_p**2) - 1/2

    Args:
        posterior, prior: distributions that have a mean and a standard deviation.

    Returns:
        Tensor of the shape of their samples.
    """
    scale = posterior.stddev() / prior.stddev()
    shift = (posterior.mean() - prior.mean()) / prior.stddev()
    return 0.5 * (tf.square(scale) + tf.square(shift) - 1.0) - tf.math.log(scale)


class ElboTerms(typing.NamedTuple):
    """The two terms of the ELBO of one batch.

    Attributes:
        likelihood: p(x | z) of one posterior sample, as a decoder returned it; batch
            shape `[B]`.
        target: what it scores, float32 of batch shape plus event shape.
        kl: `[B]` in nats, the rate, KL(q(z | x) || p(z)) summed over latents and time.

    Example:
        >>> import tensorflow as tf, tfsigmavae as sv
        >>> means, images = tf.fill([4, 8, 8, 1], 0.4), tf.fill([4, 8, 8, 1], 0.5)
        >>> likelihood = sv.decoders.FixedSigma(0.1)(means)  # batch shape [4]
        >>> terms = sv.ElboTerms(likelihood, images, kl=tf.zeros([4]))
        >>> terms.nll.shape, int(terms.num_dims), terms.kl.shape
        (TensorShape([4]), 64, TensorShape([4]))
    """

    likelihood: CoercibleDistribution
    target: tf.Tensor
    kl: tf.Tensor

    @property
    def _mask(self):
        return getattr(self.likelihood, "mask", None)

    @property
    def nll(self) -> tf.Tensor:
        """`[B]` in nats, `-log p(x | z)` summed over pixels, channels and time."""
        return -self.likelihood.log_prob(self.target)

    @property
    def squared_error(self) -> tf.Tensor:
        """`[B]`, mean over the pixels of `(x - mean of p(x | z))**2`."""
        errors = tf.square(self.target - self.likelihood.mean())
        if self._mask is None:
            return mean_event(errors)
        return self.likelihood.sum_event(errors) / self.num_dims

    @property
    def num_dims(self) -> tf.Tensor:
        """Scored pixels times channels (times frames) of an example.

        An int32, or `[B]` where a mask leaves out steps, 1 at least.
        """
        if self._mask is None:
            return tf.size(self.target[0])
        return tf.maximum(self.likelihood.sum_event(tf.ones_like(self.target)), 1)
