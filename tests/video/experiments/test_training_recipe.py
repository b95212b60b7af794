"""Shorter clips first, a KL weight and a learning rate that rise: options of a run.

curriculum=((0.25, 1), (0.5, 2))   three stages, each with clips of a static length
stop anywhere, the same again      the weights of a run that nothing stopped
look at history.csv and samples/   steps count on over the stages, each in one row
watch the terminal                 a line where a stage begins
schedule, ramp                     run over the whole, not over a stage
accumulate gradients, cache        as without stages
other lengths than the data have   told before training, with the way out
no pairs, no order, no step        told when the experiment is made
--curriculum 0.5:4, a recipe's     the same option
--dry-run                          a step of each stage
"""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tfsigmavae_commands import video_flags
from tiny_svg_lp import random_clips

import tfsigmavae as sv
from tfsigmavae.callbacks import HistoryPlot
from tfsigmavae.experiments.training_options import (
    annealing,
    make_optimizer,
    recalibrate,
)
from tfsigmavae.models import ElboTerms
from tfsigmavae_video import VideoExperiment, write_shards
from tfsigmavae_video.experiments.curriculum import stages_of

SHAPE = (16, 16, 3)
STEPS = 8
CURRICULUM = ((0.25, 1), (0.5, 2))
LENGTHS = [2, 2, 3, 3, 4, 4, 4, 4]  # of the clips of each step, one of them given


@keras.saving.register_keras_serializable(package="tests")
class PulledModel(DriftingModel):
    """Its KL pulls at the gain, so that the weight of the KL shows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lengths = []

    def elbo_terms(self, inputs, training):
        if training:
            self.lengths.append(inputs.shape[1])
        terms = super().elbo_terms(inputs, training)
        return ElboTerms(*terms[:2], terms.kl + 1e4 * tf.square(self.gain))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clips"
    write_shards(folder, "train", random_clips(4, 6, SHAPE))
    write_shards(folder, "test", random_clips(2, 6, SHAPE, seed=1))
    return folder


@pytest.fixture(autouse=True, scope="module")
def without_curves():
    """They are drawn at the end of each stage, and take longer than it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HistoryPlot, "write", lambda self: None)
        yield


def make(data, **changes):
    options = {
        "model": PulledModel,
        "steps": STEPS,
        "batch_size": 2,
        "learning_rate": 0.05,
        "decay_from": 0.5,
        "warm_up_steps": 3,
        "kl_ramp": 0.75,
        "num_context": 1,
        "num_frames": 3,
        "curriculum": CURRICULUM,
        "eval_frames": 3,
        "windows": "random",
        "frame_shape": SHAPE,
        "num_samples": 2,
        "seed": 1,
    }
    return VideoExperiment(str(data), **options | changes)


def train(
    experiment, folder, until=STEPS, run_eagerly=True, callbacks=(), epoch_steps=100
):
    """The model after as many steps in all, as `run` trains it."""
    model = experiment.make_model()
    model.compile(model.optimizer, run_eagerly=run_eagerly)
    run = sv.RunFolder(folder, experiment.options())
    assert run.fit(
        model,
        experiment.train_batches,
        until,
        epoch_steps=epoch_steps,
        callbacks=[*annealing(experiment), *callbacks],
        stages=experiment.stages(),
    )
    return model


def check_same(one, other):
    pairs = [(m.variables, m.optimizer.variables) for m in (one, other)]
    for left, right in zip(*(a + b for a, b in pairs), strict=True):
        np.testing.assert_array_equal(left, right, err_msg=left.path)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return train(make(data), folder, epoch_steps=3), folder


def rows_of(folder):
    with open(folder / "history.csv") as file:
        return list(csv.DictReader(file))


def test_each_stage_has_clips_of_its_length(whole):
    assert whole[0].lengths == LENGTHS


def stop_and_go_on(experiment, folder, stops):
    """The model of a run of several attempts."""
    done = 0
    for until in stops:
        resumed = train(experiment, folder, until)
        assert resumed.lengths == LENGTHS[done:until]
        done = until
    return resumed


def test_a_run_that_is_stopped_and_goes_on_is_the_same(data, whole, tmp_path):
    """Within a stage, where one ends, after the first step of one."""
    check_same(whole[0], stop_and_go_on(make(data), tmp_path, [1, 2, 5, STEPS]))


def test_so_is_one_that_accumulates_gradients(data, tmp_path):
    experiment = make(data, gradient_accumulation_steps=2)
    model = train(experiment, tmp_path / "whole")
    check_same(model, stop_and_go_on(experiment, tmp_path / "parts", [3, STEPS]))


def test_options_of_steps_count_batches_where_gradients_are_accumulated(data):
    """The schedule of the learning rate counts updates, three batches each."""
    experiment = make(data, steps=9, warm_up_steps=4, gradient_accumulation_steps=3)
    assert make_optimizer(experiment)._learning_rate.warm_up == 2
    (annealing_,) = annealing(experiment)
    assert annealing_.num_steps == round(0.75 * 9)


def test_compiled_steps_know_the_length_and_go_on_alike(data, tmp_path):
    experiment = make(data)
    model = train(experiment, tmp_path / "whole", run_eagerly=False)
    assert set(model.lengths) == {2, 3, 4}, "a graph without a static length"
    train(experiment, tmp_path / "parts", 3, run_eagerly=False)
    check_same(model, train(experiment, tmp_path / "parts", run_eagerly=False))


@pytest.mark.parametrize(
    "changes",
    [{"curriculum": ()}, {"warm_up_steps": 0}, {"kl_ramp": 0.0}],
    ids=str,
)
def test_each_option_shapes_the_run(data, whole, tmp_path, changes):
    model = train(make(data, **changes), tmp_path)
    assert float(model.gain) != float(whole[0].gain)


def test_rate_and_weight_run_over_the_whole(data, tmp_path):
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            share = self.model._kl_weight.share
            seen.append((float(self.model.optimizer.learning_rate), float(share)))

    train(make(data), tmp_path, callbacks=[Look()])
    steps = np.arange(STEPS)
    warm_up = np.interp(steps, [-1, 2], [0, 1])
    decay = np.interp(steps, [0, 4, 8], [1, 1, 0.05])
    expected = [0.05 * warm_up * decay, np.interp(steps, [0, 6], [0, 1])]
    np.testing.assert_allclose(np.transpose(seen), expected, rtol=1e-5)


def test_the_table_counts_on_and_tells_the_weight(whole):
    rows = rows_of(whole[1])
    # Epochs of three steps, cut where a stage begins at steps 2 and 4.
    assert [row["step"] for row in rows] == ["2", "3", "4", "6", "8"]
    assert [row["epoch"] for row in rows] == ["0", "0", "1", "1", "2"]
    weights = [float(row["kl_weight"]) for row in rows]
    np.testing.assert_allclose(weights, [1 / 6, 2 / 6, 3 / 6, 5 / 6, 1], rtol=1e-6)


def test_a_stage_is_told_where_it_begins(data, tmp_path, capsys):
    def told():
        said = capsys.readouterr().err.splitlines()
        return [line for line in said if line.startswith(("Stage", "Resuming"))]

    lines = [
        "Stage 1 of 3, from step 0: clips of 1 + 1 frames.",
        "Stage 2 of 3, from step 2: clips of 1 + 2 frames.",
        "Stage 3 of 3, from step 4: clips of 1 + 3 frames.",
    ]
    train(make(data), tmp_path, 3)
    assert told() == lines[:2]
    train(make(data), tmp_path)
    assert told() == ["Resuming at step 3 of 8.", *lines[1:]]
    train(make(data, curriculum=()), tmp_path / "plain")
    assert told() == []


@pytest.mark.parametrize("windows", ["first", "last"])
def test_a_cache_changes_nothing(data, windows):
    for step in (0, 3, 7):
        plain, cached = (
            next(iter(make(data, windows=windows, cache=c).train_batches(step)))
            for c in (None, "memory")
        )
        assert plain.shape == (2, LENGTHS[step], *SHAPE)
        np.testing.assert_array_equal(plain, cached)


def test_sigma_is_set_from_clips_of_full_length(data):
    experiment = make(data)
    model = experiment.make_model()
    asked = []
    model.recalibrate = lambda clips, steps: asked.append((clips, steps)) or 0.5
    figures = recalibrate(experiment, model)["recalibration"]
    ((clips, steps),) = asked
    batch = next(iter(clips))
    assert batch.shape[1] == 4 and steps == STEPS
    # Those that would come next.
    np.testing.assert_array_equal(batch, next(iter(experiment.train_batches(STEPS))))
    assert figures == {"steps": STEPS, "sigma_before": 1.0, "sigma": 0.5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"num_frames": 2, "curriculum": ((0.5, 9),)},
            "1.*9 frames of `curriculum` up",
        ),
        ({"num_frames": 9}, "Set `num_frames` to at most 5"),
    ],
    ids=["stage", "whole"],
)
def test_lengths_that_data_do_not_have_are_told_before_training(data, changes, message):
    with pytest.raises(ValueError, match=message):
        make(data, **changes).check_data()


def test_so_is_a_last_stage_that_training_clips_do_not_have(tmp_path):
    write_shards(tmp_path, "train", random_clips(4, 4, SHAPE))
    write_shards(tmp_path, "test", random_clips(2, 8, SHAPE))
    experiment = make(tmp_path, num_frames=5, curriculum=((0.5, 2),))
    with pytest.raises(ValueError, match="5 frames of `num_frames`.*at most 3"):
        experiment.check_data()


@pytest.mark.parametrize(
    ("curriculum", "error", "message"),
    [
        (0.5, TypeError, r"pairs of \(share of the steps, num_frames\)"),
        ("0.5:4", TypeError, "pairs of"),
        ((0.5, 4), TypeError, r"such as \(\(0.5, 4\),\), got \(0.5, 4\)"),
        (((0.5, 4, 1),), TypeError, "pairs of"),
        (((0.5, 4.0),), TypeError, "pairs of"),
        ((("0.5", 4),), TypeError, "pairs of"),
        (((0.5, True),), TypeError, "pairs of"),
        (((0.5, 0),), ValueError, "at least 1 frame"),
        (((0.0, 4),), ValueError, "must ascend, between 0 and 1"),
        (((1.0, 4),), ValueError, "must ascend, between 0 and 1"),
        (((float("nan"), 4),), ValueError, "must ascend, between 0 and 1"),
        (((0.5, 4), (0.5, 5)), ValueError, r"must ascend.*got \[0.5, 0.5\]"),
        (((0.01, 4),), ValueError, r"a step of its own; of 8 steps.*\[0, 0\]"),
        (((0.99, 4),), ValueError, r"a step of its own.*\[0, 8\].*more `steps`"),
    ],
    ids=str,
)
def test_a_wrong_curriculum_is_told_at_once(data, curriculum, error, message):
    with pytest.raises(error, match=message):
        make(data, curriculum=curriculum)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kl_ramp": -0.1}, "`kl_ramp` must be from 0 to 1, got -0.1"),
        ({"kl_ramp": "0.5"}, "`kl_ramp` must be from 0 to 1, got '0.5'"),
        ({"warm_up_steps": 2.5}, "`warm_up_steps` must be an int >= 0, got 2.5"),
        ({"warm_up_steps": 9}, r"`warm_up_steps` must be from 0 to `steps` \(8\)"),
        ({"recalibration_steps": -1}, "`recalibration_steps` must be an int >= 0"),
    ],
    ids=str,
)
def test_other_options_out_of_range_are_told_at_once(data, changes, message):
    with pytest.raises(ValueError, match=message):
        make(data, **changes)


def test_stages_share_the_steps():
    curriculum = [[0.3, 2], [0.6, 5]]  # as JSON has it
    assert stages_of(curriculum, 1000, 10) == [(0, 2), (300, 5), (600, 10)]
    assert stages_of((), 5, 10) == [(0, 10)]


def test_options_are_recorded_and_off_by_default(data):
    options = make(data).options()
    assert options["curriculum"] == [[0.25, 1], [0.5, 2]]
    assert (options["kl_ramp"], options["warm_up_steps"]) == (0.75, 3)
    plain = VideoExperiment(str(data), model=DriftingModel, frame_shape=SHAPE)
    off = {"curriculum": [], "kl_ramp": 0.0, "warm_up_steps": 0}
    assert {name: plain.options()[name] for name in off} == off
    assert plain.stages() == [] == annealing(plain)


def test_a_dry_run_goes_through_every_stage(data, tmp_path):
    small = make(data, steps=1000, warm_up_steps=100).on_noise(tmp_path)
    assert small.steps == 3 and [first for first, _ in small.stages()] == [0, 1, 2]
    assert [next(iter(small.train_batches(s))).shape[1] for s in range(3)] == [2, 3, 4]


def test_a_preset_has_the_training_of_the_model_that_is_asked_for():
    argv = ["--preset", "demo_svg_lp", "--model", "warp_vrnn", "--kl-ramp", "0.2"]
    argv += ["--model-options", "width=8", "--dry-run"]
    found = video_flags.parse(argv, "")
    assert found["model"] == "warp_vrnn"
    assert found["model_options"] == {"max_gradient_norm": 1e5, "width": 8}
    assert (found["kl_ramp"], found["learning_rate"]) == (0.2, 1.5e-3)
    assert found["curriculum"] == [[0.5, 4]] and found["steps"] == 3000


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--steps", "6"], 6),  # fewer than the preset's warm-up has
        ([], 20),
        (["--steps", "6", "--warm-up-steps", "8"], 8),  # for the experiment to refuse
    ],
)
def test_a_warm_up_that_nobody_asked_for_fits_into_the_steps(argv, expected):
    found = video_flags.parse(["--preset", "demo", *argv], "")
    assert found["warm_up_steps"] == expected


def test_flags_give_the_options(capsys):
    given = "--kl-ramp 0.1 --warm-up-steps 5 --recalibration-steps 0".split()
    parse = video_flags.parse
    known = parse(["--dry-run", "--curriculum", "0.3:2,0.6:5", *given], "")
    assert known["curriculum"] == [[0.3, 2], [0.6, 5]]
    assert (known["kl_ramp"], known["warm_up_steps"]) == (0.1, 5)
    assert known["recalibration_steps"] == 0
    for text in ("4", "0.5:four", "0.5:4:2", "x:4"):
        with pytest.raises(SystemExit):
            parse(["--dry-run", "--curriculum", text], "")
        assert "stages are SHARE:FRAMES" in capsys.readouterr().err


def test_a_recipe_may_have_a_curriculum_that_a_flag_takes_away():
    recipe = video_flags._with_flags({"curriculum": CURRICULUM, "steps": 8})
    stages = video_flags._stages(recipe["curriculum"])
    assert stages == [list(stage) for stage in CURRICULUM]
    assert video_flags._stages("") == []
