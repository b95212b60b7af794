"""Judges a study by its results, and draws them."""

import numpy as np

from tfsigmavae.experiments.reproduction.checks import run_checks
from tfsigmavae.experiments.reproduction.plots import draw_plots
from tfsigmavae.experiments.reproduction.questions import find
from tfsigmavae.experiments.reproduction.report import StudyReport
from tfsigmavae.experiments.reproduction.scores import curve
from tfsigmavae.experiments.reproduction.table import Results


def judge(study, rows, features, plots) -> StudyReport:
    """Judges a study by its results.

    Args:
        study: `Study`.
        rows: list of dicts, see `make_row`; those of other studies are left aside.
        features: record of its feature network.
        plots: dict of caption -> path.
    """
    results = Results([row for row in rows if row["study"] == study.key])
    checks = run_checks(results, study)
    return StudyReport(study, results, features, checks, find(results), plots)


def draw(study, rows, files):
    """Draws what there is to draw, curves and pictures of seed 0 as an example.

    Args:
        study: `Study`.
        rows: see `judge`.
        files: `Files`.

    Returns:
        See `draw_plots`.
    """
    results = Results([row for row in rows if row["study"] == study.key])
    shown = results.without_diverged()
    names = {
        run.variant: run.name
        for run in study.runs()
        if run.seed == 0 and 0 in shown.of(run.variant, "kl")
    }
    curves = {key: curve(files.history(name)) for key, name in names.items()}
    pictures = {key: dict(np.load(files.pictures(name))) for key, name in names.items()}
    return draw_plots(shown, curves, pictures, files.plots / study.key)
