"""SSIM against a plain NumPy loop over windows, and its contract."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import ssim


def _frames(shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def _numpy_ssim(image, reference, size=11, sigma=1.5, constants=(0.01**2, 0.03**2)):
    """SSIM of one `[H, W, C]` pair, one window at a time."""
    offsets = np.arange(size) - (size - 1) / 2
    profile = np.exp(-(offsets**2) / (2 * sigma**2))
    weights = np.outer(profile, profile) / np.sum(profile) ** 2
    height, width, channels = image.shape
    scores = []
    for channel in range(channels):
        for top in range(height - size + 1):
            for left in range(width - size + 1):
                window = slice(top, top + size), slice(left, left + size), channel
                x = image[window].astype(np.float64)
                y = reference[window].astype(np.float64)
                mean_x, mean_y = np.sum(weights * x), np.sum(weights * y)
                var_x = np.sum(weights * (x - mean_x) ** 2)
                var_y = np.sum(weights * (y - mean_y) ** 2)
                covariance = np.sum(weights * (x - mean_x) * (y - mean_y))
                luminance = (2 * mean_x * mean_y + constants[0]) / (
                    mean_x**2 + mean_y**2 + constants[0]
                )
                structure = (2 * covariance + constants[1]) / (
                    var_x + var_y + constants[1]
                )
                scores.append(luminance * structure)
    return np.mean(scores)


@pytest.mark.parametrize("noise", [0.02, 0.2, 1.0])
def test_equals_a_loop_over_windows(noise):
    references = _frames((2, 14, 13, 3))
    images = (1 - noise) * references + noise * _frames((2, 14, 13, 3), seed=1)
    expected = [_numpy_ssim(*pair) for pair in zip(images, references, strict=True)]
    # float32 variances, computed as a difference of squares.
    np.testing.assert_allclose(ssim(images, references), expected, atol=1e-5)


def test_dark_flat_frames_show_the_data_range():
    """Two flat frames: (2 x y + c1) / (x**2 + y**2 + c1), whatever K2 is."""
    images = np.full((12, 12, 1), 0.01, np.float32)
    references = np.full((12, 12, 1), 0.03, np.float32)
    expected = (2 * 0.01 * 0.03 + 1e-4) / (0.01**2 + 0.03**2 + 1e-4)
    np.testing.assert_allclose(ssim(images, references), expected, atol=1e-4)


def test_identical_frames_score_one_and_negatives_score_below_zero():
    images = _frames((2, 16, 16, 3))
    np.testing.assert_allclose(ssim(images, images), [1.0, 1.0], atol=1e-6)
    assert np.all(ssim(images, 1.0 - images) < 0.0)


def test_samples_broadcast_against_one_truth():
    samples, truths = _frames((3, 2, 2, 12, 12, 1)), _frames((2, 2, 12, 12, 1), seed=1)
    scores = ssim(samples, truths)
    assert scores.shape == (3, 2, 2)
    np.testing.assert_allclose(scores[2, 1], ssim(samples[2, 1], truths[1]), atol=1e-6)


def test_uint8_means_value_over_255_on_either_side():
    levels = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    floats = (levels / 255.0).astype(np.float32)
    expected = _numpy_ssim(floats[0], floats[1])
    for images in (levels[0], floats[0]):
        for references in (levels[1], floats[1]):
            np.testing.assert_allclose(ssim(images, references), expected, atol=1e-5)


def test_runs_compiled_with_a_free_batch():
    signature = [tf.TensorSpec([None, 12, 12, 3])] * 2
    compiled = tf.function(ssim, input_signature=signature, jit_compile=True)
    images, references = _frames((3, 12, 12, 3)), _frames((3, 12, 12, 3), seed=1)
    np.testing.assert_allclose(
        compiled(images, references), ssim(images, references), atol=1e-5
    )


@pytest.mark.parametrize(
    ("shape", "other", "words"),
    [
        ((12, 10, 3), (12, 10, 3), "at least 11x11 pixels.*got 12x10"),
        ((12, 12, 3), (12, 12, 1), "same height, width and number of channels"),
        ((2, 12, 12, 3), (3, 12, 12, 3), "must broadcast"),
    ],
)
def test_shapes_that_do_not_fit_are_an_error(shape, other, words):
    with pytest.raises(ValueError, match=words):
        ssim(np.zeros(shape, np.float32), np.zeros(other, np.float32))


def test_other_dtypes_and_ranges_are_an_error():
    images = np.zeros((12, 12, 3), np.float32)
    with pytest.raises(TypeError, match="images.*uint8"):
        ssim(images.astype(np.int64), images)
    with pytest.raises(tf.errors.InvalidArgumentError, match="references"):
        ssim(images, images - 1.0)
