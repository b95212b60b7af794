"""The report: what held, what did not, and by which figures."""

import collections
import dataclasses
import math
import os

from tfsigmavae.experiments.reproduction.finding import (
    ERROR_RATE,
    QUESTIONS,
    TIE_BITS,
    TIE_NATS_PER_DIM,
    TIE_SHARE,
    student_quantile,
)
from tfsigmavae.experiments.reproduction.markdown import cell, results_table
from tfsigmavae.experiments.reproduction.plan import VARIANTS, Study
from tfsigmavae.experiments.reproduction.report_notes import (
    information_note,
    results_note,
    set_up,
)
from tfsigmavae.experiments.reproduction.table import Results, format_number

_TABLE = {
    "n": None,
    "sigma": "sigma",
    "2 sigma^2": "effective_beta",
    "root MSE": "rmse",
    "KL": "kl",
    "-ELBO": "negative_elbo",
    "-ELBO recal.": "negative_elbo_recalibrated",
    "bits/dim bridge": "bits_per_dim",
    "bits/dim mass": "bits_per_dim_mass",
    "FD": "fd",
    "FD rec.": "fd_reconstructions",
    "CPU s": "cpu_seconds",
}
_INFORMATION = {
    "2 sigma^2": "effective_beta",
    "rate": "kl",
    "I(x; z) at least": "information",
    "at most": "information_limit",
    "gap KL(m \\|\\| p) at least": "prior_gap_limit",
    "at most ": "prior_gap",
    "bound gain": "bound_gain",
}


_NUMERALS = ("i", "ii", "iii", "iv", "v")


@dataclasses.dataclass(frozen=True)
class StudyReport:
    """All of one study that goes into the report.

    Args:
        study: `Study`.
        results: its `Results`.
        features: record of its feature network, see `train_features`.
        checks, findings: see `run_checks` and `questions.find`.
        plots: caption -> path.
    """

    study: Study
    results: Results
    features: dict
    checks: list
    findings: list
    plots: dict


def write_report(path, preset, studies, skipped, cost) -> None:
    """Writes the report in Markdown.

    Args:
        path: of the report; pictures are linked relative to it.
        preset: name of the preset.
        studies: list of `StudyReport`.
        skipped: list of sentences on what was left out.
        cost: sentence on what it took.
    """
    path.write_text(report_text(path.parent, preset, studies, skipped, cost))


def report_text(folder, preset, studies, skipped, cost) -> str:
    """Composes what `write_report` writes into a folder."""
    lines = ["# Does the sigma-VAE reproduce?", ""]
    lines += [f"Preset `{preset}`. {cost} {_gates(studies)}", *skipped]
    lines += ["", _number_of_verdicts(studies)]
    for study in studies:
        lines += ["", f"## {study.study.key}", "", set_up(study)]
        lines += ["", *_plainly(study.findings)]
        lines += [*_questions(study.findings), *_checks(study.checks)]
        lines += ["", "### Results", "", results_note()]
        lines += ["", *results_table(study.results, _TABLE, study.results.variants())]
        lines += ["", "### Information", "", information_note(study)]
        lines += [_landing(study.results)]
        lines += [
            "",
            *results_table(study.results, _INFORMATION, _along_beta(study.results)),
        ]
        for caption, plot in study.plots.items():
            link = os.path.relpath(plot, folder).replace(os.sep, "/")
            lines += ["", f"### {caption}", "", f"![{caption}]({link})"]
    return "\n".join(lines) + "\n"


def _number_of_verdicts(studies):
    """How many tests the report makes, and how many of them chance would fail."""
    findings = [finding for study in studies for finding in study.findings]
    num = sum(finding.is_tested for finding in findings)
    if not num:
        return "No verdict: all comparisons are of one seed, or were not run."
    chance = format_number(ERROR_RATE * num)
    return (
        f"{num} verdicts, each at {1 - ERROR_RATE:.0%}: if nothing differed from "
        f"anything, up to {chance} of them would be *held* or *did not hold* by chance "
        "alone."
    )


def _gates(studies):
    checks = [check for study in studies for check in study.checks]
    gated = [check for check in checks if check.gated and check.passed is not None]
    failed = [check.key for check in gated if check.failed]
    words = f"Gated checks: {len(gated) - len(failed)} of {len(gated)} passed"
    return f"{words}; failed: {', '.join(failed)}." if failed else f"{words}."


def _plainly(findings):
    """One sentence a verdict, so that failures are not lost in a table."""
    by_verdict = collections.defaultdict(dict)  # verdict -> claim -> figures
    for finding in findings:
        figures = by_verdict[finding.verdict].setdefault(finding.claim, [])
        figures.append(finding.figures.partition(":")[0])
    failed = [
        f"  - {finding.claim}. {cell(finding.figures)}"
        for finding in findings
        if finding.verdict == "did not hold"
    ]
    lines = ["- **Did not hold here:**" + ("" if failed else " nothing."), *failed]
    words = {"held": "Held", "tie": "Tie", "not run": "Not run"}
    if "no verdict" in by_verdict:
        words["no verdict"] = "One seed: no verdict"
    if "diverged" in by_verdict:
        words["diverged"] = "Diverged"
    for verdict, word in words.items():
        claims = [
            f"{claim} ({', '.join(figures)})"
            for claim, figures in by_verdict[verdict].items()
        ]
        lines.append(f"- **{word}:** {'; '.join(claims) or 'nothing'}.")
    return lines


def _questions(findings):
    lines = [
        "",
        "### The five questions",
        "",
        "*held*: the difference has the claimed sign and exceeds the margin; *did not "
        "hold*: it has the other sign and exceeds it; *tie*: it lies within, or bounds "
        "overlap; *one seed: no verdict*: how far seeds scatter is not known; "
        "*diverged*: a run that it needs did. The margin is half the 95 % interval of "
        "the mean difference over seeds (standard error times the 97.5 % quantile of "
        f"Student's t, {student_quantile(0.975, 1):.1f} for two seeds, "
        f"{student_quantile(0.975, 2):.1f} for three), so that of two equal decoders "
        "at most 5 % get *held* or *did not hold*. It is at least "
        f"{TIE_NATS_PER_DIM:.3f} nats per pixel value, {TIE_BITS:g} bits/dim, or "
        f"{100 * TIE_SHARE:g} % of an FD: less is too little to matter. Optimal sigma "
        "against the best beta holds if it holds against each, and does not if it "
        "fails against one at 95 % / (number of betas): the best of many equals is "
        "ahead by chance.",
    ]
    for numeral, (number, question) in zip(_NUMERALS, QUESTIONS.items(), strict=True):
        lines += ["", f"**({numeral}) {question}**", ""]
        lines += ["| claim | figures | verdict |", "|---|---|---|"]
        lines += [
            f"| {found.claim} | {cell(found.figures)} | *{found.marked_verdict}* |"
            for found in findings
            if found.question == number
        ]
    return lines


def _landing(results):
    """Question (iv) in one sentence."""
    low = results.estimate("optimal", "information")
    if low is None:
        return "Optimal sigma: not run."
    if not math.isfinite(low.mean):
        return "Optimal sigma: diverged."
    high = results.estimate("optimal", "information_limit")
    beta = results.estimate("optimal", "effective_beta")
    return (
        f"Optimal sigma lands at beta {beta} with a rate of "
        f"{results.estimate('optimal', 'kl')} nats, of which between {low} and {high} "
        "are information about the image; the rest is the gap to the prior."
    )


def _checks(checks):
    lines = [
        "",
        "### Acceptance checks",
        "",
        "Only figures whose limits were measured for this kind of data and schedule "
        "are gated.",
        "",
        "| | figure | value | limits | verdict |",
        "|---|---|---|---|---|",
    ]
    for check in checks:
        note = f" ({check.note})" if check.note else ""
        value = "-" if check.value is None else str(check.value)
        claim = cell(check.claim + note)
        lines.append(
            f"| {check.key} | {claim} | {value} | {check.limits} | {check.verdict} |"
        )
    return lines


def _along_beta(results):
    """The beta-VAEs, and the sigma-VAEs at their place among them."""
    keys = [
        key
        for key in results.variants()
        if VARIANTS[key].beta is not None or key in ("optimal", "shared_fast")
    ]
    betas = {key: results.estimate(key, "effective_beta").mean for key in keys}
    return sorted(keys, key=lambda key: (math.isnan(betas[key]), betas[key]))
