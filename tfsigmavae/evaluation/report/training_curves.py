"""Figures over the steps of training."""

from tfsigmavae.callbacks.history_plot import history_panels
from tfsigmavae.evaluation.report import drawing
from tfsigmavae.evaluation.report.blocks import Plot, Plots, Section
from tfsigmavae.evaluation.report.numbers import number


def section(training, runs) -> Section | None:
    """A drawing a figure of the tables; runs have colours, validation another line.

    Args:
        training: list of (title, rows of `read_history`).
        runs: list of `Run`.
    """
    example = {"video": "clip", "image": "image"}.get(runs[0].found.get("kind"))
    panels, lines = {}, {}
    for index, (title, rows) in enumerate(training):
        for panel in history_panels(rows, example or "example"):
            panels.setdefault(panel.title, panel)
            for look, (label, points) in enumerate(panel.lines.items()):
                name = label if len(training) == 1 else f"{title}: {label}"
                colour = look if len(training) == 1 else index
                line = drawing.Line(name, *points.T, None, look, colour)  # pyright: ignore[reportCallIssue]
                lines.setdefault(panel.title, []).append(line)
    if not panels:
        return None
    plots = [
        Plot(
            title,
            drawing.curves(lines[title], "training step", title, is_log=panel.is_log),
            f"{title} over the training steps: {_ends(lines[title])}",
        )
        for title, panel in panels.items()
    ]
    return Section("training", "Training", [Plots("", plots)])


def _ends(lines):
    return ", ".join(f"{line.label} ends at {number(line.y[-1])}" for line in lines)
