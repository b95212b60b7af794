"""Bombs, links, pipes and pickles: one clear error, soon, and little memory."""

import contextlib
import os
import pathlib
import signal
import threading
import time

import pytest
from hostile_files import CASES, folders_that_double_at_every_level, png

from tfsigmavae.data import images
from tfsigmavae_video.data.folder.discovery import find_videos

_SECONDS, _MEGABYTES = 2.0, 500


def _status(key):
    """Megabytes, of Linux' account of this process."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


@contextlib.contextmanager
def _released(folder, seconds=10):
    """Ends what waits for a pipe in there, or for anything else, so that it fails."""
    done = threading.Event()

    def release():
        if not done.wait(seconds):
            for path in folder.rglob("*"):
                if path.is_fifo():
                    os.close(os.open(path, os.O_RDWR))

    def stop(*_):
        raise TimeoutError(f"not ended after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    thread = threading.Thread(target=release)
    thread.start()
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        done.set()
        thread.join()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", CASES)
def test_hostile_files_are_refused_by_name(tmp_path, name):
    read, word = CASES[name](tmp_path)
    with contextlib.suppress(OSError):  # begins the account of the peak anew
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    before, started = _status("VmRSS"), time.process_time()
    with _released(tmp_path), pytest.raises((ValueError, FileNotFoundError)) as caught:
        read()
    assert time.process_time() - started < _SECONDS
    assert _status("VmHWM") - before < _MEGABYTES
    message = str(caught.value)
    assert word in message and "\n" not in message
    assert len(message.replace(str(tmp_path), "")) < 420
    module = caught.traceback[-1].path
    assert {"tfsigmavae", "video"} & {part.name for part in module.resolve().parents}


def test_links_to_folders_and_files_elsewhere_are_followed(tmp_path):
    for split, num in (("train", 3), ("test", 2)):
        (tmp_path / "elsewhere" / split).mkdir(parents=True)
        for number in range(num):
            file = tmp_path / "elsewhere" / split / f"{number}.png"
            file.write_bytes(png(number))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train").symlink_to(tmp_path / "elsewhere" / "train")
    (tmp_path / "set" / "test").mkdir()
    (tmp_path / "set" / "test" / "a.png").symlink_to(tmp_path / "elsewhere/test/1.png")
    assert len(images.load(tmp_path / "set", "train")) == 3
    assert images.load(tmp_path / "set", "test").max() == 1


def test_a_split_of_links_to_a_folder_beside_it_is_no_repetition(tmp_path):
    for place in ("all", "train", "test"):
        (tmp_path / place).mkdir()
    for number in range(5):
        (tmp_path / "all" / f"{number}.png").write_bytes(png(number))
        link = tmp_path / ("test" if number > 2 else "train") / f"{number}.png"
        link.symlink_to(f"../all/{number}.png")
    assert len(images.load(tmp_path, "train")) == 3
    assert len(images.load(tmp_path, "test")) == 2


def test_videos_in_folders_that_double_are_found_in_a_moment(tmp_path):
    folders_that_double_at_every_level(tmp_path)
    for number in range(2):
        (tmp_path / "level20" / f"{number}.png").unlink()
    (tmp_path / "level20" / "a.npy").write_bytes(b"\x93NUMPY")
    with _released(tmp_path):
        videos, others = find_videos(tmp_path / "level0")
    assert 1 <= len(videos) <= 16
    assert "is one more link to a folder" in others.values()


def test_larger_pictures_are_taken_where_they_are_asked_for(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "train" / "a.png").write_bytes(png(7, (40, 30)))
    (tmp_path / "test" / "a.png").write_bytes(png(7))
    with pytest.raises(ValueError, match="40 x 30 pixels.*1,199.*raise `max_pixels`"):
        images.load(tmp_path, max_pixels=1199)
    assert images.load(tmp_path, max_pixels=1200).shape == (1, 30, 40, 1)


@pytest.mark.parametrize("name", ["postscript_called_png", "postscript_as_a_frame"])
def test_no_program_is_started_for_a_picture(tmp_path, monkeypatch, name):
    calls = []
    monkeypatch.setattr(
        "PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: calls.append(a)
    )
    read, word = CASES[name](tmp_path)
    with pytest.raises(ValueError, match=f"{word}.*it is no BMP, GIF, JPEG"):
        read()
    assert not calls


def test_images_are_refused_whose_labels_are_fewer(tmp_path):
    CASES["fewer_labels_than_images"](tmp_path)
    with pytest.raises(ValueError, match="test_batch' has 2 labels of 3 images"):
        images.load("cifar10", "test", root=tmp_path)
