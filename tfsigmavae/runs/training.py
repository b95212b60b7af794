"""Training to a number of steps, epoch by epoch, from wherever it stopped."""

import pathlib

from tfsigmavae.callbacks import EvaluationNoise, StopOnInterrupt, TrainingCheckpoint
from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checkpoints.checkpoint import has_checkpoint, restore
from tfsigmavae.files import read_json
from tfsigmavae.runs.stages import Stages

# Folder of the checkpoints, within that of the run.
CHECKPOINT = "checkpoint"


def train(
    model,
    batches_from,
    num_steps,
    epoch_steps,
    checkpoint,
    resumed,
    callbacks,
    stop,
    stages,
    validation_data=None,
    writes=True,
) -> int:
    """Fits until `num_steps` are done, or a signal ends it.

    Args:
        model, batches_from, num_steps, epoch_steps, validation_data: see
            `RunFolder.fit`.
        checkpoint: folder of the checkpoints.
        resumed: what `checkpoints.restore` gave, or `None` at the beginning.
        callbacks: list of Keras callbacks, called before the checkpoint is written:
            none of what they write is ever behind it.
        stop: `StopOnInterrupt`.
        stages: `Stages`.
        writes: bool, whether to write checkpoints. Defaults to `True`.

    Returns:
        int, steps done in all.
    """
    step = resumed.step if resumed else 0
    while step < num_steps and not stop.interrupted:
        end = stages.enter(step, model)
        steps_per_epoch, epochs = _next_fit(step, end, epoch_steps)
        tracker = TrainingCheckpoint(checkpoint, step, resumed=resumed, writes=writes)
        for callback in callbacks:
            if isinstance(callback, StepCallback):
                callback.begin_at(step)
        model.fit(
            batches_from(step),
            steps_per_epoch=steps_per_epoch,
            initial_epoch=step // epoch_steps,
            epochs=step // epoch_steps + epochs,
            shuffle=False,  # the dataset has its own order
            validation_data=validation_data,
            callbacks=[*callbacks, tracker, EvaluationNoise(), stop],
            verbose=0,
        )
        if tracker.step == step and not stop.interrupted:
            raise ValueError(f"`batches_from({step})` gave no batch.")
        step, resumed = tracker.step, None
    return step


def follow(
    path,
    model,
    batches_from,
    num_steps,
    epoch_steps=100,
    validation_data=None,
    callbacks=(),
    stages=(),
) -> bool:
    """Trains along with the process that writes the run, and writes nothing.

    Args:
        path: run folder, whose checkpoint all processes begin with.
        model, batches_from, num_steps, epoch_steps, validation_data, callbacks,
            stages: see `RunFolder.fit`.

    Returns:
        bool, whether `num_steps` were reached.
    """
    checkpoint = pathlib.Path(path) / CHECKPOINT
    resumed = restore(model, checkpoint) if has_checkpoint(checkpoint) else None
    stop = StopOnInterrupt()
    try:
        step = train(
            model,
            batches_from,
            num_steps,
            epoch_steps,
            checkpoint,
            resumed,
            list(callbacks),
            stop,
            Stages(stages, num_steps),
            validation_data,
            writes=False,
        )
    finally:
        stop.restore()
    return step >= num_steps


def is_complete(path, num_steps) -> bool:
    """Whether the run in a folder has its model and result, and of so many steps."""
    summary = pathlib.Path(path) / "summary.json"
    is_there = summary.is_file() and (summary.parent / "model.keras").is_file()
    return is_there and read_json(summary).get("steps") == num_steps


def _next_fit(step, num_steps, epoch_steps):
    """Steps per epoch and number of epochs of the next call of `fit`."""
    to_boundary = min(epoch_steps - step % epoch_steps, num_steps - step)
    if to_boundary < epoch_steps:  # the rest of an interrupted epoch, or of the run
        return to_boundary, 1
    return epoch_steps, (num_steps - step) // epoch_steps
