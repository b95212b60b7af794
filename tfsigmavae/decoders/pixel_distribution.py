"""What a decoder returns: a distribution that is strict about what it scores."""

import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution, log_level_mass
from tfsigmavae.math import to_unit_range


class PixelDistribution(CoercibleDistribution):
    """p(x | z) of pixels: `log_prob` takes pixels, and no other shape than its own.

    Args:
        distribution: see `CoercibleDistribution`.
        convert_to_tensor_fn: see `CoercibleDistribution`.
    """

    def log_prob(self, value):
        """Log likelihood in nats, of the batch shape.

        Args:
            value: pixels of batch shape plus event shape, uint8 (meaning value / 255)
                or floating in [0, 1].

        Raises:
            ValueError: if the shape is another one; TFP would broadcast it in silence.
        """
        return self.distribution.log_prob(self._checked(value))

    def prob(self, value):
        """`exp(log_prob(value))`, which overflows for more than a few pixels."""
        return tf.exp(self.log_prob(value))

    def value_in_support(self):
        """Values that `log_prob` takes whatever the parameters: the mean."""
        return self.distribution.mean()

    def log_mass(self, value):
        """Exact log probability of 8-bit pixels in nats, of the batch shape.

        A density is integrated over the bin of each grey level, see
        `tfsigmavae.distributions.log_level_mass`; so decoders of both kinds can stand
        in one table.

        Args:
            value: as for `log_prob`; rounded to the nearest of the 256 levels.

        Raises:
            ValueError: as `log_prob`.
        """
        return log_level_mass(self.distribution, self._checked(value))

    def _checked(self, value):
        value = self._to_values(value)
        expected = self.batch_shape.concatenate(self.event_shape)
        if not expected.is_compatible_with(value.shape):
            raise ValueError(
                f"`value` must have batch shape plus event shape, {expected}, "
                f"got {value.shape}."
            )
        return value

    def _to_values(self, value):
        return to_unit_range(value, "value")


class FieldDistribution(PixelDistribution):
    """p(x | z) of real numbers in any unit; there are no grey levels to ask for.

    Args:
        distribution: see `CoercibleDistribution`.
        convert_to_tensor_fn: see `CoercibleDistribution`.
    """

    def log_mass(self, value):
        raise TypeError('Only pixels have grey levels; these are `values="real"`.')

    def _to_values(self, value):
        return to_field(value, "value")


def to_field(values, name="values") -> tf.Tensor:
    """Gives real numbers as float32; integers, which pixels may be, are an error."""
    values = tf.convert_to_tensor(values)
    if not values.dtype.is_floating:
        raise TypeError(
            f'`{name}` must be floating for a decoder with `values="real"`, '
            f"got dtype {values.dtype.name}."
        )
    return tf.cast(values, tf.float32)
