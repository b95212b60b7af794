"""Setting the running sigma to the error of the model as it is now."""

import tensorflow as tf

from tfsigmavae.models.elbo import only_inputs


def recalibrate(model, dataset, steps=None) -> float:
    """The work of `VariationalModel.recalibrate`; see there."""
    if not model.decoder.fits_target:
        raise TypeError(
            f"{type(model.decoder).__name__} has no running sigma to recalibrate; "
            "only OptimalSigma has."
        )
    if not isinstance(dataset, tf.data.Dataset):
        dataset = tf.data.Dataset.from_tensor_slices(dataset).batch(32)
    if steps is None and dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("`dataset` is endless: pass `steps`, how many batches.")
    total = count = None
    errors_of = tf.function(_channel_errors, reduce_retracing=True)
    for data in dataset.take(-1 if steps is None else steps):
        sums, size = errors_of(model, only_inputs(data))
        total = sums if total is None else total + sums
        count = size if count is None else count + size
    if total is None:
        raise ValueError("`dataset` holds no batch.")
    model.decoder.calibrate(tf.cast(total / count, tf.float32))
    return float(tf.sqrt(tf.reduce_mean(tf.square(model.decoder.sigma))))


def _channel_errors(model, inputs):
    """Sum of squared errors of each channel, and how many there are."""
    terms = model.elbo_terms(inputs, training=False)
    errors = tf.square(terms.target - terms.likelihood.mean())
    axes = list(range(errors.shape.rank - 1))
    # In float64: a sum over a whole data set.
    sums = tf.reduce_sum(tf.cast(errors, tf.float64), axes)
    return sums, tf.cast(tf.size(errors) / tf.size(sums), tf.float64)
