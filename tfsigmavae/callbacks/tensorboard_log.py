"""Logs for TensorBoard, which need not be installed to write them."""

import itertools
import os
import pathlib
import socket
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfsigmavae.callbacks.preview import Preview
from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.typing import Logs, PathLike

_Event, _Summary = tf.compat.v1.Event, tf.compat.v1.Summary
# Tells the files of one process within one second from each other.
_COUNT = itertools.count()
# A latent that tells less of an example than this, in nats, is one that is not used.
ACTIVE_RATE = 0.01


class TensorBoardLog(StepCallback):
    """Writes what TensorBoard shows: figures, pictures and the rate of the latents.

        loss, kl, val_kl, ...    scalars, by the names and steps of `HistoryLog`
        samples/NAME             pictures of the previews; GIFs move
        latents/rate_per_latent  histogram of the KL of each latent, nats per example
        latents/rate_per_step    of each step, for sequences
        latents/active           how many latents have a rate above 0.01 nats

    Look at them by `tensorboard --logdir DIRECTORY` (an extra:
    `pip install "tfsigmavae[tensorboard]"`). A run that goes on tells TensorBoard to
    forget what a killed attempt has written of later steps.

    Args:
        directory: where to write; every attempt has a file of its own.
        initial_step: int, steps before training begins. Defaults to `None`: as many as
            the optimizer has counted.
        previews: `Preview` callbacks, which must come before this one. Pictures and
            rates are written whenever they draw.

    Example:
        >>> preview = ImagePreview("samples", test[:32], every=500)
        >>> logs = [preview, TensorBoardLog("logs", previews=[preview])]
        >>> model.fit(train, epochs=3, callbacks=logs)
    """

    def __init__(
        self,
        directory: PathLike,
        initial_step: int | None = None,
        previews: Sequence[Preview] = (),
    ):
        super().__init__(initial_step)
        self.directory = pathlib.Path(directory)
        self.previews = list(previews)
        self._writer: Any = None  # open from the begin of training on

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self._shown = [preview.latest for preview in self.previews]
        if self._writer is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        mark = f"{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_COUNT)}"
        path = self.directory / f"events.out.tfevents.{mark}"
        self._writer = tf.io.TFRecordWriter(os.fspath(path))
        self._write(file_version="brain.Event:2")
        # From this step on, what earlier files hold is void. TensorBoard takes only the
        # second start of a run for that, so that the first attempt has one too.
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._write(step=self.step + 1, session_log=start)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        for number, preview in enumerate(self.previews):
            if preview.latest is self._shown[number]:
                continue
            self._shown[number] = preview.latest
            pictures = [_picture(*item) for item in preview.latest.items()]
            self._write_values([*pictures, *self._rates(preview)])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._write_values(
            _Summary.Value(tag=name, simple_value=float(value))
            for name, value in (logs or {}).items()
        )
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _rates(self, preview):
        rates = self.model.latent_rates(preview.inputs)
        if rates is None:
            return
        mean = np.mean(rates, axis=0)
        steps = mean.reshape(-1, mean.shape[-1])
        per_latent = steps.sum(axis=0)
        yield _histogram("latents/rate_per_latent", per_latent)
        if mean.ndim > 1:
            yield _histogram("latents/rate_per_step", steps.sum(axis=1))
        active = float(np.sum(per_latent > ACTIVE_RATE))
        yield _Summary.Value(tag="latents/active", simple_value=active)

    def _write_values(self, values):
        self._write(step=self.step, summary=_Summary(value=list(values)))

    def _write(self, **content):
        event = _Event(wall_time=time.time(), **content)
        self._writer.write(event.SerializeToString())


def _picture(name, path):
    """A picture file as it is: TensorBoard shows what a browser can."""
    with Image.open(path) as picture:
        width, height = picture.size
    image = _Summary.Image(
        width=width,
        height=height,
        colorspace=3,
        encoded_image_string=path.read_bytes(),
    )
    return _Summary.Value(tag=f"samples/{name}", image=image)


def _histogram(tag, values):
    counts, edges = np.histogram(values, bins=30)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "histograms"})
    tensor = tf.make_tensor_proto(buckets, tf.float64)
    return _Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
