"""Exact training state on disk: weights, running sigma, optimizer, noise, position."""

from tfsigmavae.checkpoints.checkpoint import (
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from tfsigmavae.checkpoints.state_file import DamagedFileError
from tfsigmavae.models.step_guard import DivergedError

__all__ = [
    "DamagedFileError",
    "DivergedError",
    "has_checkpoint",
    "load_checkpoint",
    "save_checkpoint",
]


def __dir__():
    return list(__all__)
