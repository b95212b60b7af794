"""Batches are a function of seed and step."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.data import images

NUM_IMAGES = 10
# Image i has the value i everywhere.
ARRAY = np.broadcast_to(
    np.arange(NUM_IMAGES, dtype=np.uint8)[:, None, None, None], [NUM_IMAGES, 3, 2, 1]
)


def numbers(dataset, num_batches=None):
    """Which images every batch holds."""
    batches = list(itertools.islice(dataset, num_batches))
    for batch in batches:
        assert batch.dtype == tf.uint8 and batch.shape[1:] == (3, 2, 1)
        assert np.all(batch == batch[:, :1, :1])
    return [batch[:, 0, 0, 0].numpy().tolist() for batch in batches]


def test_images_come_in_order():
    dataset = images.batches(ARRAY, 4)
    assert dataset.element_spec == tf.TensorSpec([None, 3, 2, 1], tf.uint8)
    assert numbers(dataset) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert numbers(dataset) == numbers(dataset) and len(dataset) == 3
    dropped = images.batches(ARRAY, 4, drop_remainder=True)
    assert numbers(dropped) == [[0, 1, 2, 3], [4, 5, 6, 7]] and len(dropped) == 2
    assert dropped.element_spec == tf.TensorSpec([4, 3, 2, 1], tf.uint8)


def test_pixels_are_those_of_the_array():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 4, 3), dtype=np.uint8)
    (batch,) = images.batches(pixels, 7)
    np.testing.assert_array_equal(batch, pixels)


def test_passes_follow_one_another_in_full_batches():
    dataset = images.batches(ARRAY, 4, repeat=True)
    assert dataset.element_spec == tf.TensorSpec([4, 3, 2, 1], tf.uint8)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert numbers(dataset, 4) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 0, 1],
        [2, 3, 4, 5],
    ]
    large = images.batches(ARRAY, 25, repeat=True)
    assert numbers(large, 1) == [[*range(10), *range(10), *range(5)]]


def test_each_pass_is_a_new_permutation():
    passes = numbers(images.batches(ARRAY, 10, shuffle=True, repeat=True), 6)
    assert all(sorted(order) == [*range(10)] for order in passes)
    assert len({tuple(order) for order in passes}) == 6


def test_every_image_is_as_likely_in_every_place():
    array = np.ones([16, 3, 2, 1], np.uint8)
    array *= np.arange(16, dtype=np.uint8)[:, None, None, None]
    # A batch holds 200 passes.
    dataset = images.batches(array, 16 * 200, shuffle=True, repeat=True)
    passes = np.reshape(numbers(dataset, 3), [600, 16])
    counts = np.array([np.bincount(places, minlength=16) for places in passes.T])
    chi_squared = np.sum((counts - 600 / 16) ** 2 / (600 / 16))
    # 225 degrees of freedom: mean 225, standard deviation 21; five of them.
    assert chi_squared < 330


@pytest.mark.parametrize("repeat", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_start_step_resumes_exactly(shuffle, repeat):
    # Three images a batch out of ten: passes do not end with a batch.
    options = {"batch_size": 3, "shuffle": shuffle, "repeat": repeat, "seed": 7}
    whole = numbers(images.batches(ARRAY, **options), 9)
    assert len(whole) == (9 if repeat else 4)
    for start in (1, 3, 4):
        part = images.batches(ARRAY, start_step=start, **options)
        assert numbers(part, max(0, 9 - start)) == whole[start:]
        assert repeat or len(part) == len(whole[start:])
    dropped = images.batches(ARRAY, drop_remainder=True, start_step=3, **options)
    assert numbers(dropped, 1) == (whole[3:4] if repeat else [])


def test_seed_decides_the_order():
    orders = [
        numbers(images.batches(ARRAY, 10, shuffle=True, seed=seed))
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_a_far_step_is_reached_at_once():
    options = {"batch_size": 3, "shuffle": True, "repeat": True, "seed": 1}
    (batch,) = numbers(images.batches(ARRAY, start_step=10**9, **options), 1)
    (again,) = numbers(images.batches(ARRAY, start_step=10**9, **options), 1)
    assert batch == again and len(set(batch)) > 1


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"images": ARRAY / 255.0}, TypeError, "`images` must be uint8, got float64"),
        ({"images": ARRAY[0]}, ValueError, r"\[N, H, W, C\].*\(3, 2, 1\)"),
        ({"images": ARRAY[:0]}, ValueError, "at least one image"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be an int >= 1, got 0"),
        ({"batch_size": 2.5}, ValueError, "`batch_size`"),
        ({"start_step": -1}, ValueError, "`start_step` must be an int >= 0"),
    ],
)
def test_wrong_arguments_are_early_errors(changes, error, words):
    with pytest.raises(error, match=words):
        images.batches(**{"images": ARRAY, "batch_size": 4, **changes})
