"""The table of scores: a row a source of frames, a column a metric."""

from tfsigmavae.evaluation.report import protocols
from tfsigmavae.evaluation.report.blocks import Cell, Group, Row, Section, Table
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
        "Mean ± standard error over the clips",
        [(label_of(runs, name), unit_of(runs, name)) for name in metrics],
        groups,
        corner="frames from",
        note="★ best mean of model and baselines"
        + (", each run by itself" if protocols.differing(runs) else "")
        + ". References know the frames that they are compared with.",
    )
    return Section("scores", "Scores", [*protocols.blocks(runs), table])


def metric_of(runs, name) -> dict:
    """What the runs know of a metric; an empty dict where they know nothing."""
    known = [run.part("metrics").get(name) for run in runs]
    return next((metric for metric in known if metric), {})


def label_of(runs, name) -> str:
    return str(metric_of(runs, name).get("label", name))


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


def _rows(run, metrics):
    """List of (run, kind, label, metric -> score), by kind."""
    rows = []
    for name, source in sources_of(run).items():
        scores = {
            metric: run.part("scores").get(metric, {}).get(name) for metric in metrics
        }
        if any(scores.values()):
            rows.append((run, source["kind"], source["label"], scores))
    order = {kind: number for number, kind in enumerate(_KINDS)}
    return sorted(rows, key=lambda row: order.get(row[1], len(order)))


def _best(runs, rows, metrics):
    """The scores (by identity) that are best: of all runs where those are alike."""
    pools = rows if protocols.differing(runs) else [sum(rows, [])]
    best = set()
    for metric in metrics:
        choose = {"max": max, "min": min}.get(metric_of(runs, metric).get("best"))
        for pool in pools:
            scores = [row[3][metric] for row in pool if row[1] != "reference"]
            scores = [s for s in scores if s and is_number(s.get("mean"))]
            if choose and len(scores) > 1:
                best.add(id(choose(scores, key=lambda score: score["mean"])))
    return best


def _shown(row, best):
    _, kind, label, scores = row
    cells = [
        Cell(estimate(score.get("mean"), score.get("error")), id(score) in best)
        if score
        else Cell(NOTHING)
        for score in scores.values()
    ]
    return Row(str(label), cells, kind)
