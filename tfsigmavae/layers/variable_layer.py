"""A trainable constant as a layer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.layers.parameters import to_shape
from tfsigmavae.typing import DType, Shape


@keras.saving.register_keras_serializable(package="tfsigmavae")
class VariableLayer(keras.layers.Layer):
    """Gives a trainable variable, whatever its input.

    With a distribution layer after it, a trainable prior:

        prior = keras.Sequential([VariableLayer([16]), IndependentNormal([8])])

    Args:
        shape: int, or ints > 0, shape of the variable.
        dtype: dtype of the layer. Defaults to `None`, Keras' default.
        activation: name or function applied to the variable. Defaults to `None`.
        initializer: Keras initializer. Defaults to `"zeros"`.
        regularizer: Keras regularizer of the variable. Defaults to `None`.
        constraint: Keras constraint of the variable. Defaults to `None`.

    Call arguments:
        inputs: any tensor; ignored.

    Returns:
        Tensor of shape `shape`, without a batch axis.

    Raises:
        ValueError: if a size is not positive.
    """

    def __init__(
        self,
        shape: int | Sequence[int],
        dtype: DType | None = None,
        activation: str | Callable[..., Any] | None = None,
        initializer: Any = "zeros",
        regularizer: Any = None,
        constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.supports_masking = True
        self.shape = to_shape(shape, "shape")
        self.activation: Any = keras.activations.get(activation)
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)
        self.constant = self.add_weight(
            name="constant",
            shape=self.shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
        )

    def call(self, inputs: Any) -> tf.Tensor:
        return self.activation(tf.convert_to_tensor(self.constant))

    # The variable has none of the steps that a mask of the input speaks of.
    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return self.shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shape": self.shape,
            "activation": keras.activations.serialize(self.activation),
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "constraint": keras.constraints.serialize(self.constraint),
        }
