"""Probabilities of the 256 grey levels of 8-bit images."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.coercible import CoercibleDistribution
from tfsigmavae.typing import Array, Distribution, DType

tfd = tfp.distributions

MAX_LEVEL = 255


class GreyLevels(tfd.Distribution):
    """A distribution of integer grey levels, spoken of as pixels in [0, 1].

    Pixel values are level / 255, here and in what comes back: `log_prob` takes pixels
    (rounded to the nearest level), `sample`, `mean`, `mode` and `stddev` give them.

    Args:
        levels: `tfd.Distribution` over 0 ... 255, of any event shape; its `mean`,
            `mode` and `variance` are those of the level.
        validate_args, allow_nan_stats, name: see `tfd.Distribution`.
        dtype: of the pixels, `tf.float32` or `tf.float64`. Defaults to `tf.float32`.
    """

    def __init__(
        self,
        levels: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "GreyLevels",
        dtype: DType = tf.float32,
    ):
        parameters = dict(locals())
        self._levels = levels
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @property
    def levels(self) -> Any:
        """The distribution of integer levels."""
        return self._levels

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"levels": tfp.util.ParameterProperties(event_ndims=None)}

    def _batch_shape(self):
        return self._levels.batch_shape

    def _batch_shape_tensor(self, **parameters):
        return self._levels.batch_shape_tensor()

    def _event_shape(self):
        return self._levels.event_shape

    def _event_shape_tensor(self):
        return self._levels.event_shape_tensor()

    def _log_prob(self, pixels):
        levels = tf.cast(_nearest_level(pixels), self._levels.dtype)
        # NaN pixels, which as integers would be some level, are to give NaN.
        axes = list(range(-self.event_shape.rank, 0))
        return self._levels.log_prob(levels) + 0.0 * tf.reduce_sum(pixels, axes)

    def _sample_n(self, n, seed=None):
        return self._to_pixels(self._levels.sample(n, seed=seed))

    def _mean(self):
        return self._to_pixels(self._levels.mean())

    def _mode(self):
        return self._to_pixels(self._levels.mode())

    def _stddev(self):
        return self._to_pixels(self._levels.stddev())

    def _variance(self):
        return tf.square(self._stddev())

    def _to_pixels(self, levels):
        return tf.cast(levels, self.dtype) / MAX_LEVEL


def log_level_mass(
    distribution: Distribution | CoercibleDistribution, pixels: Array
) -> tf.Tensor:
    """Exact log probability of the grey levels of an image, in nats.

    A density over pixels is integrated over the bin of each level:

        P(level) = cdf(level / 255 + 1 / 510) - cdf(level / 255 - 1 / 510)

    where level 0 takes the whole lower tail and level 255 the whole upper one, so that
    the 256 probabilities of a pixel sum to one. In tails whose probability is below the
    smallest number (Student's t with a tiny scale) it is density times bin width, a
    lower bound.

    Args:
        distribution: `GreyLevels` (whose `log_prob` this is already), or a
            `tfd.Independent` of a symmetric location-scale family with a `cdf`, such as
            `tfd.Normal` or `tfd.StudentT`.
        pixels: float tensor in [0, 1] of batch and event shape, rounded to the nearest
            level.

    Returns:
        float tensor of the batch shape.
    """
    if isinstance(distribution, GreyLevels):
        return distribution.log_prob(pixels)
    base = distribution.distribution
    level = _nearest_level(pixels)
    # A bin above the mean is mirrored below it: there the cumulative probability keeps
    # its relative precision, where one near 1 would lose it.
    pixel = level / MAX_LEVEL
    above = pixel > base.loc
    pixel = tf.where(above, 2.0 * base.loc - pixel, pixel)
    log_low = base.log_cdf(pixel - 0.5 / MAX_LEVEL)
    log_high = base.log_cdf(pixel + 0.5 / MAX_LEVEL)
    log_mass = log_high + tfp.math.log1mexp(log_high - log_low)
    # The tail of an outermost level leads away from the mean, or, where the mean lies
    # outside [0, 1], over it.
    away = tf.where(above, level >= MAX_LEVEL, level <= 0.0)
    over = tf.where(above, level <= 0.0, level >= MAX_LEVEL)
    log_mass = tf.where(away, log_high, log_mass)
    log_mass = tf.where(over, tfp.math.log1mexp(log_low), log_mass)
    underflow = ~over & tf.math.is_inf(tf.where(away, log_high, log_low))  # pyright: ignore[reportOperatorIssue]
    density = base.log_prob(pixel) - math.log(MAX_LEVEL)
    log_mass = tf.where(underflow, density, log_mass)
    event_shape: Any = distribution.event_shape
    axes = list(range(-event_shape.rank, 0))
    return tf.reduce_sum(log_mass, axes)


def _nearest_level(pixels):
    # The rounding of a resized image may lie half a level outside.
    return tf.clip_by_value(tf.round(pixels * MAX_LEVEL), 0.0, MAX_LEVEL)
