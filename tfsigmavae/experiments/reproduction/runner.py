"""Plans, runs, judges and reports the reproduction."""

import dataclasses
import pathlib
import sys
import tempfile

import numpy as np
import tensorflow as tf

from tfsigmavae.backend import require
from tfsigmavae.experiments.image_experiment import ImageExperiment
from tfsigmavae.experiments.reproduction.cost import (
    SCORING_SECONDS,
    cost_in_words,
    estimated_cost,
)
from tfsigmavae.experiments.reproduction.existing import check_existing
from tfsigmavae.experiments.reproduction.files import Files
from tfsigmavae.experiments.reproduction.finding import VERDICTS
from tfsigmavae.experiments.reproduction.judging import draw, judge
from tfsigmavae.experiments.reproduction.plan import Study, make_plan
from tfsigmavae.experiments.reproduction.pool import (
    Job,
    available_cores,
    check_processes,
    run_jobs,
)
from tfsigmavae.experiments.reproduction.report import write_report
from tfsigmavae.experiments.reproduction.table import (
    format_number,
    make_row,
    read_csv,
    write_csv,
)
from tfsigmavae.files import read_json, write_json
from tfsigmavae.pictures import write_png
from tfsigmavae.typing import PathLike

_WORKER = "tfsigmavae.experiments.reproduction.worker"


def reproduce(
    preset: str = "quick",
    output: PathLike | None = None,
    data: str = "fashion_mnist",
    color_data: PathLike | None = None,
    root: PathLike | None = None,
    processes: int | None = None,
) -> dict:
    """Runs the paper's comparison of decoders and judges what it claims.

    Every run is a process of its own, in a folder of its own: the same call goes on
    after the runs that are finished. `output` holds `report.md`, `results.csv` and
    `plots/`; see `files` for the rest.

    Args:
        preset: `"quick"` (a few minutes on two cores), `"laptop"` (three quarters of an
            hour) or `"paper"` (the full schedules, for a GPU). Defaults to `"quick"`.
        output: folder. Defaults to `None`: `"runs/reproduce-PRESET"`.
        data: grey images (in `"paper"` SVHN), see `tfsigmavae.data.images.load`.
            Defaults to `"fashion_mnist"`, whose figures the checks were measured by.
        color_data: 32x32 colour images. Defaults to `None`: left out.
        root: folder of the files of a named data set. Defaults to `None`.
        processes: int, runs at a time. Defaults to `None`: one a core, on a GPU one.

    Returns:
        dict: `report` and `results`, paths; `held`, `did not hold`, `tie`, `no verdict`
        (one seed), `not run`, `diverged`, numbers of claims; `failed`, the gated
        checks that failed, by name.

    Raises:
        ImportError: if Matplotlib is not installed.
        FileNotFoundError, ValueError: see `tfsigmavae.data.images.load`.
        ValueError: if `processes` is less than 1, or `output` holds runs with other
            options.
        ChildProcessError: if a run fails, naming its log.
    """
    studies, skipped = _with_data(make_plan(preset, data, color_data, root))
    if not color_data:
        skipped.append("Colour images: not run, none were given.")
    if processes is None:
        on_gpu = tf.config.list_physical_devices("GPU")
        processes = 1 if on_gpu else available_cores()
    output = output or f"runs/reproduce-{preset}"
    return run_studies(studies, preset, output, processes, skipped)


def run_studies(studies, preset, output, processes, skipped=()) -> dict:
    """What `reproduce` does, for any list of `Study`.

    Args:
        studies: list of `Study`, with keys of their own.
        preset: name for the report.
        output, processes: see `reproduce`.
        skipped: sentences for the report on what is left out. Defaults to none.

    Returns:
        See `reproduce`.
    """
    check_processes(processes)
    require("matplotlib", "reproduce")  # now, not after an hour
    files = Files(pathlib.Path(output))
    runs = {run.name: run for study in studies for run in study.runs()}
    plan = _as_json(studies, runs)
    check_existing(files, plan)
    write_json(files.plan, plan)
    _say(estimated_cost(runs.values(), processes))
    features = [_job(files, "features", study.key) for study in studies]
    run_jobs(features, 1, say=lambda line: _say(f"Feature network {line}"))
    run_jobs(
        [_job(files, "run", name, run.cost) for name, run in runs.items()],
        processes,
        describe=lambda job: _in_words(make_row(runs[job.name], files)),
    )
    rows = [make_row(run, files) for run in runs.values()]
    write_csv(rows, files.results)
    # From the file: nothing stands in the report that the file does not hold.
    rows = read_csv(files.results)
    reports = [
        judge(
            study,
            rows,
            read_json(files.features_record(study.key)),
            draw(study, rows, files),
        )
        for study in studies
    ]
    cost = cost_in_words(studies, rows, processes)
    write_report(files.report, preset, reports, skipped, cost)
    return _outcome(reports, files)


def dry_run() -> dict:
    """Runs two steps of a small comparison, and all that follows, on noise.

    Returns:
        As `reproduce`; nothing is kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        outcome = run_studies([noise_study(folder)], "dry run", folder / "run", 1)
    return {key: outcome[key] for key in outcome if key not in ("report", "results")}


def noise_study(folder, variants=("optimal", "unit"), steps=2) -> Study:
    """A study of grey noise, which is written to `folder / "noise"`."""
    rng = np.random.default_rng(0)
    for split, num in [("train", 80), ("test", 40)]:
        for label in "ab":
            path = folder / "noise" / split / label
            for i in range(num // 2):
                noise = rng.integers(0, 256, (8, 8, 1), dtype=np.uint8)
                write_png(path / f"{i}.png", noise)
    options = {
        "data": str(folder / "noise"),
        "num_test": 40,
        "model_options": {"latent_size": 2, "widths": [2, 2]},
        "steps": steps,
        "batch_size": 4,
    }
    return Study("noise", options, dict.fromkeys(variants, 1), num_samples=40)


def _with_data(studies):
    """The studies whose files are there, and a sentence for each other one.

    The first is what was asked for; the others come with a preset.
    """
    found, missing = [], []
    for study in studies:
        try:
            ImageExperiment(**study.options).test_images  # noqa: B018
        except FileNotFoundError as error:
            if study is studies[0]:
                raise
            missing.append(f"{study.key}: not run. {error}")
        else:
            found.append(study)
    return found, missing


def _as_json(studies, runs):
    return {
        "studies": {study.key: dataclasses.asdict(study) for study in studies},
        "runs": {
            name: {
                "name": name,
                "study": run.study,
                "options": run.experiment.options(),
            }
            for name, run in runs.items()
        },
    }


def _job(files, kind, name, cost=1.0):
    results = {"features": files.features_record, "run": files.scores}
    return Job(
        name,
        [sys.executable, "-m", _WORKER, str(files.output), kind, name],
        results[kind](name),
        files.log(f"{kind}-{name}"),
        cost + SCORING_SECONDS,
    )


def _in_words(row):
    if row["diverged"]:
        return "diverged"
    figures = [f"-ELBO {format_number(row['negative_elbo'])}"]
    for name, column in [("root MSE", "rmse"), ("FD", "fd")]:
        if row[column] is not None:
            figures.append(f"{name} {format_number(row[column])}")
    return ", ".join(figures)


def _outcome(reports, files):
    findings = [finding.verdict for report in reports for finding in report.findings]
    return {
        **{verdict: findings.count(verdict) for verdict in VERDICTS},
        "failed": [
            f"{report.study.key} {check.key}"
            for report in reports
            for check in report.checks
            if check.failed
        ],
        "report": str(files.report),
        "results": str(files.results),
    }


def _say(line):
    print(line, file=sys.stderr, flush=True)
