"""What the figures of a calibration say, in words."""

from tfsigmavae.evaluation.report.numbers import estimate, is_number, number

# A ratio within this of 1, and a share within this of its level, are as good as that.
_RATIO_TOLERANCE, _SHARE_TOLERANCE, _FLAT = 0.05, 0.02, 0.05
_CLOSE, _UNKNOWN = "close to calibrated", "not told apart from calibrated"


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
    """Of the intervals of all levels; those that fare alike are told together."""
    known = _intervals(found)
    if not known:
        return ""
    alike = {}
    for level, share, error in known:
        alike.setdefault(of_interval(level, share, error), []).append(level)
    held = _percents(share for _, share, _ in known)
    if len(alike) == 1:
        (word,) = alike
        return f"{word}: intervals of {_percents(alike[word])} hold {held}"
    told = ", ".join(f"{word} at {_percents(some)}" for word, some in alike.items())
    return f"{told}: these intervals hold {held}"


def worst_interval(found) -> tuple[str, str]:
    """A word and what is held, of the level that is furthest from what it should be."""
    known = _intervals(found)
    if not known:
        return "", ""
    level, share, error = max(known, key=lambda one: abs(one[1] - one[0]))
    told = f"intervals of {_percents([level])} hold {_percents([share])}"
    return of_interval(level, share, error), f"{told} of the pixels"


def of_interval(level, share, error) -> str:
    """Of one kind of interval, in one word."""
    if not is_number(share):
        return ""
    words = "underconfident", "overconfident"
    return _word(share - level, _SHARE_TOLERANCE, error, *words)


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
        return f"{_CLOSE}: flat, {told}"
    if _is_chance(density, found.get("error")):
        return f"{_UNKNOWN}: {told}, within twice their errors"
    if _has_heavy_tails(density):
        return f"mixed: too wide for most values, too narrow for a few, {told}"
    if low > 1 and high > 1:
        return f"overconfident: both ends are too full, {told}"
    if low < 1 and high < 1:
        return f"underconfident: both ends are too empty, {told}"
    side = "above" if high > low else "below"
    return f"biased: the truth lies {side} the predictions too often, {told}"


def _intervals(found):
    """Level, share and error of those whose share is known."""
    levels, shares = found.get("levels") or [], found.get("share") or []
    errors = found.get("error") or [None] * len(levels)
    found = zip(levels, shares, errors, strict=True)
    return [interval for interval in found if is_number(interval[1])]


def _is_chance(density, errors):
    """Whether at most one bin of 20 is further from 1 than twice its error."""
    if len(errors or []) != len(density) or not all(map(is_number, errors)):
        return False
    pairs = zip(density, errors, strict=True)
    return sum(abs(d - 1) > 2 * e for d, e in pairs) <= len(density) / 20


def _has_heavy_tails(density):
    """A hump in the middle, and ends that rise above what lies beside them."""
    quarter = len(density) // 4
    if sum(density[quarter : len(density) - quarter]) <= 1.05 * (
        len(density) - 2 * quarter
    ):
        return False
    ends = density[0] + density[-1]
    beside = min(density[:quarter]) + min(density[-quarter:])
    return ends > 2 or ends > 1.25 * beside + 0.05


def _of_ratio(found, told, above, below):
    ratio, error = found.get("ratio"), error_of_ratio(found)
    if not is_number(ratio):
        return ""
    difference = ratio - found.get("calibrated", 1.0)
    word = _word(difference, _RATIO_TOLERANCE, error, above, below)
    value = estimate(ratio, error) if word == _UNKNOWN else number(ratio, 3)
    return f"{word}: {told.format(value)}"


def error_of_ratio(found):
    """The standard error of a ratio, where it is known.

    Where there is a value as well, `"error"` is that of the value.
    """
    return found.get("ratio_error", None if "value" in found else found.get("error"))


def _word(difference, tolerance, error, above, below):
    if abs(difference) <= tolerance:
        return _CLOSE
    if is_number(error) and abs(difference) <= 2 * error:
        return _UNKNOWN
    return above if difference > 0 else below


def _percents(shares):
    *before, last = (f"{100 * share:.0f}" for share in shares)
    return f"{', '.join(before)} and {last} %" if before else f"{last} %"
