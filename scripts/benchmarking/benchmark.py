"""One case, from its gate to its result."""

import contextlib
import sys
import tempfile

from benchmarking import environment
from benchmarking.processes import Process
from benchmarking.rounds import measure_rounds
from benchmarking.summary import PEAK, summarise

_PEAK = {
    "module": "benchmarking.peak",
    "peak_batch": 64,
    "peak_matmul": 3072,
    "steps": 1,
}


class GateError(Exception):
    """Programs that should compute the same do not: no timing of them counts."""


def run_cases(jobs, num_rounds, say=None):
    """Measures cases one after the other, until one is stopped.

    Args:
        jobs: list of (name, `Case`, variants), as of `run_case`.
        num_rounds, say: see `run_case`.

    Returns:
        list of results, and whether they are complete.

    Raises:
        Exception: as `run_case`, where there is no result yet; `GateError` always.
    """
    say, results = say or _print, []
    try:
        for job in jobs:
            results.append(run_case(*job, num_rounds, say))
            if "stopped" in results[-1]:
                say(results[-1]["stopped"])
                return results, False
    except (KeyboardInterrupt, ChildProcessError) as error:
        if not results:
            raise
        say(str(error) or "interrupted")
        return results, False
    return results, True


def _print(line):
    print(line, file=sys.stderr, flush=True)


def run_case(name, case, variants, num_rounds, say=_print) -> dict:
    """Measures a case.

    Args:
        name: of the case.
        case: `Case`.
        variants: dict of name -> settings, of `case.choose`.
        num_rounds: int.
        say: function that takes progress lines. By default, they go to stderr.

    Returns:
        The result, a dict of JSON values.

    Raises:
        GateError: if the gate did not pass.
        ChildProcessError: if a process ended before one round was complete.
        KeyboardInterrupt: if a signal came before one round was complete.
    """
    found, load = environment.describe(), environment.Load()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        shared = case.settings | {"folder": folder}
        settings = {variant: shared | own for variant, own in variants.items()}
        say(f"{name}: {case.about}")
        # All at once: importing TensorFlow takes a core some seconds.
        gate = stack.enter_context(Process(f"gate of {name}", "gate", shared))
        processes = {
            variant: stack.enter_context(Process(variant, "worker", own))
            for variant, own in {**settings, PEAK: _peak_settings(settings)}.items()
        }
        differences = _pass(name, gate, say)
        ready, rounds, stopped = _measure(processes, num_rounds, say)
    result = {
        "case": name,
        **summarise(case, settings, ready, rounds),
        "gate": differences,
        "settings": case.settings,
        "num_rounds": len(rounds),
        "environment": found | load.describe(),
    }
    for pair, found in result["ratios"].items():
        wanted = result["wanted"][pair]
        wanted = "" if wanted is None else f", wanted {wanted}"
        middle, least, most = (found[key] for key in ("median", "min", "max"))
        say(f"  {pair}: {middle:.2f} ({least:.2f} to {most:.2f}){wanted}")
    return result | ({"stopped": stopped} if stopped else {})


def _peak_settings(settings):
    precisions = sorted({own["precision"] for own in settings.values()})
    changes = next(iter(settings.values())).get("peak", {})
    return _PEAK | changes | {"precisions": precisions}


def _pass(name, gate, say):
    verdict = gate.read()
    if not verdict["passed"]:
        raise GateError(f"{name}: {verdict['message']} No timing is given.")
    say(f"  equal: {verdict['message']}")
    return verdict["differences"]


def _measure(processes, num_rounds, say):
    """First steps one after the other, then all of them in turn."""
    for process in processes.values():
        process.read()  # it is imported
    ready = {}
    for name, process in processes.items():
        ready[name] = process.go()
        say(f"  {name}: first step {ready[name]['first_step_s']:.1f} s")
    rounds, stopped = measure_rounds(processes, num_rounds, say)
    if not rounds:
        if stopped == "interrupted":
            raise KeyboardInterrupt
        raise ChildProcessError(stopped)
    return ready, rounds, stopped
