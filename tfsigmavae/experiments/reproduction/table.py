"""The results: one row a run, and estimates over its seeds."""

import csv
import math
import typing
from typing import Any

import numpy as np

from tfsigmavae.experiments.reproduction.plan import VARIANTS, effective_beta
from tfsigmavae.experiments.reproduction.scores import curve
from tfsigmavae.files import read_json

# Steps at which the speed of convergence is compared.
EARLY_STEPS = (400, 1000)

COLUMNS = [
    "study",
    "variant",
    "seed",
    "diverged",
    "decoder",
    "beta",
    "sigma",
    "effective_beta",
    "nll",
    "kl",
    "negative_elbo",
    "negative_elbo_recalibrated",
    "bits_per_dim",
    "bits_per_dim_mass",
    "rmse",
    "train_rmse",
    "fd",
    "fd_reconstructions",
    "fd_floor",
    "fd_samples",
    "information",
    "information_limit",
    "prior_gap",
    "prior_gap_limit",
    "log_count",
    "negative_bound",
    "bound_gain",
    "batch_difference",
    *(f"negative_elbo_at_{step}" for step in EARLY_STEPS),
    "num_dims",
    "num_train",
    "num_test",
    "parameters",
    "steps",
    "cpu_seconds",
    "seconds",
]

# What a diverged run would have had; the others do not depend on its training.
_FIGURES = [
    name
    for name in COLUMNS[COLUMNS.index("sigma") : COLUMNS.index("num_dims")]
    if name not in ("fd_floor", "fd_samples", "log_count")
]


class Estimate(typing.NamedTuple):
    """Mean over seeds, their standard deviation (NaN for one seed), how many."""

    mean: float
    spread: float
    count: int

    def __str__(self):
        if not math.isfinite(self.mean):
            return f"diverged (n={self.count})"
        spread = f" ± {format_number(self.spread)}" if self.count > 1 else ""
        return f"{format_number(self.mean)}{spread} (n={self.count})"


def estimate(values) -> Estimate | None:
    """Of figures over seeds; `None` of none."""
    values = np.asarray(list(values), np.float64)
    if not len(values):
        return None
    spread = values.std(ddof=1) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), float(spread), len(values))


class Results:
    """The rows of one study, finished runs only.

    Args:
        rows: list of dicts from names in `COLUMNS` to values; what a run has not is
            missing or `None`.
    """

    def __init__(self, rows):
        self.rows = rows

    def of(self, variant, column) -> dict:
        """Seed -> figure, of the runs that have it."""
        return {
            row["seed"]: row[column]
            for row in self.rows
            if row["variant"] == variant and row.get(column) is not None
        }

    def variants(self) -> list:
        """Those that were run, in the order of `VARIANTS`."""
        present = {row["variant"] for row in self.rows}
        return [key for key in VARIANTS if key in present]

    def estimate(self, variant, column) -> Any:
        return estimate(self.of(variant, column).values())

    def compare(self, variant, other, column, how) -> Estimate | None:
        """`how(figure, other figure)`, paired by seed, over the seeds of both."""
        first, second = self.of(variant, column), self.of(other, column)
        return estimate(
            how(first[seed], second[seed]) for seed in sorted(first.keys() & second)
        )

    def difference(self, variant, other, column) -> Any:
        return self.compare(variant, other, column, lambda a, b: a - b)

    def ratio(self, variant, other, column) -> Estimate | None:
        return self.compare(variant, other, column, lambda a, b: a / b)

    def finite(self, variants, column) -> list:
        """Those of the variants that have the column, in runs of which none diverged.

        Args:
            variants: list of keys.
            column: name.
        """
        found = {key: self.estimate(key, column) for key in variants}
        return [key for key in found if found[key] and math.isfinite(found[key].mean)]

    def replicated(self, variant, others, column) -> list:
        """Those of the others that share two seeds or more with a variant.

        If there are none, all of them: what is shown then has no verdict.
        """
        pairs = {key: self.difference(variant, key, column) for key in others}
        return [key for key in pairs if pairs[key] and pairs[key].count > 1] or others

    def best(self, variants, column) -> str | None:
        """The variant with the lowest mean, of those where it is finite."""
        variants = self.finite(variants, column)
        means = {key: self.estimate(key, column).mean for key in variants}
        return min(means, key=means.__getitem__, default=None)

    def without_diverged(self):
        """`Results` of the other runs."""
        return Results([row for row in self.rows if not row.get("diverged")])

    def figure(self, column):
        """A figure that all runs share, such as the number of pixels."""
        return next((row[column] for row in self.rows if row.get(column)), None)


def make_row(run, files) -> dict:
    """The row of a finished run; of one that diverged, all its figures are NaN."""
    row = read_json(files.scores(run.name))
    row |= {"study": run.study, "variant": run.variant, "seed": run.seed}
    row |= {"decoder": run.experiment.decoder, "beta": VARIANTS[run.variant].beta}
    row.setdefault("diverged", False)
    if row["diverged"]:
        row |= dict.fromkeys(_FIGURES, math.nan)
        # What beta-VAEs are sorted by is known all the same.
        row["effective_beta"] = math.nan if row["beta"] is None else row["beta"]
    else:
        row |= _figures(run, files)
    return {column: row.get(column) for column in COLUMNS}


def _figures(run, files):
    row = read_json(files.summary(run.name))
    row["negative_elbo"] = -row["elbo"]
    if "elbo_recalibrated" in row:
        row["negative_elbo_recalibrated"] = -row["elbo_recalibrated"]
    row["train_rmse"] = math.sqrt(row["train_mse"])
    if row.get("sigma") is not None:
        row["effective_beta"] = effective_beta(row["sigma"])
    curves = curve(files.history(run.name))
    for step, value in zip(curves["step"], curves["negative_elbo"], strict=False):
        if step in EARLY_STEPS:
            row[f"negative_elbo_at_{step}"] = value
    return row


def write_csv(rows, path) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _short(value) for key, value in row.items()})


def read_csv(path) -> list:
    """Reads what `write_csv` wrote.

    Args:
        path: of the file.

    Returns:
        The rows, dicts as `make_row` gives them, with seven digits.
    """
    with open(path, newline="") as file:
        return [
            {column: _parsed(column, text) for column, text in row.items()}
            for row in csv.DictReader(file)
        ]


def _parsed(column, text):
    if text == "":
        return None
    if column in ("study", "variant", "decoder"):
        return text
    if column == "diverged":
        return text == "True"
    try:
        return int(text)
    except ValueError:
        return float(text)


def _short(value):
    return f"{value:.7g}" if isinstance(value, float) else value


def format_number(value) -> str:
    """Three to four digits, as a table wants them."""
    if value is None or math.isnan(value):
        return "-"
    size = abs(value)
    if size != 0 and size < 1e-3:
        return f"{value:.1e}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:.{digits}f}"
