"""Scores over the horizon: a drawing a metric, a curve a source."""

from tfsigmavae.evaluation import directions
from tfsigmavae.evaluation.report import drawing, headline
from tfsigmavae.evaluation.report.blocks import Plot, Plots, Section
from tfsigmavae.evaluation.report.numbers import is_number
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
    direction = directions.TOLD.get(known.get("best", ""))
    reading = [f"{direction.capitalize()}."] if direction else []
    if any(is_number(error) for line in lines for error in line.error or []):
        reading.append(f"Bands are one standard error over the {runs[0].examples}.")
    y_label = f"{label}, {unit}" if unit else label
    if len(y_label) > drawing.LONGEST_LABEL:  # it stands above the drawing
        y_label = unit or ""
    level = ("as the truth", 1.0) if known.get("best") == "nearest_one" else None
    return Plot(
        label,
        drawing.curves(lines, "predicted frame", y_label, level),
        f"{label} of {', '.join(line.label for line in lines)}, over the frames",
        " ".join(reading),
    )


def _lines(runs, metric):
    """Baselines that two runs share are drawn once."""
    looks, lines, shared = _looks(runs), [], {}
    for run in runs:
        for name, source in headline.sources_of(run).items():
            score = run.part("scores").get(metric, {}).get(name) or {}
            curve = score.get("curve")
            is_model = source["kind"] == "model"
            if not curve or (not is_model and shared.get(name) == curve):
                continue
            label = str(source["label"])
            if is_model or shared.setdefault(name, curve) != curve:
                label = labelled(run, label, runs)
            x, error = list(range(1, len(curve) + 1)), score.get("curve_error")
            look, colour = looks[run.label, name]
            lines.append(drawing.Line(label, x, curve, error, look, colour))
    return lines


def _looks(runs):
    """(Run, source) -> look and colour, the same ones in every drawing of the page.

    A source has a colour. The runs differ in line style and marker.
    """
    scored = [
        name
        for run in runs
        for name in headline.sources_of(run)
        if any(run.part("scores")[metric].get(name) for metric in run.part("scores"))
    ]
    colours = {name: number for number, name in enumerate(dict.fromkeys(scored))}
    return {
        (run.label, name): (colour if len(runs) == 1 else colour + number, colour)
        for number, run in enumerate(runs)
        for name, colour in colours.items()
    }
