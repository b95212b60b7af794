"""Motion energy, survival and sharpness of made futures, and against plain loops.

| what a future does                      | motion energy | survival | sharpness   |
|-----------------------------------------|---------------|----------|-------------|
| what happened                           | 1             | 1        | 1           |
| the same elsewhere in the picture       | 1             | 1        | 1           |
| the object stays where it was           | 0             | 1        | 1           |
| the object is gone                      | 0 once gone   | 0        | less        |
| half of the object shines through       | a half        | a half   | less        |
| it is smeared over all places           | less          | little   | little      |
| it moves twice as much                  | 2             |          |             |
| blur                                    | less          | less     | far less    |
| noise                                   | hardly more   | hardly   | more        |
| the truth stands still                  | no score      | no score | as ever     |
| the truth is flat                       |               |          | no score    |
"""

import csv

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from npy_clips import NpyClips

from tfsigmavae.evaluation import nearest_one
from tfsigmavae.evaluation.report import write_report
from tfsigmavae_video.evaluation import Protocol, evaluate
from tfsigmavae_video.evaluation.frame_metrics import METRICS
from tfsigmavae_video.evaluation.results import best_samples

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")

NAMES = "motion_energy", "survival", "sharpness"
TABLE, OBJECT = 0.75, 0.25
PLACES = (1, 1, 5, 9, 13)  # two frames are given; the object never overlaps its last


def frames(*columns, row=2, contrast=1.0, shape=(16, 20, 3)):
    """A block of 3 x 4 pixels on a table with stripes, a frame for each column."""
    stripes = np.where(np.arange(shape[0]) % 8 < 4, 0.02, -0.02)[:, None, None]
    video = np.full([len(columns), *shape], TABLE) + stripes
    for frame, column in zip(video, columns, strict=True):
        at = frame[row : row + 3, column : column + 4]
        at += contrast * (OBJECT - at)
    return video


def scores(name, futures, truth=None, context=None):
    """`[S, T]` of futures `[S, T, H, W, C]` of one clip."""
    video = frames(*PLACES)
    truth = video[2:] if truth is None else truth
    context = video[:2] if context is None else context
    given = [np.asarray(futures)[:, None], truth[None], context[None]]
    found = METRICS[name].scored(name, *[tf.constant(v, tf.float32) for v in given])
    return found[:, 0]


def one(name, future, **given):
    return scores(name, [future], **given)[0]


TRUTH = frames(*PLACES)[2:]


def blurred(video):
    padded = np.pad(video, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge")
    return (
        sum(
            padded[:, i : i + video.shape[1], j : j + video.shape[2]]
            for i in range(3)
            for j in range(3)
        )
        / 9
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_has_all_of_itself(name):
    np.testing.assert_allclose(one(name, TRUTH), 1.0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_places_are_not_compared(name):
    """Down the table by a stripe's period, so that the block covers the same pixels."""
    context = frames(1, 1, row=2)
    elsewhere = frames(5, 9, 13, row=10)
    expected = one(name, TRUTH, context=context)
    np.testing.assert_allclose(
        one(name, elsewhere, context=context), expected, atol=1e-5
    )


def test_a_frozen_object_is_there_but_does_not_move():
    frozen = frames(1, 1, 1)
    np.testing.assert_allclose(one("survival", frozen), 1.0, atol=1e-6)
    np.testing.assert_array_equal(one("motion_energy", frozen), 0.0)
    np.testing.assert_allclose(one("sharpness", frozen), 1.0, atol=0.01)


def test_a_vanished_object_is_gone():
    gone = frames(1, 1, 1, contrast=0.0)
    np.testing.assert_allclose(one("survival", gone), 0.0, atol=1e-5)
    # It vanishes from one place, where the truth moves from one to another.
    np.testing.assert_allclose(one("motion_energy", gone), [0.5, 0, 0], atol=1e-6)
    assert (one("sharpness", gone) < 0.1).all()


@pytest.mark.parametrize("contrast", [0.3, 0.5, 0.8])
def test_a_ghost_is_as_much_there_as_it_is_opaque(contrast):
    ghost = frames(5, 9, 13, contrast=contrast)
    np.testing.assert_allclose(one("survival", ghost), contrast, atol=1e-5)
    expected = [(1 + contrast) / 2, contrast, contrast]
    np.testing.assert_allclose(one("motion_energy", ghost), expected, atol=1e-5)
    assert (one("sharpness", ghost) < contrast**1.5).all()


def test_a_fog_of_all_futures_scores_low():
    """Futures that never overlap: their mean has a part of the object in each place."""
    rows = [frames(5, 9, 13, row=row) for row in (0, 3, 6, 9)]
    assert scores("survival", rows).min() > 0.9  # other stripes lie below
    fog = np.mean(rows, 0)  # an eighth of the range darker: still seen
    assert one("survival", fog).max() < 0.05
    assert one("sharpness", fog).max() < 0.5
    columns = (5, 9, 13), (9, 13, 5), (13, 5, 9)
    every = [frames(*some, row=row) for some in columns for row in (0, 3, 6, 9)]
    for name in ("survival", "motion_energy"):  # the first change is that it vanishes
        np.testing.assert_array_equal(one(name, np.mean(every, 0))[1:], 0.0)


def test_twice_the_motion_is_two():
    truth = frames(3, 5, 7)  # the block is 4 wide: half of it overlaps
    found = one("motion_energy", frames(5, 9, 13), truth=truth)
    np.testing.assert_allclose(found, 2.0, atol=1e-5)
    np.testing.assert_allclose(
        one("motion_energy", truth, truth=frames(5, 9, 13)), 0.5, atol=1e-5
    )


def test_blur_takes_edges_more_than_the_object():
    video = blurred(TRUTH)
    sharp, alive = one("sharpness", video), one("survival", video)
    assert (0.1 < sharp).all() and (sharp < 0.5).all()
    assert (0.3 < alive).all() and (alive < 0.9).all()
    assert (sharp < alive).all()


def test_noise_sharpens_and_neither_moves_nor_kills():
    rng = np.random.default_rng(0)
    noisy = TRUTH + rng.normal(0, 0.02, TRUTH.shape)
    np.testing.assert_allclose(one("motion_energy", noisy), 1.0, atol=0.1)
    np.testing.assert_allclose(one("survival", noisy), 1.0, atol=0.1)
    assert (one("sharpness", noisy) > 1.05).all()
    drifting = TRUTH + np.array([0.01, 0.04, 0.07])[:, None, None, None]
    np.testing.assert_allclose(one("motion_energy", drifting), 1.0, atol=0.02)
    assert (one("survival", drifting) > 0.7).all()


def test_where_the_truth_stands_still_is_no_score():
    still = frames(1, 1, 1)
    for name in ("motion_energy", "survival"):
        assert np.isnan(one(name, TRUTH, truth=still)).all()
    pausing = frames(5, 5, 9)
    found = one("motion_energy", pausing, truth=pausing)
    np.testing.assert_allclose(found, [1, np.nan, 1], atol=1e-6)
    np.testing.assert_allclose(one("survival", pausing, truth=pausing), 1.0, atol=1e-6)


def test_a_frame_that_hardly_moves_does_not_decide():
    """By a pixel where the others move by four: below half of the average."""
    truth = frames(5, 9, 10)
    found = one("motion_energy", frames(5, 9, 13), truth=truth)
    np.testing.assert_allclose(found, [1, 1, np.nan], atol=1e-6)


def test_a_flat_truth_has_no_sharpness():
    flat = np.full([3, 16, 20, 3], 0.5)
    assert np.isnan(one("sharpness", TRUTH, truth=flat)).all()
    grain = flat + np.where(np.arange(20) % 2, 0.001, 0.0)[:, None]
    assert np.isnan(one("sharpness", TRUTH, truth=grain)).all()
    # Faint edges count; what is far above them is bounded.
    edges = flat + np.where(np.arange(20) % 2, 0.01, 0.0)[:, None]
    np.testing.assert_allclose(one("sharpness", TRUTH, truth=edges), 10.0)


def random_clip(shape, seed=0):
    """Truth and context with still parts, pixels that move and some that hardly do."""
    rng = np.random.default_rng(seed)
    still = rng.random(shape)
    video = np.stack([still] * 6) + rng.uniform(-0.03, 0.03, [6, *shape])
    moving = rng.random(shape[:2]) < 0.4
    video[:, moving] = rng.random([6, moving.sum(), shape[2]])
    video[4] = video[3]  # a pause
    futures = video[2:] + rng.normal(0, 0.15, [3, 4, *shape])
    return np.clip(futures, 0, 1), np.clip(video, 0, 1)


def moved_pixels(frame, other):
    return [
        (i, j)
        for i, j in np.ndindex(frame.shape[:2])
        if max(abs(frame[i, j] - other[i, j])) > 0.1
    ]


def change(frame, other):
    return sum(abs(frame[p] - other[p]).sum() for p in moved_pixels(frame, other))


def naive_motion_energy(future, video):
    true = [change(video[t], video[t - 1]) for t in range(2, 6)]
    ours = [change(f, b) for f, b in zip(future, [video[1], *future], strict=False)]
    counts = [t > 0 and t >= sum(true) / 4 / 2 for t in true]
    return [
        min(o / t, 10) if c else np.nan
        for o, t, c in zip(ours, true, counts, strict=True)
    ]


def naive_survival(future, video):
    last, truth = video[1], video[2:]
    mass = max(change(frame, last) / 2 for frame in truth)

    def content(frame, channel):
        settled = last.copy()
        for pixel in moved_pixels(frame, last):
            settled[pixel] = frame[pixel]
        return sorted(settled[:, :, channel].ravel())

    shares = []
    for ours, true in zip(future, truth, strict=True):
        lost = sum(
            abs(a - b)
            for c in range(last.shape[-1])
            for a, b in zip(content(ours, c), content(true, c), strict=True)
        )
        shares.append(max(0.0, 1 - lost / mass))
    return shares


def naive_sharpness(future, video):
    def energy(frame):
        total = 0.0
        for i, j, c in np.ndindex(frame.shape):
            if i:
                total += (frame[i, j, c] - frame[i - 1, j, c]) ** 2
            if j:
                total += (frame[i, j, c] - frame[i, j - 1, c]) ** 2
        return total

    return [energy(f) / energy(t) for f, t in zip(future, video[2:], strict=True)]


@pytest.mark.parametrize("shape", [(8, 6, 3), (5, 9, 1), (2, 2, 3)])
@pytest.mark.parametrize(
    "name, naive",
    [
        ("motion_energy", naive_motion_energy),
        ("survival", naive_survival),
        ("sharpness", naive_sharpness),
    ],
)
def test_scores_equal_plain_loops(name, naive, shape):
    # In the float32 that the metric is given: a threshold then falls alike.
    futures, video = (np.float32(v) for v in random_clip(shape, seed=1))
    found = scores(name, futures, truth=video[2:], context=video[:2])
    expected = [naive(np.float64(f), np.float64(video)) for f in futures]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if name == "motion_energy":
        assert np.isnan(found[:, 2]).all() and not np.isnan(found[:, 0]).any()


def test_survival_is_an_earth_mover_s_distance():
    """SciPy's, of the values of one channel."""
    stats = pytest.importorskip("scipy.stats")
    futures, video = random_clip((8, 8, 1), seed=2)
    last, true, ours = video[1], video[3], futures[0, 1]
    settled = [np.where(abs(f - last) > 0.1, f, last).ravel() for f in (ours, true)]
    lost = 64 * stats.wasserstein_distance(*settled)
    mass = max(abs(f - last)[abs(f - last) > 0.1].sum() / 2 for f in video[2:])
    found = scores("survival", futures, truth=video[2:], context=video[:2])[0, 1]
    assert 0 < found < 1 and found == pytest.approx(1 - lost / mass, abs=1e-5)


def test_the_best_ratio_is_the_nearest_to_one():
    assert nearest_one([0.2, 1.3, 0.8, 5.0]) == 0.8
    values = np.array([[[0.5, 0.5], [np.nan, 1.2], [1.5, 1.5], [np.nan, np.nan]]])
    arrays = {"sample/sharpness": values}
    best = best_samples(arrays, Protocol("mine"), METRICS, "sharpness")
    assert best.tolist() == [1]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Whole, of a model that fades to grey; clips of one channel."""
    folder = tmp_path_factory.mktemp("evaluated")
    for number, row in enumerate((2, 9)):
        video = frames(*PLACES, row=row, shape=(16, 20, 1))
        np.save(folder / f"{number}.npy", np.uint8(np.round(255 * video)))
    clips = NpyClips([folder / "0.npy", folder / "1.npy"])
    protocol = Protocol(
        "mine",
        num_context=2,
        num_predicted=3,
        num_samples=2,
        noise_samples=0,
        importance_samples=0,
    )
    tf.config.run_functions_eagerly(True)
    try:
        model = DriftingModel((16, 20, 1))
        found = evaluate(
            model, clips, protocol, folder / "out", quiet=True, with_pictures=False
        )
    finally:
        tf.config.run_functions_eagerly(False)
    return folder, found


def test_all_rows_are_evaluated(evaluated):
    folder, found = evaluated
    assert set(NAMES) <= set(found.metrics["scores"])
    known = found.metrics["metrics"]
    assert [known[name]["best"] for name in NAMES] == [
        "nearest_one",
        "max",
        "nearest_one",
    ]
    copied = {name: found.metrics["scores"][name]["copy_last"] for name in NAMES}
    assert copied["motion_energy"]["curve"] == [0.0, 0.0, 0.0]
    assert copied["survival"]["mean"] == pytest.approx(1.0, abs=1e-6)
    assert copied["sharpness"]["mean"] == pytest.approx(1.0, abs=0.01)
    with open(folder / "out" / "metrics.csv", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["source"] == "copy_last"]
    table = {n: [float(r["value"]) for r in rows if r["metric"] == n] for n in NAMES}
    for name in NAMES:
        mean = np.mean(table[name])
        assert mean == pytest.approx(copied[name]["mean"], abs=1e-6), name


def test_the_report_draws_them_over_the_horizon(evaluated, tmp_path):
    found = evaluated[1].metrics
    page = write_report(tmp_path / "report.html", [found]).read_text()
    for name in NAMES:
        assert METRICS[name].label.replace("'", "&#39;") in page, name
    assert page.count("as the truth") == 2  # the ratios have a line at 1
    assert "best at 1" in page
