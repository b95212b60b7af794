"""Initial weights as in the official SVG code, seeded one by one."""

import keras


def draw_seed(rng) -> int:
    """An int seed: layers made one after another differ, yet repeat by the seed."""
    return int(rng.integers(2**31))


def normal_initializer(rng, stddev=0.02):
    """N(0, stddev), for every convolution and dense layer of SVG."""
    return keras.initializers.RandomNormal(0.0, stddev, draw_seed(rng))
