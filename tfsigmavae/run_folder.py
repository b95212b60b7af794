"""The folder of a training run: options, record, history, checkpoint, model."""

import contextlib
import json
import os
import pathlib
import platform
import sys
import time

import keras
import tensorflow as tf
import tensorflow_probability as tfp

# Private: TensorFlow tells it nowhere else, and without TF_ENABLE_ONEDNN_OPTS it is the
# processor that decides.
from tensorflow.python.util import _pywrap_util_port

from tfsigmavae import files
from tfsigmavae.callbacks import (
    EvaluationNoise,
    HistoryLog,
    HistoryPlot,
    Preview,
    ProgressLine,
    StopOnInterrupt,
    TensorBoardLog,
    TrainingCheckpoint,
)
from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checkpoint import has_checkpoint, load_checkpoint
from tfsigmavae.version import __version__

# Options of a kind of data; which there are is seen only where the data are.
_OF_DATA = ("data_options.", "converted_with.")


class RunFolder:
    """One training run on disk; the same command again resumes it.

        config.json   every option, resolved          history.csv  one row an epoch
        run.json      versions, machine, timings      history.png  the same as curves
        summary.json  the result, written last        model.keras  the model so far
        checkpoint/   exact training state            logs/        for TensorBoard

    Args:
        path: folder, made if missing.
        config: dict of JSON values, all options that shape the result.
        changeable: names of options that do not shape it, and so may differ from one
            attempt to the next; "options.name" for one within a dict. Defaults to none.
        defaults: dict of options that came later than the first runs: a run whose
            record lacks one has had this value. Defaults to none.

    Raises:
        ValueError: if the folder holds a run with other options; nothing is
            overwritten. Options without a checkpoint or anything else are no run yet.
        FileExistsError: if the folder is not empty and holds no run.
    """

    def __init__(self, path, config, changeable=(), defaults=None):
        self.path = pathlib.Path(path)
        config, defaults = (json.loads(json.dumps(x or {})) for x in (config, defaults))
        saved = self.read_json("config.json")
        present = {path.name for path in self.path.glob("[!.]*")} - {"config.json"}
        if saved is None and present:
            raise FileExistsError(
                f"`output` {str(path)!r} is not empty and holds no run. "
                "Choose another folder."
            )
        # Options alone are of an attempt that failed at once, and may be mended.
        changed = []
        if present:
            changed = _differences(defaults | saved, config, changeable)
        if changed:
            raise ValueError(
                f"`output` {str(path)!r} holds a run with other options "
                f"({', '.join(changed)}). Choose another folder, or the same options."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_json("config.json", config)

    @property
    def summary(self):
        """Result of a complete run, or `None`."""
        return self.read_json("summary.json")

    def read_json(self, name):
        path = self.path / name
        return files.read_json(path) if path.is_file() else None

    def write_json(self, name, value):
        files.write_json(self.path / name, value)

    def fit(
        self,
        model,
        batches_from,
        num_steps,
        epoch_steps=100,
        tensorboard=False,
        validation_data=None,
        callbacks=(),
        example="example",
        batch_size=None,
        stages=(),
    ):
        """Trains up to `num_steps` in all, from wherever the last attempt stopped.

        Says on standard error how it goes, see `callbacks.ProgressLine`.

        Args:
            model: a compiled, built model.
            batches_from: function from a step number to the dataset of batches from
                that step on; a batch must depend on its step number only.
            num_steps: int, training steps of the whole run.
            epoch_steps: int, steps between two rows of `history.csv`, which is also how
                often the checkpoint is written. Defaults to `100`.
            tensorboard: bool, whether to write `logs/`, see `callbacks.TensorBoardLog`.
                Defaults to `False`.
            validation_data: finite dataset of batches to evaluate for every row, with
                the same noise each time: columns `val_*`. Training is the same with and
                without it. Defaults to `None`.
            callbacks: more Keras callbacks. Defaults to none.
            example: what one example is called in what is said and drawn, such as
                `"image"`. Defaults to `"example"`.
            batch_size: int, examples in a step. Defaults to `None`, not known; it
                changes nothing but how the speed is told.
            stages: list of (first step, text), ascending from step 0: where batches
                take another shape. No graph is shared by two stages, and each begins
                with its text. Defaults to none, all batches are of one shape.

        Returns:
            bool, whether `num_steps` were reached (not if Ctrl-C ended it).
        """
        checkpoint = self.path / "checkpoint"
        step = load_checkpoint(model, checkpoint) if has_checkpoint(checkpoint) else 0
        if 0 < step < num_steps:
            print(f"Resuming at step {step} of {num_steps}.", file=sys.stderr)
        started = time.time(), time.process_time()
        progress = ProgressLine(num_steps, step, example, batch_size)
        stages = _Stages(stages, num_steps)
        with self._watch(progress, tensorboard, callbacks) as (seen, stop):
            while step < num_steps and not stop.interrupted:
                end = stages.enter(step, model, progress)
                steps_per_epoch, epochs = _next_fit(step, end, epoch_steps)
                tracker = TrainingCheckpoint(checkpoint, step)
                _begin_at(step, callbacks)
                model.fit(
                    batches_from(step),
                    steps_per_epoch=steps_per_epoch,
                    initial_epoch=step // epoch_steps,
                    epochs=step // epoch_steps + epochs,
                    shuffle=False,  # the dataset has its own order
                    validation_data=validation_data,
                    # The table is never behind the checkpoint.
                    callbacks=[*callbacks, *seen, tracker, EvaluationNoise(), stop],
                    verbose=0,
                )
                if tracker.step == step and not stop.interrupted:
                    raise ValueError(f"`batches_from({step})` gave no batch.")
                step = tracker.step
        passed = time.time() - started[0], time.process_time() - started[1]
        self._save(model, step, *passed)
        return step >= num_steps

    @contextlib.contextmanager
    def _watch(self, progress, tensorboard, callbacks):
        """What shows and stops training; Keras does not end it after an error."""
        table, step = self.path / "history.csv", progress.step
        plot = HistoryPlot(self.path / "history.png", table, progress.example)
        seen = [HistoryLog(table, step), plot, progress]
        if tensorboard:
            previews = [c for c in callbacks if isinstance(c, Preview)]
            seen.append(TensorBoardLog(self.path / "logs", step, previews))
        stop = StopOnInterrupt()
        try:
            yield seen, stop
        finally:
            stop.restore()
            progress.close()
            if tensorboard:
                seen[-1].close()
            plot.write()

    def save_model(self, model):
        """Writes `model.keras`, whole or not at all."""
        with files.whole(self.path / "model.keras") as partial:
            model.save(partial)

    def _save(self, model, step, seconds, cpu_seconds):
        record = self.read_json("run.json") or {}
        is_there = (self.path / "model.keras").is_file()
        if record.get("steps") == step and is_there:
            return
        self.save_model(model)
        seconds += record.get("seconds", 0.0)
        cpu_seconds += record.get("cpu_seconds", 0.0)
        self.write_json(
            "run.json",
            {
                **environment(),
                "parameters": model.count_params(),
                "steps": step,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu_seconds, 1),
                "seconds_per_step": round(seconds / max(step, 1), 4),
            },
        )


class _Stages:
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


def _differences(saved, config, changeable):
    """What differs between two configurations, as text."""
    old, new = _flat(saved), _flat(config)
    return [
        f"{key} {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted((old.keys() | new.keys()) - set(changeable))
        if old.get(key) != new.get(key) and not _is_unknown(key, old, new)
    ]


def _is_unknown(key, old, new):
    """Whether it is a default of data that one of the two could not look at."""
    return key.startswith(_OF_DATA) and not (key in old and key in new)


def _flat(config, prefix=""):
    """Options by name, those within a dict as "dict.name"."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def environment() -> dict:
    """Versions and machine, for the record of a run."""
    return {
        "tfsigmavae": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tensorflow_probability": tfp.__version__,
        "machine": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        # Faster kernels of TensorFlow on a CPU, which round otherwise.
        "onednn": bool(_pywrap_util_port.IsMklEnabled()),
        # 0 where TensorFlow, or its variables in the environment, decide.
        "threads": {
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }


def _processor():
    """Its name, as far as the system tells it."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor()


def _begin_at(step, callbacks):
    for callback in callbacks:
        if isinstance(callback, StepCallback):
            callback.begin_at(step)


def _next_fit(step, num_steps, epoch_steps):
    """Steps per epoch and number of epochs of the next call of `fit`."""
    to_boundary = min(epoch_steps - step % epoch_steps, num_steps - step)
    if to_boundary < epoch_steps:  # the rest of an interrupted epoch, or of the run
        return to_boundary, 1
    return epoch_steps, (num_steps - step) // epoch_steps
