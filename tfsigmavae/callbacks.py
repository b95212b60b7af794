"""Keras callbacks of a training run."""

import math
import pathlib
import signal
import threading

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.checkpoint import DivergedError, save_checkpoint
from tfsigmavae.checks import check_at_least
from tfsigmavae.pictures import image_grid, write_png


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves the exact training state at the end of every epoch and of training.

    Args:
        directory: folder of the checkpoint, see `save_checkpoint`.
        initial_step: int, batches seen before this `fit`. Defaults to `0`.
        every: int, epochs between checkpoints. Defaults to `1`.
    """

    def __init__(self, directory, initial_step=0, every=1):
        super().__init__()
        self.directory = directory
        self.step = initial_step
        self.every = every
        self._saved = initial_step

    def on_train_batch_end(self, batch, logs=None):
        self._step_in_epoch = _steps_done(batch, self.params)

    def on_epoch_begin(self, epoch, logs=None):
        self._step_in_epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        self.step += self._step_in_epoch
        if (epoch + 1) % self.every == 0:
            self._save()

    def on_train_end(self, logs=None):
        if self._saved != self.step:
            self._save()

    def _save(self):
        save_checkpoint(self.model, self.directory, self.step)
        self._saved = self.step


class StopOnInterrupt(keras.callbacks.Callback):
    """Lets Ctrl-C end training after the current step, with the state saved.

    `fit` returns normally then, and `interrupted` is true. A second Ctrl-C interrupts
    at once. Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._previous = None

    def on_train_begin(self, logs=None):
        if threading.current_thread() is not threading.main_thread():
            return
        # A job in the background ignores Ctrl-C and must go on doing so; a handler that
        # is not Python's (`None`) could not be put back.
        if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
            self._previous = signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, signum, frame):
        self.interrupted = True
        self.model.stop_training = True
        self.restore()

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Gives Ctrl-C back; to be called where `fit` ended by an error."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None


class EvaluationNoise(keras.callbacks.Callback):
    """Evaluation draws the same noise every time, and leaves that of training alone.

    Every `keras.random.SeedGenerator` of the model starts evaluation at a fixed state
    and is put back afterwards. So figures are comparable from epoch to epoch, and
    training with validation is, to the bit, training without. For `evaluate` and for
    the validation of `fit`.

    Args:
        seed: int, of the noise. Defaults to `0`.

    Example:
        >>> model.evaluate(images, callbacks=[EvaluationNoise()])
    """

    def __init__(self, seed=0):
        super().__init__()
        check_at_least("seed", seed, 0)
        self.seed = seed
        self._kept = []

    def on_test_begin(self, logs=None):
        # `weights` leaves them out; they are known by nothing but their name.
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        self._kept = [(state, np.array(state)) for state in states]
        for number, state in enumerate(states):
            # Not seed + number: neighbouring seeds would share noise.
            sequence = np.random.SeedSequence(self.seed, spawn_key=(number,))
            state.assign([sequence.generate_state(1)[0] >> 1, 0])

    def on_test_end(self, logs=None):
        for state, value in self._kept:
            state.assign(value)


class ImagePreview(keras.callbacks.Callback):
    """Draws what an image model samples and reconstructs, every so many steps.

        FOLDER/samples-000500.png           from the prior, the same latents each time
        FOLDER/reconstructions-000500.png   pairs: an image, and its reconstruction

    The number is that of the training step, as the optimizer counts. No noise of the
    model is used up: training with previews is, to the bit, training without.

    Args:
        folder: where to write; made if missing.
        images: `[N, H, W, C]` to reconstruct, uint8 or floating in [0, 1]; fields of
            real numbers cannot be drawn.
        every: int, steps between pictures; 0 for none during training.
        num_samples: int, samples in the grid. Defaults to `64`.
        seed: int, of the samples. Defaults to `0`.

    Raises:
        ValueError: if `every` is not an integer, or negative.

    Example:
        >>> model.fit(train, callbacks=[ImagePreview("samples", test[:32], every=500)])
    """

    def __init__(self, folder, images, every, num_samples=64, seed=0):
        super().__init__()
        check_at_least("every", every, 0)
        self.folder = pathlib.Path(folder)
        self.images = images
        self.every = every
        self.num_samples = num_samples
        self.seed = seed

    def on_train_begin(self, logs=None):
        # Not `int`, which a variable of several replicas does not have.
        self._step = int(np.asarray(self.model.optimizer.iterations))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = self._step

    def on_train_batch_end(self, batch, logs=None):
        before = self._step
        self._step = self._epoch_start + _steps_done(batch, self.params)
        if self.every and self._step // self.every > before // self.every:
            self.write(self.model, f"-{self._step:06d}")

    def write(self, model, suffix="") -> list[pathlib.Path]:
        """Writes `samples{suffix}.png` and `reconstructions{suffix}.png`.

        Args:
            model: an `ImageVAE`.
            suffix: str. Defaults to none.

        Returns:
            The paths.

        Raises:
            DivergedError: if a pixel is not finite.
        """
        images = model.to_images(self.images)
        pairs = tf.stack([images, model.reconstruct(images)], axis=1)
        pairs = tf.reshape(pairs, [-1, *images.shape[1:]])
        num_columns = 2 * math.ceil(math.sqrt(len(pairs)) / 2)  # no pair is split
        samples = model.sample(self.num_samples, seed=self.seed)
        if not (np.isfinite(samples).all() and np.isfinite(pairs).all()):
            raise DivergedError(
                "Training has diverged: `model` draws pixels that are not finite. "
                "Lower the learning rate."
            )
        pictures = {
            "samples": image_grid(samples),
            "reconstructions": image_grid(pairs, num_columns),
        }
        return [
            write_png(self.folder / f"{name}{suffix}.png", picture)
            for name, picture in pictures.items()
        ]


def _steps_done(batch, params):
    """Steps of the epoch so far, from what Keras gives its callbacks.

    `batch` is the last one of `steps_per_execution`, counted within the epoch; Keras
    counts a last, shorter execution in full.
    """
    return min(batch + 1, params["steps"] or batch + 1)
