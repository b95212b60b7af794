"""Checkpoints count batches exactly; Ctrl-C ends training cleanly."""

import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.callbacks import StopOnInterrupt, TrainingCheckpoint
from tfsigmavae.checkpoint import has_checkpoint, load_checkpoint


def _model(steps_per_execution=1):
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.SGD(0.01),
        "mse",
        steps_per_execution=steps_per_execution,
        jit_compile=False,
    )
    return model


def _batches(num):
    return tf.data.Dataset.from_tensors((tf.ones([3, 2]), tf.ones([3, 1]))).repeat(num)


@pytest.mark.parametrize("steps_per_execution", [1, 2, 3])
def test_steps_are_counted(tmp_path, steps_per_execution):
    model = _model(steps_per_execution)
    callback = TrainingCheckpoint(tmp_path, initial_step=10)
    model.fit(_batches(5), epochs=2, callbacks=[callback], verbose=0)
    assert callback.step == 20
    assert load_checkpoint(_model(), tmp_path) == 20
    assert int(model.optimizer.iterations) == 10


def test_every_epoch_is_saved(tmp_path):
    steps = []

    def look(epoch, logs):
        steps.append(load_checkpoint(_model(), tmp_path))

    model = _model()
    callbacks = [
        TrainingCheckpoint(tmp_path),
        keras.callbacks.LambdaCallback(on_epoch_end=look),
    ]
    model.fit(_batches(4), epochs=3, callbacks=callbacks, verbose=0)
    assert steps == [4, 8, 12]


def test_every_second_epoch_and_the_end_are_saved(tmp_path):
    saved = []

    def look(epoch, logs):
        found = has_checkpoint(tmp_path)
        saved.append(load_checkpoint(_model(), tmp_path) if found else None)

    model = _model()
    callbacks = [
        TrainingCheckpoint(tmp_path, every=2),
        keras.callbacks.LambdaCallback(on_epoch_end=look),
    ]
    model.fit(_batches(4), epochs=3, callbacks=callbacks, verbose=0)
    assert saved == [None, 8, 8]
    assert load_checkpoint(_model(), tmp_path) == 12


def test_a_checkpoint_holds_the_weights_of_its_step(tmp_path):
    model = _model()
    model.fit(_batches(4), callbacks=[TrainingCheckpoint(tmp_path)], verbose=0)
    restored = _model()
    load_checkpoint(restored, tmp_path)
    for mine, other in zip(model.weights, restored.weights, strict=True):
        np.testing.assert_array_equal(other, mine)


class _InterruptAt(keras.callbacks.Callback):
    """Presses Ctrl-C during the given batches."""

    def __init__(self, *batches):
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        if batch in self.batches:
            signal.raise_signal(signal.SIGINT)


def test_interrupt_ends_training_after_the_step(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    stop, tracker = StopOnInterrupt(), TrainingCheckpoint(tmp_path)
    model = _model()
    callbacks = [tracker, _InterruptAt(2), stop]
    model.fit(_batches(9), epochs=5, callbacks=callbacks, verbose=0)
    assert stop.interrupted
    assert int(model.optimizer.iterations) == tracker.step == 3
    assert load_checkpoint(_model(), tmp_path) == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_is_not_held_back():
    before = signal.getsignal(signal.SIGINT)
    stop = StopOnInterrupt()

    class Twice(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _model().fit(_batches(9), callbacks=[Twice(), stop], verbose=0)
    assert stop.interrupted
    assert signal.getsignal(signal.SIGINT) is before


def test_without_an_interrupt_nothing_changes():
    before = signal.getsignal(signal.SIGINT)
    stop, model = StopOnInterrupt(), _model()
    model.fit(_batches(3), epochs=2, callbacks=[stop], verbose=0)
    assert not stop.interrupted and int(model.optimizer.iterations) == 6
    assert signal.getsignal(signal.SIGINT) is before


def test_a_background_job_goes_on_ignoring_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stop = StopOnInterrupt()
        callbacks = [_InterruptAt(0), stop]
        _model().fit(_batches(2), callbacks=callbacks, verbose=0)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert not stop.interrupted


def test_outside_the_main_thread_it_does_nothing():
    errors = []

    def train():
        try:
            _model().fit(_batches(2), callbacks=[StopOnInterrupt()], verbose=0)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert errors == []
