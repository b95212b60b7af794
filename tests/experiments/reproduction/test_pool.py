"""Jobs: each once, some at a time, and none goes on after a failure."""

import pathlib
import sys
import time

import pytest

from tfsigmavae.experiments.reproduction.pool import Job, run_jobs

# What a command does: note when it began, wait, write its result.
WORK = """
import pathlib, sys, time
result, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
started = time.time()
print('at work')
time.sleep(seconds)
with result.open('a') as file:
    file.write(f'{started} {time.time()}\\n')
"""


def job(folder, name, code=WORK, seconds=0.0, cost=1.0):
    result = folder / f"{name}.txt"
    command = [sys.executable, "-S", "-c", code, str(result), str(seconds)]
    return Job(name, command, result, folder / "logs" / f"{name}.log", cost)


def spans(jobs):
    lines = [line for job in jobs for line in job.result.read_text().splitlines()]
    return [tuple(map(float, line.split())) for line in lines]


def test_every_job_runs_once_and_finished_ones_never_again(tmp_path):
    jobs = [job(tmp_path, str(i)) for i in range(3)]
    lines = []
    run_jobs(jobs[:2], 2, say=lines.append)
    run_jobs(jobs, 2, say=lines.append)
    run_jobs(jobs, 2, say=lines.append)
    assert len(spans(jobs)) == 3
    assert jobs[0].log.read_text() == "at work\n"
    assert "2 of 3 are there already." in lines
    assert lines[-1] == "3 of 3 are there already."


@pytest.mark.parametrize("processes", [1, 2])
def test_no_more_than_so_many_at_a_time(tmp_path, processes):
    jobs = [job(tmp_path, str(i), seconds=0.2) for i in range(4)]
    run_jobs(jobs, processes, say=lambda line: None)
    found = spans(jobs)
    together = max(sum(a <= start < b for a, b in found) for start, _ in found)
    assert together <= processes


def test_lines_tell_progress_figures_and_time_left(tmp_path):
    jobs = [job(tmp_path, name, cost=100.0) for name in ("first", "second")]
    lines = []
    run_jobs(jobs, 1, describe=lambda job: f"score of {job.name}", say=lines.append)
    assert lines[0].startswith("[1/2] first, ")
    assert lines[0].endswith("score of first; about 1 min left")
    assert lines[1].startswith("[2/2] second, ") and "left" not in lines[1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ValueError('broken')", "exit code 1: ValueError: broken See .*bad.log"),
        ("pass", "bad failed with exit code 0"),  # and wrote nothing
    ],
)
def test_a_failure_ends_the_others_and_names_the_log(tmp_path, code, words):
    slow = job(tmp_path, "slow", seconds=60.0)
    bad = job(tmp_path, "bad", code)
    later = job(tmp_path, "later")
    started = time.monotonic()
    with pytest.raises(ChildProcessError, match=words):
        run_jobs([slow, bad, later], 2, say=lambda line: None)
    assert time.monotonic() - started < 30.0
    assert not slow.result.exists() and not later.result.exists()


@pytest.mark.parametrize("processes", [0, -1])
def test_less_than_one_process_is_an_error(tmp_path, processes):
    with pytest.raises(ValueError, match=f"`processes` must be .* 1, got {processes}"):
        run_jobs([job(tmp_path, "any")], processes)


def test_an_interrupted_job_interrupts(tmp_path):
    interrupted = job(tmp_path, "interrupted", "import sys; sys.exit(130)")
    with pytest.raises(KeyboardInterrupt):
        run_jobs([interrupted], 1, say=lambda line: None)


def test_threads_are_the_share_of_the_cores(tmp_path, monkeypatch):
    from tfsigmavae.experiments.reproduction import pool

    monkeypatch.setattr(pool, "available_cores", lambda: 6)
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    code = (
        "import os, pathlib, sys\n"
        f"found = [os.environ[name] for name in {names}]\n"
        "pathlib.Path(sys.argv[1]).write_text(' '.join(found))"
    )
    asked = job(tmp_path, "asked", code)
    run_jobs([asked], 2, say=lambda line: None)
    assert pathlib.Path(asked.result).read_text() == "3 3 3"
