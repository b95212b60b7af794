"""A made-up table of results in which all that can hold, holds."""

import math

from tfsigmavae.experiments.reproduction.plan import VARIANTS, Study
from tfsigmavae.experiments.reproduction.table import COLUMNS, Results

# -ELBO own, recalibrated, KL, root MSE, sigma, exact mass, FD, FD of reconstructions.
FIGURES = {
    "optimal": (-600.0, -600.5, 52.0, 0.111, 0.1125, 4.40, 87.0, 15.0),
    "shared_fast": (-598.0, -598.1, 51.0, 0.111, 0.1105, 4.41, 78.0, 13.0),
    "shared": (-110.0, -450.0, 17.7, 0.133, 0.135, 4.47, 73.0, 27.0),
    "beta_0.01": (-274.0, -523.0, 68.6, 0.114, 0.0707, 5.29, 114.0, 18.0),
    "beta_0.03": (-525.0, -528.0, 49.8, 0.116, 0.1225, 4.40, 100.0, 18.0),
    "beta_0.1": (-303.0, -497.0, 31.6, 0.123, 0.2236, 4.36, 79.0, 21.0),
    "unit": (737.0, -235.0, 4.5, 0.178, 1.0, 5.16, 90.0, 67.0),
    "per_pixel": (-1105.0, None, 47.0, 0.229, None, 4.80, 141.0, 142.0),
    "bitwise": (2170.0, None, 42.5, 0.128, None, 3.99, 95.0, 19.0),
    "logistic_mixture": (1984.0, None, 47.2, 0.129, None, 3.65, 109.0, 25.0),
}
_NAMES = (
    "negative_elbo",
    "negative_elbo_recalibrated",
    "kl",
    "rmse",
    "sigma",
    "bits_per_dim_mass",
    "fd",
    "fd_reconstructions",
)


def rows(seeds=2, **changes):
    """Rows of every variant; `optimal=dict(fd=50.0)` changes figures of one."""
    made = []
    for variant, figures in FIGURES.items():
        for seed in range(seeds):
            row = dict.fromkeys(COLUMNS)
            row |= dict(zip(_NAMES, figures, strict=True))
            row |= {"study": "made_up", "variant": variant, "seed": seed}
            row |= {"num_dims": 784, "num_test": 100, "num_train": 200, "steps": 3000}
            row |= {"parameters": 10, "cpu_seconds": 5.0, "fd_floor": 0.4}
            row |= {"fd_samples": 50, "log_count": math.log(100)}
            row |= {"information": 4.0, "prior_gap": row["kl"] - 4.0}
            row |= {"prior_gap_limit": row["kl"] / 10, "batch_difference": 1e-7}
            row["information_limit"] = row["kl"] - row["prior_gap_limit"]
            row["bits_per_dim"] = row["bits_per_dim_mass"] + 1.0
            row["decoder"] = VARIANTS[variant].decoder
            row["beta"] = VARIANTS[variant].beta
            if row["sigma"] is not None:
                row["effective_beta"] = 2.0 * row["sigma"] ** 2
            for step in (400, 1000):
                row[f"negative_elbo_at_{step}"] = row["negative_elbo"] + 1e4 / step
            # The seeds differ by as much in every variant: paired, they do not.
            row["negative_elbo"] += 8.0 * seed
            if row["negative_elbo_recalibrated"] is not None:
                row["negative_elbo_recalibrated"] += 8.0 * seed
            row.update(changes.get(variant, {}))
            made.append(row)
    return made


def results(seeds=2, **changes):
    return Results(rows(seeds, **changes))


def study(thresholds="fashion", steps=3000):
    options = {
        "data": "made_up",
        "model_options": {"latent_size": 2, "widths": [2, 2]},
        "steps": steps,
        "batch_size": 4,
        "decay_from": 0.75,
    }
    return Study("made_up", options, dict.fromkeys(FIGURES, 2), thresholds, 50)
