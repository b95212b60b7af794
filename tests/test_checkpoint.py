"""A restored model goes on exactly where the saved one was."""

import keras
import numpy as np
import pytest
from tiny_vae import TinyVAE

from tfsigmavae.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint

IMAGES = np.random.default_rng(0).random((8, 4, 4, 1), dtype=np.float32)


def _model(optimizer=None, run_eagerly=True, **kwargs):
    """Eager unless asked otherwise: tracing takes longer than a few steps."""
    model = TinyVAE(**{"seed": 1, **kwargs})
    model(IMAGES)
    model.compile(
        optimizer or keras.optimizers.Adam(0.01),
        run_eagerly=run_eagerly,
        jit_compile=False,
    )
    return model


def _train(model, steps):
    losses = []
    for _ in range(steps):
        model.reset_metrics()  # Keras before 3.13 averages over earlier calls
        losses.append(float(model.train_on_batch(IMAGES)[0]))
    return losses


@pytest.mark.parametrize("accumulated", [None, 2])
def test_training_goes_on_bit_for_bit(tmp_path, accumulated):
    def optimizer():
        return keras.optimizers.Adam(0.01, gradient_accumulation_steps=accumulated)

    model = _model(optimizer(), run_eagerly=False)
    _train(model, 3)  # with accumulation, one gradient waits for the next
    path = save_checkpoint(model, tmp_path, step=3)
    assert path.is_file() and path.parent == tmp_path
    expected = _train(model, 3)
    # Other weights and noise until the checkpoint is loaded.
    resumed = _model(optimizer(), run_eagerly=False, seed=7)
    assert load_checkpoint(resumed, tmp_path) == 3
    assert int(resumed.optimizer.iterations) == 3 // (accumulated or 1)
    assert _train(resumed, 3) == expected
    ours = model.variables + model.optimizer.variables
    theirs = resumed.variables + resumed.optimizer.variables
    # Keras' own running means of the logs start anew with the resumed model.
    metrics = {id(v) for m in (model, resumed) for x in m.metrics for v in x.variables}
    for mine, other in zip(ours, theirs, strict=True):
        if id(mine) not in metrics:
            np.testing.assert_array_equal(other, mine, err_msg=mine.path)


def test_sigma_and_noise_are_in_it(tmp_path):
    model = _model()
    _train(model, 4)
    save_checkpoint(model, tmp_path, step=4)
    resumed = _model()
    load_checkpoint(resumed, tmp_path)
    np.testing.assert_array_equal(resumed.decoder.sigma, model.decoder.sigma)
    assert resumed.decoder.num_updates.numpy() == 4
    np.testing.assert_array_equal(
        resumed.seed_generator.state, model.seed_generator.state
    )


def test_a_later_checkpoint_replaces_the_earlier_one(tmp_path):
    model = _model()
    for step in (1, 2):
        _train(model, 1)
        save_checkpoint(model, tmp_path, step)
    assert load_checkpoint(_model(), tmp_path) == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_an_interrupted_write_leaves_the_earlier_one(tmp_path, monkeypatch):
    model = _model()
    save_checkpoint(model, tmp_path, step=1)

    def stop(file, **arrays):
        with open(file, "wb") as opened:
            opened.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", stop)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(model, tmp_path, step=2)
    monkeypatch.undo()
    assert load_checkpoint(model, tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_write_left_is_no_checkpoint_and_goes(tmp_path):
    model = _model()
    save_checkpoint(model, tmp_path, step=1)
    (state,) = tmp_path.iterdir()
    state.rename(tmp_path / f".partial.{state.name}")
    assert not has_checkpoint(tmp_path)
    save_checkpoint(model, tmp_path, step=2)
    assert load_checkpoint(model, tmp_path) == 2
    assert list(tmp_path.iterdir()) == [state]


def test_a_model_that_diverged_does_not_replace_the_earlier_one(tmp_path):
    model = _model()
    save_checkpoint(model, tmp_path, step=1)
    weight = model.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(ValueError, match="diverged.*not finite at step 2"):
        save_checkpoint(model, tmp_path, step=2)
    assert load_checkpoint(model, tmp_path) == 1
    assert np.isfinite(weight).all()


def test_bfloat16_weights_come_back(tmp_path):
    made = [
        keras.Sequential([keras.Input([3]), keras.layers.Dense(2, dtype="bfloat16")])
        for _ in "ab"
    ]
    for model in made:
        model.compile("adam")
    save_checkpoint(made[0], tmp_path, step=0)
    load_checkpoint(made[1], tmp_path)
    ours, theirs = (np.float32(model.weights[0]) for model in made)
    np.testing.assert_array_equal(ours, theirs)


def test_has_checkpoint(tmp_path):
    folder = tmp_path / "made" / "if missing"
    assert not has_checkpoint(folder)
    save_checkpoint(_model(), folder, step=0)
    assert has_checkpoint(folder)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No checkpoint .*nowhere"):
        load_checkpoint(_model(), tmp_path / "nowhere")


@pytest.mark.parametrize(
    "other",
    [
        lambda: _model(latent_size=3),
        lambda: _model(decoder="shared_sigma"),
        lambda: _model(optimizer=keras.optimizers.SGD(0.01)),
        lambda: _model(optimizer=keras.optimizers.SGD(0.01, momentum=0.9)),
    ],
)
def test_another_model_or_optimizer_is_refused_and_left_alone(other, tmp_path):
    save_checkpoint(_model(), tmp_path, step=1)
    model = other()
    before = [variable.numpy() for variable in model.variables]
    with pytest.raises(ValueError, match="is of another model or optimizer"):
        load_checkpoint(model, tmp_path)
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_a_model_without_variables_or_optimizer_is_refused(tmp_path):
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    unbuilt.compile("adam")
    uncompiled = keras.Sequential([keras.Input([1]), keras.layers.Dense(1)])
    for model in (unbuilt, uncompiled):
        with pytest.raises(ValueError, match="compiled and built"):
            save_checkpoint(model, tmp_path, step=0)
    assert not has_checkpoint(tmp_path)
