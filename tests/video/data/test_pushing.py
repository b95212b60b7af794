import json
import math

import numpy as np
import pytest

from tfsigmavae_video.data import bair, pushing
from tfsigmavae_video.data.pushing import dataset
from tfsigmavae_video.data.pushing.drawing import Painter
from tfsigmavae_video.data.pushing.scene import Scene

SMALL = {"num_train": 2, "num_test": 1, "num_frames": 3, "progress": False}


def all_bytes(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return pushing.write(tmp_path_factory.mktemp("pushing"), **SMALL)


def test_written_clips_are_the_episodes(written):
    for split, number in (("train", 2), ("test", 1)):
        (batch,) = bair.clips(
            written, split, num_frames=3, with_actions=True, with_positions=True
        )
        made = list(pushing.episodes(number, split=split, num_frames=3))
        for key in ("frames", "actions", "positions"):
            wanted = [episode[key] for episode in made]
            np.testing.assert_array_equal(batch[key], wanted)


def test_image_main_is_the_picture_turned_round(written):
    (aux1,) = bair.clips(written, num_frames=3)
    with pytest.warns(UserWarning, match="image_main"):
        (main,) = bair.clips(written, num_frames=3, camera="image_main")
    np.testing.assert_array_equal(main, np.rot90(aux1, 2, axes=(2, 3)))


def test_same_seed_gives_the_same_bytes(written, tmp_path):
    assert all_bytes(pushing.write(tmp_path / "a", **SMALL)) == all_bytes(written)
    other = all_bytes(pushing.write(tmp_path / "b", seed=1, **SMALL))
    assert other.keys() == all_bytes(written).keys()
    assert all(other[name] != data for name, data in all_bytes(written).items())


def test_train_and_test_differ_and_longer_sets_extend_shorter_ones():
    short = [e["frames"] for e in pushing.episodes(1, num_frames=2)]
    long = [e["frames"] for e in pushing.episodes(2, num_frames=2)]
    test = [e["frames"] for e in pushing.episodes(1, split="test", num_frames=2)]
    np.testing.assert_array_equal(short[0], long[0])
    assert np.any(long[0] != long[1])
    assert np.any(long[0] != test[0])


def test_actions_are_the_way_of_the_hand():
    for episode in pushing.episodes(5):
        positions, actions = episode["positions"], episode["actions"]
        assert positions.dtype == actions.dtype == np.float32
        steps = np.diff(positions[:, :2], axis=0)
        np.testing.assert_allclose(actions[:-1, :2], steps, atol=1e-6)
        assert np.all(actions[:, 2:] == 0) and np.all(positions[:, 2] == 0)
        assert positions[:, :2].min() > 0.03 and positions[:, :2].max() < 0.97


def test_hand_is_where_the_position_says():
    for episode in pushing.episodes(4, seed=3, num_frames=8):
        for frame, (x, y, _) in zip(
            episode["frames"], 64 * episode["positions"], strict=True
        ):
            # The tip is an orange disc, 4 pixels wide, with a dark ring round it.
            for dx, dy in ((0.7, 0), (-0.7, 0), (0, 0.7), (0, -0.7)):
                red, _, blue = frame[int(y + dy), int(x + dx)].astype(int)
                assert red > 200 and red > blue + 40, (x, y)
            row, column = int(y), int(x)
            ring = frame[row - 3 : row + 4, column - 3 : column + 4].min(axis=(0, 1))
            assert ring.max() < 140


def test_objects_move_and_stay_on_the_table():
    moved = []
    for number in range(60):
        scene = Scene(np.random.default_rng([9, number]))
        assert 4 <= len(scene.items) <= 7
        start = [item.body.position for item in scene.items]
        for _ in range(29):
            scene.step()
        places = [item.body.position for item in scene.items]
        ways = [math.dist(a, b) for a, b in zip(start, places, strict=True)]
        moved.append(max(ways) > 3.0)
        assert all(0 < coordinate < 64 for place in places for coordinate in place)
    assert np.mean(moved) >= 0.9


def test_objects_start_apart_even_on_a_full_table():
    for number in range(20):
        scene = Scene(np.random.default_rng(number), num_objects=(9, 9))
        assert len(scene.items) == 9
        for i, item in enumerate(scene.items):
            for other in scene.items[:i]:
                gap = math.dist(item.body.position, other.body.position)
                assert gap > item.radius + other.radius


def test_copying_the_last_frame_is_a_middling_predictor():
    scores = []
    for episode in pushing.episodes(40, num_frames=12):
        frames = episode["frames"] / 255.0
        errors = np.mean((frames[2:] - frames[1]) ** 2, axis=(1, 2, 3))
        scores.append(-10 * np.log10(errors))
    # About 19 dB; a set that hardly moves is above 22, one that flickers below 16.
    assert 17.5 < np.mean(scores) < 20.5
    assert np.mean(scores, axis=0)[0] > np.mean(scores, axis=0)[-1] + 2


def test_future_is_uncertain():
    """Two futures of one present: the same scene with other chance after frame 4."""
    hands = []
    for chance in (1, 2):
        scene = Scene(np.random.default_rng(0))
        for _ in range(4):
            scene.step()
        scene._rng = np.random.default_rng(chance)
        for _ in range(16):
            scene.step()
        hands.append(scene.hand)
    assert math.dist(*hands) > 3.0


def test_frame_size_scales_the_picture():
    pictures = []
    for size in (64, 128):
        rng = np.random.default_rng(4)
        scene = Scene(rng)
        picture = Painter(rng, len(scene.items), size).draw(scene).astype(float)
        pictures.append(picture.reshape([32, size // 32, 32, size // 32, 3]))
    small, large = (picture.mean((1, 3)) for picture in pictures)
    assert np.mean(np.abs(small - large)) < 4.0  # of 255


def test_complete_set_is_reused(written, capsys):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    pushing.write(written, **{**SMALL, "progress": None})
    assert "Using the data set" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_progress_is_one_line_a_split(tmp_path, capsys):
    pushing.write(tmp_path, **{**SMALL, "progress": True})
    lines = capsys.readouterr().err.splitlines()
    assert "train: 2/2 clips" in lines and "test: 1/1 clips" in lines
    pushing.write(tmp_path / "no_terminal", **{**SMALL, "progress": None})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Writing 3 clips")
    pushing.write(tmp_path / "quiet", **{**SMALL, "progress": False})
    assert capsys.readouterr().err == ""


def test_manifest_holds_arguments_and_versions(written):
    manifest = json.loads((written / "pushing.json").read_text())
    assert manifest["arguments"]["num_train"] == 2
    assert set(manifest["versions"]) == {"tfsigmavae", "pymunk"}


def test_other_content_is_an_error(written, tmp_path):
    with pytest.raises(FileExistsError, match="made with .*Choose another `root`"):
        pushing.write(written, **{**SMALL, "seed": 5})
    (tmp_path / "thesis.txt").write_text("do not lose me")
    with pytest.raises(FileExistsError, match="thesis.txt.*empty `root`"):
        pushing.write(tmp_path, **SMALL)
    with pytest.raises(FileExistsError, match="is a file"):
        pushing.write(tmp_path / "thesis.txt", **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_stopped_run_leaves_nothing_and_can_be_repeated(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "Painter", stop)
        with pytest.raises(KeyboardInterrupt):
            pushing.write(tmp_path, **SMALL)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".partial.test").mkdir()  # a killed run could not clean up
    pushing.write(tmp_path, **SMALL)
    assert bair.num_clips(tmp_path) == 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_train": 0}, "`num_train` must be an int >= 1"),
        ({"num_test": 0}, "`num_test`"),
        ({"seed": -1}, "`seed` must be an int >= 0"),
        ({"num_frames": 0}, "`num_frames`"),
        ({"frame_size": 8}, "`frame_size`"),
        ({"num_objects": (5, 4)}, "`num_objects` must be"),
        ({"num_objects": (0, 4)}, "`num_objects` must be"),
    ],
)
def test_wrong_arguments_are_errors(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        pushing.write(tmp_path / "new", **{**SMALL, **options})
    assert not (tmp_path / "new").exists()


def test_unknown_split_is_an_error():
    with pytest.raises(ValueError, match="Unknown split 'val'"):
        next(pushing.episodes(1, split="val"))
