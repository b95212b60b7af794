"""Integers whose binary digits are independent."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class BitwiseCategorical(tfd.Distribution):
    """Integers 0 ... 2**K - 1 with K independent binary digits.

    log P(level) = sum over digits of
        digit * log_sigmoid(logit) + (1 - digit) * log_sigmoid(-logit)

    The mean, the sum of 2**k * sigmoid(logit), the variance and the cumulative
    probability are exact.

    Args:
        logits: `[..., K]` float tensor, the log odds of each digit being 1, the most
            significant digit first.
        validate_args, allow_nan_stats, name: see `tfd.Distribution`.
    """

    def __init__(
        self,
        logits: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "BitwiseCategorical",
    ):
        parameters = dict(locals())
        self._logits = tf.convert_to_tensor(logits, dtype_hint=tf.float32)
        super().__init__(
            dtype=self._logits.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @property
    def logits(self) -> tf.Tensor:
        """Log odds of each digit, the most significant one first."""
        return self._logits

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"logits": tfp.util.ParameterProperties(event_ndims=1)}

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, level):
        # log_sigmoid(logit) for a 1, log_sigmoid(-logit) for a 0.
        signs = 2.0 * self._digits(level) - 1.0
        return tf.reduce_sum(tf.math.log_sigmoid(signs * self.logits), -1)

    def _cdf(self, level):
        # A smaller number has the same digits down to a 1 in whose place it has a 0.
        level = tf.floor(level)
        is_one = self._digits(level)
        same = tf.sigmoid((2.0 * is_one - 1.0) * self.logits)
        above = tf.math.cumprod(same, axis=-1, exclusive=True)
        smaller = tf.reduce_sum(is_one * tf.sigmoid(-self.logits) * above, -1)
        cdf = smaller + tf.reduce_prod(same, -1)
        # Numbers outside have digits of their own, which mean nothing here.
        cdf = tf.where(level < 0.0, tf.zeros_like(cdf), cdf)
        largest = 2.0 ** self.logits.shape[-1] - 1.0  # pyright: ignore[reportOperatorIssue]
        return tf.where(level >= largest, tf.ones_like(cdf), cdf)

    def _sample_n(self, n, seed=None):
        digits = tfd.Bernoulli(self.logits, dtype=self.dtype).sample(n, seed=seed)
        return self._number(digits)

    def _mean(self):
        return self._number(tf.sigmoid(self.logits))

    def _mode(self):
        return self._number(tf.cast(self.logits > 0.0, self.dtype))

    def _variance(self):
        variance = tf.sigmoid(self.logits) * tf.sigmoid(-self.logits)
        return tf.reduce_sum(self._powers(2) * variance, -1)

    def _digits(self, level):
        """The binary digits of a level, the most significant one first."""
        # The last digit of level / 2**k, in floating point: TensorFlow computes with
        # int32 on the host, not on the GPU. By products: of a division by a constant a
        # graph makes one by its reciprocal, which need not be exact, not even of 1.
        half = 0.5 * tf.floor(level[..., tf.newaxis] * self._powers(-1))
        return 2.0 * (half - tf.floor(half))

    def _powers(self, exponent=1):
        """The place values 128, 64, ..., 1, to the power of `exponent`."""
        num_digits = self.logits.shape[-1]
        powers = [2.0 ** (exponent * place) for place in reversed(range(num_digits))]  # pyright: ignore[reportArgumentType]
        return tf.constant(powers, self.dtype)

    def _number(self, digits):
        return tf.reduce_sum(digits * self._powers(), -1)
