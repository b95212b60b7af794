"""Random numbers of a model: state that is its own, other noise on every replica."""

import keras
import numpy as np
import tensorflow as tf


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """Keras' own, with other noise on every replica of a `tf.distribute` strategy.

    Args:
        seed: see `keras.random.SeedGenerator`.
        **kwargs: see `keras.random.SeedGenerator`.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return seed
        # The first number is the key, the second counts the draws.
        number = tf.cast(replica.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([0x9E3779B9 * number, tf.zeros_like(number)])

    @property
    def initial_seed(self) -> int:
        """The seed it started from; where none was given, what Keras drew."""
        return int(np.ravel(self.state)[0])

    def as_integer(self) -> tf.Tensor:
        """A fresh int32 scalar, for functions that take an explicit seed."""
        return keras.random.randint([], 0, 2**31 - 1, "int32", self)
