"""How runs differ from the first one, example by example."""

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

# What is told of the likelihood: label, unit, which is better, and whether it means
# something where the decoders are of different kinds.
_LIKELIHOOD = {
    "elbo": ("ELBO", "nats", "max", False),
    "bound": ("importance-weighted bound", "nats", "max", False),
    "bits_per_dim_mass": ("bits per dimension (exact mass)", "", "min", True),
}
# Sources that are the model's own; baselines do not differ.
_JUDGED = ("mean", "best", "reconstruction", "futures")
# A difference is clear where it is over two of its standard errors.
_CLEAR = 2.0


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
        note=f"Differences over {_CLEAR:.0f} standard errors are called better or "
        f"worse. The error is that over the {first.examples}: it says nothing of how "
        "much another training run, with another seed, would differ.",
    )
    notes = [
        Note(sentence)
        for number, run in enumerate(others)
        if (sentence := _sentence(run, first, number, rows))
    ]
    return Section("differences", "Differences", [*notes, table])


def _score_rows(runs, differences):
    rows = []
    names = dict.fromkeys(name for found in differences for name in found["scores"])
    for metric in names:
        told = headline.metric_of(runs, metric)
        for source in _JUDGED:
            each = [d["scores"].get(metric, {}).get(source) for d in differences]
            label = headline.label_in_line(runs, metric)
            of = headline.sources_of(runs[0]).get(source, {}).get("label", source)
            row = _row(f"{label}, {of}", told.get("unit"), told.get("best"), each)
            rows += [row] if any(each) else []
    return rows


def _likelihood_rows(runs, differences):
    decoders = {str(run.part("model").get("decoder")) for run in runs}
    rows = []
    for name, (label, unit, best, of_all) in _LIKELIHOOD.items():
        each = [found["likelihood"].get(name) for found in differences]
        if any(each) and (of_all or len(decoders) == 1):
            rows.append(_row(label, unit, best, each))
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
    if abs(found["mean"]) <= _CLEAR * found["error"]:
        return "equal"
    return "better" if directions.loss(best, found["mean"]) < 0 else "worse"


def _sentence(run, first, number, rows):
    told = {"better": [], "worse": [], "equal": []}
    for label, verdicts, cells in rows:
        if verdicts[number]:
            text = cells[number].text.partition(" (")[0]
            by = "" if verdicts[number] == "equal" else f" (by {text.lstrip('−')})"
            told[verdicts[number]].append(f"{label}{by}")
    words = {"equal": "not clearly different"}
    parts = [
        f"{words.get(word, word)} in {', '.join(labels)}"
        for word, labels in told.items()
        if labels
    ]
    return f"Against {first.label}, {run.label} is {'; '.join(parts)}." if parts else ""
