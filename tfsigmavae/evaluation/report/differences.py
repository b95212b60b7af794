"""How runs differ from the first one, example by example."""

import numpy as np
import tensorflow_probability as tfp

from tfsigmavae.evaluation import directions
from tfsigmavae.evaluation.report import headline
from tfsigmavae.evaluation.report.blocks import (
    Cell,
    Group,
    Note,
    Row,
    Section,
    Table,
)
from tfsigmavae.evaluation.report.numbers import NOTHING, estimate, is_number

# What is told of the likelihood: label, unit, which is better.
_LIKELIHOOD = {
    "elbo": ("ELBO", "nats", "max"),
    "bound": ("importance-weighted bound", "nats", "max"),
    "bits_per_dim_mass": ("bits per dimension (exact mass)", "", "min"),
}
# Sources that a model is judged by; baselines do not differ.
_JUDGED = ("mean", "best", "reconstruction", "futures")
# A difference is clear where it is outside its interval of this level.
_LEVEL = 0.95


def section(runs, differences) -> Section | None:
    """Differences from the first run, and which of them are clear.

    Args:
        runs: of the report.
        differences: for each run after the first, what `paired_differences` gives.
    """
    if not differences:
        return None
    first, *others = runs
    rows = _score_rows(runs, differences) + _likelihood_rows(runs, differences)
    if not rows:
        return None
    columns = [(run.label, f"less {first.label}") for run in others]
    table = Table(
        f"Mean difference ± its standard error, over the same {first.examples}",
        columns,
        [Group("", [Row(label, cells) for label, _, cells in rows])],
        corner="what is compared",
        note=f"Better or worse is what lies outside the {100 * _LEVEL:.0f} % interval "
        "of a paired t-test; of a metric that is best at 1 no winner is named. The "
        f"error is that over the {first.examples}: it says nothing of how much another "
        "training run, with another seed, would differ.",
    )
    notes = [Note(sentence) for sentence in _sentences(runs, rows)]
    return Section("differences", "Differences", [*notes, table])


def sentences(runs, differences) -> list[str]:
    """What is clear, in words; for each run after the first. See `section`."""
    rows = _score_rows(runs, differences) + _likelihood_rows(runs, differences)
    return _sentences(runs, rows)


def _sentences(runs, rows):
    first, *others = runs
    told = [_sentence(run, first, number, rows) for number, run in enumerate(others)]
    return [sentence for sentence in told if sentence]


def _score_rows(runs, differences):
    rows = []
    names = dict.fromkeys(name for found in differences for name in found["scores"])
    for metric in names:
        told = headline.metric_of(runs, metric)
        for source in _JUDGED:
            each = [d["scores"].get(metric, {}).get(source) for d in differences]
            label = headline.label_in_line(runs, metric)
            of = headline.sources_of(runs[0]).get(source, {}).get("label", source)
            row = _row(f"{label} ({of})", told.get("unit"), told.get("best"), each)
            rows += [row] if any(each) else []
    return rows


def _likelihood_rows(runs, differences):
    rows = []
    for name, (label, unit, best) in _LIKELIHOOD.items():
        each = [found["likelihood"].get(name) for found in differences]
        rows += [_row(label, unit, best, each)] if any(each) else []
    return rows


def _row(label, unit, best, each):
    """Label, verdicts and cells of a line of the table."""
    verdicts = [_verdict(best, found) for found in each]
    cells = []
    for found, verdict in zip(each, verdicts, strict=True):
        text = NOTHING if not found else estimate(found["mean"], found["error"])
        unit_text = f" {unit}" if unit and found else ""
        word = f" ({verdict})" if verdict in ("better", "worse") else ""
        cells.append(Cell(f"{text}{unit_text}{word}"))
    return label, verdicts, cells


def _verdict(best, found):
    """ "better", "worse", "equal" where it is not clear, or nothing to be said."""
    if best not in ("max", "min") or not found or not is_number(found["error"]):
        return ""
    if abs(found["mean"]) <= _half_width(found["error"], found["count"]):
        return "equal"
    return "better" if directions.loss(best, found["mean"]) < 0 else "worse"


def _half_width(error, count):
    """Of the interval: few examples know their own error badly."""
    t = tfp.distributions.StudentT(np.float64(count - 1), 0.0, 1.0)
    return error * float(t.quantile((1.0 + _LEVEL) / 2.0))


def _sentence(run, first, number, rows):
    """Which differences are clear; nothing where none can be judged."""
    told = {"better": [], "worse": [], "equal": []}
    for label, verdicts, cells in rows:
        if verdicts[number]:
            text = cells[number].text.partition(" (")[0].lstrip("−")
            told[verdicts[number]].append(f"{label} by {text}")
    parts = [
        f"{word} in {', '.join(told[word])}"
        for word in ("better", "worse")
        if told[word]
    ]
    names = f"Against {first.label}, {run.label} is"
    if not parts:
        return f"{names} neither clearly better nor worse." if told["equal"] else ""
    rest = "; the rest is not clear" if told["equal"] else ""
    return f"{names} {'; '.join(parts)}{rest}."
