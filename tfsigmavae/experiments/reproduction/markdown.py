"""Tables in Markdown."""

import math

from tfsigmavae.experiments.reproduction.plan import VARIANTS
from tfsigmavae.experiments.reproduction.table import format_number


def results_table(results, columns, variants) -> list:
    """Lines of a table of means over seeds.

    Args:
        results: `Results`.
        columns: heading -> column, or `None` for the number of seeds.
        variants: one row each.
    """
    lines = [
        f"| decoder | {' | '.join(name.strip() for name in columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for key in variants:
        figures = [_figure(results, key, column) for column in columns.values()]
        lines.append(f"| {VARIANTS[key].label} | {' | '.join(figures)} |")
    return lines


def _figure(results, variant, column):
    if column is None:
        return str(len(results.of(variant, "kl")))
    found = results.estimate(variant, column)
    if found is None:
        return "-"
    if not math.isfinite(found.mean):
        return "diverged"
    spread = f" ± {format_number(found.spread)}" if found.count > 1 else ""
    return format_number(found.mean) + spread


def cell(text) -> str:
    """Text that does not end the cell of a table."""
    return text.replace("|", "\\|")
