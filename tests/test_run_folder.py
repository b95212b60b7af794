"""A run on disk: what it writes, what it refuses, how it resumes."""

import csv
import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python
from tiny_vae import TinyVAE

from tfsigmavae.callbacks import EvaluationNoise, TrainingCheckpoint
from tfsigmavae.checkpoint import load_checkpoint
from tfsigmavae.run_folder import RunFolder, environment

CONFIG = {"steps": 7, "decoder": "optimal_sigma", "shape": (4, 4, 1)}


def _batches_from(step):
    """An endless dataset in which a batch depends on its step only."""

    def batch(step):
        return tf.random.stateless_uniform([3, 4, 4, 1], [step, 0])

    return tf.data.Dataset.counter(start=step).map(batch)


def _model(run_eagerly=True):
    """Eager unless asked otherwise: tracing takes longer than a few steps."""
    model = TinyVAE(seed=1)
    model(tf.zeros([1, 4, 4, 1]))
    model.compile(
        keras.optimizers.Adam(0.01), jit_compile=False, run_eagerly=run_eagerly
    )
    return model


def _history(folder):
    with open(folder / "history.csv") as file:
        return list(csv.DictReader(file))


def test_a_run_writes_its_files(tmp_path):
    run = RunFolder(tmp_path / "deep" / "run", CONFIG)
    model = _model()
    assert run.fit(model, _batches_from, num_steps=7, epoch_steps=3) is True
    assert run.read_json("config.json") == json.loads(json.dumps(CONFIG))
    record = run.read_json("run.json")
    assert record["steps"] == 7
    assert record["parameters"] == model.count_params()
    assert record["seconds"] >= 0 and record["seconds_per_step"] >= 0
    assert record["cpu_seconds"] > 0
    assert set(environment()) <= set(record)
    assert record["tensorflow"] == tf.__version__
    assert [row["epoch"] for row in _history(run.path)] == ["0", "1", "2"]
    assert np.isfinite(float(_history(run.path)[-1]["loss"]))
    assert load_checkpoint(_model(), run.path / "checkpoint") == 7
    reloaded = keras.models.load_model(run.path / "model.keras")
    np.testing.assert_array_equal(reloaded.decoder.sigma, model.decoder.sigma)
    assert not list(run.path.glob(".*partial*"))
    assert run.summary is None
    run.write_json("summary.json", {"sigma": 0.1})
    assert RunFolder(run.path, CONFIG).summary == {"sigma": 0.1}


def test_the_record_says_whether_onednn_is_on(monkeypatch):
    code = "from tfsigmavae.run_folder import environment; print(environment())"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert "'onednn': False" in run_python(code)
    assert environment()["onednn"] in (True, False)


def test_the_record_says_how_operations_share_the_cores(monkeypatch):
    for name, number in [("intra", 1), ("inter", 2)]:
        name = f"get_{name}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, lambda number=number: number)
    assert environment()["threads"] == {"intra_op": 1, "inter_op": 2}


def test_options_that_came_later_have_their_defaults(tmp_path):
    RunFolder(tmp_path, CONFIG).write_json("run.json", {})
    later = {"ramp": 0.0, "stages": ()}
    with pytest.raises(ValueError, match=r"ramp None -> 0.0, stages None -> \[\]"):
        RunFolder(tmp_path, CONFIG | later)
    with pytest.raises(ValueError, match="ramp 0.0 -> 0.5"):
        RunFolder(tmp_path, CONFIG | later | {"ramp": 0.5}, defaults=later)
    RunFolder(tmp_path, CONFIG | later, defaults=later)
    assert RunFolder(tmp_path, CONFIG | later).read_json("config.json")["ramp"] == 0.0


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = _model(run_eagerly=False)
    RunFolder(tmp_path / "whole", CONFIG).fit(whole, _batches_from, 8, epoch_steps=3)
    for num_steps in (2, 5, 8):  # stops within an epoch, at one, and at the end
        resumed = _model(run_eagerly=False)
        run = RunFolder(tmp_path / "parts", CONFIG)
        assert run.fit(resumed, _batches_from, num_steps, epoch_steps=3)
    for mine, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=mine.path)
    assert run.read_json("run.json")["steps"] == 8
    rows = [(row["epoch"], row["step"]) for row in _history(run.path)]
    assert rows == [("0", "2"), ("0", "3"), ("1", "5"), ("1", "6"), ("2", "8")]


def _validation():
    return _batches_from(1000).take(2)


def test_validation_fills_columns_and_leaves_training_alone(tmp_path):
    """Also where attempts end within an epoch, and validation comes in between."""
    plain = _model()
    RunFolder(tmp_path / "plain", CONFIG).fit(plain, _batches_from, 8, epoch_steps=3)
    for num_steps in (4, 8):
        validated = _model()
        run = RunFolder(tmp_path / "validated", CONFIG)
        run.fit(
            validated,
            _batches_from,
            num_steps,
            epoch_steps=3,
            validation_data=_validation(),
        )
    models = (plain, validated)
    states = [[*m.weights, m.seed_generator.state] for m in models]
    for mine, other in zip(*states, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=mine.path)
    rows = _history(run.path)
    assert [row["epoch"] for row in rows] == ["0", "1", "1", "2"]
    logs = validated.evaluate(
        _validation(), callbacks=[EvaluationNoise()], verbose=0, return_dict=True
    )
    assert float(rows[-1]["val_nll"]) == logs["nll"]
    assert "val_kl" not in _history(tmp_path / "plain")[0]


def test_more_callbacks_see_every_step(tmp_path):
    seen = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 5, epoch_steps=3, callbacks=[count])
    assert seen == [0, 1, 2, 0, 1]


def test_an_attempt_killed_before_its_checkpoint_leaves_no_rows_twice(
    tmp_path, monkeypatch
):
    run = RunFolder(tmp_path, CONFIG)
    original = TrainingCheckpoint._save

    def killed(self):
        if self.step == 4:
            raise KeyboardInterrupt
        original(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingCheckpoint, "_save", killed)
        run.fit(_model(run_eagerly=True), _batches_from, 6, epoch_steps=2)
    killed_rows = _history(tmp_path)
    assert [row["step"] for row in killed_rows] == ["2", "4"]
    assert (tmp_path / "history.png").is_file()  # an error, too, leaves the curves
    run.fit(_model(run_eagerly=True), _batches_from, 6, epoch_steps=2)
    rows = _history(tmp_path)
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert rows[:2] == killed_rows  # trained again to the same figures


def test_times_of_all_attempts_add_up(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    first = run.read_json("run.json") | {"cpu_seconds": 1000.0, "seconds": 2000.0}
    run.write_json("run.json", first)
    run.fit(_model(), _batches_from, 4, epoch_steps=2)
    record = run.read_json("run.json")
    assert record["cpu_seconds"] > 1000 and record["seconds"] > 2000


def test_a_complete_run_trains_no_further(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 3, epoch_steps=3)
    again = _model()
    assert run.fit(again, _batches_from, 3, epoch_steps=3) is True
    assert int(again.optimizer.iterations) == 3
    assert len(_history(tmp_path)) == 1


def test_ctrl_c_leaves_a_loadable_model_and_resumes(tmp_path):
    run = RunFolder(tmp_path, CONFIG)

    def interrupted_from(step):
        def press(x):
            if step == 0 and x == 1:
                signal.raise_signal(signal.SIGINT)
            return np.zeros([2, 4, 4, 1], np.float32)

        def batches():
            for i in range(step, 100):
                yield press(i)

        spec = tf.TensorSpec([2, 4, 4, 1])
        return tf.data.Dataset.from_generator(batches, output_signature=spec)

    assert run.fit(_model(), interrupted_from, 6, epoch_steps=3) is False
    steps = run.read_json("run.json")["steps"]
    assert 0 < steps < 6
    assert load_checkpoint(_model(), tmp_path / "checkpoint") == steps
    assert keras.models.load_model(tmp_path / "model.keras").built
    assert run.fit(_model(), interrupted_from, 6, epoch_steps=3) is True
    assert run.read_json("run.json")["steps"] == 6


def test_other_options_are_refused_by_name(tmp_path):
    RunFolder(tmp_path, CONFIG)
    (tmp_path / "history.csv").touch()
    RunFolder(tmp_path, CONFIG)
    changed = {**CONFIG, "decoder": "shared_sigma", "beta": 2.0}
    with pytest.raises(ValueError, match="run with other options") as caught:
        RunFolder(tmp_path, changed)
    assert "decoder 'optimal_sigma' -> 'shared_sigma'" in str(caught.value)
    assert "beta None -> 2.0" in str(caught.value)
    assert "steps" not in str(caught.value)
    kept = json.loads((tmp_path / "config.json").read_text())
    assert kept["decoder"] == "optimal_sigma"


def test_options_of_an_attempt_that_failed_at_once_may_be_mended(tmp_path):
    RunFolder(tmp_path, {"network": "vg"})
    mended = RunFolder(tmp_path, {"network": "vgg"})
    assert mended.read_json("config.json") == {"network": "vgg"}


def test_a_model_that_was_not_saved_is_saved_by_the_next_attempt(tmp_path, monkeypatch):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_save", lambda *args: None)  # a kill at the end
        run.fit(_model(), _batches_from, 4, epoch_steps=2)
    assert run.fit(_model(), _batches_from, 4, epoch_steps=2)
    model = keras.models.load_model(tmp_path / "model.keras")
    assert model.optimizer.iterations == run.read_json("run.json")["steps"] == 4


def test_a_model_that_could_not_be_written_leaves_the_earlier_one(
    tmp_path, monkeypatch
):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)

    def fill_the_disk(_, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(TinyVAE, "save", fill_the_disk)
        run.fit(_model(), _batches_from, 4, epoch_steps=2)
    model = keras.models.load_model(tmp_path / "model.keras")
    assert model.optimizer.iterations == run.read_json("run.json")["steps"] == 2
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_write_left_is_no_content(tmp_path):
    for name in (".partial.model.keras", ".0123abcd.config.json"):
        (tmp_path / name).write_text("half")
    RunFolder(tmp_path, {"network": "vg"})
    assert RunFolder(tmp_path, CONFIG).summary is None


def test_data_that_end_too_early_are_refused(tmp_path):
    def three_batches(step):
        return _batches_from(step).take(max(3 - step, 0))

    with pytest.raises(ValueError, match="gave no batch"):
        RunFolder(tmp_path, CONFIG).fit(_model(), three_batches, 6, epoch_steps=2)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(FileExistsError, match="is not empty and holds no run"):
        RunFolder(tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_after_a_fit_that_failed_ctrl_c_is_pythons_own_again(tmp_path):
    before = signal.getsignal(signal.SIGINT)

    def out_of_range(step):
        return _batches_from(step).map(lambda images: images + 5.0)

    with pytest.raises(tf.errors.InvalidArgumentError):
        RunFolder(tmp_path, CONFIG).fit(_model(), out_of_range, 4, epoch_steps=2)
    assert signal.getsignal(signal.SIGINT) is before
