"""What is attacked, the time that each attack has, and the table of what was seen."""

import dataclasses
import functools
import time
from collections.abc import Callable

from soaking.damage import KINDS, damaged_newest_checkpoint
from soaking.kills import at_random_moments
from soaking.moments import in_every_write
from soaking.mutants import mutated_inputs
from soaking.runs import IMAGE, IMAGE_XLA, VIDEO
from soaking.serving import bad_requests
from soaking.signals import sigterm, two_writers

_EQUAL = "all bit-identical, nothing left over"


@dataclasses.dataclass(frozen=True)
class Row:
    """One promise.

    Attributes:
        what: what is done.
        wanted: what is promised then.
        attack: function of a `Ground` that yields lists: for each try `None`, or what
            went wrong.
        least: int, so many tries at least, however long they take.
    """

    what: str
    wanted: str
    attack: Callable
    least: int = 1


def _kills():
    for subject in (IMAGE, VIDEO, IMAGE_XLA):
        attack = functools.partial(at_random_moments, subject=subject)
        yield Row(f"kill -9 at random moments, {subject.name}", _EQUAL, attack)
    for subject in (IMAGE, VIDEO):
        attack = functools.partial(in_every_write, subject=subject)
        yield Row(f"kill -9 inside writes, {subject.name}", _EQUAL, attack)


ROWS = [
    Row(
        f"damaged newest checkpoint, {len(KINDS)} kinds",
        "all go on from the one before, to the same end",
        damaged_newest_checkpoint,
        least=len(KINDS),
    ),
    Row(
        "SIGTERM at a random moment",
        "all exit 0, go on, bit-identical in the end",
        sigterm,
    ),
    Row(
        "two writers on one folder",
        "the second is refused, by name; the first is as if alone",
        two_writers,
    ),
    Row(
        "mutated inputs",
        "all read, or refused in an error of ours that names the file",
        mutated_inputs,
        least=2000,
    ),
    Row(
        "bad served requests",
        "all name the argument, process alive, good ones answered as before",
        bad_requests,
        least=100,
    ),
    *_kills(),
]


def soak(ground, seconds, tell):
    """Attacks by all rows, which share the time.

    Args:
        ground: `Ground`.
        seconds: float, for all of them; each has one try, however long that takes.
        tell: function of a line, for progress and problems.

    Returns:
        List of dicts: what, wanted, tries, held, problems.
    """
    until, results = time.monotonic() + seconds, []
    for number, row in enumerate(ROWS):
        tell(f"{row.what} ...")
        now = time.monotonic()
        results.append(_attack(row, ground, now + (until - now) / (len(ROWS) - number)))
        for problem in results[-1]["problems"]:
            tell(f"  BROKEN: {problem}")
    return results


def _attack(row, ground, until):
    tries, problems = 0, []
    for found in row.attack(ground):
        tries += len(found)
        problems += filter(None, found)
        if tries >= row.least and time.monotonic() >= until:
            break
    return {
        "what": row.what,
        "wanted": row.wanted,
        "tries": tries,
        "held": tries - len(problems),
        "problems": problems,
    }


def table(results) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | wanted | seen | tries |", "|---|---|---|---|"]
    for row in results:
        seen = "broken" if row["problems"] else "held"
        seen = f"{seen}, {row['held']:,} of {row['tries']:,}"
        lines.append(f"| {row['what']} | {row['wanted']} | {seen} | {row['tries']:,} |")
    return "\n".join(lines)
