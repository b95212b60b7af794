"""Where attacks take place: data, undisturbed runs, folders and chance."""

import itertools
import pathlib
import shutil
import time
import typing

import numpy as np

from soaking.children import Child
from soaking.moments import Moments
from soaking.record import differences, record
from soaking.runs import command, write_data


class Undisturbed(typing.NamedTuple):
    """A run that nothing was done to.

    Attributes:
        record: dict, see `soaking.record`.
        seconds: float, how long it took.
        moments: list of the moments that it can be killed at, see `soaking.moments`.
    """

    record: dict
    seconds: float
    moments: list


class Ground:
    """A folder for all that is attacked, and what chance decides.

    Args:
        folder: an empty folder, or one to be made.
        seed: int, of the data and of all attacks.
    """

    def __init__(self, folder, seed=0):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rng = np.random.default_rng(seed)
        self.data = self.folder / "data"
        self._numbers = itertools.count()
        self._undisturbed = {}
        child = Child(lambda: write_data(self.data, seed), self.folder / "data.log")
        if child.wait() != 0:
            raise RuntimeError(f"No data were written:\n{child.text}")

    def new_folder(self) -> pathlib.Path:
        """A new folder; a run in it is 'run', so that the name tells nothing."""
        folder = self.folder / f"{next(self._numbers):05d}"
        folder.mkdir()
        return folder

    def start(self, subject, folder, wanted=()) -> Child:
        """Begins the run in `folder`, or goes on; it ends at any of `wanted`."""
        work = command(subject, self.data, folder / "run")
        moments = Moments(folder / "moments", wanted)

        def main():
            moments.install()
            return work()

        return Child(main, folder / "log")

    def undisturbed(self, subject) -> Undisturbed:
        """Made when it is first asked for."""
        if subject.name not in self._undisturbed:
            folder = self.new_folder()
            started = time.monotonic()
            child = self.start(subject, folder)
            if child.wait() != 0:
                raise RuntimeError(f"An undisturbed run failed:\n{child.text}")
            seconds = time.monotonic() - started
            moments = Moments(folder / "moments").passed()
            found = Undisturbed(record(folder / "run"), seconds, moments)
            self._undisturbed[subject.name] = found
        return self._undisturbed[subject.name]

    def conclude(self, subject, folder):
        """Runs the same command to its end and compares; `None` if all is equal."""
        expected = self.undisturbed(subject).record
        child = self.start(subject, folder)
        if (code := child.wait()) != 0:
            child.kill()
            return f"{folder}: the same command ended with {code}: {child.text[-500:]}"
        wrong = differences(expected, record(folder / "run"))
        if wrong:
            return f"{folder}: other {'; '.join(wrong)}"
        shutil.rmtree(folder)
        return None
