"""Passes follow one another, and each batch knows its place."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.data.passes import pass_batches, pass_order


def draw(number):
    return tf.range(5), tf.fill([5], number)


@pytest.mark.parametrize("batch_size", [1, 3, 5, 12])
@pytest.mark.parametrize("start_step", [0, 1, 4])
def test_batches_are_cut_from_endless_passes(batch_size, start_step):
    dataset = pass_batches(draw, 5, batch_size, repeat=True, start_step=start_step)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    for step, batch in enumerate(dataset.take(4), start_step):
        elements = np.arange(step * batch_size, (step + 1) * batch_size)
        np.testing.assert_array_equal(batch, [elements % 5, elements // 5])


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_one_pass_ends(drop_remainder):
    for start_step in range(4):
        dataset = pass_batches(draw, 5, 2, False, start_step, drop_remainder)
        wanted = [[0, 1], [2, 3], [4]][: 2 if drop_remainder else 3][start_step:]
        assert [elements.numpy().tolist() for elements, _ in dataset] == wanted
        assert len(dataset) == len(wanted)


def test_order_depends_on_seed_and_pass():
    orders = [
        tuple(pass_order(tf.constant(number, tf.int64), 30, seed).numpy())
        for number, seed in itertools.product(range(3), [-1, 0, 2**40])
    ]
    assert len(set(orders)) == 9
    assert all(sorted(order) == [*range(30)] for order in orders)
    assert pass_order(tf.constant(2, tf.int64), 4).numpy().tolist() == [0, 1, 2, 3]
