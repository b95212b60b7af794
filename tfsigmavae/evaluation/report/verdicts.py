"""What the figures of a calibration say, in words."""

from tfsigmavae.evaluation.report.numbers import is_number, number

# A ratio within this of 1, and a share within this of its level, are as good as that.
_RATIO_TOLERANCE, _SHARE_TOLERANCE, _FLAT = 0.05, 0.02, 0.05


def sigma(found) -> str:
    """Of the root mean squared error over sigma."""
    told = "errors are {} times as large as sigma says"
    return _of_ratio(found, told, "overconfident", "underconfident")


def spread_skill(found) -> str:
    """Of the spread of an ensemble over the error of its mean."""
    told = "the samples' spread is {} times the error of their mean"
    return _of_ratio(found, told, "underconfident", "overconfident")


def crps(found) -> str:
    """Of CRPS over what an ensemble that is right would have."""
    told = "CRPS is {} times what the ensemble expects of itself"
    return _of_ratio(found, told, "overconfident", "underconfident")


def coverage(found) -> str:
    """Of the interval closest to 90 %."""
    levels, shares = found.get("levels") or [], found.get("share") or []
    errors = found.get("error") or [None] * len(levels)
    known = [x for x in zip(levels, shares, errors, strict=True) if is_number(x[1])]
    if not known:
        return ""
    level, share, error = min(known, key=lambda entry: abs(entry[0] - 0.9))
    word = of_interval(level, share, error)
    return f"{word}: intervals of {100 * level:.0f} % hold {100 * share:.0f} %"


def of_interval(level, share, error) -> str:
    """Of one kind of interval, in one word."""
    if not is_number(share):
        return ""
    tolerance = max(_SHARE_TOLERANCE, 2 * error if is_number(error) else 0.0)
    return _word(share - level, tolerance, "underconfident", "overconfident")


def pit(found) -> str:
    """Of the shape of the histogram."""
    density, deviation = found.get("density") or [], found.get("deviation")
    if not density or not is_number(deviation):
        return ""
    tenth = max(1, len(density) // 10)
    low = sum(density[:tenth]) / tenth
    high = sum(density[-tenth:]) / tenth
    told = f"bins deviate by {number(100 * deviation, 2)} % on average"
    if deviation <= _FLAT:
        return f"close to calibrated: flat, {told}"
    quarter = len(density) // 4
    middle = density[quarter : len(density) - quarter]
    if density[0] + density[-1] > 2 and sum(middle) > 1.05 * len(middle):
        return f"mixed: too wide for most values, too narrow for a few, {told}"
    if low > 1 and high > 1:
        return f"overconfident: both ends are too full, {told}"
    if low < 1 and high < 1:
        return f"underconfident: both ends are too empty, {told}"
    side = "above" if high > low else "below"
    return f"biased: the truth lies {side} the predictions too often, {told}"


def _of_ratio(found, told, above, below):
    ratio = found.get("ratio")
    # Where there is a value as well, the error is that of the value.
    error = None if "value" in found else found.get("error")
    if not is_number(ratio):
        return ""
    tolerance = max(_RATIO_TOLERANCE, 2 * error if is_number(error) else 0.0)
    difference = ratio - found.get("calibrated", 1.0)
    word = _word(difference, tolerance, above, below)
    return f"{word}: {told.format(number(ratio, 3))}"


def _word(difference, tolerance, above, below):
    if abs(difference) <= tolerance:
        return "close to calibrated"
    return above if difference > 0 else below
