"""The folder of a training run: options, record, history, checkpoint, model."""

import contextlib
import datetime
import json
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae import files
from tfsigmavae.callbacks import (
    CollapseWarning,
    HistoryLog,
    HistoryPlot,
    Preview,
    ProgressLine,
    StopOnInterrupt,
    TensorBoardLog,
)
from tfsigmavae.callbacks.history_log import read_history
from tfsigmavae.callbacks.training_checkpoint import EPOCH_START
from tfsigmavae.checkpoints.checkpoint import has_checkpoint, restore
from tfsigmavae.runs.environment import environment
from tfsigmavae.runs.options import differences, grown
from tfsigmavae.runs.run_lock import RunLock
from tfsigmavae.runs.stages import Stages
from tfsigmavae.runs.training import CHECKPOINT, train
from tfsigmavae.typing import PathLike

_NO_RUN = {"config.json", "data.json"}
# What to do where one of the files is damaged.
_WAYS_OUT = {
    "config.json": "put it right, or choose another folder",
    "data.json": "delete it, and the data count as unchanged",
    "run.json": "delete it; only times of earlier attempts are lost",
    "summary.json": "delete it, and the same command evaluates the model again",
}


@contextlib.contextmanager
def removed_if_nothing_came(path):
    """Removes a run folder that an attempt made which failed before it trained.

    Args:
        path: run folder; one that was there before stays as the attempt leaves it.
    """
    path = pathlib.Path(path)
    was_there = path.exists()
    try:
        yield
    except BaseException:
        if not was_there and path.is_dir():
            if {each.name for each in path.iterdir()} <= _NO_RUN:
                shutil.rmtree(path)
        raise


class RunFolder:
    """One training run on disk; the same command again resumes it.

        config.json   every option, resolved          history.csv  one row an epoch
        run.json      versions, machine, attempts     history.png  the same as curves
        data.json     digest of the data              model.keras  the model so far
        summary.json  the result, written last        logs/        for TensorBoard
        checkpoint/   exact training state, the last two and the best

    One process at a time writes there: see `RunLock`, which a caller who does more than
    to `fit` holds all along.

    Args:
        path: folder, made if missing.
        config: dict of JSON values, all options that shape the result.
        changeable: names of options that do not shape it, and so may differ from one
            attempt to the next; "options.name" for one within a dict. Defaults to none.
        defaults: dict of options that came later than the first runs: a run whose
            record lacks one has had this value. Defaults to none.
        growing: names of options of which the first may become larger, and then the
            others too: the results so far are removed, and training goes on. Defaults
            to none.

    Raises:
        BlockingIOError: if another process is writing there.
        ValueError: if the folder holds a run with other options; nothing is
            overwritten. Options without a checkpoint or anything else are no run yet.
        FileExistsError: if the folder is not empty and holds no run.

    Example: a training loop of one's own.
        >>> import numpy as np, tfsigmavae as sv
        >>> from tfsigmavae.data import images
        >>> model = sv.ConvVAE([8, 8, 1], latent_size=2, widths=[4, 4], seed=0)
        >>> model.compile("adam")
        >>> pixels = np.zeros([8, 8, 8, 1], "uint8")
        >>> def batches_from(step):
        ...     return images.batches(pixels, 4, repeat=True, start_step=step)
        >>> run = sv.RunFolder("runs/mine", {"latent_size": 2})
        >>> run.fit(model, batches_from, num_steps=2)  # False where Ctrl-C ended it
        True
        >>> sorted(path.name for path in run.path.iterdir())[:3]
        ['checkpoint', 'config.json', 'history.csv']
    """

    def __init__(
        self,
        path: PathLike,
        config: dict[str, Any],
        changeable: Iterable[str] = (),
        defaults: Mapping[str, Any] | None = None,
        growing: Iterable[str] = (),
    ):
        self.path = pathlib.Path(path)
        self.checkpoint = self.path / CHECKPOINT
        self._raised = None  # options of a run that is to be trained further
        config, defaults = (json.loads(json.dumps(x or {})) for x in (config, defaults))
        with RunLock(self.path):
            files.sweep(self.path)  # what killed attempts left half written
            self._open(config, changeable, defaults, growing)

    def _open(self, config, changeable, defaults, growing):
        saved: Any = self.read_json("config.json")
        # Options and data alone: an attempt that failed at once, and may be mended.
        present = {path.name for path in self.path.glob("[!.]*")} - _NO_RUN
        if saved is None and present:
            raise FileExistsError(
                f"`output` '{self.path}' is not empty and holds no run. "
                "Choose another folder."
            )
        if present:
            more = grown(saved, config, growing)
            changed = differences(defaults | saved, config, {*changeable, *more})
            if changed:
                raise ValueError(
                    f"`output` '{self.path}' holds a run with other options "
                    f"({', '.join(changed)}). Choose another folder, or the same "
                    "options."
                )
            for name in more:
                print(
                    f"`{name}` is raised from {saved[name]} to {config[name]}, and "  # pyright: ignore[reportOptionalSubscript]
                    "schedules that depend on it follow the new number.",
                    file=sys.stderr,
                )
            if more:  # written when training begins, which may be refused yet
                self._raised = config
                return
        if saved != config:
            self.write_json("config.json", config)

    def _forget_results(self):
        """Those of a model that is trained further are of another one."""
        (self.path / "summary.json").unlink(missing_ok=True)
        shutil.rmtree(self.path / "evaluation" / "parts", ignore_errors=True)

    @property
    def summary(self) -> dict[str, Any] | None:
        """Result of a complete run, or `None`."""
        if self._raised or not (self.path / "model.keras").is_file():
            return None
        found = self.read_json("summary.json")
        if found == {}:
            raise ValueError(
                f"'{self.path / 'summary.json'}' is damaged, it is empty: "
                f"{_WAYS_OUT['summary.json']}."
            )
        return found

    def read_json(self, name: str) -> Any:
        path = self.path / name
        way_out = _WAYS_OUT.get(name, "put it right, or delete it")
        return files.read_json(path, way_out) if path.is_file() else None

    def write_json(self, name: str, value: Any) -> None:
        files.write_json(self.path / name, value, durable=True)

    def check_data(
        self, digest: Mapping[str, Any], accept_changed: bool = False
    ) -> None:
        """Refuses data that are not those that the run began with.

        Args:
            digest: dict of JSON values by part of the data; of other data another one.
            accept_changed: bool, whether to go on with them; that is recorded.

        Raises:
            ValueError: if they have changed.
        """
        digest = json.loads(json.dumps(digest))
        record = self.read_json("data.json")
        if record is None:
            self.write_json("data.json", {"digest": digest, "before": []})
        elif "digest" not in record:
            raise ValueError(
                f"'{self.path / 'data.json'}' is damaged, it holds no digest: "
                f"{_WAYS_OUT['data.json']}."
            )
        elif record["digest"] != digest:
            if not accept_changed:
                names = [n for n in digest if digest[n] != record["digest"].get(n)]
                raise ValueError(
                    f"The data of the run in '{self.path}' have changed since it "
                    f"began ({', '.join(names)}). Put them back, choose another "
                    "folder, or accept that: --accept-changed-data, which is recorded "
                    "in data.json."
                )
            rows = read_history(self.path / "history.csv")
            until = int(rows[-1]["step"]) if rows else 0
            before = [*record["before"], {"digest": record["digest"], "until": until}]
            self.write_json("data.json", {"digest": digest, "before": before})

    def fit(
        self,
        model: keras.Model,
        batches_from: Callable[[int], tf.data.Dataset],
        num_steps: int,
        epoch_steps: int = 100,
        tensorboard: bool = False,
        validation_data: Any = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        example: str = "example",
        batch_size: int | None = None,
        stages: Sequence[tuple[int, str]] = (),
        setting: Mapping[str, Any] | None = None,
    ) -> bool:
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
            setting: dict of JSON values, how it is trained beside the options: recorded
                in `run.json`, and told where it is another one at resuming. Defaults to
                none.

        Returns:
            bool, whether `num_steps` were reached (not if Ctrl-C ended it).
        """
        with RunLock(self.path):
            resumed = self._resume(model)
            step = resumed.step if resumed else 0
            if step < num_steps:
                self._forget_results()
                if self._raised:
                    self.write_json("config.json", self._raised)
                    self._raised = None
                self._begin_attempt(step, num_steps, setting or {})
            started = time.time(), time.process_time()
            progress = ProgressLine(num_steps, step, example, batch_size)
            with self._watch(progress, resumed, tensorboard, callbacks) as (seen, stop):
                step = train(
                    model,
                    batches_from,
                    num_steps,
                    epoch_steps,
                    self.checkpoint,
                    resumed,
                    [*callbacks, *seen],
                    stop,
                    Stages(stages, num_steps, progress.close),
                    validation_data,
                )
            passed = time.time() - started[0], time.process_time() - started[1]
            self._save(model, step, *passed)
        return step >= num_steps

    def _resume(self, model):
        """What the last checkpoint gave; `None` at the beginning."""
        if has_checkpoint(self.checkpoint):
            return restore(model, self.checkpoint)
        rows = read_history(self.path / "history.csv")
        # A row is written before the checkpoint of its epoch, and the model last.
        if len(rows) == 1 and not (self.path / "model.keras").exists():
            print(
                f"'{self.path}' has a history of one epoch and no checkpoint: the last "
                "attempt ended before it was saved. Training begins again.",
                file=sys.stderr,
            )
        elif rows:
            raise FileNotFoundError(
                f"'{self.path}' has a history of {int(rows[-1]['step'])} steps, but no "
                "checkpoint. Put the folder 'checkpoint' back, or delete history.csv "
                "to begin again."
            )
        return None

    def _begin_attempt(self, step, num_steps, setting):
        """Says and records that training goes on, and on what."""
        record = self.read_json("run.json") or {}
        here = environment() | setting
        if step:
            print(f"Resuming at step {step} of {num_steps}.", file=sys.stderr)
            if changed := differences({k: record.get(k, here[k]) for k in here}, here):
                print(
                    f"Otherwise than before: {', '.join(changed)}. The last bits of "
                    "results may differ from those of one attempt.",
                    file=sys.stderr,
                )
        began = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        attempt = {"began": began, "from_step": step, "num_steps": num_steps, **here}
        attempts = [*record.get("attempts", []), attempt]
        self.write_json("run.json", record | here | {"attempts": attempts})

    @contextlib.contextmanager
    def _watch(self, progress, resumed, tensorboard, callbacks):
        """What shows and stops training; Keras does not end it after an error."""
        table, step = self.path / "history.csv", progress.step
        # Of an epoch that goes on, the row so far is of a part.
        kept_until = resumed and resumed.record.get(EPOCH_START)
        plot = HistoryPlot(self.path / "history.png", table, progress.example)
        seen = [HistoryLog(table, step, kept_until), plot, progress, CollapseWarning()]
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

    def save_model(self, model: keras.Model) -> None:
        """Writes `model.keras`, whole or not at all."""
        with files.whole(self.path / "model.keras", durable=True) as partial:
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
                **record,
                **environment(),
                "parameters": model.count_params(),
                "steps": step,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu_seconds, 1),
                "seconds_per_step": round(seconds / max(step, 1), 4),
            },
        )
