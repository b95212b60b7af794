"""The head of the page: what was evaluated, and its figures in one line."""

import re

from tfsigmavae.evaluation.report import comparison, headline, protocols, verdicts
from tfsigmavae.evaluation.report.blocks import (
    Cell,
    Facts,
    Group,
    Note,
    Row,
    Section,
    Table,
)
from tfsigmavae.evaluation.report.numbers import (
    NOTHING,
    estimate,
    flat,
    is_number,
    number,
    value_text,
)
from tfsigmavae.evaluation.report.run import labelled

# Scores in the first line; the table has all of them.
_IN_ONE_LINE = 2


def section(runs) -> Section | None:
    """One line a run, what its figures mean, and what was evaluated."""
    blocks: list = [Note(line, "lead") for run in runs if (line := _line(run, runs))]
    told = [(run, _subject(run)) for run in runs]
    told += [(run, comparison.sentence(run)) for run in runs]
    told += [(run, _calibration(run)) for run in runs]
    blocks += [Note(labelled(run, text, runs)) for run, text in told if text]
    meaning = _meaning(runs)
    blocks += [Note(meaning)] if meaning else []
    blocks += [
        Note(labelled(run, str(note), runs), "warning")
        for run in runs
        for note in run.found.get("notes") or []
    ]
    rows = _rows(runs)
    if len(runs) > 1 and rows:
        columns = [(run.label, "") for run in runs]
        blocks.append(Table("What was evaluated", columns, [Group("", rows)]))
    elif rows:
        facts = [(row.label, row.cells[0].text) for row in rows]
        blocks.append(Facts("What was evaluated", facts))
    return Section("overview", "Overview", blocks) if blocks else None


def _line(run, runs):
    told = _scores(run) or _likelihood(run)
    if not told:
        return ""
    protocol = f"; protocol {protocols.name_of(run)}" if run.part("protocol") else ""
    return f"{run.label + ': ' if len(runs) > 1 else ''}{told}{protocol}"


def _subject(run):
    """Model and data in a sentence; nothing where both are unknown."""
    model, data = run.part("model"), run.part("data")
    parts = []
    if "class" in model:
        named = [str(model["class"])]
        if "decoder" in model:
            named.append(f"with {model['decoder']}")
        if is_number(model.get("parameters")):
            named.append(f"({number(model['parameters'])} parameters)")
        parts.append(" ".join(named))
    if "clips" in data:
        held_out = {True: "held-out ", False: ""}.get(data.get("held_out"), "")
        of = f" of {data['path']}" if data.get("path") else ""
        parts.append(f"on {number(data['clips'])} {held_out}{run.examples}{of}")
    return f"{', '.join(parts)}." if parts else ""


def _calibration(run):
    """The verdict on what the model is for: its futures, or else its sigma."""
    found = run.part("calibration")
    futures, posterior = found.get("futures") or {}, found.get("posterior") or {}
    told = _of_both("Futures", futures, verdicts.spread_skill, "spread_skill")
    return told or _of_both("Reconstructions", posterior, verdicts.sigma, "sigma")


def _of_both(subject, part, judge, name):
    """A ratio to the errors, and the intervals; told apart where they disagree."""
    word, _, ratio = judge(part.get(name) or {}).partition(": ")
    if not word:
        return ""
    other, held = verdicts.worst_interval(part.get("coverage") or {})
    if not held:
        return f"{subject} are {word}: {ratio}."
    if other == word:
        return f"{subject} are {word}: {ratio}, and {held}."
    link = "while" if {word, other} == {"overconfident", "underconfident"} else "and"
    return f"{subject}: {ratio} ({word}), {link} {held} ({other})."


def _scores(run):
    """The scores of the first source that the model is judged by."""
    for name, source in headline.sources_of(run).items():
        found = [
            _with_unit(run, metric, scores[name])
            for metric, scores in run.part("scores").items()
            if is_number((scores.get(name) or {}).get("mean"))
        ]
        if found and source["kind"] == "model":
            label = str(source["label"])
            told = ", ".join(found[:_IN_ONE_LINE])
            return f"{label[:1].upper()}{label[1:]}: {told}"
    return ""


def _with_unit(run, metric, score):
    unit = headline.metric_of([run], metric).get("unit") or ""
    told = estimate(score["mean"], score.get("error"))
    text = f"{headline.label_in_line([run], metric)} {told} {unit}".strip()
    baseline = comparison.best_baseline(run, metric)
    if baseline is None:
        return text
    label, other = baseline
    return f"{text} ({label} {_rounded(other['mean'], score.get('error'))})"


def _rounded(mean, error):
    """To the digits that the model's figure has."""
    return estimate(mean, error).partition(" ")[0]


def _likelihood(run):
    found = run.part("likelihood")
    elbo, bits = found.get("elbo") or {}, found.get("bits_per_dim") or {}
    parts = []
    if is_number(elbo.get("mean")):
        parts.append(f"ELBO {estimate(elbo['mean'], elbo.get('error'))} nats")
    if is_number(bits.get("mean")):
        parts.append(f"{estimate(bits['mean'], bits.get('error'))} bits per dimension")
    return ", ".join(parts)


def _meaning(runs):
    """What a score is, and what its error says, in a sentence."""
    counts = dict.fromkeys(filter(None, map(_count, runs)))
    if not counts:
        return ""
    example = runs[0].examples
    over = f"{' or '.join(map(number, counts))} {example}"
    over = f"the frames of {over}" if example == "clips" else over
    alike = len(runs) > 1 and len(counts) == 1 and not _data_differ(runs)
    sharing = "Sources and runs" if alike else "Sources"
    return (
        f"A score is the mean over {over}, ± its standard error over the {example}. "
        f"{sharing} share the {example}, so that differences between them are usually "
        "known better than their errors say; metrics.csv has the values of each."
    )


def _count(run):
    """The most examples that a score of a run is a mean over."""
    scores = [
        score for sources in run.part("scores").values() for score in sources.values()
    ]
    return max((score.get("count") or 0 for score in scores if score), default=0)


def _data_differ(runs):
    return len({run.part("data").get("fingerprint") for run in runs}) > 1


def _rows(runs):
    each = [_facts(run) for run in runs]
    names = dict.fromkeys(name for facts in each for name in facts)
    return [Row(name, [Cell(f.get(name, NOTHING)) for f in each]) for name in names]


def _facts(run):
    """Name -> text of what the record has of model and data."""
    data = dict(run.part("data"))
    of = data.pop("of", None)
    facts = {}
    for part, values in (("model", run.part("model")), ("data", data)):
        for name, value in values.items():
            facts[f"{part}: {name.replace('_', ' ')}"] = _text(value)
    if "clips" in data:
        count = facts.pop("data: clips")
        told = count if of is None else f"{count} of {_text(of)}"
        facts[f"data: {run.examples}"] = told
    return facts


def _text(value):
    if isinstance(value, dict):
        return "; ".join(f"{name} {text}" for name, text in flat(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    text = value_text(value)
    # A digest is recognised by its beginning; metrics.json has the whole of it.
    return f"{text[:12]} …" if re.fullmatch("[0-9a-f]{32,}", text) else text
