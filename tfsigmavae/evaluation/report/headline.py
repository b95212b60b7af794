"""The table of scores: a row a source of frames, a column a metric."""

from typing import NamedTuple

from tfsigmavae.evaluation.report import protocols
from tfsigmavae.evaluation.report.blocks import Cell, Facts, Group, Row, Section, Table
from tfsigmavae.evaluation.report.numbers import NOTHING, estimate, is_number
from tfsigmavae.evaluation.report.run import keys_of

_KINDS = ("model", "baseline", "reference")
DIRECTIONS = {"max": "higher is better", "min": "lower is better"}


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
        note="★ best mean of model and baselines"
        + (", each run by itself" if protocols.differing(runs) else "")
        + ". References know the frames that they are compared with.",
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
    parts = [metric.get("unit"), DIRECTIONS.get(metric.get("best"))]
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
            rows.append(_Scored(str(source["label"]), source["kind"], scores))
    order = {kind: number for number, kind in enumerate(_KINDS)}
    return sorted(rows, key=lambda row: order.get(row.kind, len(order)))


def _best(runs, rows, metrics):
    """Pairs (id of a row, metric) of the best: of all runs where those are alike."""
    pools = rows if protocols.differing(runs) else [sum(rows, [])]
    best = set()
    for metric in metrics:
        choose = {"max": max, "min": min}.get(metric_of(runs, metric).get("best"))
        for pool in pools:
            means = {
                id(row): (row.scores[metric] or {}).get("mean")
                for row in pool
                if row.kind != "reference"
            }
            means = {key: mean for key, mean in means.items() if is_number(mean)}
            if choose and len(means) > 1:
                best.add((choose(means, key=means.get), metric))
    return best


def _shown(row, best):
    cells = [
        Cell(estimate(score.get("mean"), score.get("error")), (id(row), metric) in best)
        if score
        else Cell(NOTHING)
        for metric, score in row.scores.items()
    ]
    return Row(row.label, cells, row.kind)
