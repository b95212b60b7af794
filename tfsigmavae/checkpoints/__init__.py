"""Exact training state on disk: weights, running sigma, optimizer, noise, position."""

from tfsigmavae.checkpoints.checkpoint import (
    DivergedError,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from tfsigmavae.checkpoints.state_file import DamagedFileError

__all__ = [
    "DamagedFileError",
    "DivergedError",
    "has_checkpoint",
    "load_checkpoint",
    "save_checkpoint",
]
