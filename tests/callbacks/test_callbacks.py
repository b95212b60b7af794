"""Checkpoints count batches exactly; Ctrl-C ends training cleanly."""

import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfsigmavae.callbacks import (
    EvaluationNoise,
    ImagePreview,
    StopOnInterrupt,
    TrainingCheckpoint,
)
from tfsigmavae.checkpoints import has_checkpoint, load_checkpoint
from tfsigmavae.models import ConvVAE
from tfsigmavae.pictures import labelled_grid


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


IMAGES = np.random.default_rng(0).random([5, 4, 4, 1]).astype(np.float32)


def _vae():
    model = ConvVAE((4, 4, 1), latent_size=2, widths=(2, 2), seed=3)
    # Eagerly: so small a model is quicker than its tracing.
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False, run_eagerly=True)
    return model


def test_evaluation_draws_the_same_noise_and_training_its_own():
    model, untouched = _vae(), _vae()

    def evaluate(**options):
        noise = EvaluationNoise(**options)
        return model.evaluate(IMAGES, callbacks=[noise], verbose=0, return_dict=True)

    state = np.array(model.seed_generator.state)
    scores = evaluate()
    np.testing.assert_array_equal(model.seed_generator.state, state)
    assert scores["nll"] != evaluate(seed=1)["nll"]
    for vae in (model, untouched):
        vae.fit(IMAGES, epochs=2, shuffle=False, verbose=0)
    for mine, other in zip(model.weights, untouched.weights, strict=True):
        np.testing.assert_array_equal(mine, other)
    # At another position of the training noise, with the first weights.
    model.set_weights(_vae().get_weights())
    assert evaluate() == scores


def test_generators_of_one_model_draw_different_noise():
    generators = [keras.random.SeedGenerator(seed) for seed in (3, 4)]

    class Noisy(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generators = generators

        def call(self, x):
            return x

    model = keras.Sequential([keras.Input([2]), Noisy()])
    model.compile(loss="mse", run_eagerly=True)

    def states_of(seed):
        states = []
        look = keras.callbacks.LambdaCallback()
        look.on_test_batch_end = lambda batch, logs=None: states.extend(
            tuple(np.array(generator.state)) for generator in generators
        )
        callbacks = [EvaluationNoise(seed=seed), look]
        model.evaluate(tf.ones([1, 2]), tf.ones([1, 2]), callbacks=callbacks, verbose=0)
        return states

    states = states_of(7)
    assert states_of(7) == states
    # Neighbouring seeds share no generator's state, in whatever order.
    assert len({*states, *states_of(8)}) == 4
    assert [np.array(g.state).tolist() for g in generators] == [[3, 0], [4, 0]]


def _numbers(folder):
    return sorted(path.stem.split("-")[1] for path in folder.glob("samples-*.png"))


def test_previews_are_numbered_by_the_step(tmp_path):
    model = _vae()
    batches = tf.data.Dataset.from_tensors(IMAGES).repeat(3)
    for _ in range(2):  # the second time as a run that goes on
        preview = ImagePreview(tmp_path, IMAGES, every=4, num_samples=2)
        model.fit(batches, epochs=2, callbacks=[preview], verbose=0)
    assert _numbers(tmp_path) == ["000004", "000008", "000012"]
    assert len(list(tmp_path.glob("reconstructions-*.png"))) == 3


def test_previews_of_several_steps_in_one_call(tmp_path):
    model = _vae()
    model.compile(jit_compile=False, run_eagerly=True, steps_per_execution=3)
    batches = tf.data.Dataset.from_tensors(IMAGES).repeat(8)
    preview = ImagePreview(tmp_path, IMAGES, every=2, num_samples=2)
    model.fit(batches, callbacks=[preview], verbose=0)
    # After the third, sixth and eighth step, each the first one past a multiple of 2.
    assert _numbers(tmp_path) == ["000003", "000006", "000008"]


def test_preview_shows_samples_and_pairs_and_uses_up_no_noise(tmp_path):
    model = _vae()
    state = np.array(model.seed_generator.state)
    images = IMAGES[:3]
    preview = ImagePreview(tmp_path, images, every=0, num_samples=3, seed=6)
    paths = preview.write(model, "-last")
    np.testing.assert_array_equal(model.seed_generator.state, state)
    assert [path.name for path in paths] == [
        "samples-last.png",
        "reconstructions-last.png",
    ]
    samples, pairs = (np.array(Image.open(path)) for path in paths)
    # Images of 4 x 4 pixels are drawn sixteen times as large.
    how = {"scale": 16, "num_columns": 8}
    expected = labelled_grid({"": model.sample(3, seed=6)}, title="samples", **how)
    np.testing.assert_array_equal(samples, expected)
    rows = {"original": images, "reconstruction": model.reconstruct(images)}
    np.testing.assert_array_equal(pairs, labelled_grid(rows, **how))


def test_without_previews_nothing_is_written_in_training(tmp_path):
    preview = ImagePreview(tmp_path, IMAGES, every=0)
    _vae().fit(IMAGES, callbacks=[preview], verbose=0)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="`every` must be an int >= 0"):
        ImagePreview(tmp_path, IMAGES, every=-1)
