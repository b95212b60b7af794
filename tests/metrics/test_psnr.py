"""PSNR against NumPy, closed forms and its own contract."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import psnr


def _frames(shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def _numpy_psnr(images, references):
    difference = images.astype(np.float64) - references.astype(np.float64)
    return -10.0 * np.log10(np.mean(difference**2, axis=(-3, -2, -1)))


@pytest.mark.parametrize("shape", [(9, 7, 1), (3, 9, 7, 3), (2, 3, 4, 4, 2)])
def test_equals_numpy_for_any_number_of_leading_axes(shape):
    images, references = _frames(shape), _frames(shape, seed=1)
    scores = psnr(images, references)
    assert scores.shape == shape[:-3]
    # float32 sums over at most 189 values: relative error of the mse below 1e-5.
    np.testing.assert_allclose(scores, _numpy_psnr(images, references), atol=1e-4)


@pytest.mark.parametrize(("difference", "decibels"), [(0.1, 20.0), (0.01, 40.0)])
def test_a_constant_difference_gives_its_closed_form(difference, decibels):
    images = np.full((4, 4, 3), 0.5, np.float32)
    np.testing.assert_allclose(psnr(images, images + difference), decibels, atol=1e-3)


def test_channels_are_pooled_into_one_error_not_averaged_in_decibels():
    images = np.zeros((4, 4, 2), np.float32)
    references = images.copy()
    references[..., 0] = 0.2
    expected = -10.0 * np.log10(0.5 * 0.2**2)
    np.testing.assert_allclose(psnr(images, references), expected, atol=1e-4)


def test_samples_broadcast_against_one_truth():
    samples, truths = _frames((5, 2, 3, 4, 4, 1)), _frames((2, 3, 4, 4, 1), seed=1)
    scores = psnr(samples, truths)
    assert scores.shape == (5, 2, 3)
    np.testing.assert_allclose(scores[4, 1], psnr(samples[4, 1], truths[1]), atol=1e-5)


def test_uint8_means_value_over_255_on_either_side():
    levels = np.random.default_rng(0).integers(0, 256, (2, 2, 5, 5, 3), dtype=np.uint8)
    floats = (levels / 255.0).astype(np.float32)
    expected = _numpy_psnr(floats[0], floats[1])
    for images in (levels[0], floats[0]):
        for references in (levels[1], floats[1]):
            np.testing.assert_allclose(psnr(images, references), expected, atol=1e-4)


def test_identical_frames_score_infinity_unless_capped():
    images = _frames((2, 4, 4, 3))
    references = images.copy()
    references[1] = 1.0 - references[1]
    assert np.isposinf(psnr(images, references)[0])
    capped = psnr(images, references, max_db=60.0)
    assert capped[0] == 60.0
    np.testing.assert_array_equal(capped[1], psnr(images, references)[1])


def test_runs_compiled_with_a_free_batch():
    signature = [tf.TensorSpec([None, 6, 6, 1])] * 2
    compiled = tf.function(psnr, input_signature=signature, jit_compile=True)
    images, references = _frames((3, 6, 6, 1)), _frames((3, 6, 6, 1), seed=1)
    np.testing.assert_allclose(
        compiled(images, references), psnr(images, references), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("shape", "other", "words"),
    [
        ((4, 4, 3), (4, 4, 1), "same height, width and number of channels"),
        ((4, 4, 3), (1, 4, 3), "same height, width and number of channels"),
        ((2, 4, 4, 3), (3, 4, 4, 3), "must broadcast"),
        ((4, 4), (4, 4), r"\[\.\.\., H, W, C\]"),
    ],
)
def test_shapes_that_do_not_fit_are_an_error(shape, other, words):
    with pytest.raises(ValueError, match=words):
        psnr(np.zeros(shape, np.float32), np.zeros(other, np.float32))


def test_other_dtypes_and_ranges_are_an_error():
    images = np.zeros((4, 4, 3), np.float32)
    with pytest.raises(TypeError, match="references.*uint8"):
        psnr(images, images.astype(np.int32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="images"):
        psnr(images + 128.0, images)
