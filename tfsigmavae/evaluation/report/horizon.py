"""Scores over the horizon: a drawing a metric, a curve a source."""

from tfsigmavae.evaluation.report import drawing, headline
from tfsigmavae.evaluation.report.blocks import Plot, Plots, Section
from tfsigmavae.evaluation.report.run import keys_of, labelled


def section(runs) -> Section | None:
    """The curves of all runs, in one drawing a metric."""
    plots = [_plot(runs, name) for name in keys_of(runs, "scores")]
    plots = [plot for plot in plots if plot is not None]
    if not plots:
        return None
    return Section("horizon", "Over the horizon", [Plots("", plots)])


def _plot(runs, metric):
    lines = _lines(runs, metric)
    if not lines:
        return None
    known = headline.metric_of(runs, metric)
    label, unit = headline.label_of(runs, metric), known.get("unit")
    direction = headline.DIRECTIONS.get(known.get("best"), "")
    y_label = f"{label}, {unit}" if unit else label
    return Plot(
        label,
        drawing.curves(lines, "predicted frame", y_label),
        f"{label} of {', '.join(line.label for line in lines)}, over the frames",
        f"{direction.capitalize()}. Bands are one standard error over the clips.",
    )


def _lines(runs, metric):
    """Baselines that two runs share are drawn once."""
    looks, lines, shared = {}, [], {}
    for number, run in enumerate(runs):
        for name, source in headline.sources_of(run).items():
            score = run.part("scores").get(metric, {}).get(name) or {}
            curve = score.get("curve")
            is_model = source["kind"] == "model"
            if not curve or (not is_model and shared.get(name) == curve):
                continue
            label = str(source["label"])
            if is_model or shared.setdefault(name, curve) != curve:
                label = labelled(run, label, runs)
            line = drawing.Line(
                label,
                list(range(1, len(curve) + 1)),
                curve,
                score.get("curve_error"),
                looks.setdefault(name, len(looks)),
                number if is_model and len(runs) > 1 else None,
            )
            lines.append(line)
    return lines
