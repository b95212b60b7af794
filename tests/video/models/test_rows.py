"""Rows that a loop writes: what stays, what is differentiated, what is shared."""

import numpy as np
import pytest
import tensorflow as tf
import tiny_warp_vrnn
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae_video.models import rows


def written(values):
    """`[3, 2, ...]` to `[2 * 3, ...]`: what step t gives two futures, side by side."""
    memory = rows.empty_rows(6, values.shape[2:], values.dtype)

    def body(t, memory):
        return t + 1, rows.write_rows(memory, values[t], tf.range(2) * 3 + t)

    return tf.while_loop(lambda t, _: t < 3, body, (0, memory))[1]


@pytest.mark.parametrize("compile_", [lambda f: f, tf.function])
def test_every_row_is_where_it_belongs(compile_):
    values = np.arange(3 * 2 * 5, dtype=np.float32).reshape(3, 2, 5)
    found = compile_(written)(tf.constant(values))
    np.testing.assert_array_equal(found, values.swapaxes(0, 1).reshape(6, 5))


@pytest.mark.parametrize("compile_", [lambda f: f, tf.function])
def test_gradients_go_back_to_what_was_written(compile_):
    values = tf.random.stateless_normal([3, 2, 5], [0, 1])
    scale = tf.random.stateless_normal([6, 5], [2, 3])
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(scale * tf.square(compile_(written)(values)))
    expected = np.swapaxes(np.reshape(scale, [2, 3, 5]), 0, 1) * 2 * values.numpy()
    np.testing.assert_allclose(tape.gradient(total, values), expected, rtol=1e-6)


def test_a_later_call_writes_to_memory_of_its_own():
    compiled = tf.function(written)
    first = compiled(tf.zeros([3, 2, 5]))
    second = compiled(tf.ones([3, 2, 5]))
    np.testing.assert_array_equal(first, np.zeros([6, 5]))
    np.testing.assert_array_equal(second, np.ones([6, 5]))


def test_two_in_one_graph_are_two():
    @tf.function
    def both(values):
        return written(values), written(-values)

    plus, minus = both(tf.ones([3, 2, 5]))
    np.testing.assert_array_equal(plus, -minus.numpy())


@pytest.fixture(params=["svg_lp", "warp_vrnn"])
def acting(request):
    """With actions, float64: differences of two futures then tell a slope."""
    options = {"action_size": 2, "dtype": "float64"}
    if request.param == "warp_vrnn":
        return tiny_warp_vrnn.awake_model(**options)
    return randomise_weights(tiny_model(**options))


def test_a_plan_can_be_improved_by_the_gradient_of_its_futures(acting):
    context = random_clips(2, 3, acting.frame_shape) / np.float64(255)
    actions = np.random.default_rng(0).normal(size=[2, 6, 2])
    weights = np.random.default_rng(1).normal(size=[3, 2, 4, *acting.frame_shape])

    def total(actions):
        futures = acting.predict_frames(
            context, 4, 3, seed=0, actions=actions, sample_batch_size=2
        )
        return tf.reduce_sum(tf.cast(futures, tf.float64) * weights)

    plan = tf.constant(actions)
    with tf.GradientTape() as tape:
        tape.watch(plan)
        value = total(plan)
    gradient = tape.gradient(value, plan).numpy()
    direction = np.random.default_rng(2).normal(size=actions.shape)
    step = 1e-5
    slope = (total(actions + step * direction) - total(actions - step * direction)) / (
        2 * step
    )
    # Central differences of a smooth function, whose third derivatives are of order 1.
    assert (gradient * direction).sum() == pytest.approx(float(slope), rel=1e-4)
    assert np.abs(gradient[:, :-1]).max() > 0


def test_what_sampling_returns_is_in_memory_once(acting):
    """A `TensorArray` that becomes a tensor is in memory twice."""
    graph = acting._rollout.get_concrete_function().graph
    names = {op.type for op in graph.get_operations()}
    assert "InplaceUpdate" not in names  # it is in the loops
    kinds = {
        node.op
        for function in graph.as_graph_def().library.function
        for node in function.node_def
    }
    assert "InplaceUpdate" in kinds
    assert not {kind for kind in kinds | names if "ListConcat" in kind}
