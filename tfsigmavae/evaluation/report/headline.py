"""The table of scores: a row a source of frames, a column a metric."""

from typing import NamedTuple

from tfsigmavae.evaluation import directions
from tfsigmavae.evaluation.report import protocols
from tfsigmavae.evaluation.report.blocks import Cell, Facts, Group, Row, Section, Table
from tfsigmavae.evaluation.report.numbers import NOTHING, estimate, is_number
from tfsigmavae.evaluation.report.run import keys_of

_KINDS = ("model", "baseline", "reference")
# The source that is chosen by what it is compared with.
_CHOSEN = "best"
_BEST, _BEST_UNCHOSEN = "★", "☆"


def section(runs) -> Section | None:
    """The scores of all runs beside their protocol."""
    metrics = keys_of(runs, "scores")
    if not metrics:
        return None
    rows = [_rows(run, metrics) for run in runs]
    best = _best(runs, rows, metrics)
    groups = [
        Group(run.label if len(runs) > 1 else "", [_shown(row, best) for row in found])
        for run, found in zip(runs, rows, strict=True)
    ]
    table = Table(
        f"Mean ± standard error over the {runs[0].examples}",
        [(label_of(runs, name), unit_of(runs, name)) for name in metrics],
        groups,
        corner="what is scored",
        note=_note(runs, sum(rows, []), set(best.values())),
    )
    blocks = [*protocols.blocks(runs), table]
    meanings = [
        (label_of(runs, name), str(text))
        for name in metrics
        if (text := metric_of(runs, name).get("description"))
    ]
    if meanings:
        blocks.append(Facts("What the scores are", meanings))
    return Section("scores", "Scores", blocks)


def metric_of(runs, name) -> dict:
    """What the runs know of a metric; an empty dict where they know nothing."""
    known = [run.part("metrics").get(name) for run in runs]
    return next((metric for metric in known if metric), {})


def label_of(runs, name) -> str:
    return str(metric_of(runs, name).get("label", name))


def label_in_line(runs, name) -> str:
    """The label of a metric among others: what follows a comma is in brackets."""
    head, comma, rest = label_of(runs, name).partition(", ")
    return f"{head} ({rest})" if comma else head


def unit_of(runs, name) -> str:
    """Unit and direction of a metric."""
    metric = metric_of(runs, name)
    parts = [metric.get("unit"), directions.TOLD.get(metric.get("best", ""))]
    return ", ".join(str(part) for part in parts if part)


def sources_of(run) -> dict:
    """Source -> dict of label and kind; those that only have scores included."""
    given = run.part("sources")
    scored = [name for part in run.part("scores").values() for name in part]
    return {
        name: {"label": name, "kind": "model"} | given.get(name, {})
        for name in dict.fromkeys([*given, *scored])
    }


class _Scored(NamedTuple):
    """A source of a run, and its scores by metric."""

    name: str
    label: str
    kind: str
    scores: dict


def _rows(run, metrics):
    """The sources that have scores, by kind."""
    rows = []
    for name, source in sources_of(run).items():
        scores = {
            metric: run.part("scores").get(metric, {}).get(name) for metric in metrics
        }
        if any(scores.values()):
            rows.append(_Scored(name, str(source["label"]), source["kind"], scores))
    order = {kind: number for number, kind in enumerate(_KINDS)}
    return sorted(rows, key=lambda row: order.get(row.kind, len(order)))


def _best(runs, rows, metrics):
    """(Id of a row, metric) -> mark: the best of all runs where those are alike.

    All that are equal are marked. What is chosen with the truth in hand nearly always
    comes first: the best of the others has a mark of its own.
    """
    pools = rows if protocols.differing(runs) else [sum(rows, [])]
    best = {}
    for metric in metrics:
        direction = metric_of(runs, metric).get("best")
        for pool in pools if direction in directions.TOLD else []:
            pool = [row for row in pool if row.kind != "reference"]
            unchosen = [row for row in pool if row.name != _CHOSEN]
            for mark, among in ((_BEST, pool), (_BEST_UNCHOSEN, unchosen)):
                for row in _first(among, metric, direction):
                    best.setdefault((id(row), metric), mark)
    return best


def _first(rows, metric, direction):
    """The rows of the best mean; none where there is nothing to choose from."""
    means = [(row.scores[metric] or {}).get("mean") for row in rows]
    known = list(filter(is_number, means))
    if len(known) < 2:
        return []
    best = directions.best_of(direction, known)
    return [row for row, mean in zip(rows, means, strict=True) if mean == best]


def _note(runs, rows, marks):
    notes = []
    if _BEST in marks:
        each = ", each run by itself" if protocols.differing(runs) else ""
        notes.append(f"{_BEST} best mean of model and baselines{each}.")
    chosen = dict.fromkeys(row.label for row in rows if row.name == _CHOSEN)
    if chosen and _BEST_UNCHOSEN in marks:
        told = " and ".join(chosen)
        notes.append(
            f"{told[:1].upper()}{told[1:]} {'is' if len(chosen) == 1 else 'are'} "
            f"chosen with the truth in hand: {_BEST_UNCHOSEN} best mean of the others."
        )
    if any(row.kind == "reference" for row in rows):
        notes.append("References know the frames that they are compared with.")
    return " ".join(notes)


def _shown(row, best):
    cells = [
        Cell(
            estimate(score.get("mean"), score.get("error")),
            best.get((id(row), metric), ""),
        )
        if score
        else Cell(NOTHING)
        for metric, score in row.scores.items()
    ]
    return Row(row.label, cells, row.kind)
