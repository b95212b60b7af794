"""Scores of a stub whose predictions are known, against plain NumPy."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import FixedSigma
from tfsigmavae_video.evaluation.scores import evaluate_prediction
from tfsigmavae_video.models import VideoModel

NUM_CLIPS, NUM_CONTEXT, NUM_PREDICTED, NUM_SAMPLES = 3, 2, 4, 5
SHAPE = (16, 16, 3)


class Stub:
    """Answers with given arrays and notes what it was asked."""

    num_context = NUM_CONTEXT
    decoder = FixedSigma()
    posterior_rollout = VideoModel.posterior_rollout

    def __init__(self, clips):
        rng = np.random.default_rng(1)
        noise = rng.normal(0, 0.1, [NUM_SAMPLES, *clips[:, NUM_CONTEXT:].shape])
        # No sample is the best of all clips.
        order = [rng.permutation(NUM_SAMPLES) for _ in range(NUM_CLIPS)]
        order[1] = np.roll(order[0], 1)
        noise *= 0.3 + 0.3 * np.transpose(order)[..., None, None, None, None]
        samples = np.clip(clips[:, NUM_CONTEXT:] + noise, 0, 1)
        self.samples = samples.astype(np.float32)
        noise = rng.normal(0, 0.05, clips[:, 1:].shape)
        self.reconstruction = np.clip(clips[:, 1:] + noise, 0, 1).astype(np.float32)
        self.clips = clips
        self.calls = []

    def _rows(self, frames):
        """Numbers of the clips that are asked about."""
        distances = np.abs(self.clips[:, None, 0] - np.asarray(frames)[None, :, 0])
        return distances.sum((2, 3, 4)).argmin(0)

    def predict_frames(
        self, context, num_frames, num_samples, seed, actions=None, clip_numbers=None
    ):
        numbers = tuple(clip_numbers)
        self.calls.append((numbers, context.shape[1], seed, actions))
        rows = self._rows(context)
        return tf.constant(self.samples[:num_samples, rows, :num_frames])

    def reconstruct(self, clips, actions=None, teacher_forced=None):
        return tf.constant(self.reconstruction[self._rows(clips)])


class Rolling(Stub):
    """One that could give the posterior rollout, which no score here tells."""

    def posterior_rollout(self, frames, actions=None, num_context=None):
        raise AssertionError("Nobody asked for it.")

    def reconstruct(self, clips, actions=None, teacher_forced=None, num_context=None):
        assert teacher_forced is True
        return super().reconstruct(clips)


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    shape = [NUM_CLIPS, NUM_CONTEXT + NUM_PREDICTED, *SHAPE]
    moving = rng.random(shape, np.float32)
    still = np.broadcast_to(moving[:, :1], shape)
    return np.where(np.arange(16)[:, None, None] < 5, moving, still)


@pytest.fixture(scope="module")
def stub(clips):
    return Stub(clips)


@pytest.fixture(scope="module")
def scores(stub, clips):
    return evaluate_prediction(stub, clips, num_samples=NUM_SAMPLES, seed=3)


def psnr(images, truth):
    """`[..., T]`."""
    return -10 * np.log10(np.mean((images - truth) ** 2, axis=(-3, -2, -1)))


def ssim(images, truth):
    """Wang's SSIM, `[..., T]`, from its formula, window by window."""
    offsets = np.arange(11) - 5
    bell = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2

    def blurred(values):
        windows = np.lib.stride_tricks.sliding_window_view(
            values, (11, 11), axis=(-3, -2)
        )
        return np.einsum("...yxcij,ij->...yxc", windows, window, optimize=True)

    images, truth = np.float64(images), np.float64(truth)
    mean_x, mean_y = blurred(images), blurred(truth)
    var_x, var_y = blurred(images**2) - mean_x**2, blurred(truth**2) - mean_y**2
    covariance = blurred(images * truth) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    similarity /= (mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4)
    return similarity.mean((-3, -2, -1))


@pytest.mark.parametrize("name, metric", [("psnr", psnr), ("ssim", ssim)])
def test_scores_equal_plain_numpy(scores, stub, clips, name, metric):
    truth = clips[:, NUM_CONTEXT:]
    copied = np.repeat(clips[:, NUM_CONTEXT - 1 : NUM_CONTEXT], NUM_PREDICTED, 1)
    reconstruction = stub.reconstruction[:, NUM_CONTEXT - 1 :]
    drawn = metric(stub.samples, truth).mean(-1)  # [S, B]
    expected = {
        "copy_last": metric(copied, truth).mean(),
        "reconstruction": metric(reconstruction, truth).mean(),
        "mean": drawn.mean(),
        "best": drawn.max(0).mean(),
    }
    if name == "psnr":
        expected["mean_prediction"] = metric(stub.samples.mean(0), truth).mean()
    assert len(set(drawn.argmax(0))) > 1  # the best is chosen clip by clip
    assert scores[name] == pytest.approx(expected, abs=2e-4)


def test_moved_pixels(scores, stub, clips):
    truth = clips[:, NUM_CONTEXT:]
    copied = clips[:, NUM_CONTEXT - 1 : NUM_CONTEXT]
    moved = (np.abs(truth - copied) > 0.1).any(-1, keepdims=True)
    moved = np.broadcast_to(moved, truth.shape)
    assert 0.1 < moved.mean() < 0.5
    count = moved.sum((2, 3, 4))
    assert count.min() > 0
    variance = np.where(moved, stub.samples.var(0), 0).sum((2, 3, 4)) / count
    expected = np.sqrt(variance).mean()
    assert scores["sample_std_moved"] == pytest.approx(expected, abs=1e-4)

    def moved_psnr(images):
        errors = np.where(moved, (images - truth) ** 2, 0).sum((-3, -2, -1))
        return (-10 * np.log10(errors / count)).mean(-1)

    drawn = moved_psnr(stub.samples)
    assert scores["psnr_moved"] == pytest.approx(
        {
            "copy_last": moved_psnr(copied).mean(),
            "reconstruction": moved_psnr(stub.reconstruction[:, 1:]).mean(),
            "mean": drawn.mean(),
            "best": drawn.max(0).mean(),
        },
        abs=2e-4,
    )


def test_protocol_is_stated(scores):
    keys = ["num_clips", "num_context", "num_predicted", "num_samples"]
    assert [scores[key] for key in keys] == [3, 2, 4, 5]


def test_calls_split_the_clips_and_their_actions(clips):
    stub = Stub(clips)
    actions = np.arange(3 * 5 * 4).reshape(3, 5, 4)
    whole = evaluate_prediction(stub, clips, num_samples=5, seed=3, actions=actions)
    split = evaluate_prediction(
        stub, clips, num_samples=5, seed=3, actions=actions, clips_per_call=2
    )
    assert whole == split
    numbers, lengths, seeds, given = zip(*stub.calls, strict=True)
    # Noise belongs to a clip's number, whatever call it is in.
    assert numbers == ((0, 1, 2), (0, 1), (2,)) and lengths == (2, 2, 2)
    assert seeds == (3, 3, 3)
    np.testing.assert_array_equal(given[1], actions[:2])
    np.testing.assert_array_equal(given[2], actions[2:])


def test_context_may_be_longer_and_pixels_uint8(clips):
    pixels = np.uint8(np.round(255 * clips))
    stub = Stub(pixels / np.float32(255))
    stub.samples = stub.samples[:, :, 1:]
    scores = evaluate_prediction(stub, pixels, num_context=3, num_samples=2)
    assert (scores["num_context"], scores["num_predicted"]) == (3, 3)
    truth = pixels[:, 3:] / 255
    expected = psnr(np.repeat(pixels[:, 2:3] / 255, 3, 1), truth).mean()
    assert scores["psnr"]["copy_last"] == pytest.approx(expected, abs=2e-4)
    expected = psnr(stub.reconstruction[:, 2:], truth).mean()
    assert scores["psnr"]["reconstruction"] == pytest.approx(expected, abs=2e-4)


def test_still_clips_give_figures_that_json_has():
    """Nothing moves and copying is perfect, yet no figure is NaN or infinite."""
    still = np.full([NUM_CLIPS, 6, *SHAPE], 0.5, np.float32)
    scores = evaluate_prediction(Stub(still), still, num_samples=2)
    json.dumps(scores, allow_nan=False)


def test_only_what_is_told_is_computed(clips, scores):
    assert evaluate_prediction(Rolling(clips), clips, num_samples=5, seed=3) == scores
