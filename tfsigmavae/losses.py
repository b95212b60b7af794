"""The loss of Keras models that output a distribution."""

import keras
import tensorflow as tf

from tfsigmavae.math import to_unit_range


@keras.saving.register_keras_serializable(package="tfsigmavae")
class NegativeLogLikelihood(keras.losses.Loss):
    """`-log p(y)` in nats per example, for a model whose output is a distribution.

    The log probability sums over the event (pixels, channels, latents); the batch is
    averaged as `reduction` asks.

    Args:
        reduction: as in `keras.losses.Loss`. Defaults to `"sum_over_batch_size"`, which
            is the mean over the batch.
        name: name of the loss. Defaults to `"negative_log_likelihood"`.

    Call arguments:
        y_true: `[B, ...event shape]` targets; uint8 means value / 255, unless the
            distribution itself is one of integers.
        y_pred: the distribution a layer of `tfsigmavae.layers` or
            `tfsigmavae.decoders` returned, batch shape `[B]`.

    Raises:
        ValueError: if the shape of `y_true` is not batch shape plus event shape: a
            log_prob would broadcast it in silence.
        TypeError: if the model's output is no distribution, or `y_true` holds integers
            other than uint8 where the distribution is continuous.

    Example:
        >>> model.compile("adam", loss=NegativeLogLikelihood())
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="negative_log_likelihood", **kwargs
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        nll = _nll(y_true, y_pred)
        return super().__call__(nll, nll, sample_weight)

    def call(self, y_true, y_pred):
        return y_pred


def _nll(y_true, y_pred):
    if not hasattr(y_pred, "log_prob"):
        if _in_keras_symbolic_build():
            return tf.zeros(tf.shape(y_pred)[:1])
        raise TypeError(
            "`NegativeLogLikelihood` needs a model whose output is a distribution, got "
            f"{type(y_pred).__name__}."
        )
    y_true = tf.convert_to_tensor(y_true)
    if y_pred.distribution.dtype.is_floating:
        if y_true.dtype == tf.uint8:
            y_true = to_unit_range(y_true)
        elif not y_true.dtype.is_floating:
            raise TypeError(
                "`y_true` must be uint8 (meaning value / 255) or floating for a "
                f"continuous distribution, got dtype {y_true.dtype.name}."
            )
    expected = y_pred.batch_shape.concatenate(y_pred.event_shape)
    if not expected.is_compatible_with(y_true.shape):
        raise ValueError(
            "`y_true` must have batch shape plus event shape of the output, "
            f"{expected}, got {y_true.shape}."
        )
    return -y_pred.log_prob(tf.cast(y_true, y_pred.distribution.dtype))


def _in_keras_symbolic_build():
    # Under a strategy Keras first builds the compiled loss on plain placeholders, in a
    # graph of this name; the distribution comes only with the real step.
    graph = tf.compat.v1.get_default_graph() if not tf.executing_eagerly() else None
    return graph is not None and graph.name.startswith("scratch_graph")
