"""The parts of docs/ that are written from docs/reproduction/results.csv.

    python tests/reproduction_page.py OUTPUT

takes the results of `reproduce.py --preset laptop --output OUTPUT` into docs/, its
plots among them, and writes these parts again; `experiments/reproduction/test_page.py`
compares.
"""

import pathlib
import shutil
import sys

from tfsigmavae.experiments.reproduction.cost import cost_in_words
from tfsigmavae.experiments.reproduction.finding import QUESTIONS
from tfsigmavae.experiments.reproduction.judging import judge
from tfsigmavae.experiments.reproduction.markdown import cell
from tfsigmavae.experiments.reproduction.plan import SEARCHED_BETAS, VARIANTS, make_plan
from tfsigmavae.experiments.reproduction.plots import CAPTIONS
from tfsigmavae.experiments.reproduction.report import report_text
from tfsigmavae.experiments.reproduction.table import format_number, read_csv
from tfsigmavae.files import read_json, write_json, write_text

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
FOLDER = DOCS / "reproduction"
# What the sets of pictures are called; the second one by its file, without a folder.
STUDIES = {"fashion_mnist": "Fashion-MNIST", "cifar10_jpeg": "CIFAR-10 JPEG"}
PRESET = {"preset": "laptop", "color_data": "cifar10_jpeg.zip"}
_NUMERALS = ("i", "ii", "iii", "iv", "v")


def rows():
    return read_csv(FOLDER / "results.csv")


def reports(rows):
    """`StudyReport` of each study, with the plots that docs/ holds."""
    features = read_json(FOLDER / "features.json")
    return [
        judge(study, rows, features[study.key], _plots(study.key))
        for study in make_plan(**PRESET)
    ]


def _plots(key):
    paths = {text: FOLDER / f"{key}-{name}.png" for name, text in CAPTIONS.items()}
    return {text: path for text, path in paths.items() if path.is_file()}


def report_part(rows):
    """The whole report, without its own title."""
    told = reports(rows)
    cost = cost_in_words([report.study for report in told], rows, processes=2)
    text = report_text(DOCS, PRESET["preset"], told, [], cost)
    return text.partition("\n\n")[2].rstrip("\n")


def summary_part(rows):
    """A row a claim, all its figures and verdicts in it, and the limits missed."""
    told = reports(rows)
    lines = [f"| claim | {' | '.join(STUDIES.values())} |", "|---" * 3 + "|"]
    numerals = dict(zip(QUESTIONS, _NUMERALS, strict=True))
    for number, claim in dict.fromkeys(
        (found.question, found.claim) for found in told[0].findings
    ):
        cells = [_verdicts(report, claim) for report in told]
        lines.append(f"| ({numerals[number]}) {claim} | {' | '.join(cells)} |")
    checks = [
        (STUDIES[report.study.key], check)
        for report in told
        for check in report.checks
        if check.gated and check.passed is not None
    ]
    failed = [
        f"- {key} {check.key}, {check.claim}: {check.value}, limits {check.limits}."
        for key, check in checks
        if check.failed
    ]
    met = f"Of {len(checks)} gated limits, {len(checks) - len(failed)} were met"
    source = (
        "The measurements are in [results.csv](reproduction/results.csv), a row a run; "
        "a test makes the tables of this page from them again and checks its sentences."
    )
    met += ". The others:" if failed else "."
    return "\n".join([*lines, "", met, *failed, "", source])


def _verdicts(report, claim):
    """Verdict, column and difference of each figure of a claim."""
    texts = []
    for found in report.findings:
        if found.claim == claim:
            column, _, rest = found.figures.partition(": ")
            difference = rest.partition("difference ")[2].partition(" (n=")[0]
            figure = f"{column} {difference}" if difference else cell(found.figures)
            texts.append(f"*{found.marked_verdict}*, {figure}")
    if all(text.startswith("*not run*") for text in texts):
        return "*not run*"
    return "; ".join(texts)


_DECODERS = [
    ("`optimal_sigma`", "optimal"),
    ("`shared_sigma`, rate x10", "shared_fast"),
    ("`shared_sigma`", "shared"),
    ("`optimal_sigma_per_image`", "per_image"),
    ("`fixed_sigma`, best beta ({beta:g})", None),
    ("`fixed_sigma`, sigma 1", "unit"),
    ("`per_pixel_sigma`", "per_pixel"),
    ("`student_t`", "student_t"),
    ("`bitwise_categorical`", "bitwise"),
    ("`logistic_mixture` (M = 5)", "logistic_mixture"),
    ("`categorical`", "categorical"),
]
_COLUMNS = {
    "root MSE": "rmse",
    "KL": "kl",
    "bits/dim mass": "bits_per_dim_mass",
    "FD samples": "fd",
    "FD reconstructions": "fd_reconstructions",
}


def decoders_part(rows):
    """Means over seeds on Fashion-MNIST."""
    results = reports(rows)[0].results
    lines = [f"| name | cost | {' | '.join(_COLUMNS)} |", "|---" * 7 + "|"]
    for name, variant in _DECODERS:
        variant = variant or results.best(SEARCHED_BETAS, "negative_elbo")
        name = name.format(beta=VARIANTS[variant].beta)
        name += " *" if results.estimate(variant, "kl").count == 1 else ""
        cells = [f"{cost(results, variant):.1f}"]
        cells += [mean(results, variant, column) for column in _COLUMNS.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cost(results, variant):
    """CPU time of training, of a fixed sigma 1."""
    seconds = [results.estimate(key, "cpu_seconds").mean for key in (variant, "unit")]
    return seconds[0] / seconds[1]


def mean(results, variant, column):
    return format_number(results.estimate(variant, column).mean)


PARTS = [
    ("reproduction.md", "summary", summary_part),
    ("reproduction.md", "report", report_part),
    ("decoders.md", "decoders", decoders_part),
]


def between_marks(page, name, text=None):
    """What stands between the marks of a part of a page; with `text`, the new page."""
    marks = [f"<!-- {name}: {word} -->" for word in ("begin", "end")]
    old = (DOCS / page).read_text()
    before, found, rest = old.partition(f"{marks[0]}\n")
    part, found_end, after = rest.partition(f"\n{marks[1]}")
    if not (found and found_end):
        raise ValueError(f"'{page}' has no marks of a part '{name}'.")
    return part if text is None else before + found + text + found_end + after


def take(output):
    """Takes the results, records of features and plots of an output folder."""
    shutil.copy(output / "results.csv", FOLDER / "results.csv")
    records = {
        key: read_json(output / "features" / key / "features.json") for key in STUDIES
    }
    write_json(FOLDER / "features.json", records)
    for plot in (output / "plots").glob("*/*.png"):
        shutil.copy(plot, FOLDER / f"{plot.parent.name}-{plot.name}")


def write():
    for page, name, make in PARTS:
        write_text(DOCS / page, between_marks(page, name, make(rows())))


if __name__ == "__main__":
    take(pathlib.Path(sys.argv[1]))
    write()
