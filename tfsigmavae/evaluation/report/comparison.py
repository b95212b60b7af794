"""How a model stands against the best baseline, metric by metric, in words."""

import math
from typing import Any

from tfsigmavae.evaluation import directions
from tfsigmavae.evaluation.report import headline
from tfsigmavae.evaluation.report.numbers import is_number, number

# What a model is judged by: nothing of it is chosen with the truth in hand.
_JUDGED = ("mean", "reconstruction")


def sentence(run) -> str:
    """Where the average future, or the reconstruction, beats the best baseline."""
    sources = headline.sources_of(run)
    names = [name for name in _JUDGED if _kind(sources, name) == "model"]
    if not names:
        return ""
    told = {"better": [], "about equal (within the errors)": [], "worse": []}
    for metric in run.part("scores"):
        found = _against_baseline(run, metric, names[0])
        if found:
            word, text = found
            told[word].append(text)
    parts = [f"{word} in {_listed(texts)}" for word, texts in told.items() if texts]
    if not parts:
        return ""
    label = sources[names[0]]["label"]
    return f"Against the best baseline, the {label} is {'; '.join(parts)}."


def best_baseline(run, metric):
    """Label and score of the best of the baselines; `None` where there is none."""
    direction = _direction(run, metric)
    scores = run.part("scores").get(metric) or {}
    found = [
        (str(source["label"]), scores[name])
        for name, source in headline.sources_of(run).items()
        if source["kind"] == "baseline" and _has_mean(scores.get(name))
    ]
    if not (direction and found):
        return None
    return min(found, key=lambda entry: directions.loss(direction, entry[1]["mean"]))


def _against_baseline(run, metric, name):
    """A word and the metric with the difference; `None` where one of them is missing.

    Both are over the same examples, so their errors overstate that of the difference.
    """
    score = run.part("scores")[metric].get(name)
    baseline = best_baseline(run, metric)
    if baseline is None or not _has_mean(score):
        return None
    ours, other = (
        directions.loss(_direction(run, metric), one["mean"])
        for one in (score, baseline[1])
    )
    difference = other - ours
    errors = [s.get("error") for s in (score, baseline[1])]
    if not all(map(is_number, errors)):  # of one example nothing is known
        return None
    label = headline.label_in_line([run], metric)
    if abs(difference) <= math.hypot(*errors):
        return "about equal (within the errors)", label
    unit = headline.metric_of([run], metric).get("unit") or ""
    by = f"{number(abs(difference), 2)} {unit}".strip()
    return "better" if difference > 0 else "worse", f"{label} (by {by})"


def _direction(run, metric) -> Any:
    """Name of what is better; `None` where nobody knows."""
    best = headline.metric_of([run], metric).get("best")
    return best if best in directions.TOLD else None


def _kind(sources, name):
    return sources.get(name, {}).get("kind")


def _has_mean(score):
    return is_number((score or {}).get("mean"))


def _listed(texts):
    *before, last = texts
    return f"{', '.join(before)} and {last}" if before else last
