"""`kill -9` inside every write of a run."""

import os
import pathlib
import re
import signal

from tfsigmavae.callbacks import history_log
from tfsigmavae.experiments.experiment import Experiment

# Files that a resumed run reads: three moments of each. Of others one.
_STATE = re.compile(
    r"state-\d+\.npz|(config|data|run|summary)\.json|history\.csv|model\.keras.*"
)
_HALF, _BEFORE, _AFTER = "half of", "before the rename of", "after the rename of"


class Moments:
    """The moments of a process at which it can be killed, by name.

    Args:
        log: file to which the names of those that it passed are appended.
        wanted: names of those at which it ends.
    """

    def __init__(self, log, wanted=()):
        self.log = pathlib.Path(log)
        self.wanted = set(wanted)

    def passed(self) -> list:
        """Names of all moments passed so far, by all processes; each once."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return list(dict.fromkeys(lines))

    def install(self):
        """Watches the writes of this process."""
        replace, append = os.replace, history_log.append_line

        def replace_and_watch(source, target):
            name = _name(pathlib.Path(target))
            ours = pathlib.Path(source).name.startswith(".partial-")
            reach = self._reach if ours else lambda *args: None
            reach(_HALF, name, lambda: _cut(source))
            reach(_BEFORE, name)
            replace(source, target)
            reach(_AFTER, name)

        def append_and_watch(path, line):
            half = line[: len(line) // 2]
            self._reach("half a line of", path.name, lambda: append(path, half))
            append(path, line)
            self._reach("after a line of", path.name)

        os.replace = replace_and_watch
        history_log.append_line = append_and_watch
        for kind in Experiment.__subclasses__():
            self._watch_evaluation(kind)

    def _watch_evaluation(self, kind):
        evaluate = kind.evaluate

        def evaluate_and_watch(*args, **kwargs):
            self._reach("in the", "evaluation")
            return evaluate(*args, **kwargs)

        kind.evaluate = evaluate_and_watch

    def _reach(self, moment, name, prepare=None):
        if moment in (_BEFORE, _AFTER) and not _STATE.fullmatch(name):
            return
        with open(self.log, "a") as file:
            file.write(f"{moment} {name}\n")
        if f"{moment} {name}" in self.wanted:
            if prepare:
                prepare()
            os.kill(os.getpid(), signal.SIGKILL)


def _name(path):
    """That of checkpoints tells the step; pictures of all steps are alike."""
    if path.name == "model.keras" and '"steps"' in _text(path.with_name("run.json")):
        return "model.keras, recalibrated"
    is_state = path.name.startswith("state-")
    return path.name if is_state else re.sub(r"-\d+", "", path.name)


def _text(path):
    return path.read_text() if path.exists() else ""


def _cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def kill_in_turn(ground, subject, moments):
    """One run, killed at each of `moments`, which it then goes on from.

    Returns:
        List: for each of them that came `None`, or what went wrong in the end.
    """
    folder, left = ground.new_folder(), set(moments)
    while left:
        child = ground.start(subject, folder, left)
        code = child.wait()
        if code == 0:
            break
        last = Moments(folder / "moments").log.read_text().splitlines()[-1]
        if code != -signal.SIGKILL or last not in left:
            child.kill()
            return [f"{folder}: ended with {code} after {last}: {child.text[-500:]}"]
        left.remove(last)
    num_killed = len(moments) - len(left)
    problem = ground.conclude(subject, folder)
    problem = f"{problem}, killed {', '.join(moments)}" if problem else None
    return [None] * (num_killed - 1) + [problem]


def in_every_write(ground, subject, at_once=4):
    """Kills runs at all their moments, `at_once` of them a run, again and again."""
    moments = ground.undisturbed(subject).moments
    while True:
        ground.rng.shuffle(moments)
        for first in range(0, len(moments), at_once):
            yield kill_in_turn(ground, subject, moments[first : first + at_once])
