"""From flags to what is measured, and whether it can be."""

import importlib

from benchmarking import peer as peers
from benchmarking.cases import CASES, choose
from benchmarking.environment import check_gpu


def case_names(case=None) -> list:
    """One case, or all that are not for machines of a kind."""
    return [case] if case else [n for n in CASES if not CASES[n].on_request]


def choose_jobs(args, overrides) -> list:
    """(name, `Case`, variants) of each case; checked before anything runs.

    Args:
        args: flags of `benchmark.py`.
        overrides: dict of settings that win over a case's.

    Raises:
        ValueError, FileNotFoundError, ImportError: for what is not there.
    """
    jobs = []
    for name in case_names(args.case):
        peer = args.peer
        if not args.case:  # among all cases it joins where it can
            peer = peer if peers.fits(peer, CASES[name]) else None
        sizes = args.short, args.dry_run, overrides
        case, variants = choose(name, *sizes, args.variants, peer)
        check_gpu(case.settings)
        if "peer" in variants:
            importlib.import_module(case.peer).check(peer, case.settings)
        jobs.append((name, case, variants))
    return jobs
