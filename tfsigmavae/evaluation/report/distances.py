"""Distances of distributions, each by the name that its features earn."""

from tfsigmavae.evaluation.report.blocks import (
    Cell,
    Facts,
    Group,
    Note,
    Row,
    Section,
    Table,
)
from tfsigmavae.evaluation.report.numbers import estimate, flat, number
from tfsigmavae.evaluation.report.run import labelled

_COLUMNS = [
    ("distance", "lower is better"),
    ("pooled", "all samples together"),
    ("real", "number"),
    ("generated", "number"),
    ("repeats", "number"),
    ("floor", "real ones, half against half"),
    ("self-test", "real ones against themselves"),
]


def section(runs) -> Section | None:
    """A row a distance, by run; warnings and networks below."""
    groups, notes, records = [], [], []
    for run in runs:
        rows = []
        for name, found in run.part("distances").items():
            label = str(found.get("label", name))
            rows.append(Row(label, [Cell(text) for text in _texts(found)]))
            label = labelled(run, label, runs)
            if found.get("warning"):
                notes.append(Note(f"{label}: {found['warning']}", "warning"))
            extractor = found.get("extractor") or {}
            records += [(f"{label}: {key}", text) for key, text in flat(extractor)]
        if rows:
            groups.append(Group(run.label if len(runs) > 1 else "", rows))
    if not groups:
        return None
    table = Table(
        "Value ± standard error over the repeats",
        _COLUMNS,
        groups,
        note="A distance is comparable only with others of the same features and the "
        "same numbers of examples; the floor is what the real ones have among "
        "themselves, with half as many on each side.",
    )
    blocks = [table, *notes]
    if records:
        blocks.append(Facts("Networks that make the features", records))
    return Section("distances", "Distances of distributions", blocks)


def _texts(found):
    counts = ("num_real", "num_generated", "repeats")
    return [
        estimate(found.get("value"), found.get("error")),
        number(found.get("pooled")),
        *(number(found.get(name)) for name in counts),
        number(found.get("floor")),
        number(found.get("self_test"), 2),
    ]
