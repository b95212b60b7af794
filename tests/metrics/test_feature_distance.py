"""Distances of single frames in features, by networks of a line."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors, feature_distance


def frames(*shape, seed=0):
    return np.random.default_rng(seed).random((*shape, 4, 5, 3), dtype=np.float32)


def colours(pixels):
    """The mean of each channel, and of its squares."""
    return tf.concat(
        [tf.reduce_mean(pixels, [1, 2]), tf.reduce_mean(pixels**2, [1, 2])], 1
    )


def test_equals_numpy():
    images, references = frames(6), frames(6, seed=1)
    first, second = np.array(colours(images)), np.array(colours(references))
    expected = [
        np.square(f / np.linalg.norm(f) - g / np.linalg.norm(g)).sum()
        for f, g in zip(first, second, strict=True)
    ]
    distances = feature_distance(colours, images, references)
    assert distances.shape == (6,)
    np.testing.assert_allclose(distances, expected, atol=1e-6)  # float32 features


def test_equal_frames_are_at_zero_and_brightness_counts_not():
    images = frames(3)
    assert np.max(feature_distance(colours, images, images)) < 1e-12
    mean = extractors.Function(lambda x: tf.reduce_mean(x, [1, 2]), "mean")
    assert np.max(feature_distance(mean, images, 0.5 * images)) < 1e-12
    # At right angles.
    red, green = np.zeros((2, 4, 5, 3), np.uint8)
    red[..., 0], green[..., 1] = 200, 100
    assert feature_distance(mean, red, green) == pytest.approx(2.0)


def test_samples_broadcast_and_each_frame_passes_once():
    seen = []

    def counting(pixels):
        seen.append(len(pixels))
        return colours(pixels)

    samples, truths = frames(5, 2, 3), frames(2, 3, seed=1)
    distances = feature_distance(counting, samples, truths)
    assert distances.shape == (5, 2, 3) and sum(seen) == 30 + 6
    single = feature_distance(colours, samples[4, 1, 2], truths[1, 2])
    assert distances[4, 1, 2] == pytest.approx(single, abs=1e-6)


def test_what_does_not_fit_is_an_error():
    clip = extractors.Function(lambda x: x, "clip", per="clip")
    with pytest.raises(ValueError, match="'clip' makes features of clips"):
        feature_distance(clip, frames(2), frames(2))
    with pytest.raises(ValueError, match="must broadcast"):
        feature_distance(colours, frames(2), frames(3))
    with pytest.raises(ValueError, match="'colours' gives a frame no features but"):
        feature_distance(colours, frames(2), np.zeros((2, 4, 5, 3), np.uint8))
