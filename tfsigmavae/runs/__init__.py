"""Training runs on disk."""

from tfsigmavae.runs.devices import make_strategy
from tfsigmavae.runs.environment import environment
from tfsigmavae.runs.run_folder import RunFolder
from tfsigmavae.runs.run_lock import RunLock

__all__ = ["RunFolder", "RunLock", "environment", "make_strategy"]


def __dir__():
    return list(__all__)
