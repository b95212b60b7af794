"""Whether the uncertainty that a model predicts is right: numbers, drawings, words."""

from tfsigmavae.evaluation.report import drawing, verdicts
from tfsigmavae.evaluation.report.blocks import Note, Plot, Plots, Section
from tfsigmavae.evaluation.report.calibration_tables import channel_tables, value_tables
from tfsigmavae.evaluation.report.numbers import is_number, number
from tfsigmavae.evaluation.report.run import keys_of, labelled

_WHY_BOTH = (
    "Two kinds of figures may disagree and both be true: ratios to the error are "
    "decided by the pixels that err most, while coverage and PIT count all pixels "
    "alike. A sigma shared by all pixels can be too small for the few that move and "
    "too large for the many that do not."
)


def section(runs) -> Section | None:
    """A table and the drawings of each kind of prediction that was checked."""
    blocks = []
    for kind in keys_of(runs, "calibration"):
        found = [(run, run.part("calibration").get(kind)) for run in runs]
        found = [(run, part) for run, part in found if part]
        if found:
            blocks += _blocks(kind, found)
    if any(map(_has_both, runs)):
        blocks.insert(0, Note(_WHY_BOTH))
    return Section("calibration", "Calibration", blocks) if blocks else None


def _has_both(run):
    parts = run.part("calibration").values()
    return any(
        part.get("coverage") and (part.get("sigma") or part.get("spread_skill"))
        for part in parts
        if part
    )


def _blocks(kind, found):
    title = str(found[0][1].get("label", kind))
    # The heading stands above all of it.
    blocks = [Plots(f"{title[:1].upper()}{title[1:]}", []), *value_tables(found)]
    members = {part["num_members"] for _, part in found if part.get("num_members")}
    if members:
        told = " or ".join(number(count) for count in sorted(members))
        blocks.append(Note(f"Ensembles of {told} samples."))
    makers = (_sigma, _pit, _coverage, _spread_skill, _crps, _pit_steps)
    plots = [plot for make in makers if (plot := make(found)) is not None]
    if plots:
        blocks.append(Plots("", plots))
    return blocks + channel_tables(found)


def _having(found, name):
    parts = [(run, part.get(name)) for run, part in found]
    return [(run, part) for run, part in parts if part]


def _verdicts(parts, judge, found):
    told = [(run, judge(part)) for run, part in parts]
    return [labelled(run, text, found) for run, text in told if text]


def _steps(parts, found, names):
    """Lines over the horizon: a run a colour, a figure a style."""
    lines = []
    for number_, (run, part) in enumerate(parts):
        steps = part.get("steps") or []
        for look, (name, label) in enumerate(names.items()):
            values = [step.get(name) for step in steps]
            if any(map(is_number, values)):
                x = list(range(1, len(values) + 1))
                colour = number_ if len(found) > 1 else look
                label = labelled(run, label, found)
                lines.append(drawing.Line(label, x, values, None, look, colour))
    return lines


def _over_steps(found, name, names, title, y_label, reading, judge):
    parts = _having(found, name)
    lines = _steps(parts, found, names)
    if not lines:
        return None
    return Plot(
        title,
        drawing.curves(lines, _frame(found), y_label),
        f"{title}: {', '.join(line.label for line in lines)}",
        reading,
        _verdicts(parts, judge, found),
    )


def _frame(found):
    # Only ensembles are of frames that were not seen.
    return "predicted frame" if "num_members" in found[0][1] else "scored frame"


def _sigma(found):
    return _over_steps(
        found,
        "sigma",
        {"sigma": "sigma", "rmse": "RMSE"},
        "Sigma and the error that there is",
        "image units, 0 to 1",
        "A calibrated decoder's sigma equals the root mean squared error: both lines "
        "meet. Sigma below the error is overconfident.",
        verdicts.sigma,
    )


def _spread_skill(found):
    return _over_steps(
        found,
        "spread_skill",
        {"spread": "spread of the samples", "skill": "error of their mean"},
        "Spread and skill",
        "image units, 0 to 1",
        "Of samples as good as the truth, the spread equals the error of their mean. "
        "Spread below the error is overconfident.",
        verdicts.spread_skill,
    )


def _crps(found):
    return _over_steps(
        found,
        "crps",
        {"value": "CRPS", "expected": "expected if calibrated"},
        "CRPS over the horizon",
        "CRPS, image units",
        "The mean distance of samples and truth, less half that among samples; less is "
        "better. A calibrated ensemble has what it expects of itself.",
        verdicts.crps,
    )


def _histograms(parts, found):
    return [
        drawing.Line(
            labelled(run, "truth", found) if len(found) == 1 else run.label,
            [],
            part["density"],
            None,
            look,
        )
        for look, (run, part) in enumerate(parts)
        if part.get("density")
    ]


def _pit(found):
    parts = _having(found, "pit")
    lines = _histograms(parts, found)
    if not lines:
        return None
    level = ("calibrated", parts[0][1].get("calibrated", 1.0))
    band = _chance(parts[0][1], level[1]) if len(lines) == 1 else None
    return Plot(
        "PIT histogram",
        drawing.histogram(lines, "rank of the truth", "density", level, band),
        "Histogram of where the true pixels lie within their predicted distributions",
        "The rank of each true value in its prediction. Flat is calibrated; full ends "
        "are overconfident, a hump is underconfident, a hump between full ends both, a "
        "slope is a bias.",
        _verdicts(parts, verdicts.pit, found),
    )


def _chance(part, height):
    """What chance explains of each bin, where the errors of all are known."""
    errors = part.get("error") or []
    if len(errors) != len(part["density"]) or not all(map(is_number, errors)):
        return None
    low, high = ([height + sign * 2 * e for e in errors] for sign in (-1, 1))
    return "by chance (2 standard errors of each bin)", low, high


def _coverage(found):
    parts = _having(found, "coverage")
    lines = [
        drawing.Line(
            "here" if len(found) == 1 else run.label,
            part["levels"],
            part["share"],
            part.get("error"),
            look,
        )
        for look, (run, part) in enumerate(parts)
        if part.get("levels")
    ]
    if not lines:
        return None
    svg = drawing.curves(lines, "interval holds", "truth within it", None, "calibrated")
    return Plot(
        "Coverage of central intervals",
        svg,
        "Share of true values within central intervals against their level",
        "An interval of 90 % should hold 90 % of the true values. Below the line is "
        "overconfident, above it underconfident.",
        _verdicts(parts, verdicts.coverage, found),
    )


def _pit_steps(found):
    lines = []
    for look, (run, part) in enumerate(_having(found, "pit")):
        steps = part.get("steps") or []
        values = [_deviation(density) for density in steps]
        if len(values) > 1:
            x = list(range(1, len(values) + 1))
            label = "deviation" if len(found) == 1 else run.label
            lines.append(drawing.Line(label, x, values, None, look))
    if not lines:
        return None
    return Plot(
        "PIT over the horizon",
        drawing.curves(lines, _frame(found), "mean |density − 1|", ("calibrated", 0.0)),
        "Deviation of the PIT histogram from a flat one, over the predicted frames",
        "How far the histogram of each frame is from flat; 0 is calibrated.",
    )


def _deviation(density):
    if not density or not all(map(is_number, density)):
        return None
    return sum(abs(value - 1) for value in density) / len(density)
