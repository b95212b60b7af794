"""Base of the layers whose distribution has a static `new`."""

from typing import Any

import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers.distribution_lambda import DistributionLambda
from tfsigmavae.layers.distribution_layer import DistributionLayer
from tfsigmavae.typing import ConvertToTensor, Distribution


class ParametricLayer(DistributionLambda):
    """A `DistributionLambda` whose function is its own: a subclass writes it.

    Users of tfp.layers ask `isinstance(layer, DistributionLambda)`. There is no
    function to save and no variable to look for, so the rest of the base is left out.

    Args:
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        **kwargs: see `DistributionLayer`.
    """

    def __init__(self, convert_to_tensor_fn: ConvertToTensor = "sample", **kwargs: Any):
        DistributionLayer.__init__(self, convert_to_tensor_fn, **kwargs)

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        """Gives the `tfd.Distribution` of parameters."""
        raise NotImplementedError

    def call(
        self, params: tf.Tensor, mask: tf.Tensor | None = None
    ) -> CoercibleDistribution:
        return self.coercible(self.make_distribution_fn(params), mask=mask)

    def get_config(self) -> dict[str, Any]:
        return DistributionLayer.get_config(self)
