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
from tfsigmavae.evaluation.report.run import keys_of, labelled

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
    """A row a distance and run; warnings and networks below."""
    rows, notes, records = [], [], []
    for name in keys_of(runs, "distances"):
        for run in runs:
            found = run.part("distances").get(name)
            if not found:
                continue
            label = labelled(run, str(found.get("label", name)), runs)
            rows.append(Row(label, [Cell(text) for text in _texts(found)]))
            if found.get("warning"):
                notes.append(Note(f"{label}: {found['warning']}", "warning"))
            extractor = found.get("extractor") or {}
            records += [(f"{label}: {key}", text) for key, text in flat(extractor)]
    if not rows:
        return None
    table = Table(
        "Value ± standard error over the repeats",
        _COLUMNS,
        [Group("", rows)],
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
