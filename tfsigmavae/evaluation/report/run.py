"""The evaluations of a report, each with the name that it goes by."""

from typing import NamedTuple


class Run(NamedTuple):
    """One evaluation.

    Args:
        label: title, told apart from those of the others.
        found: content of its `metrics.json`.
    """

    label: str
    found: dict

    @property
    def examples(self) -> str:
        """What the scores are means over."""
        return "images" if self.found.get("kind") == "image" else "clips"

    def part(self, name) -> dict:
        """What there is under a name; an empty dict where there is nothing."""
        return self.found.get(name) or {}


def name_runs(evaluations) -> list[Run]:
    """The runs by title; titles that come up more than once are numbered."""
    titles = [str(found.get("title", "evaluation")) for found in evaluations]
    runs = []
    for number, (title, found) in enumerate(zip(titles, evaluations, strict=True), 1):
        label = f"{title} ({number})" if titles.count(title) > 1 else title
        runs.append(Run(label, found))
    return runs


def keys_of(runs, part) -> list[str]:
    """Names in a part of the evaluations, in the order in which they come up."""
    return list(dict.fromkeys(key for run in runs for key in run.part(part)))


def labelled(run, label, runs) -> str:
    """What a line or row is called: by its run as well, where there are several."""
    return label if len(runs) == 1 else f"{run.label}: {label}"
