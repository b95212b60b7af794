"""What every decoder is: parameters in, p(x | z) out."""

import abc
import functools
from typing import Any, Literal, TypeAlias, get_args

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.decoders.example_weights import example_weights, masked_weights
from tfsigmavae.decoders.pixel_distribution import (
    FieldDistribution,
    PixelDistribution,
    to_field,
)
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DistributionLayer
from tfsigmavae.masks import keep_mask, mask_of
from tfsigmavae.math import nats_to_bits_per_dim, to_unit_range
from tfsigmavae.typing import Array, ConvertToTensor, Distribution, Pixels, Shape

tfd = tfp.distributions

Values: TypeAlias = Literal["pixels", "real"]
_VALUES = get_args(Values)


class Decoder(DistributionLayer, metaclass=abc.ABCMeta):
    """Base of the decoder family: a layer from parameters to p(x | z).

    A subclass writes `distribution(params, target, training)`, and overrides
    `params_size` and `activate` where it needs other than one mean per channel.

    Steps that a Keras mask `[B, T]` of `params` calls padding are not fitted to. Where
    time is part of the event, `log_prob` and `log_mass` leave them out; where it is
    not, the output has the mask of `params`, for the loss to do so. Means and samples
    of such steps are as those of others.

    Args:
        event_rank: int, how many trailing axes of `params` make one event: 1 for
            vectors, 3 for images, 4 for clips or volumes with channels. Defaults to
            `None`: all but the first axis.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"mean"`: images
            then carry no pixel noise.
        **kwargs: `name` of the layer.

    Call arguments:
        params: `[B, ..., params_size(C)]` float tensor: images, clips or fields, as
            `activate` gives it.
        target: `[B, ..., C]` pixels that a decoder may fit its sigma to in training;
            uint8, or floating in [0, 1].
        training: bool.
        sample_weight: `[B]` weights of the examples in the fit, or `[B, T]` and so on,
            of the first axes of `params`: finite, not negative. An integer weight
            counts as so many copies. Defaults to `None`, all alike. A decoder that does
            not fit has no use for them.

    Returns:
        Distribution with batch shape `[B]` and event shape `[..., C]`.

    Raises:
        ValueError: if the channels of `params` are `params_size` of no number of
            channels, there are fewer axes than `event_rank`, or weights do not match.
    """

    # What `log_prob` measures on pixels: "density" over [0, 1], the "mass" of a grey
    # level, or None where it is neither and bits per dimension have no meaning.
    measure = "density"

    # Whether `call` fits anything to `target` in training.
    fits_target = False

    def __init__(
        self,
        event_rank: int | None = None,
        convert_to_tensor_fn: ConvertToTensor = "mean",
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        if event_rank is not None:
            check_at_least("event_rank", event_rank, 1)
        self.event_rank = event_rank
        self.supports_masking = True

    @property
    def sigma(self) -> tf.Tensor | float | None:
        """Standard deviation in image units, or `None` where there is no single one."""
        return None

    def params_size(self, channels: int) -> int:
        """How many channels the generator must output for images of `channels`."""
        return channels

    def num_channels(self, params_size: int | None) -> int:
        """The number of image channels whose `params_size` this is."""
        if params_size is None:
            raise ValueError(
                f"`params` of {type(self).__name__} must have a known number of "
                "channels: give the last axis of the input its size."
            )
        for channels in range(1, params_size + 1):
            if self.params_size(channels) == params_size:
                return channels
        sizes = ", ".join(f"{self.params_size(c)} for {c}" for c in (1, 3))
        raise ValueError(
            f"`params` of {type(self).__name__} must have `params_size(channels)` "
            f"channels ({sizes} ...), got {params_size}."
        )

    def activate(self, raw: Any) -> Any:
        """The generator's last activation: raw outputs -> `params`.

        In the decoder's `compute_dtype`, see `DistributionLayer`: float32 or float64.
        Models call it by `VariationalModel.likelihood`; in a functional model it stands
        before the decoder: `decoder(decoder.activate(raw), target=images)`.
        """
        return keep_mask(raw, keras.ops.cast(raw, self.compute_dtype))

    def to_values(self, values: Array, name: str = "values") -> tf.Tensor:
        """What this decoder scores: pixels in [0, 1], or real numbers.

        In the decoder's `compute_dtype`, float32 or float64.
        """
        return to_unit_range(values, name, self.compute_dtype)

    @abc.abstractmethod
    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> Any:
        """p(x | z) of parameters; `target` and `training` as in a call.

        One that `fits_target` gets `sample_weight` too, as a keyword, where there are
        weights or a mask: of the dtype and rank of `params`, with axes of size 1 at the
        end, and 0 where a step is padding.
        """

    def call(
        self,
        params: tf.Tensor,
        target: tf.Tensor | None = None,
        training: bool = False,
        sample_weight: tf.Tensor | None = None,
    ) -> CoercibleDistribution:
        self.num_channels(params.shape[-1])
        if params.shape.rank <= (self.event_rank or 1):
            raise ValueError(
                "`params` must have a batch axis before the event, got shape "
                f"{params.shape} with `event_rank` {self.event_rank}."
            )
        if sample_weight is not None:
            sample_weight = example_weights(sample_weight, params)
        mask = mask_of(params)
        if mask is not None:
            sample_weight = masked_weights(sample_weight, mask, params)
        weights = {}
        if self.fits_target and sample_weight is not None:
            weights = {"sample_weight": sample_weight}
        distribution = self.distribution(params, target, training, **weights)
        kind: Any = self.wrapper()
        if mask is not None and self.masks_event(params, mask):
            kind = functools.partial(kind, mask=mask)
        return self.coercible(distribution, kind)

    def masks_event(self, params: tf.Tensor, mask: tf.Tensor) -> bool:
        """Whether the steps of a mask of `params` are parts of one event."""
        return len(mask.shape) > len(params.shape) - len(self.event_axes(params))

    def compute_mask(self, params: tf.Tensor, previous_mask: Any) -> Any:
        # What the likelihood itself leaves out, no loss may leave out once more.
        if previous_mask is None or self.masks_event(params, previous_mask):
            return None
        return previous_mask

    def compute_output_shape(
        self, params_shape: Shape | None = None, **shapes: Any
    ) -> Any:
        # Keras passes what `build` was called with, under the names of its arguments:
        # that of a layer without weights of its own is `input_shape`.
        if params_shape is None:
            params_shape = shapes["input_shape"]
        return super().compute_output_shape(params_shape)  # pyright: ignore[reportArgumentType]

    def wrapper(self) -> type:
        """The class that wraps the distribution."""
        return PixelDistribution

    def event_axes(self, params: tf.Tensor) -> list[int]:
        """The axes of `params` that make one event, negative."""
        return list(range(-(self.event_rank or len(params.shape) - 1), 0))

    def independent(
        self, distribution: Distribution, params: tf.Tensor
    ) -> CoercibleDistribution:
        """Moves the event axes from the batch shape to the event shape."""
        return tfd.Independent(distribution, len(self.event_axes(params)))

    def objective(
        self, nll: tf.Tensor, likelihood: CoercibleDistribution, target: tf.Tensor
    ) -> tf.Tensor:
        """What training minimises in place of the negative log likelihood.

        Args:
            nll: `[B]`, `-likelihood.log_prob(target)`.
            likelihood: what `call` returned.
            target: what it scores.

        Returns:
            `[B]`, by default `nll` itself.
        """
        return nll

    def bits_per_dim(self, nats: tf.Tensor, num_dims: int) -> tf.Tensor | None:
        """Bits per dimension, see `nats_to_bits_per_dim`; `None` without a measure."""
        if self.measure is None:
            return None
        return nats_to_bits_per_dim(nats, num_dims, density=self.measure == "density")

    def calibrate(self, mean_squared_error: Pixels) -> None:
        """Sets the running sigma of a decoder that `fits_target`.

        Args:
            mean_squared_error: float `[C]`, of each channel over a data set.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no running sigma to calibrate."
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "event_rank": self.event_rank}


class ContinuousDecoder(Decoder):
    """Base of the decoders that are densities: the Gaussians and Student's t.

    Args:
        values: `"pixels"` in [0, 1], checked, with means through a sigmoid; or
            `"real"`, any real numbers (physical fields), unchecked, with linear means
            and sigma in their unit. All defaults (first sigma, bounds) are for values
            of about unit size: scale fields so, or set them. Defaults to `"pixels"`.
        **kwargs: see `Decoder`.

    Raises:
        ValueError: if `values` is another name.
    """

    def __init__(self, values: Values = "pixels", **kwargs: Any):
        super().__init__(**kwargs)
        check_choice("values", values, _VALUES)
        self.values = values

    @property
    def measure(self) -> Literal["density", "mass"] | None:
        return "density" if self.values == "pixels" else None

    def activate(self, raw: Any) -> Any:
        raw = super().activate(raw)
        if self.values == "real":
            return raw
        # The means come first; what else there is, is bounded by `distribution`.
        num_means = self.num_channels(raw.shape[-1])
        if num_means == raw.shape[-1]:
            return keep_mask(raw, keras.ops.sigmoid(raw))
        parts: Any = keras.ops.split(raw, [num_means], axis=-1)
        loc, rest = parts
        loc = keras.ops.sigmoid(loc)
        return keep_mask(raw, keras.ops.concatenate([loc, rest], axis=-1))

    def to_values(self, values: Array, name: str = "values") -> tf.Tensor:
        if self.values == "real":
            return to_field(values, name, self.compute_dtype)
        return super().to_values(values, name)

    def wrapper(self) -> type:
        return PixelDistribution if self.values == "pixels" else FieldDistribution

    def normal(self, loc: tf.Tensor, sigma: tf.Tensor | float) -> CoercibleDistribution:
        """Gaussian of independent pixels."""
        return self.independent(tfd.Normal(loc, sigma), loc)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "values": self.values}


def constant(value):
    """Initializer of a weight: `value` to the last digit.

    A plain float would pass through float32 on its way to a float64 weight.
    """
    return keras.initializers.Constant(np.float64(value))
