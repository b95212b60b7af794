"""A KL weight that rises, in a user's own `fit`.

the first steps of a training       a straight line from `start` to `beta`
look at loss, val_loss              what is minimised; always the whole `beta`
a second fit, or fit(initial_epoch) goes on where the optimizer stands
train in pieces                     bit for bit the same weights
XLA, mixed precision, eagerly       the same weights of the KL
accumulate gradients                a step is a batch, not an update
Ctrl-C or an error within           the next `fit` has the whole `beta` again
set `model.beta` by hand            holds from the next step, compiled once
save and load                       files know nothing of it
replicas                            test_keras_replicas.py
a model without KL, wrong numbers   told
"""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_vae import TinyVAE

from tfsigmavae.callbacks import KLAnnealing
from tfsigmavae.checkpoints import load_checkpoint, save_checkpoint
from tfsigmavae.decoders import FixedSigma

IMAGES = np.random.default_rng(0).integers(0, 256, [8, 4, 4, 1], np.uint8)


class Traced(TinyVAE):
    """Counts how often its training step was traced."""

    traces = 0

    def elbo_terms(self, inputs, training):
        self.traces += training
        return super().elbo_terms(inputs, training)


def made(optimizer=None, run_eagerly=True, jit_compile=False, kind=TinyVAE, **options):
    model = kind(seed=1, **{"decoder": FixedSigma(1.0), "beta": 2.0} | options)
    model(IMAGES)
    model.compile(
        keras.optimizers.Adam(0.01) if optimizer is None else optimizer,
        run_eagerly=run_eagerly,
        jit_compile=jit_compile,
    )
    # What makes variables is traced twice.
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, epochs, *callbacks, batch_size=8, **options):
    history = model.fit(
        IMAGES,
        batch_size=batch_size,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
        **options,
    )
    return {name: np.array(values) for name, values in history.history.items()}


def weights_used(history, prefix=""):
    """The KL's, of one batch an epoch: what its loss says of it."""
    loss, nll, kl = (history[prefix + name] for name in ("loss", "nll", "kl"))
    return (loss - nll) / kl


# In nats of about a dozen, float32; the KL of the first steps is about 1 nat.
TOLERANCE = {"atol": 2e-5, "rtol": 2e-5}


def test_loss_has_the_weight_of_the_step_and_validation_the_whole():
    model = made(run_eagerly=False, kind=Traced)
    anneal = KLAnnealing(4, start=0.25)
    history = fit(model, 6, anneal, validation_data=(IMAGES,))
    expected = 2.0 * np.interp(range(6), [0, 4], [0.25, 1.0])
    np.testing.assert_allclose(weights_used(history), expected, **TOLERANCE)
    np.testing.assert_allclose(history["kl_weight"], expected, rtol=1e-6)
    np.testing.assert_allclose(weights_used(history, "val_"), 2.0, **TOLERANCE)
    assert model.traces == 1, "a new weight compiled the step again"


@pytest.mark.parametrize(
    "options",
    [
        {"run_eagerly": False, "jit_compile": True},
        {"dtype": "mixed_bfloat16"},
        {"dtype": "float64", "decoder": "fixed_sigma"},
        {"optimizer": keras.optimizers.SGD(1e-3, gradient_accumulation_steps=2)},
    ],
    ids=["XLA", "bfloat16", "float64", "accumulation"],
)
def test_the_line_is_the_same_however_it_is_computed(options):
    history = fit(made(**options), 4, KLAnnealing(4))
    expected = 2.0 * np.arange(4) / 4
    np.testing.assert_allclose(weights_used(history), expected, **TOLERANCE)


def test_the_gradient_is_of_the_weighted_loss():
    """One step of SGD from the same weights, against a plain `GradientTape`."""
    model = made(keras.optimizers.SGD(0.5))
    twin = made()
    with tf.GradientTape() as tape:
        terms = twin.elbo_terms(IMAGES, training=True)
        loss = tf.reduce_mean(terms.nll + 0.75 * 2.0 * terms.kl)
    gradients = tape.gradient(loss, twin.trainable_weights)
    fit(model, 1, KLAnnealing(4, initial_step=3))
    pairs = zip(model.trainable_weights, twin.trainable_weights, gradients, strict=True)
    for new, old, gradient in pairs:
        # Float32, and sums in another order.
        np.testing.assert_allclose(new, old - 0.5 * gradient, rtol=1e-4, atol=1e-5)


def test_training_in_pieces_is_training_at_once(tmp_path):
    whole, parts = made(), made()
    fit(whole, 3, KLAnnealing(4), batch_size=4)
    fit(parts, 1, KLAnnealing(4), batch_size=4)
    save_checkpoint(parts, tmp_path, 2)
    resumed = made()
    load_checkpoint(resumed, tmp_path)
    fit(resumed, 2, KLAnnealing(4), batch_size=4)
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_a_later_fit_has_the_whole_weight_also_after_an_error():
    def failing(epoch, logs):
        raise RuntimeError("a full disk")

    model = made()
    stop = keras.callbacks.LambdaCallback(on_epoch_end=failing)
    with pytest.raises(RuntimeError):
        fit(model, 1, KLAnnealing(4), stop)
    np.testing.assert_allclose(weights_used(fit(model, 1)), 2.0, **TOLERANCE)


def test_a_beta_set_by_hand_holds_without_compiling_again():
    model = made(run_eagerly=False, kind=Traced)
    fit(model, 1, KLAnnealing(1))
    for beta in (0.5, 0.0, 3.0):
        model.beta = beta
        assert model.get_config()["beta"] == beta
        logs = model.evaluate(IMAGES, verbose=0, return_dict=True)
        for history in (fit(model, 1), {k: np.array([v]) for k, v in logs.items()}):
            np.testing.assert_allclose(weights_used(history), beta, **TOLERANCE)
    assert model.traces == 1


def test_files_do_not_know_of_it(tmp_path):
    model = made(keras.optimizers.SGD(1e-3))
    fit(model, 2, KLAnnealing(4))
    names = [*model.variables, *model.non_trainable_variables]
    assert not [v.path for v in names if v.name in ("beta", "share")]
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert b"share" not in file.read("config.json")
    checkpoint = tf.train.Checkpoint(model=model).save(tmp_path / "of_tensorflow")
    saved = [name for name, _ in tf.train.list_variables(checkpoint)]
    assert saved and not [name for name in saved if "share" in name or "beta" in name]
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.beta == 2.0
    np.testing.assert_allclose(weights_used(fit(loaded, 1)), 2.0, **TOLERANCE)


def test_wrong_arguments_and_models_are_told():
    with pytest.raises(ValueError, match="`num_steps` must be an int >= 1, got 0.5"):
        KLAnnealing(0.5)
    for start in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="`start` must be a share of `beta`"):
            KLAnnealing(4, start)
    for step in (-3, float("nan"), 1.5):
        with pytest.raises(ValueError, match="`initial_step` must be an int >= 0"):
            KLAnnealing(4, initial_step=step)
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="needs a `VariationalModel`.*got Sequential"):
        model.fit(np.zeros([2, 2]), np.zeros([2, 1]), callbacks=[KLAnnealing(4)])
