"""The split of a video: by its folder, or by its name alone."""

import hashlib
import unicodedata

import pytest

from tfsigmavae_video.data.folder.splits import (
    hash_of,
    splits_by_hash,
    splits_of_folders,
)


def by_folders(*names):
    return splits_of_folders({name: name.split("/")[:-1] for name in names}, "videos")


@pytest.mark.parametrize(
    "train, test",
    [("train", "test"), ("Training", "TESTING"), ("train", "val"), ("train", "valid")],
)
@pytest.mark.parametrize("above", ["", "archive/v2/"])
@pytest.mark.parametrize("beside", [[], ["stray.mp4"], ["archive/stray.mp4"]])
def test_folders_tell(train, test, above, beside):
    names = [f"{above}{train}/a/1.mp4", f"{above}{test}/1.mp4", *beside]
    wanted = ["train", "test"] + [None] * len(beside)
    assert by_folders(*names) == dict(zip(names, wanted, strict=True))


def test_folders_tell_below_those_of_classes():
    names = ["walk/train/1", "walk/test/1", "run/Train/x/1", "run/test/2", "jump/1"]
    found = by_folders(*names)
    wanted = ["train", "test", "train", "test", None]
    assert [found[name] for name in names] == wanted


def test_the_outermost_folder_counts():
    """Films of trains, with folders of splits around them."""
    names = ["train/ship/1", "test/train/1", "val/train/1", "train/test/1"]
    found = by_folders(*names)
    assert [found[name] for name in names] == ["train", "test", None, "train"]


def test_what_lies_in_no_split_belongs_to_none():
    names = ["train/a", "test/a", "val/a", "a", "more/a"]
    found = by_folders(*names)
    assert [found[name] for name in names] == ["train", "test", None, None, None]


@pytest.mark.parametrize(
    "names",
    [
        ("a", "b"),
        ("train/a", "train/b"),
        ("train/a", "plane/a"),
        ("x/a", "y/train/a"),
        ("test.mp4", "train.mp4"),
    ],
)
def test_folders_of_other_meaning_do_not_tell(names):
    assert by_folders(*names) == {}


def test_held_out_folders_without_training_are_an_error():
    with pytest.raises(ValueError, match=r"'videos' has the folders \['test'\].*train"):
        by_folders("test/a", "b")


def test_hash_is_that_of_the_name_on_every_system():
    digest = hashlib.sha256(b"a/b.mp4").hexdigest()
    assert hash_of("a/b.mp4") == int(digest[:16], 16) / 2**64
    assert hash_of(unicodedata.normalize("NFD", "Zoë.mp4")) == hash_of("Zoë.mp4")
    assert 0.0 <= hash_of("\udcff.mp4") < 1.0  # a name that is no Unicode


def test_share_is_about_what_was_asked_for():
    splits = splits_by_hash([f"video_{n}.mp4" for n in range(2000)], 0.1)
    # Standard deviation sqrt(2000 * 0.1 * 0.9) = 13.4; five of them.
    assert abs(list(splits.values()).count("test") - 200) < 67


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_no_split_is_empty(share):
    for number in range(2, 30):
        splits = splits_by_hash([f"{n}.mp4" for n in range(number)], share)
        assert set(splits.values()) == {"train", "test"}


def test_added_videos_move_none_from_training_to_test():
    """It would be tested on what it was trained on; shares below 1/2, as all are."""
    names = [f"clip {n}.mov" for n in range(300)]
    for start in range(0, 280, 20):
        before = splits_by_hash(names[start : start + 2], 0.1)
        for end in range(start + 3, start + 20):
            after = splits_by_hash(names[start:end], 0.1)
            for name, split in before.items():
                if split == "train" and hash_of(name) >= 0.1:
                    assert after[name] == "train"
            before = after


def test_many_videos_stay_where_they_are():
    names = [f"{n}.mp4" for n in range(400)]
    before, after = (splits_by_hash(part, 0.1) for part in (names[:200], names))
    assert all(after[name] == split for name, split in before.items())
