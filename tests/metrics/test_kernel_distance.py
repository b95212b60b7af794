"""The kernel distance against naive loops and closed forms."""

import numpy as np
import pytest

from tfsigmavae.metrics import kernel_distance


def cloud(num, size=3, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def naive(features, references):
    """Of whole sets of equal size, one pair of samples at a time."""

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1.0) ** 3

    num, total = len(features), 0.0
    for i in range(num):
        for j in range(num):
            total -= 2.0 * kernel(features[i], references[j]) / num**2
            if i != j:
                within = kernel(features[i], features[j])
                within += kernel(references[i], references[j])
                total += within / (num * (num - 1))
    return total


def test_equals_a_loop_over_pairs_averaged_over_the_subsets():
    first, second = cloud(9), cloud(7, seed=1) + 0.5
    rng = np.random.default_rng(5)
    values = []
    for _ in range(3):
        rows = first[rng.choice(9, 4, replace=False)]
        values.append(naive(rows, second[rng.choice(7, 4, replace=False)]))
    value, error = kernel_distance(first, second, 3, 4, seed=5)
    assert value == pytest.approx(np.mean(values), rel=1e-12)
    expected = np.std(values, ddof=1) * np.sqrt(4 / (7 - 4) + 1 / 3)
    assert error == pytest.approx(expected, rel=1e-12)


def test_the_mean_of_one_dimensional_gaussians_has_its_closed_form():
    """k = (x y + 1)**3: MMD**2 = sum of binom(3, p) * (E[x**p] - E[y**p])**2."""
    shift = 0.5
    first, second = cloud(2000, 1), cloud(2000, 1, seed=1) + shift
    moments = np.array([shift, 1 + shift**2, 3 * shift + shift**3]) - [0.0, 1.0, 0.0]
    expected = np.sum([3.0, 3.0, 1.0] * moments**2)
    value, error = kernel_distance(first, second, 20)
    assert abs(value - expected) < 3 * error
    assert error < 0.3 * expected


def test_it_has_no_bias_and_its_error_is_the_scatter_of_new_sets():
    results = [
        kernel_distance(cloud(60, 2, seed), cloud(60, 2, seed + 1000) + 0.5, 20)
        for seed in range(100)
    ]
    values, errors = np.array(results).T
    truth, _ = kernel_distance(cloud(9000, 2, 5000), cloud(9000, 2, 6000) + 0.5, 20)
    # The mean of 100 is known to a tenth of the scatter.
    assert abs(values.mean() - truth) < 0.35 * values.std()
    assert 0.75 < np.sqrt(np.mean(errors**2)) / values.std() < 1.4
    alike = [
        kernel_distance(cloud(20, 2, seed), cloud(20, 2, seed + 1000), 10).value
        for seed in range(100)
    ]
    assert abs(np.mean(alike)) < 3 * np.std(alike) / 10
    assert min(alike) < 0.0


def naive_of_samples(features, references):
    """Of equally many samples of three rows each; those of one are not compared."""
    total, num = 0.0, len(features)
    for i, j in np.ndindex(num, num):
        for s, t in np.ndindex(3, 3):
            cross = (features[i, s] @ references[j, t] / 3 + 1.0) ** 3
            total -= 2.0 * cross / (3 * num) ** 2
            for rows in (features, references) if i != j else ():
                within = (rows[i, s] @ rows[j, t] / 3 + 1.0) ** 3
                total += within / (num * (num - 1) * 3**2)
    return total


def test_rows_of_a_sample_are_drawn_together_and_not_compared():
    first = cloud(24).reshape(8, 3, 3)
    second = cloud(18, seed=1).reshape(6, 3, 3) + 0.5
    rng = np.random.default_rng(5)
    values = []
    for _ in range(3):
        samples = first[rng.choice(8, 4, replace=False)]
        others = second[rng.choice(6, 4, replace=False)]
        values.append(naive_of_samples(samples, others))
    value, error = kernel_distance(first, second, 3, 4, seed=5)
    assert value == pytest.approx(np.mean(values), rel=1e-12)
    expected = np.std(values, ddof=1) * np.sqrt(4 / (6 - 4) + 1 / 3)
    assert error == pytest.approx(expected, rel=1e-12)


def test_a_seed_gives_the_same_subsets():
    first, second = cloud(20), cloud(30, seed=1)
    once, again, other = (kernel_distance(first, second, 5, seed=s) for s in (1, 1, 2))
    assert once == again and once != other
    assert once.value == once[0] and once.error == once[1]


def test_the_default_subset_is_half_of_the_smaller_set():
    first, second = cloud(20), cloud(31, seed=1)
    half = kernel_distance(first, second, 5, 10)
    assert kernel_distance(first, second, 5) == half


@pytest.mark.parametrize(
    ("features", "options", "words"),
    [
        (cloud(3), {}, "at least 4 rows each, got 3"),
        (cloud(9), {"subset_size": 9}, "less than the 9 rows.*`None` takes half"),
        (cloud(9), {"subset_size": 1}, "`subset_size` must be an int >= 2"),
        (cloud(9), {"num_subsets": 1}, "`num_subsets` must be an int >= 2"),
        (cloud(9, 2), {}, "same number of columns, got 2 and 3"),
        (cloud(9)[0], {}, "`features` must be a matrix"),
    ],
)
def test_what_does_not_fit_is_an_error(features, options, words):
    with pytest.raises(ValueError, match=words):
        kernel_distance(features, cloud(12), **options)
