"""What every decoder is: parameters in, p(x | z) out."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DistributionLayer
from tfsigmavae.math import to_unit_range

tfd = tfp.distributions


class PixelDistribution(CoercibleDistribution):
    """What a decoder returns: `log_prob` takes pixels, and no other shape than its own.

    Args:
        distribution: see `CoercibleDistribution`.
        convert_to_tensor_fn: see `CoercibleDistribution`.
    """

    def log_prob(self, value):
        """Log likelihood in nats, `[B]`.

        Args:
            value: `[B, ..., C]` pixels, uint8 (meaning value / 255) or floating in
                [0, 1].

        Raises:
            ValueError: if the shape is not batch shape plus event shape; TFP would
                broadcast it in silence.
        """
        value = to_unit_range(value, "value")
        expected = self.batch_shape.concatenate(self.event_shape)
        if not expected.is_compatible_with(value.shape):
            raise ValueError(
                f"`value` must have batch shape plus event shape, {expected}, "
                f"got {value.shape}."
            )
        return self.distribution.log_prob(value)

    def prob(self, value):
        """`exp(log_prob(value))`, which overflows for more than a few pixels."""
        return tf.exp(self.log_prob(value))


class Decoder(DistributionLayer):
    """Base of the decoder family: a layer from parameters to p(x | z).

    A subclass writes `distribution(params, target, training)`, and overrides
    `params_size` and `activate` where it needs other than one mean per channel.

    Args:
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"mean"`: images
            then carry no pixel noise.
        **kwargs: `name` of the layer.

    Call arguments:
        params: `[B, ..., params_size(C)]` float tensor: images, clips or fields.
        target: `[B, ..., C]` pixels that a decoder may fit its sigma to in training;
            uint8, or floating in [0, 1].
        training: bool.

    Returns:
        Distribution with batch shape `[B]` and event shape `[..., C]`.
    """

    # Whether log_prob is a density over [0, 1], or the probability of a grey level.
    is_density = True

    # Whether `call` fits anything to `target` in training.
    fits_target = False

    def __init__(self, convert_to_tensor_fn="mean", **kwargs):
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)

    @property
    def sigma(self):
        """Standard deviation in image units, or `None` where there is no single one."""
        return None

    def params_size(self, channels: int) -> int:
        """How many channels the generator must output for images of `channels`."""
        return channels

    def activate(self, raw: tf.Tensor) -> tf.Tensor:
        """The generator's last activation: raw outputs -> `params`."""
        return tf.sigmoid(tf.cast(raw, tf.float32))

    def distribution(self, params, target, training):
        raise NotImplementedError("A Decoder subclass must write `distribution`.")

    def call(self, params, target=None, training=False):
        distribution = self.distribution(params, target, training)
        return self.coercible(distribution, PixelDistribution)


def independent_normal(loc, sigma):
    """Gaussian over `loc`'s `[B, ...]`, every axis but the first in the event."""
    return tfd.Independent(
        tfd.Normal(loc, sigma), reinterpreted_batch_ndims=loc.shape.rank - 1
    )
