"""Actions of one's own: named directions and files."""

import numpy as np
import pytest

from tfsigmavae.video import pushing, read_plans
from tfsigmavae_video.data.action_plans import read_actions

SPEED = 2.6 / 64  # pixels of 64 a frame
LEFT, UP = [-SPEED, 0, 0, 0], [0, -SPEED, 0, 0]


@pytest.mark.parametrize(
    "directions",
    ["left,left,up", "left, left, up", "LEFT,Left,uP", ["left", "left", "up"]],
)
def test_directions_are_actions(directions):
    actions = pushing.steer(directions)
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions, [LEFT, LEFT, UP], rtol=1e-6)


def test_directions_are_those_of_the_data():
    """A hand that goes left has an action to the left, and is about as fast."""
    assert list(pushing.DIRECTIONS) == ["stay", "left", "right", "up", "down"]
    clips = list(pushing.episodes(4, num_frames=12, frame_size=16))
    actions = np.concatenate([clip["actions"][:-1] for clip in clips])
    ways = np.concatenate([np.diff(clip["positions"], axis=0) for clip in clips])
    axes = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}
    for name, (axis, sign) in axes.items():
        named = pushing.DIRECTIONS[name]
        assert sign * named[axis] == pytest.approx(SPEED) and np.sum(named) != 0
        same_way = sign * ways[:, axis] > 0
        assert np.all(actions[same_way, axis] * named[axis] > 0), name
    speeds = np.hypot(*actions[:, :2].T)
    assert np.quantile(speeds, 0.3) < SPEED < np.quantile(speeds, 0.95)
    np.testing.assert_array_equal(pushing.steer("stay"), 0)


@pytest.mark.parametrize("directions", ["left,forward", "", "left,,up", []])
def test_unknown_directions_are_told_the_allowed_ones(directions):
    allowed = "Unknown direction '.*'.* stay, left, right, up, down"
    with pytest.raises(ValueError, match=allowed):
        pushing.steer(directions)


def test_a_plan_is_called_by_what_it_does():
    plans = read_plans(["left", "up, UP,right", "left,left,left"], 4)
    assert list(plans) == ["left", "up 2, right", "left 3"]
    np.testing.assert_array_equal(plans["up 2, right"], pushing.steer("up,up,right"))
    assert read_plans([], 0) == {}


def test_directions_are_for_models_of_the_pushing_data():
    with pytest.raises(ValueError, match="4 numbers.*model's have 7. Give a file"):
        read_plans(["left"], 7)
    with pytest.raises(ValueError, match="takes no actions"):
        read_plans(["left"], 0)


ACTIONS = np.random.default_rng(0).normal(size=[2, 5, 3]).astype(np.float32)


@pytest.mark.parametrize("header", ["", "dx,dy,grip\n"])
def test_a_csv_file_has_a_line_a_step(tmp_path, header):
    path = tmp_path / "wave.csv"
    lines = [",".join(map(repr, row)) for row in ACTIONS[0].astype(float).tolist()]
    path.write_text(header + "\n".join(lines) + "\n\n")
    plans = read_plans([str(path)], 3)
    assert list(plans) == ["wave"]
    np.testing.assert_array_equal(plans["wave"], ACTIONS[0])


def test_a_npy_file_may_hold_several(tmp_path):
    np.save(tmp_path / "both.npy", ACTIONS.astype(np.float64))
    np.save(tmp_path / "one.npy", ACTIONS[1])
    plans = read_plans([str(tmp_path / "both.npy"), str(tmp_path / "one.npy")], 3)
    assert list(plans) == ["both 0", "both 1", "one"]
    np.testing.assert_array_equal(list(plans.values()), ACTIONS[[0, 1, 1]])
    assert read_actions(tmp_path / "one.npy", 3).shape == (1, 5, 3)


def test_one_number_an_action(tmp_path):
    (tmp_path / "push.csv").write_text("0\n1\n1\n")
    plan = read_plans([str(tmp_path / "push.csv")], 1)["push"]
    np.testing.assert_array_equal(plan, [[0], [1], [1]])


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "0,1\n2", "cannot be read as actions.*a line a step"),
        ("a.csv", "0,1\n2,o.3", "cannot be read as actions"),
        ("a.csv", "0,x\n2,3", "cannot be read as actions"),  # a slip, not a header
        ("a.csv", "", r"it holds no numbers.*a line a step"),
        ("a.csv", "dx,dy\n", r"it holds no numbers.*a line a step"),
        ("a.csv", "0,1,2\n", "actions of 3 numbers; the model's have 2"),
        ("a.csv", "0,nan\n", "not a finite number"),
        ("a.npy", "0,1\n", "cannot be read as actions"),
        ("a.npy", np.zeros(3), r"\[T, A\].*got shape \(3,\)"),
        ("a.npy", np.zeros([0, 2]), r"got shape \(0, 2\)"),
        ("a.npy", np.array(["left"]), "cannot be read as actions"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=f"(?s)a.{name[2:]}'.*{message}"):
        read_actions(path, 2)


def test_a_missing_file_and_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of actions 'gone.csv'"):
        read_plans(["gone.csv"], 4)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("0,1\n")
    with pytest.raises(ValueError, match="Two sequences.*'a'"):
        read_plans([str(tmp_path / "one/a.csv"), str(tmp_path / "two/a.csv")], 2)
