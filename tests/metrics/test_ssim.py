"""SSIM against a plain NumPy loop over windows, and its contract."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import psnr, ssim

MODULE = importlib.import_module("tfsigmavae.metrics.ssim")  # not the function
SCIKIT = {
    "gaussian": {"gaussian_weights": True, "use_sample_covariance": False},
    "uniform": {},
}


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


@pytest.mark.parametrize("shape", [(3, 11, 11, 1), (2, 20, 13, 3)])
def test_equals_that_of_tensorflow(shape):
    images, references = _frames(shape), _frames(shape, seed=1)
    expected = tf.image.ssim(images, references, 1.0)
    np.testing.assert_allclose(ssim(images, references), expected, atol=1e-5)


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_equals_that_of_scikit_image(window):
    metrics = pytest.importorskip("skimage.metrics")
    references = _frames((3, 24, 17, 3))
    images = 0.8 * references + 0.2 * _frames((3, 24, 17, 3), seed=1)
    expected = [
        metrics.structural_similarity(
            x, y, channel_axis=-1, data_range=1.0, **SCIKIT[window]
        )
        for x, y in zip(images, references, strict=True)
    ]
    # float32 here and there.
    np.testing.assert_allclose(ssim(images, references, window), expected, atol=1e-5)


def test_real_clips_have_the_scores_of_scikit_image(shared_data):
    """The last of 2 context frames, repeated over the 28 that follow it."""
    metrics = pytest.importorskip("skimage.metrics")
    with np.load(shared_data("bair_real_2seq.npz")) as arrays:
        clips = np.stack([arrays[name] for name in sorted(arrays)]) / np.float32(255)
    truth, copied = clips[:, 2:], clips[:, 1:2]
    assert truth.shape == (2, 28, 64, 64, 3)
    scores = {window: ssim(copied, truth, window).numpy() for window in SCIKIT}
    decibels = psnr(copied, truth).numpy()
    for clip, step in np.ndindex(2, 28):
        pair = truth[clip, step].astype(float), copied[clip, 0].astype(float)
        expected = metrics.peak_signal_noise_ratio(*pair, data_range=1.0)
        assert decibels[clip, step] == pytest.approx(expected, abs=1e-4)
        for window, options in SCIKIT.items():
            expected = metrics.structural_similarity(
                *pair, channel_axis=-1, data_range=1.0, **options
            )
            assert scores[window][clip, step] == pytest.approx(expected, abs=1e-4)


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


@pytest.mark.parametrize(
    ("axes", "other"),
    [((5, 1, 4), (3, 4)), ((3, 4), (5, 1, 4)), ((7,), (7,)), ((), (6,)), ((0,), (1,))],
)
@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_blocks_change_nothing(monkeypatch, axes, other, limit):
    images, references = _frames((*axes, 8, 9, 1)), _frames((*other, 8, 9, 1), seed=1)
    axes = np.broadcast_shapes(axes, other)
    pairs = [np.broadcast_to(side, (*axes, 8, 9, 1)) for side in (images, references)]
    whole = tf.function(ssim)(*pairs, window="uniform")
    monkeypatch.setattr(MODULE, "_FRAMES_AT_A_TIME", limit)
    scores = ssim(images, references, window="uniform")
    assert scores.shape == axes
    np.testing.assert_allclose(scores, whole, atol=1e-6)


def test_a_reference_is_filtered_once_for_all_its_samples(monkeypatch):
    """And no more pairs than the limit are scored at once."""
    monkeypatch.setattr(MODULE, "_FRAMES_AT_A_TIME", 20)
    score, seen = MODULE._score, []

    def spy(images, references, *rest):
        seen.append((images.shape[:-3], references.shape[:-3]))
        return score(images, references, *rest)

    monkeypatch.setattr(MODULE, "_score", spy)
    ssim(_frames((10, 1, 6, 8, 8, 1)), _frames((1, 6, 8, 8, 1)), window="uniform")
    assert seen == [([10, 1, 2], [1, 1, 2])] * 3


def test_a_compiled_function_need_not_know_the_size_of_frames():
    signature = [tf.TensorSpec([None, None, None, 3])] * 2
    compiled = tf.function(ssim, input_signature=signature)
    images, references = _frames((2, 12, 15, 3)), _frames((2, 12, 15, 3), seed=1)
    expected = ssim(images, references)
    np.testing.assert_allclose(compiled(images, references), expected, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 11 pixels"):
        compiled(images[:, :10], references[:, :10])


def test_frames_smaller_than_eleven_pixels_go_with_the_uniform_window():
    images = _frames((7, 8, 3))
    assert ssim(images, images, window="uniform").numpy() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="at least 7x7 pixels.*got 6x8"):
        ssim(images[:6], images[:6], window="uniform")


def test_another_window_is_an_error():
    with pytest.raises(ValueError, match="`window` 'box'.*gaussian.*uniform"):
        ssim(_frames((8, 8, 1)), _frames((8, 8, 1)), window="box")


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
