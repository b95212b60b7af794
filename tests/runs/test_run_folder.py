"""A run on disk: what it writes, what it refuses, how it resumes."""

import csv
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python
from tiny_vae import TinyVAE

from tfsigmavae.callbacks import EvaluationNoise, TrainingCheckpoint
from tfsigmavae.checkpoints import load_checkpoint
from tfsigmavae.checkpoints.state_file import read_record
from tfsigmavae.runs import RunFolder, environment
from tfsigmavae.runs.run_folder import removed_if_nothing_came
from tfsigmavae.runs.training import follow, is_complete

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
    code = "from tfsigmavae.runs import environment; print(environment())"
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

    def killed(self, score):
        if self.step == 4:
            raise KeyboardInterrupt
        original(self, score)

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


def test_an_attempt_killed_before_its_first_checkpoint_begins_again(
    tmp_path, monkeypatch, capsys
):
    """It has a row already, which does not make it one whose checkpoint was deleted."""
    run = RunFolder(tmp_path, CONFIG)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(TrainingCheckpoint, "_save", lambda *args: 1 / 0)
        run.fit(_model(), _batches_from, 4, epoch_steps=2)
    killed_rows = _history(tmp_path)
    assert [row["step"] for row in killed_rows] == ["2"]
    run.fit(_model(), _batches_from, 4, epoch_steps=2)
    assert "one epoch and no checkpoint" in capsys.readouterr().err
    rows = _history(tmp_path)
    assert [row["step"] for row in rows] == ["2", "4"]
    assert rows[:1] == killed_rows


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
    RunFolder(tmp_path, {"network": "vg"}).check_data({"train": "abc"})
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


def test_what_killed_writes_left_is_no_content_and_goes(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    for name in ("model.keras", "config.json", "checkpoint/state-000000001.npz"):
        path = tmp_path / name
        path.with_name(f".partial-0-1.{path.name}").write_text("half")
    (tmp_path / "checkpoint").rename(tmp_path / ".hidden")
    RunFolder(tmp_path, {"network": "vg"})
    assert RunFolder(tmp_path, CONFIG).summary is None
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ["config.json"]


@pytest.mark.parametrize(
    "name, way_out",
    [
        ("config.json", "put it right, or choose another folder"),
        ("run.json", "delete it; only times"),
        ("summary.json", "delete it, and the same command evaluates"),
        ("data.json", "delete it, and the data count as unchanged"),
    ],
)
def test_a_torn_file_is_named_with_the_way_out(name, way_out, tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.write_json("run.json", {})
    (tmp_path / name).write_text('{"steps": ')
    with pytest.raises(ValueError, match=f"{name}' is damaged.*: {way_out}"):
        RunFolder(tmp_path, CONFIG)
        run.read_json(name)


def test_a_checkpoint_that_was_deleted_is_missed(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 4, epoch_steps=2)
    shutil.rmtree(tmp_path / "checkpoint")
    with pytest.raises(FileNotFoundError, match="history of 4 steps, but no checkpo"):
        run.fit(_model(), _batches_from, 6, epoch_steps=2)
    (tmp_path / "history.csv").unlink()
    run.fit(_model(), _batches_from, 6, epoch_steps=2)
    assert [row["step"] for row in _history(tmp_path)] == ["2", "4", "6"]


def test_so_is_that_of_an_only_epoch(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    shutil.rmtree(tmp_path / "checkpoint")
    with pytest.raises(FileNotFoundError, match="history of 2 steps, but no checkpo"):
        run.fit(_model(), _batches_from, 4, epoch_steps=2)


def test_a_damaged_checkpoint_and_its_rows_are_trained_again(tmp_path):
    whole, run = _model(), RunFolder(tmp_path / "whole", CONFIG)
    run.fit(whole, _batches_from, 6, epoch_steps=2)
    parts = RunFolder(tmp_path / "parts", CONFIG)
    parts.fit(_model(), _batches_from, 4, epoch_steps=2)
    (parts.path / "checkpoint" / "state-000000004.npz").write_bytes(b"")
    resumed = _model()
    with pytest.warns(UserWarning, match="000000004.*from the checkpoint before.*02"):
        parts.fit(resumed, _batches_from, 6, epoch_steps=2)
    assert _history(parts.path) == _history(run.path)
    for mine, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=mine.path)


class _StopAt(keras.callbacks.Callback):
    """A signal within a step, twice in one epoch."""

    def __init__(self, *steps, signum=signal.SIGTERM):
        super().__init__()
        self.steps, self.signum = steps, signum

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.optimizer.iterations) in self.steps:
            signal.raise_signal(self.signum)


@pytest.mark.parametrize("validation", [False, True])
def test_an_epoch_that_was_stopped_gets_one_row_and_its_own_means(validation, tmp_path):
    """The table is that of a run without stops, bit for bit."""
    data = _validation() if validation else None
    whole = RunFolder(tmp_path / "whole", CONFIG)
    whole.fit(_model(), _batches_from, 8, epoch_steps=4, validation_data=data)
    run = RunFolder(tmp_path / "parts", CONFIG)
    for stop, done in [(5, 6), (6, 7), (99, 8)]:  # both within the second epoch
        is_done = run.fit(
            _model(),
            _batches_from,
            8,
            epoch_steps=4,
            validation_data=data,
            callbacks=[_StopAt(stop)],
        )
        assert is_done == (done == 8)
        assert run.read_json("run.json")["steps"] == done
        assert _history(run.path)[-1]["step"] == str(done)
    assert _history(run.path) == _history(whole.path)
    attempts = run.read_json("run.json")["attempts"]
    assert [attempt["from_step"] for attempt in attempts] == [0, 6, 7]


def test_other_libraries_than_before_are_told(tmp_path, capsys):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    assert "Otherwise" not in capsys.readouterr().err
    run.write_json("run.json", run.read_json("run.json") | {"onednn": "unheard of"})
    run.fit(_model(), _batches_from, 4, epoch_steps=2)
    assert "Otherwise than before: onednn 'unheard of' ->" in capsys.readouterr().err


def test_steps_may_be_raised_and_not_lowered(tmp_path, capsys):
    run = RunFolder(tmp_path, CONFIG, growing=["steps"])
    run.fit(_model(), _batches_from, 7, epoch_steps=7)
    run.write_json("summary.json", {"sigma": 0.1})
    parts = tmp_path / "evaluation" / "parts"
    parts.mkdir(parents=True)
    more = CONFIG | {"steps": 14}
    with pytest.raises(ValueError, match="steps 7 -> 14"):
        RunFolder(tmp_path, more)
    assert RunFolder(tmp_path, CONFIG, growing=["steps"]).summary
    raised = RunFolder(tmp_path, more, growing=["steps"])
    assert "`steps` is raised from 7 to 14" in capsys.readouterr().err
    assert raised.summary is None and raised.read_json("config.json")["steps"] == 7
    # Until training begins, which may be refused yet, all is as it was.
    assert RunFolder(tmp_path, CONFIG, growing=["steps"]).summary and parts.exists()
    assert raised.fit(_model(), _batches_from, 14, epoch_steps=7)
    assert raised.read_json("config.json")["steps"] == 14 and not parts.exists()
    assert [row["step"] for row in _history(tmp_path)] == ["7", "14"]
    with pytest.raises(ValueError, match="steps 14 -> 7"):
        RunFolder(tmp_path, CONFIG, growing=["steps"])
    followers = ["steps", "warm_up"]
    warm = more | {"warm_up": 3}
    run = RunFolder(tmp_path / "warm", warm, growing=followers)
    run.write_json("run.json", {})
    with pytest.raises(ValueError, match="warm_up 3 -> 4"):
        RunFolder(run.path, warm | {"warm_up": 4}, growing=followers)
    RunFolder(run.path, warm | {"warm_up": 4, "steps": 15}, growing=followers)
    with pytest.raises(ValueError, match="decoder 'optimal_sigma' -> 'other'"):
        RunFolder(tmp_path, more | {"decoder": "other"}, growing=["steps"])


def test_a_raise_that_fails_leaves_the_finished_run(tmp_path):
    run = RunFolder(tmp_path, CONFIG, growing=["steps"])
    run.fit(_model(), _batches_from, 7, epoch_steps=7)
    run.write_json("summary.json", {"sigma": 0.1})
    (newest,) = (tmp_path / "checkpoint").iterdir()
    whole = newest.read_bytes()
    newest.write_bytes(whole[:100])
    raised = RunFolder(tmp_path, CONFIG | {"steps": 14}, growing=["steps"])
    with pytest.raises(ValueError, match="There is no other checkpoint.*history.csv"):
        raised.fit(_model(), _batches_from, 14, epoch_steps=7)
    newest.write_bytes(whole)
    assert RunFolder(tmp_path, CONFIG, growing=["steps"]).summary == {"sigma": 0.1}


def test_without_its_model_a_run_is_not_complete(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 3, epoch_steps=3)
    run.write_json("summary.json", {"sigma": 0.1})
    assert run.summary
    (tmp_path / "model.keras").unlink()
    assert run.summary is None
    assert run.fit(_model(), _batches_from, 3, epoch_steps=3)
    assert run.summary


@pytest.mark.parametrize(
    "name, text",
    [
        ("config.json", "[]"),
        ("summary.json", "[]"),
        ("summary.json", "{}"),
        ("data.json", "{}"),
    ],
)
def test_json_of_another_kind_is_told_by_its_file(name, text, tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 3, epoch_steps=3)
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}' is damaged.*: (delete|put)"):
        again = RunFolder(tmp_path, CONFIG)
        again.summary  # noqa: B018 (reads it)
        again.check_data({"train": "a"})


def test_steps_that_are_no_number_are_another_option(tmp_path):
    run = RunFolder(tmp_path, CONFIG, growing=["steps"])
    run.fit(_model(), _batches_from, 3, epoch_steps=3)
    run.write_json("config.json", CONFIG | {"steps": "250"})
    with pytest.raises(ValueError, match="steps '250' -> 7"):
        RunFolder(tmp_path, CONFIG, growing=["steps"])


def test_changed_data_are_refused_or_accepted_and_recorded(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.check_data({"train": "abc", "test": "x"})
    run.check_data({"train": "abc", "test": "x"})
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    with pytest.raises(ValueError, match=r"began \(train\).* --accept-changed-data"):
        run.check_data({"train": "abd", "test": "x"})
    run.check_data({"train": "abd", "test": "x"}, accept_changed=True)
    run.check_data({"train": "abd", "test": "x"})
    record = run.read_json("data.json")
    assert record["digest"] == {"train": "abd", "test": "x"}
    before = [{"digest": {"train": "abc", "test": "x"}, "until": 2}]
    assert record["before"] == before
    with pytest.raises(ValueError, match="changed"):
        run.check_data({"train": "abc", "test": "x"})


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


def test_what_a_run_goes_on_from_is_on_the_disk_before_it_has_its_name(
    tmp_path, monkeypatch
):
    """So that a machine that stops then has it; the curves are only drawn again."""
    synchronized, durable, quick = set(), set(), set()
    fsync, replace = os.fsync, os.replace

    def synchronize(handle):
        synchronized.add(os.fstat(handle).st_ino)
        fsync(handle)

    def rename(partial, path):
        is_safe = os.stat(partial).st_ino in synchronized
        (durable if is_safe else quick).add(path.name)
        replace(partial, path)

    monkeypatch.setattr(os, "fsync", synchronize)
    monkeypatch.setattr(os, "replace", rename)
    run = RunFolder(tmp_path, CONFIG)
    run.check_data({"train": "abc"})
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    run.write_json("summary.json", {})
    records = {"config.json", "data.json", "run.json", "summary.json"}
    state = {"history.csv", "state-000000002.npz", "model.keras"}
    assert (durable, quick) == (records | state, {"history.png"})


def test_a_run_tells_of_latents_that_carry_nothing(tmp_path):
    model = _model()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    for weight in model.encoder.weights:
        weight.assign(tf.zeros_like(weight))  # the posterior is N(0, 1)
    with pytest.warns(UserWarning, match="for 3 epochs: the latents carry nothing"):
        RunFolder(tmp_path, CONFIG).fit(model, _batches_from, 3, epoch_steps=1)


def test_who_follows_a_run_trains_and_writes_nothing(tmp_path):
    run, leader, follower = RunFolder(tmp_path, CONFIG), _model(), _model()
    run.fit(leader, _batches_from, 2, epoch_steps=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert follow(tmp_path, follower, _batches_from, 4, epoch_steps=2)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert before.keys() == after.keys() and before == after
    run.fit(leader, _batches_from, 4, epoch_steps=2)
    for mine, other in zip(leader.weights, follower.weights, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=mine.path)


def test_a_run_of_fewer_steps_is_not_complete_for_who_follows(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    assert not is_complete(tmp_path, 7)
    run.write_json("summary.json", {"steps": 7})
    assert not is_complete(tmp_path, 7), "without its model"
    (tmp_path / "model.keras").touch()
    assert is_complete(tmp_path, 7) and not is_complete(tmp_path, 14)


def test_a_result_goes_where_training_goes_on(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    run.write_json("summary.json", {"steps": 2})
    run.fit(_model(), _batches_from, 2, epoch_steps=2)
    assert run.summary
    run.fit(_model(), _batches_from, 4, epoch_steps=2)
    assert run.summary is None


def test_the_score_of_a_checkpoint_is_the_loss_of_validation(tmp_path):
    run = RunFolder(tmp_path, CONFIG)
    data = _validation()
    run.fit(_model(), _batches_from, 2, epoch_steps=2, validation_data=data)
    (row,) = _history(tmp_path)
    score = read_record(run.checkpoint / "state-000000002.npz")["score"]
    assert score == float(row["val_loss"]) != float(row["loss"])


def attempt(path, *names):
    """One that writes files and then fails."""
    with pytest.raises(ValueError, match="no data"), removed_if_nothing_came(path):
        path.mkdir(exist_ok=True)
        for name in names:
            (path / name).write_text("{}")
        raise ValueError("no data")


def test_an_attempt_that_failed_before_it_trained_leaves_no_folder(tmp_path):
    attempt(tmp_path / "run", "config.json", "data.json")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["model.keras", "run.json", "notes.txt", ".lock"])
def test_a_folder_with_anything_else_stays(tmp_path, name):
    attempt(tmp_path / "run", "config.json", name)
    assert (tmp_path / "run" / name).exists()


def test_a_folder_that_was_there_before_stays(tmp_path):
    (tmp_path / "run").mkdir()
    attempt(tmp_path / "run", "config.json")
    assert (tmp_path / "run" / "config.json").exists()


def test_an_attempt_that_comes_to_something_stays(tmp_path):
    with removed_if_nothing_came(tmp_path / "run"):
        (tmp_path / "run").mkdir()
    assert (tmp_path / "run").exists()
