"""Tiles, borders and texts of prediction pictures, found by their content."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.pictures.tile_sheet import BACKGROUND
from tfsigmavae_video.pictures.panels import (
    GIVEN_COLOUR,
    PREDICTED_COLOUR,
    Row,
    filmstrip,
    prediction_frames,
)

NUM_FRAMES, HEIGHT, WIDTH = 5, 6, 4


def _clips(seed, num_clips=2, num_frames=NUM_FRAMES, channels=3):
    """Noise: no two frames are alike, so a frame is found in one place only."""
    rng = np.random.default_rng(seed)
    shape = (num_clips, num_frames, HEIGHT, WIDTH, channels)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def _find(picture, frame, scale):
    """Top and left of the only place where `picture` holds the enlarged frame."""
    tile = np.kron(frame, np.ones((scale, scale, 1), np.uint8))
    windows = np.lib.stride_tricks.sliding_window_view(picture, tile.shape)[:, :, 0]
    candidates = np.argwhere(np.all(windows[:, :, 0, 0] == tile[0, 0], axis=-1))
    hits = [spot for spot in candidates if np.array_equal(windows[tuple(spot)], tile)]
    assert len(hits) == 1, f"the frame is shown {len(hits)} times"
    return tuple(int(i) for i in hits[0])


def _border(picture, frame, scale):
    """The one colour around the tile of `frame`, in all the border's width."""
    top, left = _find(picture, frame, scale)
    height, width, border = HEIGHT * scale, WIDTH * scale, scale + 1
    framed = picture[
        top - border : top + height + border, left - border : left + width + border
    ]
    outside = np.ones(framed.shape[:2], bool)
    outside[border:-border, border:-border] = False
    colours = np.unique(framed[outside], axis=0)
    assert len(colours) == 1
    for beyond in (
        picture[top - border - 1, left],
        picture[top + height + border, left],
        picture[top, left - border - 1],
        picture[top, left + width + border],
    ):
        assert tuple(beyond) == BACKGROUND
    return tuple(int(level) for level in colours[0])


@pytest.mark.parametrize("scale", [1, 3])
def test_borders_turn_red_when_frames_become_predicted(scale):
    truth, samples = _clips(0), _clips(1)
    rows = [Row("truth", truth, predicted=False), ("sample", samples)]
    frames = prediction_frames(rows, num_context=2, scale=scale)
    assert len(frames) == NUM_FRAMES and frames.dtype == np.uint8
    for t, picture in enumerate(frames):
        expected = GIVEN_COLOUR if t < 2 else PREDICTED_COLOUR
        for column in range(2):
            assert _border(picture, samples[column, t], scale) == expected
            assert _border(picture, truth[column, t], scale) == GIVEN_COLOUR


def test_green_and_red_are_what_they_are_called():
    assert np.argmax(GIVEN_COLOUR) == 1 and np.argmax(PREDICTED_COLOUR) == 0


def test_rows_go_down_and_columns_go_right_without_moving_in_time():
    kinds = [_clips(seed, num_clips=3) for seed in range(3)]
    frames = prediction_frames([(str(i), kinds[i]) for i in range(3)], num_context=1)
    spots = np.array(
        [
            [
                [_find(frames[t], kind[n, t], scale=2) for n in range(3)]
                for kind in kinds
            ]
            for t in (0, NUM_FRAMES - 1)
        ]
    )
    np.testing.assert_array_equal(spots[0], spots[1])
    tops, lefts = spots[0, ..., 0], spots[0, ..., 1]
    assert np.all(tops == tops[:, :1]) and np.all(np.diff(tops[:, 0]) > 2 * HEIGHT)
    assert np.all(lefts == lefts[:1]) and np.all(np.diff(lefts[0]) > 2 * WIDTH)


def test_only_tiles_and_counter_change_in_time():
    clips = np.full((1, 3, HEIGHT, WIDTH, 1), 200, np.uint8)
    frames = prediction_frames([("constant", clips)], num_context=1).astype(int)
    spot = np.argwhere(np.all(frames[0] == 200, axis=-1))[0]
    changed = np.argwhere(np.any(frames[1] != frames[2], axis=-1))
    assert len(changed)  # the counter: `t = 1` and `t = 2`
    assert np.all(changed[:, 0] < spot[0])
    reds = np.all(frames == PREDICTED_COLOUR, axis=-1)
    assert not reds[0].any() and reds[1, : spot[0] - 4].any()  # "predicted", above


def test_labels_and_headings_are_drawn_in_their_margins():
    clips = _clips(0)
    rows = [("label", clips), ("", _clips(1))]
    picture = prediction_frames(rows, num_context=1, scale=4, headings=["a", "b"])[0]
    bare = prediction_frames([("", clips), ("", _clips(1))], 1, scale=4)[0]
    top, left = _find(picture, clips[0, 0], scale=4)
    bare_top, bare_left = _find(bare, clips[0, 0], scale=4)
    assert left > bare_left and top > bare_top

    def has_text(rows, columns):
        return np.any(picture[rows, columns] != np.array(BACKGROUND))

    first, columns = slice(top, top + 4 * HEIGHT), slice(0, left - 6)
    second = slice(_find(picture, rows[1][1][0, 0], scale=4)[0], None)
    assert has_text(first, columns) and not has_text(second, columns)
    above = slice(bare_top, top - 6)
    for clip in clips:
        start = _find(picture, clip[0], scale=4)[1]
        assert has_text(above, slice(start, start + 4 * WIDTH))


def test_long_headings_stay_inside_the_picture_and_apart():
    headings = ["a long heading", "another long heading"]
    picture = prediction_frames([("", _clips(0))], 1, scale=1, headings=headings)[0]
    assert np.all(picture[:, [0, -1]] == BACKGROUND)
    lefts = [_find(picture, clip[0], scale=1)[1] for clip in _clips(0)]
    assert lefts[1] - lefts[0] > 60


def test_grey_and_float_clips_are_shown_as_their_uint8_colours():
    grey = _clips(0, channels=1)
    as_float = tf.constant(_clips(1) / 255.0, tf.float32)
    rows = [("grey", grey), ("float", as_float)]
    picture = prediction_frames(rows, num_context=1)[3]
    _find(picture, np.repeat(grey[1, 3], 3, axis=-1), scale=2)
    _find(picture, _clips(1)[1, 3], scale=2)


@pytest.mark.parametrize(("height", "width"), [(5, 3), (6, 4)])
def test_pictures_have_even_sides_for_mp4(height, width):
    clips = _clips(0, num_clips=20)[:, :, :height, :width]
    for num_columns in (19, 20):  # wide enough for the tiles to decide
        rows = [("x", clips[:num_columns])]
        frames = prediction_frames(rows, num_context=1, scale=1)
        assert frames.shape[1] % 2 == 0 and frames.shape[2] % 2 == 0


def test_filmstrip_shows_the_chosen_steps_with_their_borders():
    truth, sample = _clips(0)[0], _clips(1)[0]
    rows = [Row("truth", truth, predicted=False), Row("sample", sample)]
    strip = filmstrip(rows, num_context=2, steps=[1, 2, 4], scale=3)
    for t, colour in [(1, GIVEN_COLOUR), (2, PREDICTED_COLOUR), (4, PREDICTED_COLOUR)]:
        assert _border(strip, truth[t], scale=3) == GIVEN_COLOUR
        assert _border(strip, sample[t], scale=3) == colour
    lefts = [_find(strip, sample[t], scale=3)[1] for t in (1, 2, 4)]
    assert lefts[1] - lefts[0] > lefts[2] - lefts[1] > 3 * WIDTH
    with pytest.raises(AssertionError, match="0 times"):
        _find(strip, sample[3], scale=3)


@pytest.mark.parametrize(
    ("num_frames", "num_context", "expected"),
    [
        (5, 2, [0, 1, 2, 3, 4]),
        (19, 4, [2, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18]),
        (10, 0, list(range(10))),
        (9, 20, [7, 8]),
    ],
)
def test_default_steps_are_the_last_context_and_evenly_spread(
    num_frames, num_context, expected
):
    clip = _clips(0, 1, num_frames)[0]
    strip = filmstrip([("x", clip)], num_context)
    shown = []
    for t in range(num_frames):
        try:
            _find(strip, clip[t], scale=2)
            shown.append(t)
        except AssertionError:
            pass
    assert shown == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": []}, "at least one row"),
        ({"rows": [("a", _clips(0)), ("b", _clips(0)[:, :3])]}, "must agree.*'b'"),
        ({"rows": [("a", _clips(0)[0, 0])]}, "'a' must be"),
        ({"rows": [("a", np.zeros((2, 4, 4, 2), np.uint8))]}, "C 1 or 3"),
        ({"scale": 0}, "`scale`"),
        ({"scale": 1.5}, "`scale`"),
        ({"num_context": -1}, "`num_context`"),
        ({"headings": ["one"]}, "`headings`"),
    ],
)
def test_bad_arguments_are_an_error(changes, words):
    arguments = {"rows": [("a", _clips(0))], "num_context": 2, **changes}
    with pytest.raises(ValueError, match=words):
        prediction_frames(**arguments)


@pytest.mark.parametrize("steps", [[], [2, 1], [1, 1], [-1, 2], [0, NUM_FRAMES]])
def test_bad_steps_are_an_error(steps):
    with pytest.raises(ValueError, match="`steps`"):
        filmstrip([("a", _clips(0)[0])], num_context=2, steps=steps)


def test_a_filmstrip_of_several_clips_is_an_error():
    with pytest.raises(ValueError, match="one clip"):
        filmstrip([("a", _clips(0))], num_context=2)


def test_other_dtypes_are_an_error_that_names_the_row():
    with pytest.raises(TypeError, match="'mean'"):
        prediction_frames([("mean", _clips(0).astype(np.int32))], num_context=2)
