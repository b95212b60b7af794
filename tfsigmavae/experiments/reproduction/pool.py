"""Jobs in processes of their own, as many at a time as there are cores."""

import dataclasses
import math
import os
import pathlib
import subprocess
import sys
import time


@dataclasses.dataclass(frozen=True)
class Job:
    """A command that writes one file.

    Args:
        name: what progress lines call it.
        command: list of program and arguments.
        result: file that the command writes last; where it exists, the job is done.
        log: file for what the command prints.
        cost: estimated seconds, or any other unit as long as all jobs share it.
    """

    name: str
    command: list
    result: pathlib.Path
    log: pathlib.Path
    cost: float = 1.0


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_processes(processes) -> None:
    if processes < 1:
        raise ValueError(f"`processes` must be at least 1, got {processes!r}.")


def run_jobs(jobs, processes, describe=None, say=None) -> None:
    """Runs what is not done yet, in order, `processes` at a time.

    Each process gets its share of the cores; TensorFlow takes as many threads.

    Args:
        jobs: list of `Job`.
        processes: int >= 1.
        describe: function from a finished job to words for its progress line.
        say: function that takes the lines. Defaults to `None`, printing to stderr.

    Raises:
        ValueError: if `processes` is less than 1.
        ChildProcessError: if a command fails, naming its log; the others are ended.
        KeyboardInterrupt: on Ctrl-C, which the commands get as well.
    """
    check_processes(processes)
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    waiting = [job for job in jobs if not job.result.is_file()]
    if len(waiting) < len(jobs):
        say(f"{len(jobs) - len(waiting)} of {len(jobs)} are there already.")
    progress = _Progress(len(jobs), waiting, processes)
    running = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                job = waiting.pop(0)
                process = _start(job, max(1, available_cores() // processes))
                running.append((job, process, time.monotonic()))
            for entry in [entry for entry in running if entry[1].poll() is not None]:
                job, process, started = entry
                running.remove(entry)
                _check(job, process.returncode)
                words = f": {describe(job)}" if describe else ""
                say(progress.line(job, time.monotonic() - started, words))
            time.sleep(0.1)
    finally:
        _end([process for _, process, _ in running])


def _start(job, threads):
    job.log.parent.mkdir(parents=True, exist_ok=True)
    threads = str(threads)
    # As `tfsigmavae_commands.console` for the other commands that train.
    environment = (
        {"TF_ENABLE_ONEDNN_OPTS": "1"}
        | os.environ
        | {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes may share a GPU
        }
    )
    with job.log.open("a") as log:
        return subprocess.Popen(
            job.command, stdout=log, stderr=subprocess.STDOUT, env=environment
        )


def _check(job, returncode):
    if returncode == 130:
        raise KeyboardInterrupt
    if returncode or not job.result.is_file():
        last = job.log.read_text().strip().rpartition("\n")[2]
        raise ChildProcessError(
            f"{job.name} failed with exit code {returncode}: {last} See '{job.log}'. "
            "The same command goes on after the runs that are finished."
        )


def _end(processes):
    for process in processes:
        process.terminate()  # training goes on from its last checkpoint
    for process in processes:
        process.wait()


class _Progress:
    """Counts finished jobs and guesses the time that the others take."""

    def __init__(self, total, waiting, processes):
        self.total, self.finished = total, total - len(waiting)
        self.left = sum(job.cost for job in waiting)
        self.processes = processes
        self.done = self.seconds = 0.0

    def line(self, job, seconds, words):
        self.finished += 1
        self.seconds += seconds
        self.done += job.cost
        self.left -= job.cost
        # What is under way counts as still to be done: the guess is a little long.
        left = self.seconds / max(self.done, 1e-9) * self.left / self.processes
        left = f"; about {math.ceil(left / 60)} min left" if self.left > 0 else ""
        return (
            f"[{self.finished}/{self.total}] {job.name}, {seconds:.0f} s{words}{left}"
        )
