"""A run of two processes: one folder, disjoint data, equal weights, exact resume."""

import json
import shutil
import signal
import time
import types

import numpy as np
import pytest
import tensorflow as tf
from fresh_process import ROOT
from processes import start, together

from tfsigmavae.data import images
from tfsigmavae.pictures import write_png
from tfsigmavae.runs.devices import (
    STRATEGIES,
    check_distributed,
    distributed,
    is_chief,
    make_strategy,
)

STEPS, EPOCH = 6, 2
_RUN = """
import hashlib, json, os, pathlib, signal, sys
import numpy as np
from tfsigmavae import StopOnInterrupt
from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.runs import make_strategy, run_folder, training

folder, data, kill_at = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
strategy = make_strategy("multi_worker")
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
made, shares = [], []


class Recorded(ImageExperiment):
    def make_model(self):
        made.append(super().make_model())
        return made[-1]

    def train_batches(self, start_step=0, share=(0, 1)):
        shares.append(share)
        return super().train_batches(start_step, share)


def signalled(self, batch, logs=None, end=StopOnInterrupt.on_train_batch_end):
    if int(np.asarray(self.model.optimizer.iterations.value)) == kill_at:
        os.kill(os.getpid(), signal.Signals[sys.argv[4]])
    end(self, batch, logs)


StopOnInterrupt.on_train_batch_end = signalled


def in_short_epochs(function):
    return lambda *args, **kwargs: function(*args, **kwargs | {"epoch_steps": 2})


run_folder.RunFolder.fit = in_short_epochs(run_folder.RunFolder.fit)
import tfsigmavae.experiments.experiment as experiment
experiment.follow = in_short_epochs(experiment.follow)

summary = Recorded(
    data=data,
    model_options={"latent_size": 2, "widths": (2, 3)},
    steps=6,
    batch_size=4,
    preview_every=2,
    seed=1,
).run(folder, strategy=strategy)
weights = b"".join(w.tobytes() for w in made[0].get_weights())
# Without sigma, which is set once more in the end.
pairs = zip(made[0].trainable_weights, made[-1].trainable_weights, strict=True)
print(json.dumps({
    "index": index,
    "shares": shares,
    "sha256": hashlib.sha256(weights).hexdigest(),
    "summary": summary and {key: summary[key] for key in ("nll", "kl", "steps")},
    "step": int(np.asarray(made[0].optimizer.iterations.value)),
    "followed": StopOnInterrupt.followed,
    "models": len(made),
    "evaluates_trained": all(np.array_equal(*map(np.array, pair)) for pair in pairs),
}))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 6)):
        for number in range(count):
            levels = rng.integers(0, 256, [8, 8, 1], dtype=np.uint8)
            write_png(folder / split / f"{number:02d}.png", levels)
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "whole"
    return folder, together(_RUN, folder, data, -1, "SIGKILL")


def test_one_folder_disjoint_shares_equal_weights(whole):
    folder, printed = whole
    (first,), (second,) = printed
    assert first["sha256"] == second["sha256"]
    assert {tuple(share) for share in second["shares"]} == {(1, 2)}
    # What follows training reads whole batches: its check, and recalibration.
    *training, check, recalibration = map(tuple, first["shares"])
    assert set(training) == {(0, 2)} and check == recalibration == (0, 1)
    assert first["summary"]["steps"] == STEPS and second["summary"] is None
    assert json.loads((folder / "summary.json").read_text())["nll"]
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + STEPS // EPOCH
    assert not list(folder.rglob(".*"))


def test_what_is_evaluated_is_what_was_trained(whole):
    (first,), _ = whole[1]
    assert first["models"] == 2 and first["evaluates_trained"]


def test_after_one_was_killed_the_other_ends_and_both_resume(whole, data, tmp_path):
    folder = tmp_path / "run"
    # The writer dies in the third step, after one checkpoint.
    killed, left = start(_RUN, folder, data, [3, -1], "SIGKILL")
    began = time.monotonic()
    killed.communicate(timeout=600)
    assert killed.returncode == -9
    _, errors = left.communicate(timeout=180)
    assert left.returncode not in (0, None), errors[-2000:]
    assert time.monotonic() - began < 600
    _check_resumed(folder, data, whole)


def test_sigterm_to_one_ends_both_after_the_same_step_saved(whole, data, tmp_path):
    folder = tmp_path / "run"
    # The one that does not write is asked, in the middle of an epoch.
    first, second = (p[0] for p in together(_RUN, folder, data, [-1, 3], "SIGTERM"))
    assert (first["followed"], second["followed"]) == (True, False)
    assert first["step"] == second["step"] == 3
    assert first["sha256"] == second["sha256"]
    assert first["summary"] is None
    assert (folder / "checkpoint" / "state-000000003.npz").is_file()
    _check_resumed(folder, data, whole, cut_epoch=1)


@pytest.mark.parametrize("what", ["data", "the checkpoint to go on from"])
def test_machines_that_do_not_agree_are_refused(what, whole, data, tmp_path):
    outputs, sources = tmp_path / "run", data
    if what == "data":
        other = tmp_path / "data"
        shutil.copytree(data, other)
        (other / "train" / "00.png").unlink()
        sources = [data, other]
    else:  # the second one does not see the folder of the first
        shutil.copytree(whole[0], tmp_path / "run")
        for name in ("summary.json", "checkpoint/state-000000006.npz"):
            (tmp_path / "run" / name).unlink()
        outputs = [tmp_path / "run", tmp_path / "elsewhere"]
    for process in start(_RUN, outputs, sources, -1, "SIGKILL"):
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 1
        assert f"do not agree on {what}." in errors, errors[-2000:]
        assert "Another machine" not in errors.splitlines()[-1]


def test_who_waits_for_others_says_so_and_ctrl_c_ends_it(data, tmp_path):
    process, other = start(_RUN, tmp_path / "run", data, -1, "SIGKILL")
    other.kill()
    other.communicate()
    line = ""
    while "Waiting for the other machines" not in line:
        line = process.stderr.readline()
        assert line, "ended without a word"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT


def _check_resumed(folder, data, whole, cut_epoch=None):
    """The same command goes on to what an undisturbed run has."""
    resumed = together(_RUN, folder, data, -1, "SIGKILL")
    expected = [each[0] for each in whole[1]]
    for one, other in zip(resumed, expected, strict=True):
        assert one[0]["sha256"] == other["sha256"]
    assert resumed[0][0]["summary"] == expected[0]["summary"]
    rows, wanted = (
        (path / "history.csv").read_text().splitlines() for path in (folder, whole[0])
    )
    assert len(rows) == len(wanted)
    # Of an epoch that was cut, the means up to there are the first machine's.
    differing = [i for i in range(len(rows)) if rows[i] != wanted[i]]
    assert differing == ([] if cut_epoch is None else [1 + cut_epoch])


def test_shares_of_a_batch_are_disjoint_and_whole():
    levels = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)
    options = {"batch_size": 6, "shuffle": True, "repeat": True, "start_step": 3}
    batches = [images.batches(levels, **options, share=(i, 3)) for i in range(3)]
    whole = images.batches(levels, **options)
    for *shares, batch in tf.data.Dataset.zip((*batches, whole)).take(5):
        assert all(share.shape == [2, 1, 1, 1] for share in shares)
        joined = np.stack(shares, axis=1).reshape(batch.shape)
        np.testing.assert_array_equal(joined, batch)


@pytest.mark.parametrize(
    "share, options",
    [((3, 3), {}), ((-1, 3), {}), ((0, 0), {}), ((0, 4), {}), ((0, 2), {"repeat": 0})],
)
def test_wrong_shares_are_refused(share, options):
    levels = np.zeros([12, 1, 1, 1], np.uint8)
    with pytest.raises(ValueError, match="`share`"):
        images.batches(levels, 6, **{"repeat": True, **options}, share=share)


def test_one_device_is_the_default_and_writes():
    strategy = make_strategy("none")
    assert strategy.num_replicas_in_sync == 1 and is_chief(strategy)
    seen = []
    assert distributed(strategy, lambda share: seen.append(share), 7) is None
    assert seen == [(0, 1)]


@pytest.mark.parametrize("function", [check_distributed, distributed])
def test_a_batch_that_devices_cannot_share_alike_is_refused(function):
    two, read = types.SimpleNamespace(num_replicas_in_sync=2), []
    with pytest.raises(ValueError, match="multiple of the 2 devices, got 7"):
        function(two, read.append, 7)
    assert not read
    function(two, read.append, 8)


@pytest.mark.parametrize(
    "config, message",
    [
        ("", "needs TF_CONFIG in the environment"),
        ("{", "needs TF_CONFIG in the environment"),
        ('{"cluster": {"worker": ["a:1"]}}', "needs TF_CONFIG in the environment"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"index": "0"}}',
            "needs TF_CONFIG in the environment",
        ),
        (
            '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
            "needs TF_CONFIG in the environment",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "names 1 workers, and this one is number 1",
        ),
    ],
)
def test_a_cluster_that_nobody_named_is_asked_for(config, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=message):
        make_strategy("multi_worker")


def test_unknown_strategies_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match="Unknown `strategy` 'horovod'.*mirrored"):
        make_strategy("horovod")
    flags = (ROOT / "scripts/commands/training_flags.py").read_text()
    assert json.dumps(list(STRATEGIES)) in flags
