"""Whether training is by one machine or by several."""

import tensorflow as tf


def is_of_several_machines(strategy) -> bool:
    """Whether a `tf.distribute.Strategy` is of several machines, or processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
