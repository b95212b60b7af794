"""Actions of a user's own, in a table beside the video."""

import numpy as np
import pytest

from tfsigmavae_video.data.folder.side_cars import find_actions, read_actions
from tfsigmavae_video.data.video_files import VideoError

ROWS = np.array([[0.5, -1.0], [1e-3, 2.0], [3.0, 4.25]], np.float32)


@pytest.mark.parametrize(
    "text",
    [
        "0.5,-1\n1e-3,2\n3,4.25\n",
        "dx,dy\n0.5,-1\n1e-3,2\n3,4.25",
        "\ufeffdx;dy\r\n0.5;-1\r\n1e-3;2\r\n\r\n3;4.25\r\n",
        "# dx dy\n0.5 -1\n1e-3\t2\n 3  4.25 \n",
    ],
)
def test_tables_of_any_program_are_read(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_actions(tmp_path / "a.csv", 3), ROWS)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_arrays_are_read(tmp_path, dtype):
    rows = np.arange(6).reshape([3, 2])
    np.save(tmp_path / "a.npy", rows.astype(dtype))
    got = read_actions(tmp_path / "a.npy", 3)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, rows)


def test_the_last_frame_needs_no_action(tmp_path):
    """Action t leads from frame t to t + 1: three rows lead through four frames."""
    np.save(tmp_path / "a.npy", ROWS)
    got = read_actions(tmp_path / "a.npy", 4)
    np.testing.assert_array_equal(got, [*ROWS, [0.0, 0.0]])


@pytest.mark.parametrize("num_frames", [2, 5])
def test_other_lengths_are_errors(tmp_path, num_frames):
    np.save(tmp_path / "a.npy", ROWS)
    with pytest.raises(
        VideoError, match=f"3 rows.*{num_frames} frames.*or {num_frames}"
    ):
        read_actions(tmp_path / "a.npy", num_frames)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "holds no numbers"),
        ("dx,dy\n", "holds no numbers"),
        ("1,2\n3\n", "line 2 is not 2 numbers"),
        ("1,2\nleft,4\n", "line 2 is not 2 numbers"),
        ("a,b\nc,d\n", "line 2 is not 2 numbers"),
        ("1,,2\n3,4,5\n", "line 1 is not 3 numbers"),
        ("1,nan\n3,4\n", "not finite"),
    ],
)
def test_broken_tables_are_errors(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(VideoError, match=message):
        read_actions(tmp_path / "a.csv", 2)


@pytest.mark.parametrize(
    "text", ["0,1\n2,3\n4,5\n", "0;1\n.5;3\n4;5\n", "0\n0.5\n1.0\n"]
)
def test_numbers_of_columns_are_no_action(tmp_path, text):
    """`DataFrame(rows).to_csv(..., index=False)`: all actions a frame late."""
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(VideoError, match="a.csv' begins with.*like a header.*names"):
        read_actions(tmp_path / "a.csv", 3)
    # The ways out of the message.
    (tmp_path / "a.csv").write_text("names\n" + text)
    assert len(read_actions(tmp_path / "a.csv", 3)) == 3
    (tmp_path / "a.csv").write_text(text.partition("\n")[2])
    assert len(read_actions(tmp_path / "a.csv", 3)) == 3


@pytest.mark.parametrize(
    ("text", "num_frames"),
    [("0,1\n2,3\n4,5\n", 4), ("0.0,1.0\n2,3\n", 2), ("0\n1\n0\n", 3)],
)
def test_first_actions_that_look_like_it_are_read(tmp_path, text, num_frames):
    (tmp_path / "a.csv").write_text(text)
    assert read_actions(tmp_path / "a.csv", num_frames)[0, 0] == 0.0


@pytest.mark.parametrize(
    "array", [np.zeros([3]), np.zeros([3, 0]), np.array([["a"]]), np.zeros([1, 2, 3])]
)
def test_other_arrays_are_errors(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(VideoError, match=r"not numbers \[T, A\]"):
        read_actions(tmp_path / "a.npy", 3)


@pytest.mark.parametrize("end", [".csv", ".npy", ".actions.csv", ".actions.npy"])
def test_the_table_is_found_beside_the_video(tmp_path, end):
    (tmp_path / "my.walk").mkdir()
    for video in ("a.b.mp4", "my.walk"):
        table = tmp_path / (video.removesuffix(".mp4") + end)
        table.touch()
        assert find_actions(tmp_path / video) == table


def test_a_video_that_is_an_array_is_not_its_own_table(tmp_path):
    (tmp_path / "a.npy").touch()
    with pytest.raises(
        VideoError, match="no actions beside it.*'a.actions.npy', 'a.csv"
    ):
        find_actions(tmp_path / "a.npy")


def test_two_tables_are_an_error(tmp_path):
    for name in ("a.csv", "a.npy"):
        (tmp_path / name).touch()
    with pytest.raises(VideoError, match="'a.csv' and 'a.npy' beside it. Keep one"):
        find_actions(tmp_path / "a.mp4")
