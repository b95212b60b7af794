"""What a decoder returns: a distribution that is strict about what it scores."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution, GreyLevels, log_level_mass
from tfsigmavae.math import to_tensor, to_unit_range

tfd = tfp.distributions


class PixelDistribution(CoercibleDistribution):
    """p(x | z) of pixels: `log_prob` takes pixels, and no other shape than its own.

    Args:
        distribution: see `CoercibleDistribution`.
        convert_to_tensor_fn: see `CoercibleDistribution`.
        mask: bool, of the batch shape and the first axes of the event, such as `[B, T]`
            of clips: false where a step does not count. Defaults to `None`, all count.
    """

    def __init__(self, distribution, convert_to_tensor_fn, mask=None):
        super().__init__(distribution, convert_to_tensor_fn)
        self.mask = mask

    def log_prob(self, value):
        """Log likelihood in nats, of the batch shape.

        Args:
            value: pixels of batch shape plus event shape, uint8 (meaning value / 255)
                or floating in [0, 1].

        Raises:
            ValueError: if the shape is another one; TFP would broadcast it in silence.
        """
        return self._score(lambda steps, value: steps.log_prob(value), value)

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
        return self._score(log_level_mass, value)

    def step_log_prob(self, value):
        """Log likelihood of each step in nats, `[B, T]`, which adds up to `log_prob`.

        Args:
            value: as for `log_prob`, `[B, T, ...]`: time is the first axis of the
                event.

        Raises:
            ValueError: as `log_prob`.
            TypeError: if the distribution does not fall into steps: it must be a
                `tfd.Independent`, as those of all decoders are.
        """
        return self._score(
            lambda steps, value: steps.log_prob(value), value, by_step=True
        )

    def step_log_mass(self, value):
        """Exact log probability of each step in nats, `[B, T]`; see `log_mass`.

        Args:
            value: as for `step_log_prob`.

        Raises:
            ValueError, TypeError: as `step_log_prob`.
        """
        return self._score(log_level_mass, value, by_step=True)

    def sum_event(self, values):
        """Sums over the event, of the steps that count: `[B, ..., C]` -> `[B]`."""
        if self.mask is not None:
            added = values.shape.rank - self.mask.shape.rank
            mask = self.mask[(..., *[tf.newaxis] * added)]
            values = tf.where(mask, values, tf.zeros_like(values))
        return tf.reduce_sum(values, list(range(-self.event_shape.rank, 0)))

    def _score(self, score, value, by_step=False):
        value = self._checked(value)
        num_kept = self.batch_shape.rank + by_step
        if self.mask is None:
            steps = self.distribution
            return score(_with_batch_rank(steps, num_kept) if by_step else steps, value)
        num_axes = self.mask.shape.rank
        scores = score(_with_batch_rank(self.distribution, num_axes), value)
        scores = tf.where(self.mask, scores, tf.zeros_like(scores))
        return tf.reduce_sum(scores, list(range(num_kept, num_axes)))

    def _checked(self, value):
        value = self.as_values(value)
        expected = self.batch_shape.concatenate(self.event_shape)
        if not expected.is_compatible_with(value.shape):
            raise ValueError(
                f"`value` must have batch shape plus event shape, {expected}, "
                f"got {value.shape}."
            )
        return value

    def as_values(self, targets):
        """Pixels as floating numbers in [0, 1]; uint8 means value / 255."""
        return to_unit_range(targets, "value", self.distribution.dtype)


def _with_batch_rank(distribution, rank):
    """The same distribution, of which so many axes are a batch."""
    if isinstance(distribution, GreyLevels):
        levels = _with_batch_rank(distribution.levels, rank)
        return GreyLevels(levels, dtype=distribution.dtype)
    # Not by its class: `tfd.Independent` of a class of our own is no instance of it.
    if not hasattr(distribution, "reinterpreted_batch_ndims"):
        raise TypeError(
            "Only of a `tfd.Independent` can steps be scored apart, or left "
            f"out, got {type(distribution).__name__}: set `event_rank`, so that time "
            "is no part of the event."
        )
    base = distribution.distribution
    return tfd.Independent(base, base.batch_shape.rank - rank)


class FieldDistribution(PixelDistribution):
    """p(x | z) of real numbers in any unit; there are no grey levels to ask for.

    Args:
        distribution, convert_to_tensor_fn, mask: see `PixelDistribution`.
    """

    def log_mass(self, value):
        raise TypeError('Only pixels have grey levels; these are `values="real"`.')

    step_log_mass = log_mass

    def as_values(self, targets):
        return to_field(targets, "value", self.distribution.dtype)


def to_field(values, name="values", dtype="float32") -> tf.Tensor:
    """Gives real numbers as `dtype`; integers, which pixels may be, are an error."""
    values = to_tensor(values)
    if not values.dtype.is_floating:
        raise TypeError(
            f'`{name}` must be floating for a decoder with `values="real"`, '
            f"got dtype {values.dtype.name}."
        )
    return tf.cast(values, dtype)
