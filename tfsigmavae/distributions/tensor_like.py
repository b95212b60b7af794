"""An object that TensorFlow, Keras and NumPy take for a tensor."""

import numpy as np
import tensorflow as tf


# `tf.__internal__.types.Tensor` is the base that Keras' own variables use: with it
# `tf.is_tensor` holds, so losses, metrics and layers of Keras pass the object through
# untouched instead of converting it to a plain tensor.
class TensorLike(tf.__internal__.types.Tensor):
    """Stands for one tensor: its shape, operators and conversions.

    Equality and hash are identity, as Keras and dictionaries need them; `tf.equal`
    compares values.

    Args:
        value: the tensor.
    """

    # NumPy arrays leave binary operators to this class, as they do to tensors.
    __array_priority__ = 100

    def __init__(self, value: tf.Tensor):
        self._value = tf.convert_to_tensor(value)

    @property
    def shape(self) -> tf.TensorShape:
        return self._value.shape

    @property
    def dtype(self) -> tf.DType:
        return self._value.dtype

    @property
    def ndim(self) -> int:
        return self._value.shape.rank

    def get_shape(self) -> tf.TensorShape:
        return self._value.shape

    def numpy(self) -> np.ndarray:
        return self._value.numpy()

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.convert_to_tensor(self._value, dtype=dtype, name=name)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._value.numpy(), dtype=dtype)

    # Functions such as np.mean would call the method of their name: the distribution's.
    def __array_function__(self, function, types, args, kwargs):
        args, kwargs = tf.nest.map_structure(_array, (args, kwargs))
        return function(*args, **kwargs)

    def __len__(self):
        return len(self._value)

    def __iter__(self):
        return iter(self._value)

    def __getitem__(self, index):
        return self._value[index]

    def __round__(self):
        return tf.round(self._value)

    def __format__(self, spec):
        return format(self._value, spec) if spec else str(self)

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


def _plain(value):
    return value._value if isinstance(value, TensorLike) else value


def _array(value):
    return np.asarray(value) if isinstance(value, TensorLike) else value


def _binary(name):
    def operator(self, other):
        return getattr(self._value, name)(_plain(other))

    return operator


def _unary(name):
    def operator(self):
        return getattr(self._value, name)()

    return operator


_REFLECTED = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
_REFLECTED += ["and", "or", "xor"]
_BINARY = [*_REFLECTED, *(f"r{name}" for name in _REFLECTED), "lt", "le", "gt", "ge"]
_UNARY = ["neg", "abs", "invert", "bool", "int", "float", "complex", "index"]

for _names, _make in ((_BINARY, _binary), (_UNARY, _unary)):
    for _name in _names:
        _operator = _make(f"__{_name}__")
        _operator.__name__ = f"__{_name}__"
        setattr(TensorLike, _operator.__name__, _operator)
