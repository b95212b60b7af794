"""What a reproduction takes, in words."""

# Start of a process, evaluation, samples and Frechet distances of one run, measured.
SCORING_SECONDS = 20.0
_FEATURE_SECONDS = 60.0


def estimated_cost(runs, processes) -> str:
    """Says what runs are expected to take.

    Args:
        runs: iterable of `Run`.
        processes: int, how many at a time.
    """
    runs = list(runs)
    seconds = sum(run.cost + SCORING_SECONDS for run in runs) + _FEATURE_SECONDS
    return (
        f"{len(runs)} runs, {processes} at a time, about {seconds / 60:.0f} CPU "
        "minutes on the machine that steps were measured on: "
        f"{seconds / 60 / processes:.0f} minutes."
    )


def cost_in_words(studies, rows, processes) -> str:
    """Says what the runs were expected to take, and what they took.

    Args:
        studies: list of `Study`.
        rows: their results.
        processes: int, runs at a time.
    """
    runs = [run for study in studies for run in study.runs()]
    seconds = sum(row["cpu_seconds"] for row in rows)
    return (
        f"{estimated_cost(runs, processes)} Training took {seconds / 60:.0f} CPU "
        "minutes here."
    )
