"""Parts of a run whose batches have shapes of their own."""

import sys


class Stages:
    """The parts of a run, of which each has batches of its own shape."""

    def __init__(self, stages, num_steps):
        self._stages = list(stages)
        firsts = [first for first, _ in self._stages[1:]]
        self._ends = [min(first, num_steps) for first in firsts] + [num_steps]
        self._current = None

    def enter(self, step, model, progress):
        """Tells of a stage that begins, or goes on, at `step`; gives its end."""
        if not self._stages:
            return self._ends[-1]
        number = sum(first <= step for first, _ in self._stages)
        if number != self._current:
            self._current = number
            # A graph that has seen two lengths would take the length for unknown.
            model.make_train_function(force=True)
            progress.close()
            first, text = self._stages[number - 1]
            where = f"Stage {number} of {len(self._stages)}, from step {first:,}"
            print(f"{where}: {text}.", file=sys.stderr)
        return self._ends[number - 1]
