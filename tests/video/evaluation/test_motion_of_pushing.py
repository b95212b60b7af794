"""Motion, survival and sharpness of simulated pushing, whose futures can be made.

The same scene is drawn with the arm, without it, and once more with other chances, a
future as good as the true one. What is dark in the picture is the arm: a rule that
holds for this data only, beside which survival has to stand.
"""

import copy

import numpy as np
import pytest

from tfsigmavae_video.data.pushing import drawing
from tfsigmavae_video.data.pushing.drawing import Painter
from tfsigmavae_video.data.pushing.scene import Scene
from tfsigmavae_video.evaluation.frame_metrics import METRICS

NUM_EPISODES, NUM_PREDICTED, NUM_OTHERS = 4, 28, 6  # of docs/evaluation.md: 24, 28, 10


def _film(scene, painter, num_frames):
    frames = []
    for _ in range(num_frames):
        frames.append(painter.draw(scene))
        scene.step()
    return np.stack(frames) / np.float32(255)


def _other(scene, seed):
    other = copy.deepcopy(scene)
    other._rng = np.random.default_rng(seed)
    other._frames_left = 0  # the hand makes up its mind anew
    return other


def _without_arm(scene, painter, num_frames):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "_draw_arm", lambda *given: None)
        patch.setattr(drawing, "_polyline", lambda *given: None)  # its shadow
        return _film(scene, painter, num_frames)


@pytest.fixture(scope="module")
def futures():
    """Name -> frames `[B, T, ...]`, and the given ones under "given"."""
    found = {}
    for number in range(NUM_EPISODES):
        rng = np.random.default_rng([0, 1, number])
        scene = Scene(rng)
        painter = Painter(rng, len(scene.items))
        given = _film(scene, painter, 2)
        others = [
            _film(_other(scene, [number, i]), painter, NUM_PREDICTED)
            for i in range(NUM_OTHERS)
        ]
        gone = _without_arm(_other(scene, [number]), painter, NUM_PREDICTED)
        kinds = {
            "given": given,
            "gone": gone,
            "frozen": np.repeat(given[-1:], NUM_PREDICTED, 0),
            "truth": _film(scene, painter, NUM_PREDICTED),
            "another future": others[0],
            "mean of futures": np.mean(others, 0),
        }
        for name, frames in kinds.items():
            found.setdefault(name, []).append(frames)
    return {name: np.stack(frames) for name, frames in found.items()}


def _score(name, futures, kind):
    given = futures[kind][None], futures["truth"], futures["given"]
    return float(np.nanmean(METRICS[name].scored(name, *given)[0][:, 5:]))


def _dark(frames):
    return (frames.max(-1) < 0.3).sum((-2, -1))


@pytest.mark.parametrize(
    "kind, survival, motion, sharpness",
    [
        ("truth", (0.999, 1.001), (0.999, 1.001), (0.999, 1.001)),
        ("another future", (0.6, 1.0), (0.7, 1.5), (0.8, 1.2)),
        ("frozen", (0.45, 1.0), (0.0, 0.0), (0.8, 1.2)),
        ("mean of futures", (0.1, 0.5), (0.0, 0.4), (0.3, 0.7)),
        ("gone", (0.0, 0.25), (0.0, 0.4), (0.4, 0.8)),
    ],
)
def test_each_failure_is_seen(futures, kind, survival, motion, sharpness):
    """From the sixth frame on, where futures differ."""
    ranges = {"survival": survival, "motion_energy": motion, "sharpness": sharpness}
    for name, (low, high) in ranges.items():
        assert low <= _score(name, futures, kind) <= high, name


def test_survival_ranks_as_dark_pixels_do(futures):
    kinds = "truth", "another future", "mean of futures", "gone"
    dark = [_dark(futures[k][:, 5:]).sum() for k in kinds]
    alive = [_score("survival", futures, k) for k in kinds]
    assert np.all(np.diff(dark[1:]) < 0) and np.all(np.diff(alive) < 0)
