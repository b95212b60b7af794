"""Differences of two evaluations, example by example.

| what they do                            | what they get                              |
|-----------------------------------------|--------------------------------------------|
| compare two models on the same examples | means and errors of a paired t-test        |
| have scores that only one has           | what both have                             |
| have scores undefined for some examples | those of the examples that both have       |
| compare on different examples           | an error                                   |
"""

import numpy as np
import pytest

from tfsigmavae.evaluation import Evaluation, paired_differences


def evaluation(psnr, fingerprint="a", measure="density", samples=1, **likelihood):
    metrics = {
        "data": {"fingerprint": fingerprint},
        "protocol": {"num_samples": samples},
        "likelihood": {"measure": measure},
    }
    values = {"scores": {"psnr": psnr}, "likelihood": likelihood}
    return Evaluation(metrics, values=values)


def test_differences_are_those_of_pairs():
    rng = np.random.default_rng(0)
    hard = rng.normal(20.0, 5.0, 50)  # what makes an example hard, in both
    gain = rng.normal(0.3, 0.1, 50)
    first = evaluation({"mean": hard}, elbo=hard)
    other = evaluation({"mean": hard + gain, "best": hard}, elbo=hard, bound=hard)
    found = paired_differences(first, other)
    assert found["scores"].keys() == {"psnr"}
    assert found["scores"]["psnr"].keys() == {"mean"}
    assert found["likelihood"].keys() == {"elbo"}
    score = found["scores"]["psnr"]["mean"]
    # float64 of sums of values near 20.
    np.testing.assert_allclose(score["mean"], gain.mean(), rtol=1e-12)
    error = np.sqrt(np.sum((gain - gain.mean()) ** 2) / 49 / 50)
    np.testing.assert_allclose(score["error"], error, rtol=1e-12)
    assert score["count"] == 50
    unpaired = np.hypot(hard.std(), (hard + gain).std()) / np.sqrt(50)
    assert score["error"] < unpaired / 10


def test_examples_without_a_score_drop_out():
    first = evaluation({"mean": np.array([1.0, np.nan, 3.0, 4.0])})
    other = evaluation({"mean": np.array([2.0, 2.0, np.nan, 6.0])})
    found = paired_differences(first, other)["scores"]["psnr"]["mean"]
    assert (found["mean"], found["count"]) == (1.5, 2)
    nothing = evaluation({"mean": np.full(4, np.nan)})
    found = paired_differences(first, nothing)
    assert found == {"scores": {}, "likelihood": {}}


@pytest.mark.parametrize(
    "other",
    [
        evaluation({}, "b"),
        evaluation({}, None),
        evaluation({}, samples=100),
    ],
)
def test_other_examples_or_protocols_are_refused(other):
    with pytest.raises(ValueError, match="same examples by the same protocol"):
        paired_differences(evaluation({}), other)
    with pytest.raises(ValueError, match="same examples by the same protocol"):
        paired_differences(evaluation({}, None), evaluation({}, None))


def test_an_evaluation_without_its_values_is_refused():
    empty = Evaluation(evaluation({}).metrics)
    with pytest.raises(ValueError, match="with `values`"):
        paired_differences(evaluation({}), empty)


def test_what_is_infinite_is_named():
    one, two = (evaluation({"mean": np.array([1.0, x])}) for x in (2.0, np.inf))
    with pytest.raises(ValueError, match="psnr mean is infinite"):
        paired_differences(one, two)


def test_nats_of_densities_and_probabilities_are_not_compared():
    nats = {name: np.arange(3.0) for name in ("elbo", "nll", "kl")}
    nats["bits_per_dim_mass"] = np.arange(3.0)
    one, two = (evaluation({}, measure=m, **nats) for m in ("density", "mass"))
    found = paired_differences(one, two)["likelihood"]
    assert found.keys() == {"kl", "bits_per_dim_mass"}
    assert paired_differences(one, one)["likelihood"].keys() == nats.keys()
