"""Frames put together of generated pixels and pixels that moved."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video.networks.frame_composition import FrameComposition

SIZE = HEIGHT, WIDTH = 6, 8
KEPT = 100.0  # a logit beside which the others are nothing
EACH = pytest.mark.parametrize("num_sources", [1, 2])


def frame_of(num=2, channels=3, seed=0, dtype=np.float32):
    shape = [num, *SIZE, channels]
    return np.random.default_rng(seed).uniform(size=shape).astype(dtype)


def raw_of(composition, num=2, seed=1, scale=3.0):
    shape = [num, *SIZE, composition.num_outputs]
    raw = scale * np.random.default_rng(seed).normal(size=shape)
    return raw.astype(np.float32)


def parts_of(composition, raw):
    """Views of logits, masks, flows and the rest, to be written to."""
    return np.split(raw, np.cumsum(composition.sizes)[:-1], axis=-1)


def raw_that(composition, mask, flow=(0.0, 0.0), num=2):
    """Everything from the source of number `mask`, along one flow."""
    raw = np.zeros([num, *SIZE, composition.num_outputs], np.float32)
    _, masks, flows, _ = parts_of(composition, raw)
    masks[..., mask] = KEPT
    flows[..., :] = np.tile(flow, composition.num_sources)
    return raw


@EACH
def test_sizes_and_what_is_passed_through(num_sources):
    composition = FrameComposition(3, 4, 8.0, num_sources)
    assert composition.num_outputs == 3 + 1 + 3 * num_sources + 4
    frame, raw = frame_of(), raw_of(composition)
    params, _ = composition(raw, frame, composition.memory(frame))
    assert params.shape == (2, *SIZE, 7) and params.dtype == tf.float32
    np.testing.assert_array_equal(params[..., 3:], raw[..., -4:])


@EACH
def test_every_part_is_reached_by_its_mask(num_sources):
    composition = FrameComposition(3, 0, 8.0, num_sources)
    previous, given = frame_of(seed=0), frame_of(seed=1)
    sources = [None, previous, given]
    for mask in range(1 + num_sources):
        raw = raw_that(composition, mask)
        raw[..., :3] = 2.0
        mean, _ = composition(raw, previous, composition.memory(given))
        expected = sources[mask]
        if mask == 0:
            expected = np.full(previous.shape, 1.0 / (1.0 + np.exp(-2.0)))
        np.testing.assert_allclose(mean, expected, atol=1e-7)


@EACH
def test_masks_sum_to_one_and_are_shared_by_the_channels(num_sources):
    """Of white sources a white frame; of others, the mean by the softmax."""
    composition = FrameComposition(3, 0, 8.0, num_sources)
    raw = raw_of(composition)
    logits, masks, *_ = parts_of(composition, raw)
    logits[:] = 100.0
    white = np.ones([2, *SIZE, 3], np.float32)
    mean, _ = composition(raw, white, composition.memory(white))
    np.testing.assert_allclose(mean, white, atol=1e-6)
    logits[:] = -100.0
    memory = composition.memory(0.5 * white)
    mean, _ = composition(raw, white, memory)
    weights = np.exp(masks) / np.exp(masks).sum(-1, keepdims=True)
    expected = weights[..., 1:] @ np.array([1.0, 0.5])[:num_sources]
    np.testing.assert_allclose(mean, np.stack([expected] * 3, -1), atol=1e-6)


@EACH
def test_means_stay_within_their_bounds(num_sources):
    """Exactly, for a frame may be given as context again; whatever comes in."""
    composition = FrameComposition(1, 1, 2.0, num_sources)
    for scale in (1.0, 30.0, 1e4):
        raw = raw_of(composition, scale=scale)
        frame = np.round(frame_of(channels=1))
        memory = composition.memory(frame)
        for _ in range(3):
            params, memory = composition(raw, frame, memory)
            frame = params[..., :1]
            assert np.isfinite(params).all()
            assert np.min(frame) >= 0.0 and np.max(frame) <= 1.0


def test_large_flows_are_cut_off():
    composition = FrameComposition(3, 0, 2.0, 1)
    frame = frame_of()
    found = [
        composition(raw_that(composition, 1, flow), frame, ())[0]
        for flow in ((2.0, -2.0), (7.0, -1e6), (1.5, -1.5))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.any(found[0] != found[2])


def test_flows_move_by_down_and_right():
    composition = FrameComposition(3, 0, 8.0, 1)
    frame = frame_of()
    for flow, ours, theirs in (
        ((1.0, 0.0), np.s_[:, :-1], np.s_[:, 1:]),
        ((0.0, 1.0), np.s_[:, :, :-1], np.s_[:, :, 1:]),
    ):
        mean, _ = composition(raw_that(composition, 1, flow), frame, ())
        np.testing.assert_allclose(mean.numpy()[ours], frame[theirs], atol=1e-7)


def test_one_source_keeps_nothing():
    assert FrameComposition(3, 0, 8.0, 1).memory(frame_of()) == ()


def test_a_block_that_moves_step_by_step_is_moved_once():
    """Bit by bit the given frame's, from the second source: flows add up."""
    composition = FrameComposition(1, 0, 8.0, 2)
    given = np.zeros([1, *SIZE, 1], np.float32)
    given[0, 1:3, 1:3, 0] = np.random.default_rng(0).uniform(size=[2, 2])
    memory, frame = composition.memory(given), given
    raw = raw_that(composition, 2, flow=(-1.0, -1.0), num=1)
    for step in (1, 2, 3):
        frame, memory = composition(raw, frame, memory)
        expected = np.zeros_like(given)
        expected[0, 1 + step : 3 + step, 1 + step : 3 + step] = given[0, 1:3, 1:3]
        np.testing.assert_array_equal(frame, expected)
    np.testing.assert_array_equal(memory[0], given)
    np.testing.assert_array_equal(memory[1], np.full([1, *SIZE, 2], -3.0))


def test_parts_of_pixels_blur_once_and_not_once_a_step():
    """Two half steps are a whole one in the second source, and a blur in the first."""
    composition = FrameComposition(1, 0, 8.0, 2)
    given = np.round(frame_of(num=1, channels=1))
    found = []
    for mask in (1, 2):
        memory, frame = composition.memory(given), given
        raw = raw_that(composition, mask, flow=(0.0, 0.5), num=1)
        for _ in range(2):
            frame, memory = composition(raw, frame, memory)
        found.append(frame.numpy()[:, :, :-2])
    np.testing.assert_array_equal(found[1], given[:, :, 1:-1])
    assert np.abs(found[0] - found[1]).max() > 0.2


def test_flows_of_a_step_are_looked_up_where_they_lead():
    """Whole flow = flow + warp(whole flow before, flow), with flows that differ."""
    composition = FrameComposition(1, 0, 8.0, 2)
    given = frame_of(num=1, channels=1)
    columns = np.arange(WIDTH)
    first, second = raw_that(composition, 2, num=1), raw_that(composition, 2, num=1)
    flow = np.zeros(WIDTH, np.float32)
    flow[4:] = -2.0  # the right half shows what was two columns to the left
    parts_of(composition, first)[2][..., 3] = flow
    parts_of(composition, second)[2][..., 3] = 1.0
    frame, memory = composition(first, given, composition.memory(given))
    frame, memory = composition(second, frame, memory)
    one_right = np.minimum(columns + 1, WIDTH - 1)
    np.testing.assert_array_equal(memory[1][0, 0, :, 1], 1.0 + flow[one_right])
    came_from = np.clip(columns + 1 + flow[one_right], 0, WIDTH - 1).astype(int)
    np.testing.assert_array_equal(frame[0, 0], given[0, 0, came_from])


def test_double_precision_stays():
    composition = FrameComposition(1, 2, 8.0, 2)
    frame = frame_of(channels=1, dtype=np.float64)
    params, memory = composition(raw_of(composition), frame, composition.memory(frame))
    assert params.dtype == memory[1].dtype == tf.float64
