"""The report says what the table holds, and the table survives its file."""

import csv
import re

import numpy as np
import pytest
import reproduction_rows

from tfsigmavae.experiments.reproduction.checks import run_checks
from tfsigmavae.experiments.reproduction.plots import draw_plots
from tfsigmavae.experiments.reproduction.questions import find
from tfsigmavae.experiments.reproduction.report import StudyReport, write_report
from tfsigmavae.experiments.reproduction.table import (
    COLUMNS,
    Results,
    estimate,
    format_number,
    read_csv,
    write_csv,
)

NETWORK = {
    "network": "classifier of made-up layers",
    "epochs": 2,
    "num_train": 200,
    "num_test": 100,
    "test_accuracy": 0.8896,
    "sha256": "0123456789abcdef" * 4,
    "floor": 0.4,
    "floor_samples": 50,
}


def report(folder, features=NETWORK, plots=None, study=None, seeds=2, **changes):
    study = study or reproduction_rows.study()
    results = reproduction_rows.results(seeds, **changes)
    path = folder / "report.md"
    checks, findings = run_checks(results, study), find(results)
    told = StudyReport(study, results, features, checks, findings, plots or {})
    write_report(path, "quick", [told], ["Colour images: not run."], "It took long.")
    return path.read_text()


def row_of(text, start):
    return next(line for line in text.splitlines() if line.startswith(f"| {start}"))


def test_it_answers_by_figures_with_their_spread(tmp_path):
    text = report(tmp_path)
    for numeral in ("i", "ii", "iii", "iv", "v"):
        assert f"**({numeral}) " in text
    # -600 and -592 over two seeds; their standard deviation is sqrt(32).
    assert "-596 ± 5.66" in row_of(text, "optimal sigma | 2")
    assert "| 1337 ± 0.000 (n=2) | >= 1200 | pass |" in row_of(text, "C1")
    assert "*held*" in row_of(text, "optimal sigma: better ELBO than the best beta, e")
    assert "Gated checks: 20 of 20 passed." in text and "It took long." in text
    assert "Colour images: not run." in text


def test_what_did_not_hold_is_said_first_and_plainly(tmp_path):
    text = report(tmp_path)
    failed = text.partition("**Did not hold here:**")[2].partition("**Held:**")[0]
    assert "better samples than the beta with the best samples" in failed
    assert "beta 0.1 79.0" in failed


def test_failed_gates_are_named(tmp_path):
    text = report(tmp_path, unit={"rmse": 0.15})
    assert "Gated checks: 19 of 20 passed; failed: C3." in text
    assert row_of(text, "C3").endswith("| FAIL |")


def test_it_names_the_feature_network_and_the_counts(tmp_path):
    text = report(tmp_path)
    assert "50 prior samples, or of 50 reconstructions" in text
    assert "from 100 test images" in text
    assert "classifier of made-up layers" in text and "0123456789abcdef" in text
    assert "accuracy of 0.890" in text and "no FID" in text.replace("\n", " ")
    without = report(tmp_path, features={"network": None})
    assert "no labels" in without and "FD is left out" in without


def test_tables_are_whole(tmp_path):
    """Every row has as many cells as its head: a bar in a text would break it."""
    blocks = re.findall(r"(?:^\|.*\n)+", report(tmp_path), re.MULTILINE)
    assert len(blocks) == 5 + 3
    for block in blocks:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1, block


def test_plots_are_drawn_and_linked(tmp_path):
    pytest.importorskip("matplotlib")
    results = reproduction_rows.results()
    steps = [100, 200, 300]
    lines = {"step": steps, "negative_elbo": [9.0, 8.0, 7.0], "sigma": [0.3, 0.2, 0.1]}
    curves = dict.fromkeys(["optimal", "shared_fast", "shared"], lines)
    noise = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)
    names = ("samples", "reconstructions", "images")
    pictures = dict.fromkeys(["optimal", "unit"], dict.fromkeys(names, noise))
    plots = draw_plots(results, curves, pictures, tmp_path / "plots" / "made_up")
    assert len(plots) == 6 and all(
        path.stat().st_size > 5000 for path in plots.values()
    )
    text = report(tmp_path, plots=plots)
    for path in plots.values():
        assert f"](plots/made_up/{path.name})" in text


def test_plots_without_results_are_left_out(tmp_path):
    pytest.importorskip("matplotlib")
    assert draw_plots(Results([]), {}, {}, tmp_path) == {}


def test_a_report_of_nothing_run(tmp_path):
    study = reproduction_rows.study()
    results = Results([reproduction_rows.rows(1)[-1]])  # the logistic mixture alone
    told = StudyReport(
        study, results, NETWORK, run_checks(results, study), find(results), {}
    )
    write_report(tmp_path / "report.md", "quick", [told], [], "")
    text = (tmp_path / "report.md").read_text()
    assert "Optimal sigma: not run." in text
    assert "Gated checks: 2 of 2 passed." in text


def test_the_table_has_one_row_a_run_and_what_is_missing_is_empty(tmp_path):
    rows = reproduction_rows.rows()
    write_csv(rows, tmp_path / "results.csv")
    with open(tmp_path / "results.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(rows) and list(read[0]) == COLUMNS
    per_pixel = next(row for row in read if row["variant"] == "per_pixel")
    assert per_pixel["sigma"] == "" and float(per_pixel["fd"]) == 141.0


def test_the_file_is_read_as_it_was_written(tmp_path):
    rows = reproduction_rows.rows()
    rows[0]["diverged"], rows[0]["fd"] = True, float("nan")
    rows[1]["diverged"] = False
    write_csv(rows, tmp_path / "results.csv")
    read = read_csv(tmp_path / "results.csv")
    for row, expected in zip(read, rows, strict=True):
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            if isinstance(value, float):
                value = pytest.approx(value, rel=1e-6, nan_ok=True)
            assert row[name] == value, name
        assert {type(row[name]) for name in ("seed", "num_dims")} == {int}


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (2, "{} verdicts, each at 95%: if nothing differed"),
        (1, "No verdict: all comparisons are of one seed, or were not run."),
    ],
)
def test_it_says_how_many_verdicts_it_makes(tmp_path, seeds, words):
    findings = find(reproduction_rows.results(seeds))
    num = sum(found.verdict in ("held", "did not hold", "tie") for found in findings)
    assert (num > 0) == (seeds == 2)
    text = report(tmp_path, seeds=seeds)
    assert words.format(num) in text
    if num:
        assert f"up to {0.05 * num:.2f} of them" in text
    else:
        assert "- **Held:** nothing." in text and "- **Tie:** nothing." in text
        assert "- **One seed: no verdict:** optimal sigma" in text


def test_estimates():
    found = estimate([1.0, 2.0, 6.0])
    assert found.mean == 3.0 and found.count == 3
    assert found.spread == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert str(found) == "3.00 ± 2.65 (n=3)"
    assert str(estimate([5.0])) == "5.00 (n=1)" and estimate([]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(-563.7, "-564"), (52.44, "52.4"), (4.404, "4.40"), (0.1126, "0.113")]
    + [(3.1e-7, "3.1e-07"), (0.0, "0.000"), (None, "-"), (float("nan"), "-")],
)
def test_numbers_have_three_digits(value, text):
    assert format_number(value) == text
