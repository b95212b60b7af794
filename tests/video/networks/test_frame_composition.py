"""Frames put together of generated pixels and pixels that moved."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video.networks.frame_composition import FrameComposition

SIZE = HEIGHT, WIDTH = 6, 8
KEPT = 100.0  # a logit beside which its opposite is nothing


def frame_of(num=2, channels=3, seed=0, dtype=np.float32):
    shape = [num, *SIZE, channels]
    return np.random.default_rng(seed).uniform(size=shape).astype(dtype)


def raw_of(composition, num=2, seed=1, scale=3.0):
    shape = [num, *SIZE, composition.num_outputs]
    raw = scale * np.random.default_rng(seed).normal(size=shape)
    return raw.astype(np.float32)


def parts_of(composition, raw):
    """Views of logits, mask, flow and the rest, to be written to."""
    return np.split(raw, np.cumsum(composition.sizes)[:-1], axis=-1)


def raw_that(composition, mask, flow=(0.0, 0.0), num=2):
    """One mask and one flow everywhere."""
    raw = np.zeros([num, *SIZE, composition.num_outputs], np.float32)
    _, masks, flows, _ = parts_of(composition, raw)
    masks[:], flows[:] = mask, flow
    return raw


def test_sizes_and_what_is_passed_through():
    composition = FrameComposition(3, 4, 8.0)
    assert composition.num_outputs == 3 + 1 + 2 + 4
    frame, raw = frame_of(), raw_of(composition)
    params = composition(raw, frame)
    assert params.shape == (2, *SIZE, 7) and params.dtype == tf.float32
    np.testing.assert_array_equal(params[..., 3:], raw[..., -4:])


@pytest.mark.parametrize("mask", [KEPT, -KEPT])
def test_both_parts_are_reached_by_the_mask(mask):
    composition = FrameComposition(3, 0, 8.0)
    previous = frame_of()
    raw = raw_that(composition, mask)
    raw[..., :3] = 2.0
    generated = np.full(previous.shape, 1.0 / (1.0 + np.exp(-2.0)))
    expected = generated if mask > 0 else previous
    np.testing.assert_allclose(composition(raw, previous), expected, atol=1e-7)


def test_mask_is_shared_by_the_channels():
    """Of white sources a white frame; of black and white the mask itself."""
    composition = FrameComposition(3, 0, 8.0)
    raw = raw_of(composition)
    logits, mask, *_ = parts_of(composition, raw)
    logits[:] = KEPT
    white = np.ones([2, *SIZE, 3], np.float32)
    np.testing.assert_allclose(composition(raw, white), white, atol=1e-6)
    expected = np.repeat(1.0 / (1.0 + np.exp(-mask)), 3, axis=-1)
    np.testing.assert_allclose(composition(raw, 0 * white), expected, atol=1e-6)


def test_means_stay_within_their_bounds():
    """Exactly, for a frame may be given as context again; whatever comes in."""
    composition = FrameComposition(1, 1, 2.0)
    for scale in (1.0, 30.0, 1e4):
        raw = raw_of(composition, scale=scale)
        frame = np.round(frame_of(channels=1))
        for _ in range(3):
            params = composition(raw, frame)
            frame = params[..., :1]
            assert np.isfinite(params).all()
            assert np.min(frame) >= 0.0 and np.max(frame) <= 1.0


def test_large_flows_are_cut_off():
    composition = FrameComposition(3, 0, 2.0)
    frame = frame_of()
    found = [
        composition(raw_that(composition, -KEPT, flow), frame)
        for flow in ((2.0, -2.0), (7.0, -1e6), (1.5, -1.5))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.any(found[0] != found[2])


def test_flows_move_by_down_and_right():
    composition = FrameComposition(3, 0, 8.0)
    frame = frame_of()
    for flow, ours, theirs in (
        ((1.0, 0.0), np.s_[:, :-1], np.s_[:, 1:]),
        ((0.0, 1.0), np.s_[:, :, :-1], np.s_[:, :, 1:]),
    ):
        mean = composition(raw_that(composition, -KEPT, flow), frame).numpy()
        np.testing.assert_allclose(mean[ours], frame[theirs], atol=1e-7)


def test_double_precision_stays():
    composition = FrameComposition(1, 2, 8.0)
    frame = frame_of(channels=1, dtype=np.float64)
    assert composition(raw_of(composition), frame).dtype == tf.float64
