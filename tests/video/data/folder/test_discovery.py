"""Which files under a folder are videos: by names, whatever lies beside them."""

import pytest

from tfsigmavae_video.data.folder.discovery import (
    find_videos,
    holds_videos,
    natural_order,
)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_all_folders_are_searched_in_natural_order(tmp_path):
    touch(tmp_path, "b/a_10.mp4", "b/a_2.MP4", "c.webm", "a b/ü.gif", "b/d/e/f.npz")
    videos, others = find_videos(tmp_path)
    wanted = ["a b/ü.gif", "b/a_2.MP4", "b/a_10.mp4", "b/d/e/f.npz", "c.webm"]
    assert list(videos) == wanted and not others
    assert [path.relative_to(tmp_path).as_posix() for path in videos.values()] == wanted


def test_a_folder_of_numbered_pictures_is_one_video(tmp_path):
    touch(tmp_path, "walk/0001.png", "walk/0002.png", "run/f9.jpg", "run/f10.jpg")
    assert list(find_videos(tmp_path)[0]) == ["run", "walk"]
    assert list(find_videos(tmp_path / "walk")[0]) == ["walk"]


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.mp4",
        ".hidden/a.mp4",
        "__MACOSX/a.mp4",
        "@eaDir/a.mp4",
        "._a.mp4",
        "README",
        "notes.txt",
        "labels.csv",
        "a.srt",
        "Thumbs.db",
        "desktop.ini",
        "a.npy",  # actions of a.mp4
        "a.actions.npy",
        "b.actions.npy",
    ],
)
def test_what_lies_beside_videos_everywhere_is_not_told_of(tmp_path, name):
    touch(tmp_path, "a.mp4", name)
    videos, others = find_videos(tmp_path)
    assert list(videos) == ["a.mp4"] and not others


def test_other_files_are_told_of(tmp_path):
    touch(tmp_path, "a.mp4", "photo.jpg", "sub/sound.wav", "b.npy")
    videos, others = find_videos(tmp_path)
    assert list(videos) == ["a.mp4", "b.npy"]
    assert others == dict.fromkeys(
        ["photo.jpg", "sub/sound.wav"], "is no video that can be read"
    )


def test_own_runs_and_caches_in_the_folder_are_no_data(tmp_path):
    """`cd my_videos; train_video.py --data . --output runs/mine`, and again."""
    touch(tmp_path, "a.mp4", "runs/mine/run.json", "runs/mine/samples/1.gif")
    touch(tmp_path, "cache/train-12/source.json", "cache/train-12/frames.npy")
    videos, others = find_videos(tmp_path)
    assert list(videos) == ["a.mp4"]
    assert others == {
        "cache/train-12": "is a cache's folder",
        "runs/mine": "is a run's folder",
    }


def test_links_are_followed_but_not_for_ever(tmp_path):
    touch(tmp_path, "data/a.mp4", "other/b.mp4")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "other")
    videos, others = find_videos(tmp_path / "data")
    assert list(videos) == ["a.mp4", "more/b.mp4"]
    assert others == {"loop": "is a link to itself"}


def test_one_file_is_a_video(tmp_path):
    touch(tmp_path, "a.mp4", "b.txt")
    assert list(find_videos(tmp_path / "a.mp4")[0]) == ["a.mp4"]
    held = [holds_videos(tmp_path / name) for name in (".", "a.mp4", "b.txt", "c.mp4")]
    assert held == [True, True, False, True]


def test_natural_order_takes_any_name():
    names = ["10", "9a", "a9", "a10", "a/b", "a", "", "²", "a_1_2", "a_1_10"]
    assert sorted(names, key=natural_order).index("a_1_2") < sorted(
        names, key=natural_order
    ).index("a_1_10")
