"""Gaussian with a sigma chosen by hand: squared error and beta-VAE."""

import math
from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf

from tfsigmavae.checks import check_choice
from tfsigmavae.decoders.decoder import ContinuousDecoder
from tfsigmavae.distributions import CoercibleDistribution

Convention: TypeAlias = Literal["sum", "half_sum", "mean"]


@keras.saving.register_keras_serializable(package="tfsigmavae")
class FixedSigma(ContinuousDecoder):
    """Gaussian decoder whose sigma is chosen by hand: the uncalibrated baseline.

    log p(x | z) = sum over pixels and channels of
        -0.5 * ((x - loc) / sigma)**2 - log(sigma) - 0.5 * log(2 * pi)

    Args:
        sigma: float > 0. Standard deviation in image units ([0, 1]). Defaults to `1.0`.

    Call arguments:
        params: `[B, ..., C]` float tensor, the mean image.
        target: ignored; other decoders fit sigma to it.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: if `sigma` is not positive.

    Example:
        >>> decoder = FixedSigma(sigma=0.5)
        >>> decoder(tf.zeros([2, 8, 8, 3])).log_prob(tf.zeros([2, 8, 8, 3])).shape
        TensorShape([2])

    Reference: Rybkin et al., 2021, section 3.
    """

    def __init__(self, sigma: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0.0 < sigma < math.inf:
            raise ValueError(f"`sigma` must be a positive number, got {sigma!r}.")
        self._sigma = float(sigma)

    @property
    def sigma(self) -> float:
        return self._sigma

    @classmethod
    def from_beta(
        cls,
        beta: float,
        convention: Convention = "sum",
        num_dims: int | None = None,
        **kwargs: Any,
    ) -> "FixedSigma":
        """The sigma at which KL weight 1 trains like a beta-VAE's KL weight `beta`.

        | convention | the beta-VAE's loss | sigma**2 |
        |---|---|---|
        | `"sum"` | sum of squared errors + beta * KL | beta / 2 |
        | `"half_sum"` | half the sum of squared errors + beta * KL | beta |
        | `"mean"` | mean of squared errors + beta * KL | beta * num_dims / 2 |

        `"sum"` is what the numbers of Rybkin et al., table 1, are consistent with;
        `"mean"` is the loss of SVG-LP, with `num_dims` of one frame.

        Args:
            beta: float > 0, the KL weight.
            convention: `"sum"`, `"half_sum"` or `"mean"`. Defaults to `"sum"`.
            num_dims: int, pixels times channels under the mean; for `"mean"` only.
            **kwargs: passed to the constructor.

        Returns:
            `FixedSigma`.

        Raises:
            ValueError: for an unknown convention, a missing or needless `num_dims`, or
                a `beta` that is not positive.
        """
        if not beta > 0.0:
            raise ValueError(f"`beta` must be positive, got {beta!r}.")
        check_choice("convention", convention, get_args(Convention))
        if (convention == "mean") != bool(num_dims):
            raise ValueError(
                '`num_dims` goes with `convention="mean"` and with no other, got '
                f"convention={convention!r}, num_dims={num_dims!r}."
            )
        factors = {"sum": 0.5, "half_sum": 1.0, "mean": (num_dims or 0) / 2}
        return cls(sigma=math.sqrt(beta * factors[convention]), **kwargs)

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        return self.normal(params, self._sigma)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": self._sigma}
