"""A restored model goes on exactly where the saved one was."""

import concurrent.futures
import pathlib

import keras
import numpy as np
import pytest
from tiny_vae import TinyVAE

from tfsigmavae.checkpoints import (
    DamagedFileError,
    DivergedError,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from tfsigmavae.checkpoints.state_file import read_record, read_state, write_state

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


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_last_two_are_kept_and_the_best(tmp_path):
    model = _model()
    for step, score in [(1, 5.0), (2, 3.0), (3, 4.0), (4, None), (5, 3.5)]:
        save_checkpoint(model, tmp_path, step, score=score)
    assert _names(tmp_path) == [f"state-00000000{step}.npz" for step in (2, 4, 5)]
    assert load_checkpoint(model, tmp_path) == 5
    assert load_checkpoint(model, tmp_path, best=True) == 2
    save_checkpoint(model, tmp_path, 6, keep=1, score=2.0)
    assert _names(tmp_path) == ["state-000000006.npz"]
    with pytest.raises(ValueError, match="`keep` must be an int >= 1"):
        save_checkpoint(model, tmp_path, 7, keep=0)


def test_without_scores_there_is_no_best(tmp_path):
    save_checkpoint(_model(), tmp_path, 1)
    with pytest.raises(ValueError, match="No checkpoint in .* has a score"):
        load_checkpoint(_model(), tmp_path, best=True)


def test_what_a_run_that_began_again_left_behind_goes(tmp_path):
    """Also the best of it: none of that is this run's."""
    model = _model()
    for step in (100, 200):
        save_checkpoint(model, tmp_path, step, score=1.0 / step)
    save_checkpoint(model, tmp_path, 50, score=9.0)
    assert _names(tmp_path) == ["state-000000050.npz"]


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path):
    """One bit, in the middle: in the numbers of a variable."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def _exchange(path):
    """Whole for zipfile and NumPy, with other numbers."""
    with np.load(path) as file:
        arrays = dict(file)
    key = next(key for key in arrays if arrays[key].dtype == np.float32)
    arrays[key] = arrays[key] + np.float32(1)
    np.savez(path, **arrays)


def _pickled(path):
    np.save(open(path, "wb"), np.array([{}]), allow_pickle=True)


DAMAGES = {
    "cut": _cut,
    "flipped": _flip,
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"\x89PNG\r\n" * 100),
    "exchanged": _exchange,
    "pickled": _pickled,
    "of another kind": lambda path: np.savez(path, a=np.zeros(3)),
    "one array": lambda path: np.save(open(path, "wb"), np.zeros(3)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_told_and_the_one_before_taken(damage, tmp_path):
    model = _model()
    save_checkpoint(model, tmp_path, step=1)
    expected = [np.array(v) for v in model.variables]
    _train(model, 1)
    newest = save_checkpoint(model, tmp_path, step=2)
    DAMAGES[damage](newest)
    both = r"state-000000002\.npz' is damaged.*from the checkpoint before.*-000000001"
    with pytest.warns(UserWarning, match=both):
        assert load_checkpoint(model, tmp_path) == 1
    for variable, value in zip(model.variables, expected, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)
    # Going on replaces it.
    save_checkpoint(model, tmp_path, step=2)
    assert load_checkpoint(_model(), tmp_path) == 2


def test_a_score_that_is_not_finite_is_none(tmp_path):
    model = _model()
    for step, score in enumerate([1.0, np.nan, 5.0, np.inf, 6.0], 1):
        save_checkpoint(model, tmp_path, step, keep=1, score=score)
    assert load_checkpoint(model, tmp_path, best=True) == 1


def test_a_damaged_best_one_leaves_the_others(tmp_path):
    model = _model()
    for step, score in enumerate([1.0, 2.0, 3.0], 1):
        path = save_checkpoint(model, tmp_path, step, keep=1, score=score)
        if step == 1:
            best = path
    # Its record can be read, and its checksum does not fit.
    with np.load(best) as file:
        arrays = {name: file[name] for name in file.files}
    name = next(n for n in arrays if n.startswith("model-"))
    arrays[name] = arrays[name] + 1
    np.savez(best, **arrays)
    with pytest.raises(DamagedFileError, match="Delete that file") as raised:
        load_checkpoint(model, tmp_path, best=True)
    assert str(best) in str(raised.value)
    assert load_checkpoint(model, tmp_path) == 3


def test_a_text_for_a_checkpoint_is_called_no_npz(tmp_path):
    save_checkpoint(_model(), tmp_path, 1).write_text("hello")
    with pytest.raises(DamagedFileError, match="it is no .npz file") as raised:
        load_checkpoint(_model(), tmp_path)
    assert "allow_pickle" not in str(raised.value)


def test_a_checkpoint_runs_no_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "sprung",)

    trap = np.array([Trap()], object)
    np.savez(tmp_path / "state-000000001.npz", **{"model-0000": trap})
    with pytest.raises(DamagedFileError, match="is damaged"):
        load_checkpoint(_model(), tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_if_all_are_damaged_the_way_out_is_told_and_nothing_changed(tmp_path):
    model = _model()
    for step in (1, 2):
        _cut(save_checkpoint(model, tmp_path, step))
    before = [np.array(v) for v in model.variables]
    with pytest.raises(DamagedFileError, match="no other.*delete .* to begin again"):
        load_checkpoint(model, tmp_path)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_every_single_flipped_byte_is_noticed(tmp_path):
    """Of 300 places all over the file, headers and directory too."""
    path = tmp_path / "state.npz"
    arrays = {"a": np.arange(50, dtype=np.float32), "b": np.int64(3)}
    write_state(path, arrays, {"step": 1})
    whole, noticed = path.read_bytes(), 0
    places = np.linspace(0, len(whole) - 1, 300).astype(int)
    for place in places:
        content = bytearray(whole)
        content[place] ^= 0x55
        path.write_bytes(content)
        try:
            found, record = read_state(path)
        except DamagedFileError:
            noticed += 1
            continue
        # Some bytes of a zip file mean nothing, such as its dates.
        assert record == {"step": 1} and found.keys() == arrays.keys()
        for name, value in arrays.items():
            np.testing.assert_array_equal(found[name], value)
    assert noticed > 200


def test_the_record_can_be_read_alone(tmp_path):
    path = tmp_path / "state.npz"
    write_state(path, {"a": np.zeros(3)}, {"step": 7, "score": 0.1})
    record = read_record(path)
    assert (record["step"], record["score"]) == (7, 0.1)
    np.savez(path, a=np.zeros(3))
    assert read_record(path) == {}
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "nowhere")


def _of_version_0_1_0(model, path, step):
    """What that version wrote: one file, no record, no checksum."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    arrays = {
        f"{group}-{i:04d}": np.asarray(variable)
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }
    np.savez(path, step=np.int64(step), **arrays)


def test_that_of_version_0_1_0_goes_on_and_is_then_replaced(tmp_path):
    model = _model()
    _train(model, 2)
    _of_version_0_1_0(model, tmp_path / "state.npz", 2)
    assert has_checkpoint(tmp_path)
    resumed = _model(seed=7)
    assert load_checkpoint(resumed, tmp_path) == 2
    assert _train(resumed, 1) == _train(model, 1)
    for step in (3, 4):
        save_checkpoint(resumed, tmp_path, step)
    assert _names(tmp_path) == ["state-000000003.npz", "state-000000004.npz"]


def test_several_savers_of_one_checkpoint_do_not_meet(tmp_path):
    model = _model()

    def save(number):
        for step in range(1, 11):
            save_checkpoint(model, tmp_path, step)
        return number

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(save, range(4))) == list(range(4))
    assert load_checkpoint(model, tmp_path) == 10
    assert not list(tmp_path.glob(".*"))


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


def test_what_a_killed_write_left_is_no_checkpoint(tmp_path):
    save_checkpoint(_model(), tmp_path, step=1)
    (state,) = tmp_path.iterdir()
    state.rename(tmp_path / f".partial-0-0.{state.name}")
    assert not has_checkpoint(tmp_path)


def test_a_model_that_diverged_does_not_replace_the_earlier_one(tmp_path):
    model = _model()
    save_checkpoint(model, tmp_path, step=1)
    weight = model.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(ValueError, match="diverged.*not finite at step 2"):
        save_checkpoint(model, tmp_path, step=2)
    assert load_checkpoint(model, tmp_path) == 1
    assert np.isfinite(weight).all()


def _poison_optimizer(model):
    moment = next(v for v in model.optimizer.variables if "momentum" in v.path)
    moment.assign(np.full(moment.shape, np.nan))


@pytest.mark.parametrize(
    "poison, name",
    [
        (_poison_optimizer, "momentum"),
        (lambda model: model.decoder.running_variance.assign(np.inf), "running_varia"),
    ],
    ids=["optimizer", "sigma"],
)
def test_what_is_not_finite_is_not_saved_wherever_it_is(poison, name, tmp_path):
    model = _model()
    _train(model, 1)
    save_checkpoint(model, tmp_path, step=1)
    poison(model)
    with pytest.raises(DivergedError, match=f"{name}.*not finite at step 2"):
        save_checkpoint(model, tmp_path, step=2)
    assert _names(tmp_path) == ["state-000000001.npz"]


def test_weights_that_are_not_finite_do_not_load(tmp_path):
    model = _model()
    save_checkpoint(model, tmp_path, step=2)
    weight = model.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    _of_version_0_1_0(model, tmp_path / "state.npz", 2)  # it looked at no moments
    (tmp_path / "state-000000002.npz").unlink()
    with pytest.raises(DamagedFileError, match="diverged: 'model-....' is not finite"):
        load_checkpoint(_model(), tmp_path)


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
