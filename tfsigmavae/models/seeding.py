"""Random numbers of a model: initial weights, and noise that is its own."""

import contextlib
import math

import keras
import numpy as np
import tensorflow as tf


class WeightSeeds:
    """Seeds of initial weights, one after another; models of other seeds share none.

    Counting up from the model's seed instead would give a layer of one model the
    numbers of another layer of the next.

    Args:
        seed: int >= 0.

    Example:
        >>> seeds = WeightSeeds(0)
        >>> keras.layers.Dense(8, kernel_initializer=seeds.glorot())
    """

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def draw(self) -> int:
        """A fresh seed from 0 to 2**31 - 1."""
        return int(self._rng.integers(2**31))

    def glorot(self) -> keras.initializers.Initializer:
        """Keras' default for kernels, with a fresh seed."""
        return keras.initializers.GlorotUniform(self.draw())

    def normal(self, stddev) -> keras.initializers.Initializer:
        """N(0, stddev**2), with a fresh seed."""
        return keras.initializers.RandomNormal(0.0, stddev, self.draw())


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """Keras' own, with other noise on every replica of a `tf.distribute` strategy.

    Args:
        seed: see `keras.random.SeedGenerator`.
        noise_dtype: dtype of what `normal` gives. Defaults to `"float32"`.
        **kwargs: see `keras.random.SeedGenerator`.
    """

    def __init__(self, seed=None, noise_dtype="float32", **kwargs):
        super().__init__(seed, **kwargs)
        self.noise_dtype = noise_dtype

    def get_config(self):
        return {**super().get_config(), "noise_dtype": self.noise_dtype}

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
        return keras.random.randint([], 0, 2**31 - 1, "int32", self)  # pyright: ignore[reportReturnType]

    def normal(self, shape) -> tf.Tensor:
        """Fresh noise from N(0, 1), see `standard_normal`."""
        return tf.cast(standard_normal(shape, self.next()), self.noise_dtype)

    def uniform(self, shape) -> tf.Tensor:
        """Fresh numbers in [0, 1), see `standard_uniform`."""
        return standard_uniform(shape, self.next())


def generator_states(model) -> list:
    """State variables of every `keras.random.SeedGenerator` of a model."""
    # `weights` leaves them out; they are known by nothing but their name.
    return [v for v in model.variables if v.name == "seed_generator_state"]


@contextlib.contextmanager
def explicit_noise(model, seed):
    """Within, all noise of a model is that of `seed`; its generators are put back.

    Args:
        model: `keras.Model`.
        seed: int or int32 scalar tensor.
    """
    states = generator_states(model)
    kept = [tf.identity(state.value) for state in states]
    for number, state in enumerate(states):
        # Not seed + number: neighbouring seeds would share noise.
        key = fold_in(tf.stack([tf.cast(seed, tf.int32), number]), 0)
        state.assign(tf.cast(tf.bitwise.bitwise_and(key, 2**31 - 1), state.dtype))
    try:
        yield
    finally:
        for state, value in zip(states, kept, strict=True):
            state.assign(value)


def standard_normal(shape, key) -> tf.Tensor:
    """Noise from N(0, 1), the same with and without XLA but for rounding.

    TensorFlow's own normal draws other numbers under XLA for the same key: the bits of
    Philox agree, what is made of them does not. So here it is the Box-Muller transform
    of the bits:

        sqrt(-2 log u) * cos(2 pi v), sqrt(-2 log u) * sin(2 pi v),   u, v in (0, 1]

    Args:
        shape: list of ints or scalar integer tensors, or an integer tensor `[rank]`.
        key: integer `[2]`.

    Returns:
        float32 tensor of `shape`, at most 5.9 in size. More numbers of the same key
        begin with those of fewer.

    Reference: Box & Muller, 1958; Philox: Salmon et al., 2011.
    """
    size = tf.reduce_prod(tf.convert_to_tensor(shape, tf.int32))
    return tf.reshape(_box_muller(_bits((size + 1) // 2, key))[:size], shape)


def standard_uniform(shape, key) -> tf.Tensor:
    """Numbers in [0, 1), the same with and without XLA.

    Args:
        shape, key: see `standard_normal`.

    Returns:
        float32 tensor of `shape`, multiples of 2**-24: never 1, and below a probability
        p as often as p says.
    """
    size = tf.reduce_prod(tf.convert_to_tensor(shape, tf.int32))
    bits = tf.reshape(_bits((size + 1) // 2, key), [-1])[:size]
    bits = tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32))
    return tf.reshape(tf.cast(bits, tf.float32) * 2.0**-24, shape)


def fold_in(key, number) -> tf.Tensor:
    """A key of a key and a number, the same with and without XLA.

    TensorFlow's own takes other bits under XLA where a key is negative.

    Args:
        key: integer `[2]`.
        number: integer scalar tensor.

    Returns:
        int32 `[2]`.
    """
    bits = tf.random.stateless_uniform([], key, None, None, tf.int32, alg="philox")  # pyright: ignore[reportArgumentType]
    return tf.stack([bits, tf.cast(number, tf.int32)])


def standard_normal_rows(num_rows, size, key_of) -> tf.Tensor:
    """Noise of many keys: row `i` is `standard_normal([size], key_of(i))`.

    Args:
        num_rows: int scalar tensor.
        size: int or scalar tensor.
        key_of: function from an int32 scalar tensor, the row, to a key, int32 `[2]`.

    Returns:
        float32 `[num_rows, size]`.
    """
    bits = tf.map_fn(
        lambda row: _bits((size + 1) // 2, key_of(row)),
        tf.range(num_rows),
        fn_output_signature=tf.TensorSpec([None, 2], tf.uint32),
    )
    return _box_muller(bits)[:, :size]


def _bits(num_pairs, key):
    # Pairs side by side: more numbers of a key begin with those of fewer.
    return tf.random.stateless_uniform(
        [num_pairs, 2],
        key,
        None,  # pyright: ignore[reportArgumentType]
        None,
        tf.uint32,
        alg="philox",
    )


def _box_muller(bits):
    """uint32 `[..., N, 2]` -> float32 `[..., 2 * N]` from N(0, 1)."""
    # 24 bits, all that a float32 holds; the half keeps log from 0.
    bits = tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32))
    u, v = tf.unstack((tf.cast(bits, tf.float32) + 0.5) * 2.0**-24, axis=-1)
    radius, angle = tf.sqrt(-2.0 * tf.math.log(u)), 2.0 * math.pi * v
    pairs = tf.stack([radius * tf.cos(angle), radius * tf.sin(angle)], axis=-1)
    return tf.reshape(pairs, tf.concat([tf.shape(bits)[:-2], [-1]], 0))
