"""KL divergence from a prior, as a layer that adds it to the loss of its model."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers.kl_divergence import KLDivergenceRegularizer
from tfsigmavae.layers.parameters import as_keras_loss, likelihood_dtype
from tfsigmavae.layers.saved_prior import kl_arguments
from tfsigmavae.layers.symbolic_distribution import symbolic_distribution
from tfsigmavae.typing import Distribution, DType, Shape


@keras.saving.register_keras_serializable(package="tfsigmavae")
class KLDivergenceAddLoss(keras.layers.Layer):
    """Passes a distribution on, and adds its KL divergence from a prior to the loss.

    What is added is as in `KLDivergenceRegularizer`: nats per example.

    Args:
        distribution_b: see `KLDivergenceRegularizer`.
        use_exact_kl: see `KLDivergenceRegularizer`. Defaults to `False`.
        test_points_reduce_axis: see `KLDivergenceRegularizer`; `None` is the same as
            `()`. Defaults to `None`.
        test_points_fn: see `KLDivergenceRegularizer`. Defaults to
            `tf.convert_to_tensor`.
        weight: see `KLDivergenceRegularizer`. Defaults to `None`.

    Call arguments:
        distribution_a: the output of a distribution layer.

    Returns:
        `distribution_a` itself.

    Raises:
        TypeError: if `distribution_b` or the input is no distribution.
        ValueError: as `KLDivergenceRegularizer`.

    Example:
        >>> prior = tfd.MultivariateNormalDiag(tf.zeros([8]))
        >>> encoder = keras.Sequential(
        ...     [MultivariateNormalTriL(8), KLDivergenceAddLoss(prior, weight=0.5)]
        ... )
    """

    def __init__(
        self,
        distribution_b: Distribution | keras.layers.Layer | Callable[[], Any],
        use_exact_kl: bool = False,
        test_points_reduce_axis: int | Sequence[int] | None = None,
        test_points_fn: Callable[[Any], Any] = tf.convert_to_tensor,
        weight: Any = None,
        dtype: DType | None = None,
        **kwargs: Any,
    ):
        # In whatever dtype the distribution has.
        kwargs.setdefault("autocast", False)
        super().__init__(dtype=likelihood_dtype(dtype), **kwargs)
        self.supports_masking = True
        self.regularizer = KLDivergenceRegularizer(
            distribution_b,
            use_exact_kl,
            test_points_reduce_axis,
            test_points_fn,
            weight,
        )
        self.holder = self.regularizer.holder

    def call(self, distribution_a: CoercibleDistribution) -> Any:
        self.add_loss(as_keras_loss(self.regularizer(distribution_a)))
        return distribution_a

    # Without these Keras would trace `call` on a plain tensor.
    def compute_output_shape(self, input_shape: Shape) -> Any:
        return input_shape

    def compute_output_spec(self, distribution_a: CoercibleDistribution) -> Any:
        return symbolic_distribution(distribution_a)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.regularizer.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KLDivergenceAddLoss":
        return cls(**kl_arguments(config))
