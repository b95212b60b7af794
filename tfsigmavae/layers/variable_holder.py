"""Makes `tf.Variable`s that Keras did not create weights of a Keras layer."""

import weakref

import keras
import tensorflow as tf


class AdoptedVariable(keras.Variable):
    """A Keras variable whose storage is a `tf.Variable` that exists already.

    Args:
        variable: the `tf.Variable`.
    """

    def __init__(self, variable):
        self._adopted = variable
        super().__init__(
            # Keras asks for values before it sets the storage, while it infers shapes.
            lambda shape, dtype: tf.convert_to_tensor(variable),
            shape=variable.shape,
            dtype=variable.dtype.name,
            trainable=variable.trainable,
            name=variable.name.partition(":")[0].rpartition("/")[2],
        )

    # What Keras calls to make the storage, at once or when it leaves a symbolic scope.
    def _initialize(self, value):
        self._value = self._adopted


# One Keras variable for each tf.Variable, however many layers use it: with two, the
# optimizer would take two steps. An entry lives as long as its Keras variable, which
# keeps the tf.Variable alive, so an id is never reused while it is here.
_ADOPTED = weakref.WeakValueDictionary()


class VariableHolder(keras.layers.Layer):
    """Tracks variables for the layer that has it as an attribute.

    Unlike any other layer it takes new variables at any time: some are only seen when
    a function is first called.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.held = []
        self.built = True

    # Its own, for Keras locks a layer that inherits it as one that has all variables.
    def build(self, input_shape):
        pass

    def hold(self, variables) -> None:
        """Tracks each `tf.Variable` or Keras variable that is not yet tracked."""
        for variable in variables:
            if not self.holds(variable):
                self.held.append(_adopt(variable))

    def holds(self, variable) -> bool:
        return any(variable is held or variable is _source(held) for held in self.held)


def _adopt(variable):
    if isinstance(variable, keras.Variable):
        return variable
    adopted = _ADOPTED.get(id(variable))
    if adopted is None:
        adopted = _ADOPTED[id(variable)] = AdoptedVariable(variable)
    return adopted


def _source(variable):
    return getattr(variable, "_adopted", None)
