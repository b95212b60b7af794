"""Distances of features: what is a sample, what a repeat, and what is too few."""

import numpy as np
import pytest

from tfsigmavae.evaluation.feature_distances import distances
from tfsigmavae.metrics import frechet_distance, kernel_distance
from tfsigmavae.metrics.extractors import Function

SIZE = 3


@pytest.fixture(scope="module")
def extractor():
    return Function(lambda frames: frames[:, 0, 0], "corner")


def features(num, repeats, steps, seed=0, shift=0.0):
    """`[num, repeats, steps, 3]`; the frames of a clip are all but the same."""
    rng = np.random.default_rng(seed)
    clips = rng.normal(shift, 1.0, (num, repeats, 1, SIZE))
    return clips + rng.normal(0.0, 0.1, (num, repeats, steps, SIZE))


def test_repeats_pooled_floor_and_others(extractor):
    real, sample = features(20, 1, 4), features(20, 5, 4, 1, 0.5)
    other = features(20, 1, 4, 2)
    given = {"real": real, "sample": sample, "copy_last": other}
    found = distances(given, extractor)["frechet[corner]"]
    rows = real.reshape(-1, SIZE)
    each = [frechet_distance(sample[:, r].reshape(-1, SIZE), rows) for r in range(5)]
    assert found["value"] == pytest.approx(np.mean(each), rel=1e-9)
    assert found["error"] == pytest.approx(np.std(each, ddof=1) / np.sqrt(5), rel=1e-9)
    pooled = frechet_distance(sample.reshape(-1, SIZE), rows)
    assert found["pooled"] == pytest.approx(pooled, rel=1e-9)
    halves = (real[first::2].reshape(-1, SIZE) for first in (0, 1))
    assert found["floor"] == pytest.approx(frechet_distance(*halves), rel=1e-9)
    copied = frechet_distance(other.reshape(-1, SIZE), rows)
    assert found["others"]["copy_last"] == pytest.approx(copied, rel=1e-9)
    assert (found["num_real"], found["num_generated"], found["repeats"]) == (80, 80, 5)


def test_the_error_of_a_kernel_distance_is_over_clips_not_over_frames(extractor):
    """Frames of a clip are alike: more of them tell next to nothing more."""
    found = []
    for steps in (1, 8):
        given = {"real": features(40, 1, steps), "sample": features(40, 1, steps, 1, 1)}
        found.append(distances(given, extractor)["kernel[corner]"])
    one, eight = found
    assert 0.7 < eight["error"] / one["error"] < 1.4
    expected = kernel_distance(given["sample"][:, 0], given["real"][:, 0])
    assert (eight["value"], eight["error"]) == tuple(expected)


@pytest.mark.parametrize(
    "num_real, num_sample, warns", [(6, 6, False), (6, 5, True), (5, 6, True)]
)
def test_the_smaller_set_decides_whether_there_are_too_few(
    extractor, num_real, num_sample, warns
):
    given = {"real": features(num_real, 1, 1), "sample": features(num_sample, 1, 1)}
    warning = distances(given, extractor)["frechet[corner]"]["warning"]
    assert (warning is not None) == warns
    assert not warns or warning.startswith("5 rows of 3 features")


def test_too_few_clips_have_a_distance_of_their_frames_at_most(extractor):
    for num, steps, names in ((1, 1, []), (1, 4, ["frechet"]), (3, 2, ["frechet"])):
        given = {"real": features(num, 1, steps), "sample": features(num, 1, steps)}
        found = distances(given, extractor)
        assert [name.partition("[")[0] for name in found] == names
