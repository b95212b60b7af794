"""Setting the running sigma to the error of the model as it is now."""

import tensorflow as tf

from tfsigmavae.graphs import compiled
from tfsigmavae.models.batches import input_batches


def recalibrate(model, data, steps=None) -> float | None:
    """The work of `VariationalModel.recalibrate`; see there."""
    if not model.decoder.fits_target:
        return None
    total = count = 0.0
    errors_of = compiled(_channel_errors, reduce_retracing=True)
    for inputs in input_batches(data, steps=steps):
        sums, size = errors_of(model, inputs)
        total, count = total + sums, count + size
    if not tf.is_tensor(total):
        raise ValueError("`data` holds no batch.")
    dtype = model.decoder.compute_dtype
    model.decoder.calibrate(tf.cast(total / count, dtype))
    return sigma_of(model)


def sigma_of(model) -> float:
    """The decoder's sigma, root mean square where channels have their own."""
    return float(tf.sqrt(tf.reduce_mean(tf.square(model.decoder.sigma))))


def _channel_errors(model, inputs):
    """Sum of squared errors of each channel, and how many there are."""
    terms = model.elbo_terms(inputs, training=False)
    errors = tf.square(terms.target - terms.likelihood.mean())
    counts = tf.ones_like(errors)
    mask = getattr(terms.likelihood, "mask", None)
    if mask is not None:
        mask = mask[(..., *[tf.newaxis] * (errors.shape.rank - mask.shape.rank))]
        counts = tf.where(mask, counts, 0.0)
    axes = list(range(errors.shape.rank - 1))
    # In float64: a sum over a whole data set.
    errors, counts = (tf.cast(x, tf.float64) for x in (errors * counts, counts))
    return tf.reduce_sum(errors, axes), tf.reduce_sum(counts, axes)
