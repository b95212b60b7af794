"""KL divergence from a prior, as a regularizer of the layer of a posterior."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.layers.saved_function import function_config
from tfsigmavae.layers.saved_prior import kl_arguments, prior_config, weight_config
from tfsigmavae.layers.variable_holder import VariableHolder
from tfsigmavae.masks import batch_mask
from tfsigmavae.typing import Distribution

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class KLDivergenceRegularizer(keras.regularizers.Regularizer):
    """KL divergence from a prior, as `activity_regularizer` of a distribution layer.

    KL(a, b) = E_a[log a(z) - log b(z)], in nats per example

    Sums over the event, averages over the batch, the first batch axis; further batch
    axes, such as time, are summed, but for steps that Keras' mask calls padding. This
    holds for the exact divergence and for its Monte Carlo estimate, however many
    samples the output carries.

    Args:
        distribution_b: the prior b: a `tfd.Distribution`, a function without arguments
            that returns one, or a Keras model or layer that gives one for any input.
            Its variables train and are saved with the layer that has the regularizer.
        use_exact_kl: bool, whether to use the closed form of `tfd.kl_divergence`
            rather than test points. Defaults to `False`.
        test_points_reduce_axis: int, ints or `None`: axes of the test points' log
            probabilities, sample axes first, that are averaged instead of summed.
            Sample axes and the first batch axis always are. Defaults to `()`.
        test_points_fn: function from the distribution a to test points. Defaults to
            `tf.convert_to_tensor`, which gives the sample that the next layer sees.
        weight: number, array, `tf.Variable` or Keras variable that multiplies the
            divergence of each example. Defaults to `None`, 1.

    Call arguments:
        distribution_a: the output of a distribution layer.

    Returns:
        Scalar, nats per example.

    Raises:
        TypeError: if `distribution_b` is or gives no distribution.
        ValueError: if both distributions differ in the shape of events or in floating
            dtype, or a mask falls within an event; on saving, for a prior or a function
            of which Keras cannot make another.

    Example:
        >>> prior = tfd.MultivariateNormalDiag(tf.zeros([8]))
        >>> regularizer = KLDivergenceRegularizer(prior, use_exact_kl=True)
        >>> posterior = MultivariateNormalTriL(8, activity_regularizer=regularizer)

    Reference: Kingma & Welling, 2014, equation 3.
    """

    def __init__(
        self,
        distribution_b: Distribution | keras.layers.Layer | Callable[[], Any],
        use_exact_kl: bool = False,
        test_points_reduce_axis: int | Sequence[int] | None = (),
        test_points_fn: Callable[[Any], Any] = tf.convert_to_tensor,
        weight: Any = None,
    ):
        self.distribution_b = distribution_b
        self.use_exact_kl = bool(use_exact_kl)
        self.test_points_reduce_axis = _axes(test_points_reduce_axis)
        self.test_points_fn = test_points_fn
        self.weight = weight
        # Keras tracks the variables of layers only, so this is one. Whatever uses the
        # regularizer makes it an attribute.
        self.holder = VariableHolder()
        if isinstance(distribution_b, keras.layers.Layer):
            self.holder.prior = distribution_b
            self.prior()  # makes its weights
        else:
            self.holder.hold(self.prior().variables)
        if isinstance(weight, (tf.Variable, keras.Variable)):
            self.holder.hold([weight])

    def prior(self) -> Distribution:
        """Gives the `tfd.Distribution` that b is at this step of training."""
        prior = unwrap(drawn_from(self.distribution_b))
        if not isinstance(prior, tfd.Distribution):
            raise TypeError(
                "`distribution_b` must be a tfd.Distribution, or a function without "
                "arguments or a Keras model that gives one, got "
                f"{self.distribution_b!r}."
            )
        return prior

    def __call__(self, distribution_a: CoercibleDistribution) -> tf.Tensor:
        if not hasattr(distribution_a, "log_prob"):
            raise TypeError(
                "A KL divergence needs the output of a distribution layer, got "
                f"{type(distribution_a).__name__}."
            )
        prior = self.prior()
        _check_events(distribution_a, prior)
        kl = self._divergence(distribution_a, prior)
        if self.weight is not None:
            weight = _as_dtype(self.weight, kl.dtype)
            # One for each example holds for all of its steps.
            missing = _batch_rank(distribution_a, prior) - weight.shape.rank
            if weight.shape.rank and missing > 0:
                weight = weight[(..., *[tf.newaxis] * missing)]  # pyright: ignore[reportArgumentType]
            kl *= weight
        # Axes of kl: samples, examples, the rest of the batch.
        first = kl.shape.rank - _batch_rank(distribution_a, prior)
        mask = batch_mask(distribution_a)
        if mask is None:
            mask = tf.ones([], tf.bool)
        mask = tf.broadcast_to(mask, tf.shape(kl))
        kl = tf.where(mask, kl, tf.zeros([], kl.dtype))
        averaged = () if self.use_exact_kl else self.test_points_reduce_axis
        if any(not -kl.shape.rank <= axis < kl.shape.rank for axis in averaged):
            raise ValueError(
                f"`test_points_reduce_axis` must be axes of log probabilities of shape "
                f"{kl.shape}, got {averaged}."
            )
        for axis in {axis % kl.shape.rank for axis in averaged}:
            if axis > first:
                kl, mask = _mean(kl, mask, axis)
        kl = tf.reduce_sum(kl, list(range(first + 1, kl.shape.rank)))
        # A replica may be left without examples.
        return tf.math.divide_no_nan(tf.reduce_sum(kl), tf.cast(tf.size(kl), kl.dtype))

    def _divergence(self, distribution_a, prior):
        """KL or its estimate, axes of samples before those of the batch."""
        if self.use_exact_kl:
            try:
                return tfd.kl_divergence(unwrap(distribution_a), prior)
            except NotImplementedError as error:
                # Keras passes over that kind of error where it infers shapes.
                raise TypeError(
                    f"{error} Give a prior of the same kind, or `use_exact_kl=False`."
                ) from error
        points = self.test_points_fn(distribution_a)
        if unwrap(distribution_a).dtype.is_floating:
            points = _as_dtype(points, unwrap(distribution_a).dtype)
        return distribution_a.log_prob(points) - prior.log_prob(points)

    def get_config(self) -> dict[str, Any]:
        points = self.test_points_fn
        default = points is tf.convert_to_tensor
        return {
            "distribution_b": prior_config(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "test_points_reduce_axis": self.test_points_reduce_axis,
            "test_points_fn": None
            if default
            else function_config(points, "test_points_fn"),
            "weight": weight_config(self.weight),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KLDivergenceRegularizer":
        return cls(**kl_arguments(config))


def drawn_from(source):
    """What a Keras model gives for any input, or a function without arguments.

    Anything else is given back as it is.
    """
    if isinstance(source, keras.layers.Layer):
        inputs = getattr(source, "inputs", None)
        shape = [size or 1 for size in inputs[0].shape] if inputs else [1]
        return source(tf.zeros(shape))
    if callable(source) and not isinstance(source, tfd.Distribution):
        return source()
    return source


def _axes(axes):
    if axes is None:
        return ()
    return tuple(np.atleast_1d(np.asarray(axes, dtype=int)).tolist())


def _as_dtype(value, dtype):
    """Casts tensors and numbers, of which TensorFlow would round 0.1 to float32."""
    return tf.cast(value if tf.is_tensor(value) else np.asarray(value), dtype)


def _batch_rank(a, b):
    return tf.broadcast_static_shape(a.batch_shape, b.batch_shape).rank


def _mean(values, mask, axis):
    """Average over the unmasked elements of an axis, which is kept."""
    count = tf.reduce_sum(tf.cast(mask, values.dtype), axis, keepdims=True)
    mean = tf.math.divide_no_nan(tf.reduce_sum(values, axis, keepdims=True), count)
    return mean, count > 0


def _check_events(a, b):
    dtypes = [unwrap(a).dtype, b.dtype]
    floating = all(dtype.is_floating for dtype in dtypes)
    if floating and dtypes[0] != dtypes[1]:
        raise ValueError(
            f"`distribution_b` must have the dtype of the layer's distribution, "
            f"{dtypes[0].name}, got {dtypes[1].name}. Make it of tensors of that dtype."
        )
    if not a.event_shape.is_compatible_with(b.event_shape):
        raise ValueError(
            "`distribution_b` must have the event shape of the layer's distribution, "
            f"{a.event_shape}, got {b.event_shape}. Make batch axes part of the event "
            "with tfd.Independent."
        )
