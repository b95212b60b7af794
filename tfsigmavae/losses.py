"""The loss of Keras models that output a distribution."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.masks import batch_mask
from tfsigmavae.math import sum_event
from tfsigmavae.typing import Array, DType


@keras.saving.register_keras_serializable(package="tfsigmavae")
class NegativeLogLikelihood(keras.losses.Loss):
    """`-log p(y)` in nats per example, for a model whose output is a distribution.

    The log probability sums over the event (pixels, channels, latents) and over all
    batch axes after the first, such as time, but for steps that Keras' mask calls
    padding; the first is averaged as `reduction` asks. So it weighs against a KL
    divergence as it should: both are nats of whole examples, sequences of T steps too.
    A plain function as the loss is averaged over time as well, by Keras.

    Args:
        reduction: as in `keras.losses.Loss`. Defaults to `"sum_over_batch_size"`, which
            is the mean over the batch.
        name: name of the loss. Defaults to `"negative_log_likelihood"`.
        dtype: dtype of the result. Defaults to `None`, that of the log probabilities.

    Call arguments:
        y_true: `[B, ...batch shape, ...event shape]` targets. Numbers, integers too,
            are taken for what they are; a decoder takes pixels, of which uint8 means
            value / 255. What stands at masked steps does not matter.
        y_pred: the distribution a layer of `tfsigmavae.layers` or
            `tfsigmavae.decoders` returned, batch shape `[B]` or `[B, T, ...]`.
        sample_weight: `[B]` or `[B, 1]`, one for each example, or `[B, T, ...]`, one
            for each step.

    Raises:
        ValueError: if `y_true` is missing; if its shape is not batch shape plus event
            shape: a log_prob would broadcast it in silence; if that of `sample_weight`
            is no beginning of the batch shape; or if a mask falls within an event.
        TypeError: if the model's output is no distribution, or `y_true` holds integers
            other than uint8 where a decoder takes pixels.

    Example:
        >>> model.compile("adam", loss=NegativeLogLikelihood())
    """

    def __init__(
        self,
        reduction: str = "sum_over_batch_size",
        name: str = "negative_log_likelihood",
        dtype: DType | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype, **kwargs)
        self._asked_dtype = dtype

    def __call__(
        self,
        y_true: Array,
        y_pred: CoercibleDistribution,
        sample_weight: Array | None = None,
    ) -> tf.Tensor:
        if not hasattr(y_pred, "log_prob") and _in_keras_symbolic_build():
            return self._reduced(tf.zeros(tf.shape(y_pred)[:1]), None)
        nll = _nll(y_true, y_pred)
        weight = None if sample_weight is None else _weight(sample_weight, nll)
        if weight is not None and any(size != 1 for size in weight.shape[1:]):
            if self.reduction == "mean_with_sample_weight":
                raise ValueError(
                    '`reduction="mean_with_sample_weight"` needs one weight for each '
                    f"example, got weights of shape {weight.shape}."
                )
            nll, weight = nll * weight, None
        if weight is not None:
            weight = sum_event(weight)
        return self._reduced(sum_event(nll), weight)

    def _reduced(self, nll, weight) -> Any:
        reduction = _Reduction(
            reduction=self.reduction,
            name=self.name,
            dtype=self._asked_dtype or nll.dtype.name,
        )
        return reduction(nll, nll, weight)


class _Reduction(keras.losses.Loss):
    """What Keras does to losses of whole examples, in a dtype of its own."""

    def call(self, y_true, y_pred):
        return y_pred


def _nll(y_true, y_pred):
    """`[B, T, ...]`, 0 at masked steps."""
    if not hasattr(y_pred, "log_prob"):
        raise TypeError(
            "`NegativeLogLikelihood` needs a model whose output is a distribution, got "
            f"{type(y_pred).__name__}."
        )
    if y_true is None:
        raise ValueError(
            "`NegativeLogLikelihood` needs targets: `fit(x, y)`, of an autoencoder "
            "`fit(x, x)`."
        )
    y_true = y_pred.as_values(y_true)
    expected = y_pred.batch_shape.concatenate(y_pred.event_shape)
    if y_true.shape.rank is None:
        y_true = tf.ensure_shape(y_true, expected)
    if not expected.is_compatible_with(y_true.shape):
        raise ValueError(
            "`y_true` must have batch shape plus event shape of the output, "
            f"{expected}, got {y_true.shape}."
        )
    mask = batch_mask(y_pred)
    if mask is None:
        return -y_pred.log_prob(y_true)
    # Padding may be anything, also what has no finite gradient: 0 * inf is NaN.
    harmless = getattr(y_pred, "value_in_support", y_pred.sample)()
    event_axes = y_pred.event_shape.rank * [tf.newaxis]
    y_true = tf.where(mask[(..., *event_axes)], y_true, tf.stop_gradient(harmless))
    nll = -y_pred.log_prob(y_true)
    return tf.where(mask, nll, tf.zeros([], nll.dtype))


def _weight(sample_weight, nll):
    """Gives weights in the rank of `nll`, those of whole examples `[B, 1, ...]`."""
    plain = tf.is_tensor(sample_weight)
    weight = tf.cast(sample_weight if plain else np.asarray(sample_weight), nll.dtype)
    given, rank = weight.shape, nll.shape.rank
    while weight.shape.rank > rank and weight.shape[-1] == 1:
        weight = weight[..., 0]  # pyright: ignore[reportArgumentType]
    fits = weight.shape.rank <= rank and all(
        size is None or known in (size, None) or (axis > 0 and size == 1)
        for axis, (size, known) in enumerate(zip(weight.shape, nll.shape, strict=False))
    )
    if not fits:
        raise ValueError(
            "`sample_weight` must have one weight for each example or step of the "
            f"batch shape {nll.shape}, got shape {given}."
        )
    return weight[(..., *(rank - weight.shape.rank) * [tf.newaxis])]  # pyright: ignore[reportArgumentType]


def _in_keras_symbolic_build():
    # Under a strategy Keras first builds the compiled loss on plain placeholders, in a
    # graph of this name; the distribution comes only with the real step.
    graph = tf.compat.v1.get_default_graph() if not tf.executing_eagerly() else None
    return graph is not None and graph.name.startswith("scratch_graph")


__all__ = [
    "NegativeLogLikelihood",
]


def __dir__():
    return list(__all__)
