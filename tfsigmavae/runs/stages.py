"""Parts of a run whose batches have shapes of their own."""

import sys


class Stages:
    """The parts of a run, of which each has batches of its own shape."""

    def __init__(self, stages, num_steps, close_line=None):
        self._stages = list(stages)
        firsts = [first for first, _ in self._stages[1:]]
        self._ends = [min(first, num_steps) for first in firsts] + [num_steps]
        self._current = None
        self._close_line = close_line  # that of the progress

    def enter(self, step, model):
        """Tells of a stage that begins, or goes on, at `step`; gives its end."""
        if not self._stages:
            return self._ends[-1]
        number = sum(first <= step for first, _ in self._stages)
        if number != self._current:
            self._current = number
            # A graph that has seen two lengths would take the length for unknown.
            model.make_train_function(force=True)
            if self._close_line is None:
                return self._ends[number - 1]
            self._close_line()
            first, text = self._stages[number - 1]
            where = f"Stage {number} of {len(self._stages)}, from step {first:,}"
            print(f"{where}: {text}.", file=sys.stderr)
        return self._ends[number - 1]
