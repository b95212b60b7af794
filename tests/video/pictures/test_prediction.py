"""What a prediction picture shows, row by row."""

import numpy as np
import pytest
from PIL import Image
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.metrics import psnr
from tfsigmavae_video.pictures import (
    VideoPreview,
    prediction_rows,
    write_prediction,
    write_rows,
    write_steered,
)

SHAPE = (16, 16, 3)


@pytest.fixture(scope="module")
def model():
    return randomise_weights(tiny_model(frame_shape=SHAPE))


@pytest.fixture(scope="module")
def clips():
    return random_clips(num_clips=3, num_frames=6, frame_shape=SHAPE)


def test_rows_hold_what_their_labels_say(model, clips):
    rows = prediction_rows(model, clips, num_frames=4, num_samples=3, seed=5)
    labels = ["truth", "reconstruction", "best of 3", "sample 1", "sample 2"]
    assert [row.label for row in rows] == [*labels, "mean of samples"]
    by_label = {row.label: row.clips for row in rows}
    assert {row.clips.shape for row in rows} == {(3, 6, *SHAPE)}
    assert [row.predicted for row in rows] == [False] + [True] * 5
    pixels = clips / np.float32(255)
    samples = model.predict_frames(clips[:, :2], 4, 3, seed=5).numpy()
    np.testing.assert_allclose(by_label["truth"], pixels)
    for label in [*labels[2:], "mean of samples"]:
        np.testing.assert_allclose(by_label[label][:, :2], pixels[:, :2])
    mean = by_label["mean of samples"][:, 2:]
    np.testing.assert_allclose(mean, samples.mean(0), atol=1e-6)
    reconstruction = by_label["reconstruction"]
    np.testing.assert_allclose(reconstruction[:, 1:], model.reconstruct(clips))
    np.testing.assert_allclose(reconstruction[:, 0], pixels[:, 0])
    scores = np.mean(psnr(samples, pixels[:, 2:]), -1)
    for clip, best in enumerate(scores.argmax(0)):
        np.testing.assert_allclose(by_label["best of 3"][clip, 2:], samples[best, clip])
        others = np.delete(samples[:, clip], best, axis=0)
        for label, other in zip(labels[3:], others, strict=True):
            np.testing.assert_allclose(by_label[label][clip, 2:], other)


def test_horizon_may_pass_the_end_of_the_truth(model, clips):
    rows = prediction_rows(model, clips[:, :4], num_frames=5, num_samples=2)
    truth, reconstruction, best = (row.clips for row in rows[:3])
    assert {row.clips.shape for row in rows} == {(3, 7, *SHAPE)}
    for row in (truth, reconstruction):
        np.testing.assert_array_equal(row[:, 4:], np.float32(0.3))  # grey
        assert np.ptp(row[:, 3]) > 0
    samples = model.predict_frames(clips[:, :2], 5, 2, seed=0).numpy()
    known = clips[:, 2:4] / np.float32(255)
    scores = np.mean(psnr(samples[:, :, :2], known), -1)
    for clip, number in enumerate(scores.argmax(0)):
        np.testing.assert_allclose(best[clip, 2:], samples[number, clip])


def test_without_truth_only_samples_are_shown(model, clips):
    rows = prediction_rows(model, clips[:, :2], num_frames=3, num_samples=1)
    assert [row.label for row in rows] == ["sample 1"]


@pytest.mark.parametrize("format", ["gif", "apng"])
def test_files_are_written(model, clips, tmp_path, format):
    animation, strip = write_prediction(
        model, clips, tmp_path / "samples", 4, num_samples=2, format=format, scale=1
    )
    assert animation == tmp_path / "samples" / f"prediction.{format}"
    assert strip == tmp_path / "samples" / "prediction.png"
    start = {"gif": b"GIF8", "apng": b"\x89PNG"}[format]
    assert animation.read_bytes().startswith(start)
    assert strip.read_bytes().startswith(b"\x89PNG")
    assert last_duration(animation) == 1000


def last_duration(path):
    """Milliseconds for which the last frame of six is shown, the others alike."""
    with Image.open(path) as film:
        assert film.n_frames == 6
        found = []
        for number in range(6):
            film.seek(number)
            found.append(film.info["duration"])
    assert max(found[:5]) < 175
    return found[5]


def test_the_last_frame_is_held_as_long_as_one_likes(model, clips, tmp_path):
    rows = prediction_rows(model, clips, 4, num_samples=1)
    for hold, expected in ((2.5, 2500), (0, 170)):
        film, _ = write_rows(rows, 2, tmp_path, scale=1, hold=hold)
        assert last_duration(film) == expected
        film, _ = write_prediction(model, clips, tmp_path, 4, 1, scale=1, hold=hold)
        assert last_duration(film) == expected
    plans = {"on": np.ones([4, 4])}
    steered = randomise_weights(tiny_model(frame_shape=SHAPE, action_size=4))
    film, _ = write_steered(steered, clips[:1], plans, tmp_path, 4, hold=1.5)
    assert last_duration(film) == 1500
    preview = VideoPreview(tmp_path, clips, 0, scale=1, hold=0.5)
    assert last_duration(preview.write(model, "preview.gif")) == 500


def test_actions_reach_the_model(clips, tmp_path):
    model = randomise_weights(tiny_model(frame_shape=SHAPE, action_size=4))
    actions = np.ones([3, 6, 4], np.float32)
    rows = prediction_rows(model, clips, 4, num_samples=1, actions=actions)
    expected = model.predict_frames(clips[:, :2], 4, 1, 0, actions)[0]
    assert [row.label for row in rows][2:] == ["best of 1"]
    np.testing.assert_allclose(rows[2].clips[:, 2:], expected)
