"""The table of all numbers, read back."""

import csv

import numpy as np

from tfsigmavae.evaluation.tidy_csv import write_tidy_csv


def test_each_number_has_its_row(tmp_path):
    samples = np.arange(12.0).reshape(2, 3, 2)
    last = np.array([[0.5, np.nan], [1 / 3, 2.0]])
    blocks = [("sample", "psnr", samples, 1), ("copy_last", "psnr", last, 1)]
    blocks.append(("model", "kl", last, -1))
    write_tidy_csv(tmp_path / "metrics.csv", blocks)
    with open(tmp_path / "metrics.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 12 + 4 + 4
    for clip, sample, step in np.ndindex(samples.shape):
        [row] = [
            row
            for row in rows
            if (row["source"], row["clip"], row["sample"], row["step"])
            == ("sample", str(clip), str(sample), str(step + 1))
        ]
        assert float(row["value"]) == samples[clip, sample, step]
        assert row["metric"] == "psnr"
    others = [row for row in rows if row["source"] == "copy_last"]
    assert [row["value"] for row in others] == ["0.5", "", "0.333333", "2"]
    assert {row["sample"] for row in others} == {""}
    assert [row["step"] for row in rows if row["source"] == "model"][:2] == ["-1", "0"]


def test_values_of_images_have_no_step(tmp_path):
    write_tidy_csv(tmp_path / "metrics.csv", [("model", "kl", [1.5, 2.0], 1)])
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[1:] == ["0,model,,,kl,1.5", "1,model,,,kl,2"]
