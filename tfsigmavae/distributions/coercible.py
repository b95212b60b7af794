"""A TFP distribution that Keras 3 and TensorFlow also accept as a tensor."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


# `tf.__internal__.types.Tensor` is the base that Keras' own variables use: with it
# `tf.is_tensor` holds, so losses, metrics and layers of Keras pass the object through
# untouched instead of converting it to a plain tensor.
class CoercibleDistribution(tf.__internal__.types.Tensor):
    """A distribution that stands for one tensor wherever a tensor is needed.

    Attributes are looked up in the distribution first (`log_prob`, `sample`, `mean`,
    `event_shape` ...), then in the tensor (`shape`, `numpy`, indexing, arithmetic). The
    tensor is computed once, so every consumer sees the same sample.

    A joint distribution of a sequence of variables stands for the last of them.

    Args:
        distribution: a `tfd.Distribution`.
        convert_to_tensor_fn: function from the distribution to the tensor that stands
            for it. Defaults to `tfd.Distribution.sample`.

    Example:
        >>> normal = CoercibleDistribution(tfd.Normal([0.0, 1.0], 1.0), lambda d: d.loc)
        >>> (normal + 1.0).numpy()
        array([1., 2.], dtype=float32)
        >>> normal.log_prob([0.0, 1.0]).shape
        TensorShape([2])
    """

    # NumPy arrays leave binary operators to this class, as they do to tensors.
    __array_priority__ = 100

    def __init__(self, distribution, convert_to_tensor_fn=tfd.Distribution.sample):
        if not isinstance(distribution, tfd.Distribution):
            raise TypeError(
                "`distribution` must be a tfd.Distribution, "
                f"got {type(distribution).__name__}."
            )
        self.distribution = distribution
        value = convert_to_tensor_fn(distribution)
        if isinstance(distribution, tfd.JointDistribution) and tf.nest.is_nested(value):
            value = _last_variable(value)
        self._value = tf.convert_to_tensor(value)

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
        return f"<CoercibleDistribution {self.distribution!r}>"

    @property
    def shape(self):
        return self._value.shape

    @property
    def dtype(self):
        return self._value.dtype

    @property
    def ndim(self):
        return self._value.shape.rank

    def get_shape(self):
        return self._value.shape

    def numpy(self):
        return self._value.numpy()

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.convert_to_tensor(self._value, dtype=dtype, name=name)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._value.numpy(), dtype=dtype)

    def __len__(self):
        return len(self._value)

    def __iter__(self):
        return iter(self._value)

    def __getitem__(self, index):
        return self._value[index]

    def __bool__(self):
        return bool(self._value)

    # As for tensors in sets and dicts: identity, not values.
    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


def _binary(name):
    def operator(self, other):
        return getattr(self._value, name)(_plain(other))

    operator.__name__ = name
    return operator


def _unary(name):
    def operator(self):
        return getattr(self._value, name)()

    operator.__name__ = name
    return operator


def _plain(value):
    return value._value if isinstance(value, CoercibleDistribution) else value


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    for _prefix in ("", "r"):
        _dunder = f"__{_prefix}{_name}__"
        setattr(CoercibleDistribution, _dunder, _binary(_dunder))
for _name in ("lt", "le", "gt", "ge"):
    setattr(CoercibleDistribution, f"__{_name}__", _binary(f"__{_name}__"))
for _name in ("neg", "abs"):
    setattr(CoercibleDistribution, f"__{_name}__", _unary(f"__{_name}__"))


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


def _kl(a, b, name=None):
    return tfd.kl_divergence(unwrap(a), unwrap(b), name=name)


for _pair in (
    (CoercibleDistribution, CoercibleDistribution),
    (CoercibleDistribution, tfd.Distribution),
    (tfd.Distribution, CoercibleDistribution),
):
    tfd.RegisterKL(*_pair)(_kl)
