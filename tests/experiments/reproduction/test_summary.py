"""Figures of the pages are those of the report that stands below them.

For as long as docs/ has no results.csv, from which `test_page.py` makes them all.
"""

import re

import pytest
from reproduction_page import DOCS, FOLDER

pytestmark = pytest.mark.skipif(
    (FOLDER / "results.csv").is_file(), reason="the pages are made from results.csv"
)
REPRODUCTION = (DOCS / "reproduction.md").read_text()
DECODERS = (DOCS / "decoders.md").read_text()
SUMMARY, REPORT = REPRODUCTION.split("## The report, as written")
GREY, COLOUR = REPORT.split("\n## fashion_mnist")[1].split("\n## cifar10_jpeg")

# A sentence, where a figure of the report belongs, the row of the report that has it.
DIFFERENCE = r".*difference (-?[\d.]+)"
VALUE = r"[^|]*\| (-?[\d.]+)"
FACTS = [
    ("by {:.0f} nats of 784", GREY, "best beta, each with its own sigma" + DIFFERENCE),
    ("by {:.0f} of 3072", COLOUR, "best beta, each with its own sigma" + DIFFERENCE),
    ("({:.0f} and 45 after", GREY, r"recalibrated \| -ELBO" + DIFFERENCE),
    ("and {:.0f} after recal", COLOUR, r"recalibrated \| -ELBO" + DIFFERENCE),
    (
        "a likelihood that is better by {:.0f} nats",
        COLOUR,
        r"per pixel has the better likelihood \| -ELBO" + DIFFERENCE,
    ),
    (
        "a distance that is smaller by {:.1f} of",
        COLOUR,
        r"for all pixels has the better samples \| FD:" + DIFFERENCE,
    ),
    (
        "of {:.1f} |",
        COLOUR,
        r"for all pixels has the better samples \| FD: optimal sigma ([\d.]+)",
    ),
    (
        "ahead by {:.0f} nats at step 1,000",
        GREY,
        r"rate x1 early \| -ELBO at step 1000" + DIFFERENCE,
    ),
    ("differed from optimal by {:.1f} +- 61.8", COLOUR, r"\| B \|" + VALUE),
    ("+- {:.1f} nats (limit 30)", COLOUR, r"\| B \|[^|]*\| -?[\d.]+ ± ([\d.]+)"),
    ("per pixel was {:.2f} times", COLOUR, r"\| F1 \|" + VALUE),
    ("and {:.2f} times in error", COLOUR, r"\| F2 \|" + VALUE),
    ("sigma {:.2f} times the best beta", COLOUR, r"\| I2 \|" + VALUE),
]


def flat(text):
    return " ".join(text.split())


def figure(report, row):
    found = re.findall(row, report)
    assert len(found) == 1, (row, found)
    return abs(float(found[0]))


@pytest.mark.parametrize(("sentence", "report", "row"), FACTS)
def test_a_figure_of_the_summary_is_that_of_the_report(sentence, report, row):
    assert sentence.format(figure(report, row)) in flat(SUMMARY)


def test_limits_met_are_counted():
    met, gated = re.search(r"Gated checks: (\d+) of (\d+) passed", REPORT).groups()
    assert f"Of {gated} gated limits, {met} were met" in flat(SUMMARY)
    late = 100 * figure(GREY, r"\| E2 \|" + VALUE)
    assert f"{late:.0f} % from its error" in flat(SUMMARY)


def test_early_verdicts_are_counted():
    verdicts = re.findall(r"rate x10 early \|.*\| \*(.*)\* \|", GREY + COLOUR)
    counts = [verdicts.count(word) for word in ("did not hold", "held", "tie")]
    assert len(verdicts) == sum(counts) == 4
    assert (
        f"{counts[0]} went to the learned sigma and {counts[1]} to the optimal one; "
        f"{counts[2]} are ties" in flat(SUMMARY)
    )


def table():
    """Rows of the results on Fashion-MNIST: decoder -> figures, means over seeds."""
    lines = GREY.split("### Results")[1].split("### Information")[0].splitlines()
    header, _, *rows = [line for line in lines if line.startswith("|")]
    names = [cell.strip() for cell in header.strip("|").split("|")]
    return {
        cells[0]: dict(zip(names, cells, strict=True))
        for cells in ([c.strip() for c in row.strip("|").split("|")] for row in rows)
    }


LABELS = {
    "`optimal_sigma`": "optimal sigma",
    "`shared_sigma`, rate x10": "shared sigma, rate x10",
    "`shared_sigma` *": "shared sigma, rate x1",
    "`optimal_sigma_per_image` *": "optimal sigma per image",
    "`fixed_sigma`, best beta (0.03)": "beta 0.03",
    "`fixed_sigma`, sigma 1": "unit variance (beta 2)",
    "`per_pixel_sigma`": "sigma per pixel",
    "`student_t` *": "Student's t",
    "`bitwise_categorical` *": "bitwise categorical",
    "`logistic_mixture` (M = 5) *": "logistic mixture",
    "`categorical` *": "categorical",
}
COLUMNS = ["root MSE", "KL", "bits/dim mass", "FD", "FD rec."]


def mean(cell):
    return float(cell.partition(" ")[0])


@pytest.mark.parametrize("name", LABELS)
def test_the_table_of_decoders_is_that_of_the_report(name):
    marked = DECODERS.split("<!-- decoders: begin -->")[1].split("<!-- decoders: end")[
        0
    ]
    (line,) = [x for x in marked.splitlines() if x.startswith(f"| {name} |")]
    _, cost, *cells = [cell.strip() for cell in line.strip("|").split("|")]
    row, unit = table()[LABELS[name]], table()["unit variance (beta 2)"]
    for cell, column in zip(cells, COLUMNS, strict=True):
        decimals = len(cell.partition(".")[2])
        assert cell == f"{mean(row[column]):.{decimals}f}", column
    assert cost == f"{mean(row['CPU s']) / mean(unit['CPU s']):.1f}"
    assert name.endswith("*") == (row["n"] == "1")


def test_sentences_about_the_decoders_are_those_of_the_report():
    rows = {name: table()[label] for name, label in LABELS.items()}
    optimal, unit = table()["optimal sigma"], table()["unit variance (beta 2)"]
    calibrated = [row for name, row in rows.items() if "fixed" not in name]
    rates = sorted(mean(row["KL"]) for row in calibrated)
    by_bits = sorted(calibrated, key=lambda row: mean(row["bits/dim mass"]))[:4]
    bits = ", ".join(f"{row['decoder']} {row['bits/dim mass']}" for row in by_bits)
    pixel, student = table()["sigma per pixel"], table()["Student's t"]
    others = [row for row in calibrated if row not in (pixel, student)]
    samples = sorted(mean(row["FD"]) for row in others)
    ahead = figure(GREY, "best beta, each with its own sigma" + DIFFERENCE)
    behind = figure(GREY, r"rate x10 at the end \| -ELBO" + DIFFERENCE)
    for sentence in (
        f"all keep {rates[0]:.0f} to {rates[-1]:.0f} nats in their latents where sigma "
        f"1 keeps {mean(unit['KL']):.0f}",
        f"is {ahead:g} nats below that of the best beta (*held*) and {behind:g} nats "
        "above that of `shared_sigma` at ten times the rate (*tie*)",
        f"largest distance ({mean(pixel['FD'])}; against the optimal sigma *held*), "
        f"then Student's t ({mean(student['FD'])}, one seed); the other calibrated "
        f"decoders have {samples[0]} to {samples[-1]}",
        f"{bits[0].upper()}{bits[1:]}: fewer than all Gaussians",
        f"Sigma per pixel has {mean(pixel['bits/dim mass'])}, against the optimal "
        f"sigma's {mean(optimal['bits/dim mass'])} (*held*)",
    ):
        assert sentence in flat(DECODERS)
    discrete = [
        mean(table()[name]["bits/dim mass"])
        for name in ("bitwise categorical", "logistic mixture", "categorical")
    ]
    bits = f"{min(discrete):.1f} to {max(discrete):.1f} bits/dim"
    against = f"against {mean(optimal['bits/dim mass']):.1f}"
    assert f"no verdict: {bits} {against}" in flat(SUMMARY)
    assert mean(pixel["FD"]) > mean(student["FD"]) > samples[-1]
