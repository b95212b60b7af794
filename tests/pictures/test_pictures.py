"""Grids and labelled rows, found by their content; PNG files."""

import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfsigmavae as sv
from tfsigmavae.pictures import image_grid, labelled_grid, to_uint8, write_png
from tfsigmavae.pictures.tile_sheet import BACKGROUND


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_earlier_name_gives_the_same():
    assert sv.images.__all__ == sv.pictures.__all__
    for name in sv.pictures.__all__:
        assert getattr(sv.images, name) is getattr(sv.pictures, name)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("padding", [0, 1, 5])
def test_grid_holds_images_row_by_row_on_white(channels, padding):
    images = noise(5, 4, 6, channels)
    grid = image_grid(images, num_columns=3, padding=padding)
    height, width = 2 * (4 + padding) + padding, 3 * (6 + padding) + padding
    assert grid.shape == (height, width, channels) and grid.dtype == np.uint8
    for number, image in enumerate(images):
        top = padding + number // 3 * (4 + padding)
        left = padding + number % 3 * (6 + padding)
        tile = grid[top : top + 4, left : left + 6]
        np.testing.assert_array_equal(tile, image)
        tile[:] = 255
    assert np.all(grid == 255)


@pytest.mark.parametrize(
    ("num_images", "rows_and_columns"),
    [(1, (1, 1)), (2, (1, 2)), (9, (3, 3)), (10, (3, 4))],
)
def test_grid_is_about_square_by_default(num_images, rows_and_columns):
    grid = image_grid(noise(num_images, 2, 3, 1), padding=1)
    assert grid.shape[:2] == (rows_and_columns[0] * 3 + 1, rows_and_columns[1] * 4 + 1)


def test_grid_is_not_wider_than_its_images():
    assert image_grid(noise(2, 4, 6, 3), num_columns=8, padding=0).shape == (4, 12, 3)


def test_floats_become_the_nearest_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for shift in (-0.4, 0.0, 0.4):
        floats = np.clip((levels + shift) / 255.0, 0, 1)
        for kind in (floats, tf.constant(floats, tf.float32)):
            np.testing.assert_array_equal(to_uint8(kind), levels)
            np.testing.assert_array_equal(image_grid(kind, padding=0), levels[0])


def find(picture, image, scale):
    """Top and left of the only place where `picture` holds the enlarged image."""
    image = np.broadcast_to(image, [*image.shape[:2], 3])
    tile = np.kron(image, np.ones((scale, scale, 1), np.uint8))
    windows = np.lib.stride_tricks.sliding_window_view(picture, tile.shape)[:, :, 0]
    candidates = np.argwhere(np.all(windows[:, :, 0, 0] == tile[0, 0], axis=-1))
    hits = [spot for spot in candidates if np.array_equal(windows[tuple(spot)], tile)]
    assert len(hits) == 1, f"the image is shown {len(hits)} times"
    return hits[0].tolist()


@pytest.mark.parametrize("scale", [1, 3])
def test_rows_go_down_in_order_and_columns_go_right(scale):
    rows = {"test image": noise(3, 8, 6, 3), "grey": noise(3, 8, 6, 1, seed=1)}
    rows["float"] = tf.constant(noise(3, 8, 6, 3, seed=2) / 255.0, tf.float32)
    picture = labelled_grid(rows, scale=scale)
    assert picture.dtype == np.uint8 and picture.shape[-1] == 3
    spots = np.array(
        [
            [find(picture, image, scale) for image in to_uint8(row)]
            for row in rows.values()
        ]
    )
    tops, lefts = spots[..., 0], spots[..., 1]
    assert np.all(tops == tops[:, :1]) and np.all(np.diff(tops[:, 0]) > 8 * scale)
    assert np.all(lefts == lefts[:1]) and np.all(np.diff(lefts[0]) > 6 * scale)
    has_text = np.any(picture[:, : lefts.min() - 8] != BACKGROUND, axis=(1, 2))
    for top in tops[:, 0]:
        assert has_text[top - 4 : top + 8 * scale + 4].any()


def test_long_rows_go_on_below_under_the_same_labels():
    rows = {"original": noise(5, 8, 8, 1), "reconstruction": noise(5, 8, 8, 1, seed=1)}
    picture = labelled_grid(rows, num_columns=2)
    spots = np.array([[find(picture, i, 2) for i in row] for row in rows.values()])
    tops, lefts = spots[..., 0], spots[..., 1]
    # Blocks of two columns; in each, the second row of images is below the first.
    np.testing.assert_array_equal(tops[:, 0::2][:, :2], tops[:, 1::2])
    order = tops.T[::2].ravel()
    assert np.all(np.diff(order) == order[1] - order[0])
    np.testing.assert_array_equal(lefts[:, 0::2], lefts[0, 0])
    np.testing.assert_array_equal(lefts[:, 1::2], lefts[0, 1])
    # Each row of tiles has the label of its kind, as one block alone has.
    texts = picture[:, : lefts.min() - 8]
    alone = labelled_grid({k: row[:2] for k, row in rows.items()}, num_columns=2)
    alone = alone[:, : texts.shape[1]]
    first, last = tops[0, 0] - 4, tops[1, 0] + 16
    for block in range(3):
        top = tops[0, 2 * block] - 4
        shown = texts[top : top + last - first]
        np.testing.assert_array_equal(shown, alone[first:last])
        assert np.any(shown != BACKGROUND)


def test_a_title_stands_above_everything_and_moves_nothing_else():
    images = noise(2, 28, 28, 1)
    bare, titled = (
        labelled_grid({"": images}, title=title) for title in (None, "samples")
    )
    top = find(titled, images[0], 2)[0]
    room = top - find(bare, images[0], 2)[0]
    assert room > 12  # room for letters that can be read
    # Heights are even, so that the margin below may differ.
    below = titled[top - 4 : top + 60], bare[top - room - 4 : top - room + 60]
    np.testing.assert_array_equal(*below)
    text = np.any(titled[: top - 4] != BACKGROUND, axis=-1)
    rows, columns = np.flatnonzero(text.any(1)), np.flatnonzero(text.any(0))
    assert np.ptp(rows) >= 9 and np.ptp(columns) > 40
    # A title that is wider than its images is not cut off.
    narrow = noise(1, 4, 4, 1)
    titled = labelled_grid({"": narrow}, title="samples")
    header = titled[: find(titled, narrow[0], 2)[0] - 4]
    assert np.ptp(np.flatnonzero(np.any(header != BACKGROUND, (0, 2)))) > 40


def test_labels_take_the_room_that_they_need():
    images = noise(1, 8, 6, 3)
    lefts = [
        find(labelled_grid({label: images}), images[0], 2)[1]
        for label in ("", "short", "a label that is much longer")
    ]
    assert lefts == sorted(set(lefts))
    empty = labelled_grid({"": images})
    top, left = find(empty, images[0], 2)
    empty[top : top + 16, left : left + 12] = BACKGROUND
    assert np.all(empty == BACKGROUND)


def test_headings_stand_above_their_columns():
    images = noise(2, 20, 20, 3)
    bare, headed = (
        labelled_grid({"": images}, headings=headings) for headings in (None, ["a", ""])
    )
    top, left = find(headed, images[0], 2)
    assert top > find(bare, images[0], 2)[0]
    columns = np.any(headed[: top - 4] != BACKGROUND, axis=(0, 2))
    assert columns[left : left + 40].any() and not columns[left + 40 :].any()


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (image_grid, {"images": noise(4, 6, 3)}, r"\[N, H, W, C\].*\(4, 6, 3\)"),
        (image_grid, {"images": noise(1, 4, 6, 2)}, "C 1 or 3"),
        (image_grid, {"images": noise(0, 4, 6, 3)}, "at least one image"),
        (image_grid, {"images": noise(1, 4, 6, 3), "num_columns": 0}, "`num_columns`"),
        (image_grid, {"images": noise(1, 4, 6, 3), "padding": -1}, "`padding`"),
        (labelled_grid, {"rows": {}}, "at least one row"),
        (
            labelled_grid,
            {"rows": {"a": noise(4, 6, 3)}},
            r"rows\['a'\].*\[N, H, W, C\]",
        ),
        (labelled_grid, {"rows": {"a": noise(1, 4, 6, 3)}, "scale": 0}, "`scale`"),
        (labelled_grid, {"rows": {"a": noise(1, 4, 6, 3)}, "scale": 1.5}, "`scale`"),
        (
            labelled_grid,
            {"rows": {"a": noise(1, 4, 6, 3)}, "num_columns": 0},
            "`num_columns` must be an int >= 1, got 0",
        ),
        (
            labelled_grid,
            {"rows": {"a": noise(1, 4, 6, 3), "b": noise(2, 4, 6, 3)}},
            r"agree.*'a': \(1, 4, 6\).*'b': \(2, 4, 6\)",
        ),
        (
            labelled_grid,
            {"rows": {"a": noise(2, 4, 6, 3)}, "headings": ["one"]},
            "`headings` must hold one text for each of 2 columns, got 1",
        ),
        (write_png, {"path": "a.jpg", "image": noise(4, 6, 3)}, r"\.png.*'a\.jpg'"),
        (write_png, {"path": "a.png", "image": noise(1, 4, 6, 3)}, r"\[H, W, C\]"),
    ],
)
def test_wrong_arguments_are_errors(function, arguments, words):
    with pytest.raises(ValueError, match=words):
        function(**arguments)


def test_other_dtypes_and_ranges_are_errors_that_name_the_images():
    with pytest.raises(TypeError, match="`images` must be uint8.*int64"):
        image_grid(noise(1, 4, 6, 3).astype(np.int64))
    wrong = noise(1, 4, 6, 3).astype(np.float32)
    for function, images in ((image_grid, wrong), (labelled_grid, {"mean": wrong})):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[0, 1\]"):
            function(images)
    with pytest.raises(TypeError, match=r"rows\['mean'\]"):
        labelled_grid({"mean": wrong.astype(np.int32)})


def test_png_is_lossless_and_whole_or_absent(tmp_path, monkeypatch):
    for channels in (1, 3):
        image = noise(4, 6, channels)
        path = write_png(tmp_path / "new" / "picture.png", image)
        assert path == tmp_path / "new" / "picture.png"
        np.testing.assert_array_equal(np.asarray(Image.open(path)), image.squeeze())
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_png(path, noise(4, 6, 3, seed=1))
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_lists_of_uint8_images_are_uint8():
    images = noise(3, 4, 6, 3)
    for given in (list(images), [image.tolist() for image in images / 255.0]):
        np.testing.assert_array_equal(to_uint8(given), images)
        np.testing.assert_array_equal(image_grid(given), image_grid(images))
    rows = labelled_grid({"a": list(images)})
    np.testing.assert_array_equal(rows, labelled_grid({"a": images}))
    with pytest.raises(TypeError, match="`images` must be uint8.*int64"):
        image_grid(images.tolist())
