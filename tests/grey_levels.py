"""All 256 grey levels, and a chi-square test of samples."""

import numpy as np
import tensorflow_probability as tfp

LEVELS = np.arange(256)


def assert_samples_follow(samples, probabilities, p_value=1e-3):
    """Chi-square of samples over cells of known probability; fails below `p_value`.

    Args:
        samples: integer array, the cell of each sample.
        probabilities: `[num_cells]`, adding up to one.
        p_value: chance that right samples of a fixed seed would have failed.
    """
    expected = np.asarray(probabilities, np.float64) * samples.size
    observed = np.bincount(samples.ravel(), minlength=expected.size).astype(float)
    # Rare cells are pooled: the distribution of chi-square needs some counts in each.
    rare = expected < 10.0
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 10.0:
        assert observed[-1] < 40.0
        observed, expected = observed[:-1], expected[:-1]
    assert expected.size > 3, "too few cells to tell anything"
    statistic = np.sum((observed - expected) ** 2 / expected)
    chi2 = tfp.distributions.Chi2(np.float64(expected.size - 1))
    chance = chi2.survival_function(np.float64(statistic)).numpy()
    assert chance > p_value, f"chi-square {statistic:.1f} of {expected.size} cells"
