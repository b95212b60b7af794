"""Which frames make a clip: strides, rates by the time stamps, pieces."""

import types

import numpy as np
import pytest

from tfsigmavae_video.data.folder.frame_choice import FrameChoice, shown_at_rate
from tfsigmavae_video.data.video_files import VideoError


def video(times=None, num_frames=None):
    times = None if times is None else np.asarray(times, np.float64)
    num_frames = num_frames or len(times)
    return types.SimpleNamespace(path="a.mp4", times=times, num_frames=num_frames)


def shown_one_by_one(times, fps):
    """For each time the last frame whose time has come, to half a millisecond."""
    numbers, k = [], 0
    while k / fps <= times[-1] - times[0] + 0.5001e-3:
        begun = [t - times[0] <= k / fps + 0.5001e-3 for t in times]
        numbers.append(sum(begun) - 1)
        k += 1
    return numbers


@pytest.mark.parametrize("fps", [1.0, 7.5, 10.0, 23.976, 24, 25, 29.97, 30, 60])
def test_frames_are_those_shown_at_the_time(fps):
    rng = np.random.default_rng(int(fps))
    for times in (
        np.arange(90) / 30,
        np.round(np.arange(90) / 30, 3),  # as Matroska keeps them
        np.cumsum(rng.uniform(0.005, 0.2, 60)),
        np.array([0.0, 0.04, 3.0, 3.04]),
    ):
        wanted = shown_one_by_one(times, fps)
        np.testing.assert_array_equal(shown_at_rate(times, fps), wanted)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, 30000 / 1001, 24000 / 1001])
def test_a_video_at_its_own_rate_is_itself(fps):
    """Though its times are rounded to milliseconds, up and down."""
    times = np.round(np.arange(5000) / fps, 3)
    np.testing.assert_array_equal(shown_at_rate(times, fps), np.arange(5000))
    halved = shown_at_rate(times, fps / 2)
    np.testing.assert_array_equal(halved, np.arange(0, 5000, 2))


def test_what_stands_long_comes_repeatedly():
    choice = FrameChoice(fps=10)
    numbers = choice.numbers(video([0.0, 0.1, 0.5, 0.6]))
    assert numbers.tolist() == [0, 1, 1, 1, 1, 2, 3]
    part = choice.numbers(video([0.0, 0.1, 0.5, 0.6]), first=1, end=3)
    assert part.tolist() == [1, 1, 1, 1, 2]


def test_stride_takes_every_so_many():
    choice = FrameChoice(stride=3)
    assert list(choice.numbers(video(num_frames=8))) == [0, 3, 6]
    assert list(choice.numbers(video(num_frames=8), 2, 7)) == [2, 5]


def test_rate_of_the_clips_is_known():
    times = np.arange(31) / 30
    assert FrameChoice().rate(video(times)) == pytest.approx(30)
    assert FrameChoice(stride=3).rate(video(times)) == pytest.approx(10)
    assert FrameChoice(fps=7).rate(video(times)) == 7
    assert np.isnan(FrameChoice().rate(video(num_frames=9)))


def test_videos_that_cannot_have_the_rate_say_so():
    with pytest.raises(VideoError, match="'a.mp4' has no times.*Give `stride`"):
        FrameChoice(fps=10).numbers(video(num_frames=9))
    with pytest.raises(VideoError, match="has 25 frames a second, fewer than `fps` 30"):
        FrameChoice(fps=30).numbers(video(np.arange(9) / 25))
    # 29.97 is as good as 30, and a screen that stands still for long is no slow video.
    FrameChoice(fps=30).numbers(video(np.arange(9) / 29.97))
    FrameChoice(fps=10).numbers(video([0.0, 0.1, 0.2, 0.3, 9.0, 9.1]))


def test_long_videos_are_cut_into_pieces():
    numbers = range(0, 50, 2)
    pieces = FrameChoice(clip_frames=10, min_frames=5).pieces(numbers)
    assert pieces == [range(0, 20, 2), range(20, 40, 2), range(40, 50, 2)]
    assert len(FrameChoice(clip_frames=10, min_frames=6).pieces(numbers)) == 2
    assert FrameChoice().pieces(numbers) == [numbers]
    assert FrameChoice(min_frames=26).pieces(numbers) == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stride": 0}, "`stride` must be an int >= 1"),
        ({"fps": 0}, "`fps` must be a positive number"),
        ({"fps": "30"}, "`fps` must be a positive number"),
        ({"fps": 10, "stride": 2}, r"Give `fps` \(10\) or `stride` \(2\), not both"),
        ({"min_frames": 0}, "`min_frames` must be an int >= 1"),
        ({"clip_frames": 3, "min_frames": 4}, "`clip_frames` must be an int >= 4"),
    ],
)
def test_wrong_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        FrameChoice(**options)
