"""The folder of an unfinished conversion: what is done, and whether it still holds."""

import contextlib
import errno
import os
import pathlib
import shutil

from tfsigmavae.files import read_json, write_json
from tfsigmavae.locks import hold
from tfsigmavae_video.data.softmotion import DATASET

_PLAN = "plan.json"
_DONE = "done"
_LOCK = ".lock"


class StateFolder:
    """Files that are written so far, in `OUTPUT.partial`; it becomes `OUTPUT` at last.

    A shard is done when its note is there, which is written after its file. Whatever
    else a killed process leaves is written again.

    Args:
        output: `pathlib.Path` of the data set to make.
        plan: dict of JSON values that decide the files' bytes. A folder of another plan
            is refused.

    Raises:
        FileExistsError: if an unfinished conversion by another plan is there.
        BlockingIOError: on entering `locked`, if another process is at work.
    """

    def __init__(self, output, plan):
        self.output, self._plan = output, plan
        self.path = output.with_name(f"{output.name}.partial")
        self._check_plan()

    @contextlib.contextmanager
    def locked(self):
        """Keeps others out during the `with` block; a lock dies with its process."""
        with self._lock():
            # What another process did until now counts.
            if (self.output / DATASET).is_file():
                self._remove_if_empty()
            else:
                self._check_plan()
                if not self.is_complete:
                    write_json(self.path / _PLAN, self._plan)
            yield

    def _lock(self):
        """The lock's file, held; the one that lies in the folder now."""
        busy = BlockingIOError(
            f"Another process is converting to '{self.output}'. Wait for it, or end it."
        )
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            # It may get its name at this moment.
            with contextlib.suppress(FileNotFoundError):
                return hold(self.path / _LOCK, busy)

    def _remove_if_empty(self):
        """Removes a folder that was made for the lock alone."""
        if os.listdir(self.path) == [_LOCK]:
            (self.path / _LOCK).unlink()
            self.path.rmdir()

    @property
    def is_complete(self) -> bool:
        """Whether only the last step is missing."""
        return (self.path / DATASET).is_file()

    def file(self, shard) -> pathlib.Path:
        return self.path / shard.split / shard.name

    def is_done(self, shard) -> bool:
        return self._note(shard).is_file()

    def note(self, shard, bad):
        """Notes that a shard is done."""
        write_json(self._note(shard), bad)

    def bad_pieces(self, shard) -> dict:
        """What was noted of a shard, with numbers of clips as keys."""
        return {
            int(number): row for number, row in read_json(self._note(shard)).items()
        }

    def finish(self, dataset=None) -> dict:
        """Gives the folder its name.

        Args:
            dataset: what to write as `dataset.json`; nothing if it `is_complete`.

        Returns:
            The content of `dataset.json`.

        Raises:
            FileExistsError: if something else has taken the name meanwhile.
        """
        if dataset is not None:
            write_json(self.path / DATASET, dataset)
        shutil.rmtree(self.path / _DONE, ignore_errors=True)
        (self.path / _PLAN).unlink(missing_ok=True)
        for left in self.path.glob(".*"):  # what was half written
            if left.name != _LOCK:
                left.unlink()
        try:
            os.replace(self.path, self.output)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise FileExistsError(
                f"'{self.output}' was made by something else meanwhile. Move it away "
                f"and run the same again: all is done, in '{self.path}'."
            ) from error
        (self.output / _LOCK).unlink(missing_ok=True)  # held until here
        return read_json(self.output / DATASET)

    def _note(self, shard):
        return self.path / _DONE / shard.split / f"{shard.name}.json"

    def _check_plan(self):
        kept = [self.path / name for name in (DATASET, _PLAN)]
        found = next((read_json(path) for path in kept if path.is_file()), self._plan)
        changed = [key for key in self._plan if found.get(key) != self._plan[key]]
        if changed:
            difference = _difference(found, self._plan, changed[0])
            raise FileExistsError(
                f"'{self.path}' is an unfinished conversion with other "
                f"{' and '.join(changed)}: {difference}. "
                "Give the same as before to go on with it, or delete it to begin anew."
            )


def _difference(found, wanted, key):
    """The first value that differs, in words."""
    old, new = found.get(key, {}), wanted[key]
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if key == "origin":
        return f"the videos or their files changed ({names[0]})"
    return f"{names[0]} was {old.get(names[0])!r} and is {new.get(names[0])!r}"
