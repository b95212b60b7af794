"""The report as one HTML file, which needs no other and no network."""

import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfsigmavae import files
from tfsigmavae.evaluation.report import (
    appendix,
    calibration,
    differences,
    distances,
    gallery,
    headline,
    horizon,
    latents,
    likelihood,
    overview,
    svg,
    training_curves,
)
from tfsigmavae.evaluation.report.picture import Picture
from tfsigmavae.evaluation.report.run import name_runs
from tfsigmavae.typing import PathLike


def write_report(
    path: PathLike,
    evaluations: Sequence[Mapping[str, Any]],
    pictures: Sequence[Picture] = (),
    training: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] | None = None,
    tables: Mapping[str, Any] | None = None,
    explanation: str = "",
    paired: Sequence[Mapping[str, Any]] = (),
) -> pathlib.Path:
    """Writes the page of an evaluation, of several side by side, or of a training run.

    What is missing in an evaluation has no section.

    Args:
        path: file to write, such as `runs/demo/report.html`.
        evaluations: list of dicts, each the content of a `metrics.json`; at least its
            `"title"`. With several of them, what they have is set side by side.
        pictures: list of `Picture`. Defaults to none.
        training: list of (title, rows of a `history.csv`), see `read_history`. Defaults
            to none.
        tables: heading -> dict of name -> JSON value, such as options. Defaults to
            none.
        explanation: what stands below the pictures. Defaults to nothing.
        paired: for each evaluation after the first, how it differs from that one, see
            `paired_differences`. Defaults to none.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        ValueError: if there is no evaluation.

    Example:
        >>> metrics = json.loads(pathlib.Path("runs/demo/metrics.json").read_text())
        >>> write_report("runs/demo/report.html", [metrics])
    """
    if not evaluations:
        raise ValueError('`evaluations` must hold at least one dict with a "title".')
    runs = name_runs(evaluations)
    title = " · ".join(run.label for run in runs)
    sections = _sections(
        runs, pictures, training or [], tables or {}, explanation, paired
    )
    return files.write_text(path, _render(title, sections))


def _sections(runs, pictures, training, tables, explanation, paired):
    found = [
        overview.section(runs),
        differences.section(runs, paired),
        headline.section(runs),
        gallery.section(pictures, explanation),
        horizon.section(runs),
        distances.section(runs),
        calibration.section(runs),
        likelihood.section(runs),
        latents.section(runs),
        training_curves.section(training, runs),
        *appendix.sections(runs, tables),
    ]
    return [section for section in found if section is not None]


def _render(title, sections):
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfsigmavae.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )
    template = environment.get_template("page.html.jinja")
    # Each drawing has names of its own for its parts.
    counter = itertools.count(1)

    def numbered(text):
        return markupsafe.Markup(svg.with_number(text, next(counter)))

    return template.render(title=title, sections=sections, numbered=numbered)


def _unbroken(value):
    """A percent sign stays beside its number, and so does an error."""
    if type(value) is not str:
        return value
    space = "\N{NO-BREAK SPACE}"
    return value.replace(" %", f"{space}%").replace(" ± ", f"{space}±{space}")
