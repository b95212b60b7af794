"""Models of neighbouring seeds share nothing; noise is the same on every device."""

import functools
import itertools

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfsigmavae as sv
from tfsigmavae.models.seeding import (
    ReplicaSeedGenerator,
    WeightSeeds,
    fold_in,
    standard_normal,
    standard_normal_rows,
    standard_uniform,
)
from tfsigmavae.video import SVGLP, WarpVRNN

# Kernels this small correlate by chance.
MIN_SIZE = 100
MODELS = {
    "conv": lambda seed: sv.ConvVAE((28, 28, 1), widths=(8, 16, 32), seed=seed),
    "hierarchical": lambda seed: sv.HierarchicalVAE((32, 32, 3), width=8, seed=seed),
    "svg_dcgan": lambda seed: _svg_lp(seed, "dcgan"),
    "svg_vgg": lambda seed: _svg_lp(seed, "vgg"),
    "warp_vrnn": lambda seed: WarpVRNN((16, 16, 3), width=8, action_size=2, seed=seed),
}


def _svg_lp(seed, network):
    residual = dict.fromkeys(["predictor_residual", "posterior_residual"], True)
    return SVGLP((16, 16, 3), network=network, width=8, seed=seed, **residual)


@functools.cache
def _kernels(name, seed):
    """Standardised initial weights, but for those that are all alike."""
    weights = _weights(name, seed)
    arrays = [np.ravel(weight).astype(np.float64) for weight in weights]
    arrays = [array for array in arrays if array.size >= MIN_SIZE and array.std() > 0]
    return [(array - array.mean()) / array.std() for array in arrays]


@functools.cache
def _weights(name, seed):
    return MODELS[name](seed).get_weights()


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_neighbouring_seeds_are_independent(name):
    kernels, others = (_kernels(name, seed) for seed in (0, 1))
    assert len(kernels) > 5
    for one, other in itertools.product(kernels, others):
        size = min(len(one), len(other))
        # A layer of another shape would have the same numbers, in the same order.
        correlation = np.mean(one[:size] * other[:size])
        # Five standard deviations of what chance gives the smallest of them.
        assert abs(correlation) < 0.5


@pytest.mark.parametrize("name", MODELS)
def test_layers_of_one_model_are_independent(name):
    kernels = _kernels(name, 0)
    for one, other in itertools.combinations(kernels, 2):
        size = min(len(one), len(other))
        assert abs(np.mean(one[:size] * other[:size])) < 0.5


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights(name):
    again = MODELS[name](1).get_weights()
    for one, other in zip(_weights(name, 1), again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_seeds_are_those_of_numpy():
    seeds = WeightSeeds(7)
    rng = np.random.default_rng(7)
    assert [seeds.draw() for _ in range(3)] == [rng.integers(2**31) for _ in range(3)]


@pytest.mark.parametrize("stddev", [0.02, 1.0])
def test_initializers_have_their_spread(stddev):
    seeds = WeightSeeds(0)
    assert np.std(seeds.normal(stddev)([100, 100])) == pytest.approx(stddev, rel=0.05)
    limit = (6 / 200) ** 0.5
    assert np.abs(seeds.glorot()([100, 100])).max() == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("shape", [[3, 1001], [7], [], [0, 4]])
def test_noise_is_the_same_under_xla(shape):
    # An argument: of a constant key, the noise would be a constant of the graph.
    key = tf.constant([3, 5])
    plain = tf.function(lambda key: standard_normal(shape, key))(key)
    assert plain.shape == shape and plain.dtype == tf.float32
    compiled = tf.function(lambda key: standard_normal(shape, key), jit_compile=True)
    # Logarithm and cosine round otherwise; the radius is at most 5.9.
    np.testing.assert_allclose(compiled(key), plain, atol=2e-6)


def test_noise_is_standard_normal():
    noise = np.ravel(standard_normal([2, 100_001], [1, 2]))
    # A false alarm in one of 10,000 seeds.
    assert scipy.stats.kstest(noise, "norm").pvalue > 1e-4
    for lag in (1, 2, 100_001):  # the two of a pair, neighbours, rows
        assert abs(np.corrcoef(noise[:-lag], noise[lag:])[0, 1]) < 5 / 100_000**0.5
    assert np.abs(noise).max() > 4.0


def test_noise_is_box_muller_of_the_bits():
    bits = tf.random.stateless_uniform([4, 2], [1, 2], None, None, tf.uint32, "philox")
    u, v = (np.right_shift(bits, 8).T.astype(np.float64) + 0.5) / 2**24
    radius = np.sqrt(-2 * np.log(u))
    expected = radius * np.array([np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)])
    expected = expected.T.ravel()
    # float32 rounding of an angle up to 2 pi.
    np.testing.assert_allclose(standard_normal([7], [1, 2]), expected[:7], atol=5e-6)


def test_more_noise_begins_with_less():
    more, less = (standard_normal([size], [1, 2]) for size in (50, 17))
    np.testing.assert_allclose(more[:17], less, atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 6, 7])
def test_rows_of_noise_have_keys_of_their_own(size):
    rows = standard_normal_rows(3, size, lambda row: tf.stack([5, row]))
    assert rows.shape == (3, size)
    for row in range(3):
        # Vector units round the last numbers of an array otherwise.
        expected = standard_normal([size], [5, row])
        np.testing.assert_allclose(rows[row], expected, atol=1e-6)


@pytest.mark.parametrize("key", [[3, 5], [-3, 2], [-(2**31), -1]])
def test_folded_keys_are_the_same_under_xla(key):
    key = tf.constant(key)
    compiled = tf.function(lambda key: fold_in(key, 7), jit_compile=True)
    np.testing.assert_array_equal(compiled(key), fold_in(key, 7))
    assert np.any(fold_in(key, 7) != fold_in(key, 8))


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match="`seed` must be an int >= 0"):
        sv.ConvVAE((8, 8, 1), widths=(2, 2), seed=-1)


def test_noise_of_a_generator_goes_on_and_repeats():
    generator, twin = (ReplicaSeedGenerator(4) for _ in range(2))
    first, second = generator.normal([5]), generator.normal([5])
    assert not np.any(first == second)
    np.testing.assert_array_equal(twin.normal([5]), first)


def test_training_and_evaluation_are_the_same_under_xla():
    images = np.random.default_rng(0).random([8, 8, 8, 1], np.float32)
    logs = []
    for options in ({"run_eagerly": True}, {"jit_compile": True}):
        model = sv.ConvVAE((8, 8, 1), latent_size=3, widths=(4, 8), seed=0)
        model.compile(keras.optimizers.SGD(1e-4), **options)
        history = model.fit(images, batch_size=4, shuffle=False, verbose=0).history
        logs.append([history["nll"][0], model.evaluate(images, verbose=0)[0]])
    # The same noise, another order of float32 operations.
    np.testing.assert_allclose(logs[0], logs[1], rtol=1e-5)


def test_uniform_numbers_are_below_a_probability_as_often_as_it_says():
    key = tf.constant([1, 2])
    numbers = standard_uniform([100, 101], key).numpy()
    assert numbers.dtype == np.float32 and numbers.shape == (100, 101)
    assert numbers.min() >= 0.0 and numbers.max() < 1.0
    # Chance exceeds 2.8 / sqrt(n) less than once in a million.
    assert scipy.stats.kstest(numbers.ravel(), "uniform").statistic < 0.028
    compiled = tf.function(standard_uniform, jit_compile=True)
    np.testing.assert_array_equal(compiled([100, 101], key), numbers)
