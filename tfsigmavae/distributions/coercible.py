"""A TFP distribution that Keras 3 and TensorFlow also accept as a tensor."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

# Private, but without it `tf.experimental.dispatch_for_api`, which is public, refuses
# the classes in silence.
from tensorflow.python.util.dispatch import register_dispatchable_type

from tfsigmavae.distributions.tensor_like import TensorLike
from tfsigmavae.typing import Array, Distribution

tfd = tfp.distributions


class CoercibleDistribution(TensorLike):
    """A distribution that stands for one tensor wherever a tensor is needed.

    Attributes are looked up in the distribution first (`log_prob`, `sample`, `mean`,
    `event_shape` ...), then in the tensor (`shape`, `numpy`, indexing, arithmetic). The
    tensor is computed once, so every consumer sees the same sample. It counts as a
    `tfd.Distribution`, and `tf.cast` casts the tensor, leaving the distribution.

    A joint distribution of a sequence of variables stands for the last of them.

    Args:
        distribution: a `tfd.Distribution`.
        convert_to_tensor_fn: function from the distribution to the tensor that stands
            for it. Defaults to `tfd.Distribution.sample`.

    Raises:
        TypeError: if `distribution` is none, or its `convert_to_tensor_fn` does not
            pick one of the named variables of a joint distribution.

    Example:
        >>> normal = CoercibleDistribution(tfd.Normal([0.0, 1.0], 1.0), lambda d: d.loc)
        >>> (normal + 1.0).numpy()
        array([1., 2.], dtype=float32)
        >>> normal.log_prob([0.0, 1.0]).shape
        TensorShape([2])
    """

    def __init__(
        self,
        distribution: "Distribution | CoercibleDistribution",
        convert_to_tensor_fn: Callable[[Any], Any] = tfd.Distribution.sample,
    ):
        if not isinstance(distribution, tfd.Distribution):
            raise TypeError(
                "`distribution` must be a tfd.Distribution, "
                f"got {type(distribution).__name__}."
            )
        self.distribution = unwrap(distribution)
        value = convert_to_tensor_fn(self.distribution)
        is_joint = isinstance(self.distribution, tfd.JointDistribution)
        if is_joint and tf.nest.is_nested(value):
            value = _last_variable(value)
        super().__init__(value)

    @property
    def tensor_distribution(self) -> Distribution:
        """The distribution, under the name that `tfp.layers` gave it."""
        return self.distribution

    def log_prob(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        """That of the distribution; a floating tensor is cast to its dtype."""
        dtype = self.distribution.dtype
        if len(args) == 1 and isinstance(dtype, tf.DType) and dtype.is_floating:
            if tf.is_tensor(args[0]) and args[0].dtype.is_floating:
                args = (tf.cast(args[0], dtype),)
        return self.distribution.log_prob(*args, **kwargs)

    def as_values(self, targets: Array) -> tf.Tensor:
        """What a loss compares with the distribution, in its dtype.

        Numbers are taken for what they are, integers too: counts, labels, one-hot
        vectors. A decoder's distribution takes pixels instead.
        """
        # TensorFlow alone would round Python's floats to float32.
        if not tf.is_tensor(targets):
            targets = np.asarray(targets)
        return tf.cast(tf.convert_to_tensor(targets), self.distribution.dtype)

    def __getattr__(self, name):
        # Dunders and Keras' bookkeeping must not be found by delegation: Python and
        # Keras probe for them to decide what the object is.
        if name.startswith("__") or name in (
            "_value",
            "distribution",
            "_keras_mask",
            "_keras_history",
        ):
            raise AttributeError(name)
        if hasattr(self.distribution, name):
            return getattr(self.distribution, name)
        return getattr(self._value, name)

    def __repr__(self):
        return f"<{type(self).__name__} {self.distribution!r}>"


# As under tfp.layers. Registered, not derived: a distribution's own bookkeeping of
# parameters, names and variables is that of the inner one.
tfd.Distribution.register(CoercibleDistribution)


class _Reshaped(TensorLike):
    """The tensor of a distribution in another shape, with which it has no methods.

    Keras reshapes what a loss compares to one rank. A log_prob would then broadcast
    `[B]` against `[B, 1]` to `[B, B]`, in silence.
    """

    def __init__(self, value, before):
        super().__init__(value)
        self._before = before

    def __getattr__(self, name):
        before: Any = self.__dict__.get("_before")
        if name.startswith("_") or not hasattr(before, name):
            raise AttributeError(name)
        if not hasattr(tfd.Distribution, name) and name not in vars(type(before)):
            return getattr(self._value, name)
        raise AttributeError(
            f"This was a distribution with batch shape {before.batch_shape} and event "
            f"shape {before.event_shape}. Its tensor now has shape {self.shape}, and "
            f"no `{name}`. In a loss it is Keras that reshapes it, where `y_true` has "
            "an axis of size 1 more or less: give `y_true` batch shape plus event "
            "shape, or use `tfsigmavae.losses.NegativeLogLikelihood`, which says what "
            "does not fit."
        )


def _last_variable(values):
    if not isinstance(values, (list, tuple)):
        raise TypeError(
            "A joint distribution of named variables needs a `convert_to_tensor_fn` "
            f"that picks one, got a {type(values).__name__} of {list(values)}."
        )
    return values[-1]


def unwrap(distribution):
    """The `tfd.Distribution` itself, of a wrapped one too."""
    if isinstance(distribution, CoercibleDistribution):
        return distribution.distribution
    return distribution


# What Keras does to the output of a model before a loss that is a plain function.
register_dispatchable_type(CoercibleDistribution)


@tf.experimental.dispatch_for_api(tf.cast, {"x": CoercibleDistribution})
def _cast(x, dtype, name=None):
    twin = copy.copy(x)
    twin._value = tf.cast(x._value, dtype, name)
    return twin


@tf.experimental.dispatch_for_api(tf.expand_dims, {"input": CoercibleDistribution})
def _expand_dims(input, axis, name=None):
    return _Reshaped(tf.expand_dims(input._value, axis, name), input)


@tf.experimental.dispatch_for_api(tf.squeeze, {"input": CoercibleDistribution})
def _squeeze(input, axis=None, name=None):
    return _Reshaped(tf.squeeze(input._value, axis, name), input)


def _kl(a, b, name=None):
    return tfd.kl_divergence(unwrap(a), unwrap(b), name=name)


for _pair in (
    (CoercibleDistribution, CoercibleDistribution),
    (CoercibleDistribution, tfd.Distribution),
    (tfd.Distribution, CoercibleDistribution),
):
    tfd.RegisterKL(*_pair)(_kl)
