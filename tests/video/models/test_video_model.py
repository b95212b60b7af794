"""What every video model gets by writing how it goes from frame to frame."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_warp_vrnn
from drifting_model import DriftingModel
from fresh_process import run_python
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

import tfsigmavae as sv
from tfsigmavae.models import registry
from tfsigmavae.video import (
    VideoExperiment,
    evaluate_prediction,
    write_prediction,
    write_shards,
)
from tfsigmavae_video import models
from tfsigmavae_video.experiments import video_experiment
from tfsigmavae_video.models import VideoModel
from tfsigmavae_video.models.rollout import future_noise

SHAPE = (16, 16, 3)


@pytest.fixture(scope="module", params=["drifting", "svg_lp", "warp_vrnn"])
def model(request):
    if request.param == "drifting":
        return DriftingModel(SHAPE)
    if request.param == "warp_vrnn":
        return tiny_warp_vrnn.awake_model()
    return randomise_weights(tiny_model())


@pytest.fixture(scope="module")
def toy():
    return DriftingModel(SHAPE)


def context_of(model, num_clips=4, num_frames=2):
    return random_clips(num_clips, num_frames, model.frame_shape)


# Another batch is another order of float32 sums; the noise itself is the same.
ATOL = 1e-5


def test_a_clip_has_the_same_futures_alone_and_in_company(model):
    context = context_of(model)
    together = model.predict_frames(context, 3, 2, seed=5)
    assert np.abs(together[0] - together[1]).max() > 1e-3  # the noise shows
    for number in range(4):
        alone = model.predict_frames(
            context[number : number + 1], 3, 2, seed=5, clip_numbers=[number]
        )
        np.testing.assert_allclose(alone[:, 0], together[:, number], atol=ATOL)
    order = [2, 0, 3, 1]
    shuffled = model.predict_frames(context[order], 3, 2, 5, clip_numbers=order)
    np.testing.assert_allclose(shuffled, tf.gather(together, order, axis=1), atol=ATOL)


def test_more_samples_and_longer_futures_begin_with_the_same(model):
    context = context_of(model)
    few = model.predict_frames(context, 2, 2, seed=5)
    many = model.predict_frames(context, 5, 3, seed=5, sample_batch_size=1)
    np.testing.assert_allclose(many[:2, :, :2], few, atol=ATOL)


def test_equal_clips_have_other_noise(model):
    context = np.repeat(context_of(model, 1), 2, axis=0)
    futures = model.predict_frames(context, 3, seed=5)[0]
    assert np.abs(futures[0] - futures[1]).max() > 1e-3


def test_scores_do_not_depend_on_the_clips_of_a_call(model):
    size = (16, 16, 3)  # SSIM needs 11 pixels
    model = DriftingModel(size) if isinstance(model, DriftingModel) else None
    if model is None:
        model = randomise_weights(tiny_model(frame_shape=size))
    clips = random_clips(5, model.num_context + 2, size)
    first, *others = [
        evaluate_prediction(model, clips, num_samples=3, clips_per_call=number)
        for number in (None, 1, 2, 5)
    ]
    for other in others:
        for group in ("psnr", "ssim", "psnr_moved"):
            assert other[group] == pytest.approx(first[group], abs=2e-4)


def test_noise_is_a_function_of_seed_clip_and_sample():
    noise = future_noise(3, tf.range(4), 5, 6, 2)
    assert noise.shape == (20, 6, 2)
    assert len(np.unique(np.ravel(noise))) == noise.numpy().size
    # Neighbouring seeds share no number, in whatever place: `seed + clip` would.
    other = future_noise(4, tf.range(4), 5, 6, 2)
    assert not set(np.ravel(noise)) & set(np.ravel(other))
    part = future_noise(3, tf.constant([2]), 5, 4, 2)
    np.testing.assert_allclose(part, noise[2::4, :4], atol=1e-6)
    assert abs(np.mean(noise)) < 0.33 and abs(np.std(noise) - 1) < 0.23  # 5 sigma


def test_numbers_of_other_clips_are_refused(toy):
    context = context_of(toy)
    with pytest.raises(ValueError, match=r"`clip_numbers` must have shape \(4,\)"):
        toy.predict_frames(context, 2, clip_numbers=[0, 1])
    long = toy.predict_frames(
        context, 2, seed=1, clip_numbers=tf.range(4, dtype="int64")
    )
    np.testing.assert_array_equal(long, toy.predict_frames(context, 2, seed=1))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_frames": 4.0}, "`num_frames` must be an int >= 1, got 4.0"),
        ({"num_samples": 0}, "`num_samples` must be an int >= 1"),
        ({"sample_batch_size": 0}, "`sample_batch_size` must be an int >= 1"),
        ({"seed": 1.5}, "`seed` must be an int"),
        ({"seed": 2**32}, "`seed` must be below"),
        ({"context": np.zeros([0, 2, *SHAPE], np.uint8)}, "holds no clips"),
        ({"context": np.zeros([2, 0, *SHAPE], np.uint8)}, "T >= 1"),
    ],
)
def test_calls_out_of_range_are_refused(toy, arguments, message):
    arguments = {"context": context_of(toy), "num_frames": 2, **arguments}
    with pytest.raises(ValueError, match=message):
        toy.predict_frames(**arguments)


def test_noise_is_the_same_under_xla():
    def noise(seed):
        return future_noise(seed, tf.range(3), 2, 4, 3)

    for seed in (3, -3):  # folded keys are negative half the time
        plain = noise(tf.constant(seed))
        compiled = tf.function(noise, jit_compile=True)(tf.constant(seed))
        np.testing.assert_allclose(compiled, plain, atol=2e-6)


def test_a_subclass_that_forgets_a_function_fails_when_it_is_made():
    class Forgetful(DriftingModel):
        step = VideoModel.step

    with pytest.raises(TypeError, match="abstract method '?step"):
        Forgetful(SHAPE)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"frame_shape": (16, 16)}, "`frame_shape` must be"),
        ({"num_context": 0}, "`num_context` must be an int >= 1"),
        ({"action_size": -1}, "`action_size` must be an int >= 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DriftingModel(**arguments)


def test_futures_of_the_toy_are_what_it_says(toy):
    context = context_of(toy, 2)
    noise = np.reshape(future_noise(1, tf.range(2), 3, 1 + 4, 1), [3, 2, 5])
    frame = np.broadcast_to(context[None, :, -1] / 255.0, [3, 2, *SHAPE])
    futures = toy.predict_frames(context, 4, 3, seed=1)
    for step in range(4):
        # The first number belongs to the step within the context.
        latent = noise[:, :, 1 + step, None, None, None]
        frame = 1 / (1 + np.exp(-(4 * frame - 2 + 0.5 * latent)))
        np.testing.assert_allclose(futures[:, :, step], frame, atol=1e-5)


def test_samples_are_drawn_in_bounded_memory(toy, monkeypatch):
    sizes = []
    step = DriftingModel.step

    def noted(self, state, noise, action, folded):
        sizes.append(noise.shape[0])
        return step(self, state, noise, action, folded)

    monkeypatch.setattr(DriftingModel, "step", noted)
    tf.config.run_functions_eagerly(True)
    try:
        toy.predict_frames(context_of(toy, 4), 1, 100, seed=0)
    finally:
        tf.config.run_functions_eagerly(False)
    assert sum(sizes) == 400 and max(sizes) == 128


def test_pictures_of_the_toy(toy, tmp_path):
    clips = random_clips(2, 6, SHAPE)
    for path in write_prediction(toy, clips, tmp_path, num_frames=4, num_samples=3):
        assert path.stat().st_size > 0


def test_the_toy_is_served_as_it_predicts(toy, tmp_path):
    sv.export_saved_model(toy, tmp_path / "1")
    np.save(tmp_path / "context.npy", context_of(toy) / np.float32(255))
    run_python(
        """
        import sys
        import numpy as np
        import tensorflow as tf
        folder = sys.argv[1]
        served = tf.saved_model.load(folder + "/1")
        frames = served.predict_video(np.load(folder + "/context.npy"), 3, 2, 7)
        np.save(folder + "/frames.npy", frames)
        """,
        tmp_path,
        cwd=tmp_path,
    )
    frames = np.load(tmp_path / "frames.npy")
    expected = toy.predict_frames(context_of(toy) / np.float32(255), 3, 2, seed=7)
    np.testing.assert_array_equal(frames, expected)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clips"
    write_shards(folder, "train", random_clips(4, 6, SHAPE))
    write_shards(folder, "test", random_clips(2, 6, SHAPE, seed=1))
    return folder


def toy_experiment(data, **changes):
    options = {
        "model": DriftingModel,
        "model_options": {"scale": 0.25},
        "steps": 3,
        "batch_size": 2,
        "num_context": 1,
        "num_frames": 3,
        "eval_frames": 4,
        "frame_shape": SHAPE,
        "num_samples": 2,
    }
    return VideoExperiment(str(data), **options | changes)


def test_the_toy_is_run_by_an_experiment(data, tmp_path):
    summary = toy_experiment(data).run(tmp_path / "run")
    assert summary["num_predicted"] == 4 and summary["parameters"] >= 1
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == "tests>DriftingModel"
    assert config["model_options"]["scale"] == 0.25
    assert "max_gradient_norm" in config["model_options"]
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.scale == 0.25 and float(model.gain) != 1.0
    # The record is enough to run it again, by the name of its class.
    assert VideoExperiment(**config).options() == config
    assert VideoExperiment(**config).run(tmp_path / "run") == summary


def test_likelihood_is_of_the_trained_horizon(data):
    experiment = toy_experiment(data, num_frames=2, eval_frames=4)
    model = experiment.make_model()
    model.scale = 0.0  # no noise
    clips = experiment.eval_clips["frames"]
    assert clips.shape[1] == 5
    terms = model.elbo_terms(clips[:, :3], training=False)
    scores = experiment.evaluate(model)
    assert scores["nll"] == pytest.approx(float(np.mean(terms.nll)), rel=1e-4)
    assert scores["num_predicted"] == 4


def test_clips_of_one_file_are_not_held_out(data):
    folder = toy_experiment(data)
    assert folder.evaluate(folder.make_model())["held_out"] is True
    (file,) = (data / "test").iterdir()
    single = toy_experiment(file)
    assert single.evaluate(single.make_model())["held_out"] is False


def test_pictures_are_of_the_evaluated_horizon(data, tmp_path, monkeypatch):
    asked = []

    def write(model, clips, folder, num_frames, *_, fps):
        asked.append((clips.shape[1], num_frames, fps))
        return "a.gif", "a.png"

    monkeypatch.setattr(video_experiment, "write_prediction", write)
    experiment = toy_experiment(data, num_frames=2, eval_frames=4)
    experiment.draw(experiment.make_model(), tmp_path)
    assert asked == [(5, 4, 6)]  # records do not tell their rate


@pytest.mark.parametrize("name", ["num_frames", "eval_frames"])
def test_a_horizon_beyond_the_clips_is_told_by_its_name(data, name):
    with pytest.raises(ValueError, match=f"Set `{name}` to at most 5"):
        toy_experiment(data, **{name: 6}).check_data()
    toy_experiment(data, **{name: 5}).check_data()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_eval_clips": 0}, "`num_eval_clips` must be an int >= 1"),
        ({"num_samples": 2.5}, "`num_samples` must be an int >= 1"),
        ({"eval_frames": 2.5}, "`eval_frames` must be an int >= 1"),
        ({"learning_rate": -1.0}, "`learning_rate` must be positive"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be positive"),
        ({"decay_from": 2.0}, "`decay_from` must be from 0 to 1"),
        ({"beta": -1.0}, "`beta` must not be negative"),
        ({"seed": -1}, "`seed` must be an int >= 0"),
        ({"windows": "frist"}, "Unknown `windows` 'frist'"),
        ({"precision": "bf16"}, "Unknown `precision` 'bf16'"),
        ({"decoder": sv.decoders.FixedSigma(0.1)}, "Unknown `decoder`"),
        ({"frame_shape": (64, 64)}, "`frame_shape` must be"),
    ],
)
def test_options_out_of_range_are_refused_before_the_run(options, message):
    with pytest.raises(ValueError, match=message):
        VideoExperiment("d", **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model_options": {"width": 2.5}}, "'width' must be int, like its default 64"),
        ({"model_options": {"width": True}}, "'width' must be int"),
        ({"model_options": {"remat": "yes"}}, "'remat' must be bool"),
        (
            {"decoder_options": {"initial_sigma": "abc"}},
            "'initial_sigma' must be",
        ),
        ({"decoder_options": {"scop": "image"}}, "no option scop. It has:.*scope"),
    ],
)
def test_options_of_another_type_are_named(options, message):
    with pytest.raises(TypeError, match=message):
        VideoExperiment("d", **options)


@keras.saving.register_keras_serializable(package="tests")
class Forgetful(DriftingModel):
    """Does not write `get_config` for its argument."""

    def __init__(self, *args, extra=0.0, **kwargs):
        super().__init__(*args, **kwargs)


def test_an_option_that_the_model_would_lose_is_an_error(data):
    experiment = toy_experiment(data, model=Forgetful, model_options={"extra": 1.0})
    with pytest.raises(ValueError, match="Forgetful.get_config must return extra"):
        experiment.make_model()


def test_name_and_dtype_are_no_options():
    class Named(DriftingModel):
        def __init__(self, frame_shape=SHAPE, name="named", dtype=None, **kwargs):
            super().__init__(frame_shape, name=name, dtype=dtype, **kwargs)

    assert not {"name", "dtype"} & registry.constructor_options(Named).keys()


def test_evaluation_draws_the_same_noise_every_time(data):
    experiment = toy_experiment(data)
    model = experiment.make_model()
    first = experiment.evaluate(model)
    model.seed_generator.normal([3])  # as training would
    assert experiment.evaluate(model) == first


def test_unknown_models_are_named():
    with pytest.raises(ValueError, match="Unknown model 'svg'. Choose one of: svg_lp"):
        models.get("svg")
    for other in (sv.ConvVAE, 3):
        with pytest.raises(TypeError, match="derived from VideoModel"):
            models.get(other)

    class Unregistered(DriftingModel):
        pass

    with pytest.raises(ValueError, match="register_keras_serializable"):
        toy_experiment("d", model=Unregistered).options()


@keras.saving.register_keras_serializable(package="tests")
class Brighter(models.SVGLP):
    """SVG-LP with an argument more."""

    def __init__(self, *args, brightness=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.brightness = brightness

    def step(self, *args):
        frame, state = super().step(*args)
        return tf.minimum(frame + self.brightness, 1.0), state

    def get_config(self):
        return {**super().get_config(), "brightness": self.brightness}


@pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")
def test_an_argument_of_a_subclass_is_an_option_at_once(
    data, tmp_path, eager_functions
):
    small = {"network": "dcgan", "width": 2, "code_size": 4, "hidden_size": 4}
    changes = {"model": Brighter, "num_context": 2, "num_frames": 2, "steps": 1}
    default = toy_experiment(data, model_options=small, **changes)
    assert default.options()["model_options"]["brightness"] == 0.0
    bright = toy_experiment(data, model_options={**small, "brightness": 1.0}, **changes)
    bright.run(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model_options"]["brightness"] == 1.0
    assert config["model_options"]["prior"] == "learned"
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert np.all(model.predict_frames(random_clips(1, 2, SHAPE), 2) == 1.0)
    with pytest.raises(TypeError, match="no option 'brightnes'.*brightness"):
        toy_experiment(data, model_options={"brightnes": 1.0}, **changes)


def test_lists_of_uint8_clips_are_clips():
    model, clips = DriftingModel(), random_clips(2, 3, (16, 16, 3))
    expected = model.predict_frames(clips, 2, seed=1)
    given = [list(clip) for clip in clips]
    np.testing.assert_array_equal(model.predict_frames(given, 2, seed=1), expected)
    np.testing.assert_array_equal(model.reconstruct(given), model.reconstruct(clips))
    with pytest.raises(TypeError, match="`context` must be uint8.*int64"):
        model.predict_frames(clips.tolist(), 2, seed=1)


@keras.saving.register_keras_serializable("tests")
class Undecided(DriftingModel):
    """Has Python's `if` on a tensor, which a graph cannot have."""

    def step(self, state, noise, action, folded):
        if tf.reduce_mean(state) > 2.0:
            state = 0.0 * state
        return super().step(state, noise, action, folded)


def test_pythons_if_on_a_tensor_is_told_with_the_way_out():
    model = Undecided(SHAPE, num_context=1)
    with pytest.raises(TypeError, match="`Undecided` has Python's `if`.*`tf.cond`"):
        model.predict_frames(np.zeros([1, 1, *SHAPE], np.uint8), 2)
