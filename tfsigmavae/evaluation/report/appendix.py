"""What is looked up: options, other tables, the environment."""

import re

from tfsigmavae.evaluation.report.blocks import Facts, Section
from tfsigmavae.evaluation.report.numbers import flat
from tfsigmavae.evaluation.report.run import labelled

# A longer table opens on demand.
_SHORT = 30


def sections(runs, tables) -> list[Section]:
    """A section a table, and one of the environments."""
    found = []
    for number, (heading, values) in enumerate(tables.items(), 1):
        rows = list(flat(values))
        slug = re.sub("[^a-z0-9]+", "-", heading.lower()).strip("-")
        entries = "1 entry" if len(rows) == 1 else f"{len(rows)} entries"
        facts = Facts(entries, rows, len(rows) <= _SHORT)
        found.append(Section(f"table-{number}-{slug}", heading, [facts]))
    rows = [
        (labelled(run, name, runs), text)
        for run in runs
        for name, text in flat(_environment(run))
    ]
    if rows:
        facts = Facts("Versions and machine", rows)
        found.append(Section("environment", "Environment", [facts]))
    return found


def _environment(run):
    seconds = run.found.get("seconds")
    found = dict(run.part("environment"))
    return found if seconds is None else found | {"seconds of evaluation": seconds}
