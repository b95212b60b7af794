"""Tables of calibration: values, what a calibrated model has, and a word on them."""

from tfsigmavae.evaluation.report import verdicts
from tfsigmavae.evaluation.report.blocks import Cell, Group, Row, Table
from tfsigmavae.evaluation.report.numbers import estimate, is_number, number

# Part of the calibration -> what the table calls it, and its words.
_MEASURES = {
    "sigma": ("RMSE over sigma", verdicts.sigma),
    "spread_skill": ("spread over error", verdicts.spread_skill),
    "crps": ("CRPS over what is expected", verdicts.crps),
    "pit": ("deviation from a flat PIT", verdicts.pit),
    "coverage": ("coverage", verdicts.coverage),
}
_COLOURS = ("red", "green", "blue")


def value_tables(found) -> list[Table]:
    """What there is of a kind of prediction, by run; no table where there is nothing.

    Args:
        found: list of (`Run`, its part of the calibration).
    """
    groups = [
        Group(run.label if len(found) > 1 else "", _rows(part)) for run, part in found
    ]
    if not any(group.rows for group in groups):
        return []
    columns = [
        ("value", "± its standard error"),
        ("calibrated", "has"),
        ("verdict", ""),
    ]
    return [Table("Values, and what they are for a calibrated model", columns, groups)]


def channel_tables(found) -> list[Table]:
    """Sigma of each channel, of runs that have several; no table where none has."""
    groups = []
    for run, part in found:
        channels = (part.get("sigma") or {}).get("channels") or []
        rows = [
            Row(
                _COLOURS[index] if len(channels) == 3 else f"channel {index}",
                [Cell(number(channel.get(key))) for key in ("rmse", "sigma", "ratio")],
            )
            for index, channel in enumerate(channels)
        ]
        if len(rows) > 1:
            groups.append(Group(run.label if len(found) > 1 else "", rows))
    if not groups:
        return []
    columns = [("RMSE", ""), ("sigma", ""), ("ratio", "calibrated: 1")]
    return [Table("Sigma by channel", columns, groups)]


def _rows(part):
    rows = []
    for name, measure in part.items():
        if not isinstance(measure, dict):
            continue
        label, verdict = _MEASURES.get(name, (name.replace("_", " "), None))
        if name == "coverage":
            rows += _coverage_rows(label, measure)
            continue
        word = verdict(measure).partition(":")[0] if verdict else ""
        cells = [*_value_and_calibrated(measure), word]
        rows.append(Row(label, [Cell(text) for text in cells]))
    return rows


def _value_and_calibrated(measure):
    if "ratio" in measure:
        error = verdicts.error_of_ratio(measure)
        text = estimate(measure["ratio"], error)
        return text + _own_value(measure), number(measure.get("calibrated"))
    return number(measure.get("deviation")), number(0)


def _own_value(measure):
    """What the ratio is made of, for CRPS: in its own unit, with its own error."""
    if not is_number(measure.get("value")):
        return ""
    value = estimate(measure["value"], measure.get("error"))
    return f" (CRPS {value}; expected {number(measure.get('expected'))})"


def _coverage_rows(label, measure):
    rows = []
    for level, share, error in _intervals(measure):
        wanted = f"{100 * level:.0f} %"
        word = verdicts.of_interval(level, share, error)
        cells = [Cell(_percent(share, error)), Cell(wanted), Cell(word)]
        rows.append(Row(f"{label}, {wanted} intervals", cells))
    return rows


def _intervals(measure):
    levels, shares = measure.get("levels") or [], measure.get("share") or []
    errors = measure.get("error") or [None] * len(levels)
    return zip(levels, shares, errors, strict=True)


def _percent(share, error):
    if not is_number(share):
        return number(share)
    return f"{estimate(100 * share, 100 * error if is_number(error) else None)} %"
