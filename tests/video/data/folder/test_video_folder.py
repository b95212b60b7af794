"""A folder of videos as people have them, as clips.

| what they do                                       | what happens                    |
|----------------------------------------------------|---------------------------------|
| name a folder with any formats, folders, sizes     | videos are framed to one size   |
| name one file; a folder with one video             | both splits are it, and it says |
| keep `train/` and `test/`; or keep no such thing   | those; or a hash of the name    |
| add videos later                                   | none goes from train to test    |
| leave broken, empty, short files among them        | named once, training goes on    |
| have only such files; no files; photos; records    | an error that shows the way     |
| have actions in tables, forget one, miscount a row | read exactly; named             |
| want 10 frames a second of all kinds of video      | by the time stamps              |
| have long videos, or films with cuts               | pieces; shots                   |
| stop and resume, keep a cache, change the files    | the same batches; told          |
| lose a file, or have one break in the middle       | told; the next clip is taken    |
"""

import json
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from tfsigmavae_video.data import batches, first_clips, load_clips
from tfsigmavae_video.data.folder import VideoFolder, open_videos, splits
from tfsigmavae_video.data.softmotion import write_shards

SHAPE = (2, 3, 1)
PLAIN = {"frame_shape": SHAPE}


def grey_levels(clip, length):
    """A video whose frame t is all of level 20 * clip + t."""
    levels = 20 * clip + np.arange(length, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], [length, *SHAPE])


def save(path, clip, length):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, grey_levels(clip, length))


def save_gif(path, levels, durations, size=(3, 2)):
    frames = [Image.new("L", size, int(level)) for level in levels]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations)


@pytest.fixture
def folder(tmp_path):
    """Clips 0 to 5 of 5 to 10 frames, the last of them held out by its folder."""
    for clip in range(6):
        split = "test" if clip == 5 else "train"
        save(tmp_path / "mine" / split / f"clip_{clip}.npy", clip, 5 + clip)
    return tmp_path / "mine"


def levels_of(clip):
    return np.asarray(clip)[..., 0, 0, 0].tolist()


def read_all(source):
    """Levels of every frame of every clip."""
    return [
        levels_of(source.read_arrays(n, 0, length)["frames"])
        for n, length in enumerate(source.num_frames)
    ]


def test_a_folder_is_opened_by_its_path(folder):
    train, test = (load_clips(folder, split, **PLAIN) for split in ("train", "test"))
    assert type(train) is VideoFolder
    assert train.clip_names == [f"train/clip_{n}.npy" for n in range(5)]
    assert test.clip_names == ["test/clip_5.npy"]
    assert train.num_frames.tolist() == [5, 6, 7, 8, 9]
    assert read_all(train)[3] == list(range(60, 68))
    assert train.name == "mine-train" and train.is_held_out
    assert train.skipped == {} and np.isnan(train.fps).all()


def test_any_format_and_size_is_framed(tmp_path, capsys):
    save_gif(tmp_path / "a.gif", [10, 20, 30], 40, size=(30, 20))
    np.savez(tmp_path / "b.npz", x=grey_levels(2, 4), y=grey_levels(3, 5))
    (tmp_path / "c").mkdir()
    for n in (9, 10, 11):
        Image.new("RGB", (8, 8), (n, n, n)).save(tmp_path / "c" / f"f{n}.png")
    (tmp_path / "notes.txt").touch()
    source = VideoFolder(tmp_path, test_share=1e-9, **PLAIN)
    test = VideoFolder(tmp_path, "test", test_share=1e-9, **PLAIN)
    names = ["a.gif", "b.npz:x", "b.npz:y", "c"]
    assert sorted(source.clip_names + test.clip_names) == names
    wanted = dict(
        zip(
            names,
            ([10, 20, 30], [*range(40, 44)], [*range(60, 65)], [9, 10, 11]),
            strict=True,
        )
    )
    for part in (source, test):
        assert read_all(part) == [wanted[name] for name in part.clip_names]
    assert capsys.readouterr().err == ""


def test_mp4_is_read(tmp_path):
    av = pytest.importorskip("av", reason="PyAV decodes mp4")
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
            for level in range(40, 200, 8):
                picture = np.full([16, 32, 3], level, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    source = VideoFolder(tmp_path, frame_shape=(16, 16, 3), clip_frames=12)
    assert source.num_frames.tolist() == [12, 8] and source.fps.tolist() == [25.0] * 2
    assert source.clip_names[1].endswith(".mp4@12")
    (batch,) = batches(source, 6, 2, windows="last")
    wanted = [np.arange(88, 136, 8), np.arange(152, 200, 8)]
    # Flat pictures; the codec's steps and those of 8-bit YUV.
    np.testing.assert_allclose(levels_of(batch), wanted, atol=3)


@pytest.mark.parametrize("inside", [True, False])
def test_one_video_is_both_splits_and_says_so(tmp_path, capsys, inside):
    save(tmp_path / "a.npy", 1, 6)
    (tmp_path / "broken.mp4").touch()
    path = tmp_path if inside else tmp_path / "a.npy"
    train, test = (VideoFolder(path, split, **PLAIN) for split in ("train", "test"))
    assert read_all(train) == read_all(test) == [[*range(20, 26)]]
    assert not train.is_held_out and not test.is_held_out
    assert capsys.readouterr().err.count("is one video: it is trained on and") == 1


def test_records_of_one_file_are_not_held_out(tmp_path):
    for split in ("train", "test"):
        write_shards(tmp_path, split, [grey_levels(0, 4)])
    file = next((tmp_path / "train").iterdir())
    assert not load_clips(file, **PLAIN).is_held_out
    assert load_clips(tmp_path, min_frames=9, **PLAIN).is_held_out


def test_hashes_split_by_video_never_by_part(tmp_path):
    for clip in range(12):
        save(tmp_path / f"{clip}.npy", clip, 9)
    options = {"clip_frames": 3, "test_share": 0.3, **PLAIN}
    train, test = (
        VideoFolder(tmp_path, split, **options) for split in ("train", "test")
    )
    one, other = ({n.partition("@")[0] for n in s.clip_names} for s in (train, test))
    assert not one & other and len(one | other) == 12
    assert len(train) + len(test) == 36
    wanted = {f"{n}.npy" for n in range(12) if splits.hash_of(f"{n}.npy") < 0.3}
    assert other == wanted and wanted


def test_a_split_of_only_broken_videos_takes_another(tmp_path):
    names = sorted((f"{n}.npy" for n in range(30)), key=splits.hash_of)
    held_out = [name for name in names if splits.hash_of(name) < 0.1]
    assert held_out
    for name in names:
        save(tmp_path / name, 0, 5)
        if name in held_out:
            (tmp_path / name).write_bytes(b"")
    train, test = (
        VideoFolder(tmp_path, split, min_frames=3, **PLAIN)
        for split in ("train", "test")
    )
    assert test.clip_names == [names[len(held_out)]]
    assert set(train.clip_names) == set(names[len(held_out) + 1 :])
    assert set(test.skipped) == set(held_out) and train.skipped == {}


def test_how_many_frames_are_wanted_moves_no_video(tmp_path):
    names = sorted((f"{n}.npy" for n in range(30)), key=splits.hash_of)
    held_out = {name for name in names if splits.hash_of(name) < 0.1}
    for name in names:
        save(tmp_path / name, 0, 2 if name in held_out else 5)
    train = VideoFolder(tmp_path, "train", min_frames=3, **PLAIN)
    assert set(train.clip_names) == set(names) - held_out
    with pytest.raises(ValueError, match="too short: 2 frames, and 3 are needed"):
        VideoFolder(tmp_path, "test", min_frames=3, **PLAIN)


def test_one_file_of_two_names_is_in_one_split(tmp_path):
    """By a link to the file, or to a folder around it."""
    for clip in range(8):
        save(tmp_path / "mine" / f"{clip}.npy", clip, 5)
        (tmp_path / "mine" / f"link_{clip}.npy").symlink_to(f"{clip}.npy")
    (tmp_path / "mine" / "more").symlink_to(tmp_path / "other")
    (tmp_path / "mine" / "same").symlink_to(tmp_path / "other")
    save(tmp_path / "other" / "8.npy", 8, 5)
    train, test = (
        VideoFolder(tmp_path / "mine", split, test_share=0.5, **PLAIN)
        for split in ("train", "test")
    )
    wanted = [f"{n}.npy" for n in range(8)] + ["more/8.npy"]
    assert sorted(train.clip_names + test.clip_names) == wanted
    assert train.skipped == {
        f"link_{n}.npy": f"is the same file as '{n}.npy'" for n in range(8)
    } | {"same/8.npy": "is the same file as 'more/8.npy'"}
    assert test.skipped == {}


def test_splits_made_of_links_are_those(tmp_path):
    for clip in range(3):
        save(tmp_path / "all" / f"{clip}.npy", clip, 5)
    for split, clips in {"train": (0, 1), "test": (1, 2)}.items():
        (tmp_path / split).mkdir()
        for clip in clips:
            link = tmp_path / split / f"{clip}.npy"
            link.symlink_to(tmp_path / "all" / f"{clip}.npy")
    train, test = (VideoFolder(tmp_path, s, **PLAIN) for s in ("train", "test"))
    assert (train.clip_names, test.clip_names) == (
        ["train/0.npy"],
        ["test/1.npy", "test/2.npy"],
    )
    assert train.skipped["train/1.npy"] == "is the same file as 'test/1.npy'"
    assert train.skipped["all/0.npy"] == "is the same file as 'train/0.npy'"


def test_what_cannot_be_used_is_named_and_the_rest_trains(folder, capsys):
    train = folder / "train"
    (train / "empty.gif").touch()
    (train / "text.gif").write_text("no picture")
    (train / "sound.wav").touch()
    (folder / "outside.npy").write_bytes((train / "clip_4.npy").read_bytes())
    np.save(train / "table.npy", np.zeros([3, 4, 5, 6, 7, 8]))
    save(train / "short.npy", 0, 2)
    (folder / "test" / "bad.gif").touch()
    source = load_clips(folder, "train", min_frames=6, **PLAIN)
    assert source.num_frames.tolist() == [6, 7, 8, 9]
    told = capsys.readouterr().err
    assert set(source.skipped) == {
        "outside.npy",
        "train/clip_0.npy",
        "train/empty.gif",
        "train/short.npy",
        "train/sound.wav",
        "train/table.npy",
        "train/text.gif",
    }
    assert "Left out of split 'train'" in told and ": 7 (see `skipped`)" in told
    assert "outside.npy: lies in no folder of a split" in told
    assert "clip_0.npy: is too short: 5 frames, and 6 are needed" in told
    assert "and 2 more" in told and "bad.gif" not in told
    test = load_clips(folder, "test", min_frames=6, **PLAIN)
    assert list(test.skipped) == ["test/bad.gif"]
    clips = first_clips(test, 4, 30)
    assert clips["frames"].shape == (1, 10, *SHAPE)
    (batch,) = batches(source, 6, 4)
    assert levels_of(batch)[3] == [*range(80, 86)]


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "holds no videos. Videos are files that end in .*mp4.*numbered pictures"),
        (["a.txt"], "holds no videos. Videos are"),
        (["a.jpg", "b.jpg"], "but 2 other files such as 'a.jpg'.*data.images.load"),
        (["x.tfrecords"], "Records must lie in folders train/ and test/"),
        (["a.gif", "b.gif"], "'train' that can be used: a.gif: .*; b.gif: "),
        (["train/a.gif", "test/a.gif"], "'train' that can be used: train/a.gif: "),
    ],
)
def test_nothing_usable_is_an_error_that_shows_the_way(tmp_path, names, message):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=message):
        load_clips(tmp_path, **PLAIN)


def test_short_clips_are_an_error_that_names_min_frames(folder):
    source = load_clips(folder, **PLAIN)
    with pytest.raises(ValueError, match=r"5 frames stored.*min_frames=8\)` does"):
        batches(source, 8, 2)
    assert len(load_clips(folder, min_frames=8, **PLAIN)) == 2


def test_actions_stand_beside_their_frames(folder, capsys):
    rows = np.random.default_rng(0).normal(size=[9, 2]).astype(np.float32)
    for clip in range(4):
        header = "dx,dy" if clip == 1 else ""
        path = folder / "train" / f"clip_{clip}.csv"
        # The last frame may have a row or none.
        used = rows[: 5 + clip]
        np.savetxt(path, used, "%.9g", ",", header=header, comments="")
    np.save(folder / "train" / "clip_3.actions.npy", rows[:7])
    (folder / "train" / "clip_3.csv").unlink()
    source = load_clips(folder, with_actions=True, clip_frames=4, **PLAIN)
    assert source.fields["actions"][0] == (2,)
    first = "clip_4.npy: has no actions beside it: one of 'clip_4.actions.csv'"
    assert first in capsys.readouterr().err
    for number, name in enumerate(source.clip_names):
        video, _, begin = name.partition("@")
        length = source.num_frames[number]
        clip = source.read_arrays(number, 1, length - 1)
        wanted = rows[int(begin or 0) :][1:length].copy()
        if video.endswith("clip_3.npy") and begin:
            wanted[-1] = 0.0
        np.testing.assert_array_equal(clip["actions"], wanted)
    assert source.clip_names[-1] == "train/clip_3.npy@4" and len(source) == 7


def test_actions_that_do_not_fit_are_told_of(folder):
    for clip in range(5):
        np.save(folder / "train" / f"clip_{clip}.actions.npy", np.zeros([5 + clip, 2]))
    np.save(folder / "train" / "clip_2.actions.npy", np.zeros([3, 2]))
    np.save(folder / "test" / "clip_5.actions.npy", np.zeros([10, 2]))
    source = load_clips(folder, with_actions=True, **PLAIN)
    assert "has 3 rows of actions" in source.skipped["train/clip_2.npy"]
    np.save(folder / "train" / "clip_3.actions.npy", np.zeros([8, 3]))
    with pytest.raises(ValueError, match="one size.*'train/clip_0.npy' has 2.*3.npy"):
        load_clips(folder, with_actions=True, **PLAIN)
    for options in ({"stride": 2}, {"fps": 10}):
        with pytest.raises(ValueError, match="`with_actions` needs all frames"):
            load_clips(folder, with_actions=True, **options, **PLAIN)


def test_actions_beside_several_videos_are_nobodys(folder):
    np.savez(folder / "train" / "two.npz", a=grey_levels(1, 5), b=grey_levels(2, 5))
    np.savez(folder / "train" / "one.npz", a=grey_levels(3, 5))
    for name in ("one", "two"):
        np.savetxt(folder / "train" / f"{name}.csv", np.ones([5, 2]), delimiter=",")
    source = load_clips(folder, with_actions=True, **PLAIN)
    assert source.clip_names == ["train/one.npz:a"]
    for name in ("train/two.npz:a", "train/two.npz:b"):
        wanted = "holds several videos, and 'two.csv' does not say whose"
        assert source.skipped[name].startswith(wanted)


def test_rates_are_by_time_stamps(tmp_path, capsys):
    (tmp_path / "test").mkdir()
    (tmp_path / "train").mkdir()
    # Shown at 0, 0.05, 0.1, 0.2 (long), 0.5, 0.55 seconds.
    save_gif(
        tmp_path / "train" / "a.gif",
        [10, 20, 30, 40, 50, 60],
        [50, 50, 100, 300, 50, 50],
    )
    shutil.copy(tmp_path / "train" / "a.gif", tmp_path / "test")
    save(tmp_path / "train" / "b.npy", 0, 9)
    source = VideoFolder(tmp_path, fps=10, **PLAIN)
    assert read_all(source) == [[10, 30, 40, 40, 40, 50]] and source.fps == [10.0]
    assert levels_of(source.read_arrays(0, 3, 2)["frames"]) == [40, 40]
    assert (
        "train/b.npy: has no times, so `fps` means nothing" in capsys.readouterr().err
    )
    strided = VideoFolder(tmp_path, stride=4, **PLAIN)
    assert read_all(strided) == [[10, 50], [0, 4, 8]]


def test_shots_and_pieces(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        levels = [0] * 9 + [100] * 2 + [220] * 10
        levels[17] = 20  # a flash
        frames = np.array(levels, np.uint8)[:, None, None, None]
        np.save(tmp_path / split / "a.npy", np.broadcast_to(frames, [21, *SHAPE]))
    whole = VideoFolder(tmp_path, clip_frames=8, min_frames=5, **PLAIN)
    assert whole.clip_names == ["train/a.npy", "train/a.npy@8", "train/a.npy@16"]
    cut = VideoFolder(tmp_path, cut_shots=True, min_frames=3, **PLAIN)
    # Cuts two frames apart are in the way of one another.
    assert all(name.startswith("train/a.npy") for name in cut.clip_names)
    frames[9:11] = 0
    np.save(tmp_path / "train" / "a.npy", np.broadcast_to(frames, [21, *SHAPE]))
    cut = VideoFolder(tmp_path, cut_shots=True, **PLAIN)
    assert cut.clip_names == ["train/a.npy", "train/a.npy@11"]
    assert cut.num_frames.tolist() == [11, 10]
    strided = VideoFolder(tmp_path, cut_shots=True, stride=3, min_frames=4, **PLAIN)
    assert read_all(strided) == [[0] * 4, [220, 220, 20, 220]]
    left = VideoFolder(tmp_path, cut_shots=True, min_frames=11, **PLAIN)
    assert left.skipped == {
        "train/a.npy@11": "is too short: 10 frames, and 11 are needed (`min_frames`)"
    }


@pytest.mark.parametrize("cache", [None, "memory", "files"])
def test_any_step_is_resumed_exactly(folder, tmp_path, cache):
    options = {"windows": "random", "shuffle": True, "seed": 3, "repeat": True}
    whole = [*batches(load_clips(folder, **PLAIN), 3, 4, **options).take(5)]
    options["cache"] = tmp_path / "cache" if cache == "files" else cache
    for start in (0, 3):
        source = load_clips(folder, **PLAIN)
        rest = batches(source, 3, 4, start_step=start, **options).take(5 - start)
        for ours, theirs in zip(rest, whole[start:], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    if cache == "files":
        assert [p.name for p in (tmp_path / "cache").iterdir()] == ["mine_train-5_to_9"]


@pytest.mark.parametrize(
    "options",
    [{"stride": 2}, {"clip_frames": 3}, {"fit": "stretch"}, {"frame_shape": (2, 2, 1)}],
)
def test_other_options_are_other_clips(folder, options):
    plain, other = (VideoFolder(folder, **{**PLAIN, **o}) for o in ({}, options))
    assert plain.fingerprint() == VideoFolder(folder, **PLAIN).fingerprint()
    assert plain.fingerprint() != other.fingerprint()
    json.dumps(other.fingerprint())


def test_other_files_are_other_clips(folder, tmp_path):
    first = VideoFolder(folder, **PLAIN).fingerprint()
    moved = folder.rename(tmp_path / "elsewhere")
    assert VideoFolder(moved, **PLAIN).fingerprint() == first
    for change in (
        lambda: save(moved / "train" / "clip_2.npy", 3, 7),
        lambda: (moved / "train" / "clip_1.npy").rename(moved / "train" / "new.npy"),
    ):
        change()
        now = VideoFolder(moved, **PLAIN).fingerprint()
        assert now["files"] != first["files"]
        first = now


def break_frame(folder, frame):
    """Clip 1 of the folder has a frame that cannot be read, which nobody sees early."""
    frames = np.zeros([6, *SHAPE], np.float32)
    frames[frame] = 7.0
    np.save(folder / "train" / "clip_1.npy", frames)


def test_a_clip_that_breaks_is_replaced_by_the_next(folder):
    break_frame(folder, 4)
    source = load_clips(folder, **PLAIN)
    assert source.skipped == {}
    with pytest.warns(UserWarning, match="clip_1.npy' cannot be read everywhere.*\\[0"):
        replaced = source.read_arrays(1, 2, 4)
    # Told once; and what can be read is read, whatever was read before.
    assert levels_of(source.read_arrays(1, 2, 4)["frames"]) == [42, 43, 44, 45]
    assert levels_of(replaced["frames"]) == [42, 43, 44, 45]
    assert source.replaced == {"train/clip_1.npy"}
    assert levels_of(source.read_arrays(1, 0, 4)["frames"]) == [0, 0, 0, 0]
    assert source.replaced == set()
    assert list(source.skipped) == ["train/clip_1.npy"]
    strict = load_clips(folder, on_bad="raise", **PLAIN)
    with pytest.raises(ValueError, match="clip_1.npy.*frame 4"):
        strict.read_arrays(1, 2, 4)


def test_batches_with_a_broken_clip_depend_on_the_step_only(folder):
    break_frame(folder, 5)
    options = {"windows": "random", "shuffle": True, "seed": 1, "repeat": True}
    with pytest.warns(UserWarning, match="cannot be read everywhere"):
        whole = [*batches(load_clips(folder, **PLAIN), 3, 4, **options).take(8)]
        rest = batches(load_clips(folder, **PLAIN), 3, 4, start_step=5, **options)
        for ours, theirs in zip(rest.take(3), whole[5:], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_lost_last_clip_is_replaced_by_one_that_is_long_enough(folder):
    source = load_clips(folder, **PLAIN)
    (folder / "train" / "clip_4.npy").unlink()
    with pytest.warns(UserWarning, match="clip_4.npy' cannot be read"):
        assert levels_of(source.read_arrays(4, 3, 5)["frames"]) == [0, 1, 2, 3, 4]
        assert levels_of(source.read_arrays(4, 1, 8)["frames"]) == [*range(60, 68)]
        with pytest.raises(ValueError, match="No clip.*'train/clip_4.npy'.*9 frames"):
            source.read_arrays(4, 0, 9)


def test_a_clip_that_was_cut_meanwhile_is_told_of(folder):
    strict = load_clips(folder, on_bad="raise", **PLAIN)
    source = load_clips(folder, **PLAIN)
    save(folder / "train" / "clip_1.npy", 1, 3)
    with pytest.raises(ValueError, match="clip_1.npy' was cut while in use"):
        strict.read_arrays(1, 2, 4)
    with pytest.warns(UserWarning, match="clip_1.npy.*was cut while in use"):
        replaced = source.read_arrays(1, 2, 4)
    assert levels_of(replaced["frames"]) == [42, 43, 44, 45]


def test_open_videos_are_few_and_lent_to_one_at_a_time(folder, monkeypatch):
    opened, closed = [], []

    class Toy:
        def __init__(self, path, member):
            opened.append(path)
            self.path = path

        def close(self):
            closed.append(self.path)

    monkeypatch.setattr(open_videos, "open_video", Toy)
    videos = open_videos.OpenVideos(limit=2)
    with videos.lend("a") as one, videos.lend("a") as other:
        assert one is not other and opened == ["a", "a"]
    with videos.lend("b") as third, videos.lend("a") as again:
        assert third.path == "b" and again in (one, other)
    assert opened == ["a", "a", "b"] and closed == ["a"]
    with pytest.raises(KeyError), videos.lend("b"):
        raise KeyError
    assert closed == ["a", "b"]
    with videos.lend("b"):
        pass
    assert len(opened) == 4


def test_a_source_travels_to_another_process(folder):
    source = load_clips(folder, **PLAIN)
    source.read_arrays(0, 0, 2)
    copy = pickle.loads(pickle.dumps(source))
    assert read_all(copy) == read_all(source)
    assert copy.fingerprint() == source.fingerprint()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"split": "val"}, "Unknown split 'val'"),
        ({"frame_shape": (2, 3)}, "`frame_shape` must be"),
        ({"frame_shape": (2, 3, 4)}, "channels 1 or 3"),
        ({"fit": "pad"}, "Unknown `fit` 'pad'"),
        ({"on_bad": "skip"}, "Unknown `on_bad` 'skip'"),
        ({"test_share": 1.0}, "`test_share` must lie between 0 and 1"),
        ({"min_frames": 0}, "`min_frames`"),
    ],
)
def test_wrong_options_are_early_errors(folder, options, message):
    with pytest.raises(ValueError, match=message):
        load_clips(folder, **{**PLAIN, **options})


def test_transparent_videos_need_a_colour(tmp_path):
    frames = np.zeros([4, *SHAPE[:2], 4], np.uint8)
    frames[..., 3] = 128
    np.save(tmp_path / "a.npy", frames)
    with pytest.raises(ValueError, match="a.npy: has transparent parts.*alpha=\\(0, 0"):
        load_clips(tmp_path, **PLAIN)
    source = load_clips(tmp_path, alpha=(255, 255, 255), **PLAIN)
    assert read_all(source) == [[127] * 4] and source.view == {"alpha": [255] * 3}
