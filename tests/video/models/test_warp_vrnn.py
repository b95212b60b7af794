"""What people do with WarpVRNN: sizes, decoders, precision, saving, serving, runs."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python
from tiny_warp_vrnn import (
    TINY_WARP,
    awake_model,
    compiled_model,
    inputs_of,
    smooth_clips,
    tiny_model,
)

import tfsigmavae as sv
from tfsigmavae import decoders
from tfsigmavae.models.seeding import ReplicaSeedGenerator, standard_normal
from tfsigmavae.video import VideoExperiment, WarpVRNN, write_shards
from tfsigmavae_video import models

# What people make of it, each trained, reconstructed, sampled and scored once.
MADE = {
    "square": {"frame_shape": (8, 8, 3)},
    "smallest_map_of_a_pixel": {"frame_shape": (8, 8, 1), "depth": 3},
    "odd_map": {"frame_shape": (16, 24, 3), "depth": 3, "num_context": 3},
    "four_channels": {"frame_shape": (8, 12, 4), "num_context": 1},
    "four_resolutions": {"frame_shape": (16, 16, 1), "depth": 4},
    "one_number_of_width": {"width": 1, "latent_size": 1, "max_flow": 0.5},
    "standard_normal": {"prior": "standard_normal", "scored_frames": "future"},
    "actions": {"action_size": 3},
    "float64": {"dtype": "float64", "action_size": 1, "decoder": "student_t"},
    "bfloat16": {"dtype": "mixed_bfloat16", "action_size": 1},
    "float16": {"dtype": "mixed_float16", "num_context": 1},
    "clipped": {"max_gradient_norm": 1e-3, "beta": 0.5},
}


@pytest.mark.parametrize("name", MADE)
def test_it_trains_and_predicts(name, eager_functions):
    model = compiled_model(**MADE[name])
    dtype = tf.float64 if name == "float64" else tf.float32
    inputs, clips, actions = inputs_of(model, 2, model.num_context + 2)
    before = [weight.numpy() for weight in model.trainable_weights]
    logs = model.fit(inputs, batch_size=2, verbose=0).history
    assert all(np.isfinite(value).all() for value in logs.values())
    for weight, old in zip(model.trainable_weights, before, strict=True):
        # Of float16 the first scale of the loss overflows, and Keras leaves that step.
        assert np.any(weight.numpy() != old) or name == "float16", weight.path
        assert weight.dtype == dtype.name
    for forced in (True, False):
        frames = model.reconstruct(clips, actions, teacher_forced=forced)
        assert frames.dtype == dtype and frames.shape == clips[:, 1:].shape
        assert np.all(frames >= 0.0) and np.all(frames <= 1.0)
    context = clips[:, : model.num_context]
    futures = model.predict_frames(context, 2, 3, seed=0, actions=actions)
    assert futures.dtype == dtype
    assert futures.shape == (3, 2, 2, *model.frame_shape)
    assert np.all(futures >= 0.0) and np.all(futures <= 1.0)
    assert np.any(futures[0] != futures[1])
    # Exactly within their bounds: frames may be given as context again.
    more = None if actions is None else np.concatenate([actions] * 2, axis=1)
    given = np.concatenate([clips / 255.0, futures[0]], axis=1).astype(dtype.name)
    assert np.isfinite(model.predict_frames(given, 1, seed=0, actions=more)).all()
    frames = model.frame_log_likelihood(inputs, 2, seed=0)
    assert frames.shape == (2, model.num_context + 2 - model.first_scored_frame)
    whole = model.log_likelihood(inputs, 2, seed=0)
    np.testing.assert_allclose(tf.reduce_sum(frames, 1), whole, rtol=1e-4)


REFUSED = {
    "latent_size": ({"latent_size": 0}, "`latent_size`"),
    "width": ({"width": 0}, "`width`"),
    "depth": ({"depth": 1}, "`depth`.*2"),
    "half a depth": ({"depth": 2.5}, "`depth`"),
    "prior": ({"prior": "normal"}, "`prior`.*'learned'.*'standard_normal'"),
    "scored": ({"scored_frames": "none"}, "`scored_frames`.*'all'.*'future'"),
    "flow": ({"max_flow": 0.0}, "`max_flow` must be positive, got 0.0"),
    "flow without an end": ({"max_flow": float("nan")}, "`max_flow` must be positive"),
    "height": ({"frame_shape": (10, 8, 1)}, r"multiples of 4 \(2\*\*depth.*\(10, 8, 1"),
    "width of a frame": ({"frame_shape": (8, 12, 1), "depth": 3}, "multiples of 8"),
    "a float for a side": ({"frame_shape": (8.0, 8, 1)}, "height.*int >= 1, got 8.0"),
    "a negative side": ({"frame_shape": (8, -8, 1)}, "width.*int >= 1, got -8"),
    "frames of nothing": ({"frame_shape": (8, 8, 0)}, "channels.*int >= 1, got 0"),
    "a bool for a number": ({"width": True}, "`width`.*got True"),
    "nothing": ({"frame_shape": (0, 8, 1)}, "height.*int >= 1, got 0"),
    "no channels": ({"frame_shape": (8, 8)}, "`frame_shape`.*height, width, channels"),
    "context": ({"num_context": 0}, "`num_context`"),
    "actions": ({"action_size": -1}, "`action_size`"),
    "beta": ({"beta": -1.0}, "`beta`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_out_of_range_are_refused(name):
    change, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        tiny_model(**change)


def test_frames_given_as_a_list_or_by_a_file():
    """`config.json` has lists for tuples."""
    model = tiny_model(frame_shape=[8, 8, 1])
    assert model.frame_shape == (8, 8, 1)


@pytest.mark.parametrize(
    "name", ["bernoulli", "bitwise_categorical", "categorical", "logistic_mixture"]
)
def test_decoders_of_other_parameters_are_refused_by_name(name):
    kind = type(decoders.get(name)).__name__
    with pytest.raises(ValueError, match=f"`decoder`.*{kind} .*Choose one of.*optimal"):
        tiny_model(decoder=name)


def test_clips_that_do_not_fit_are_refused():
    model = tiny_model()
    for frames, message in (
        (smooth_clips(1, 2), "T >= 3"),
        (smooth_clips(1, 3, (16, 8, 1)), r"\[B, T, 8, 8, 1\]"),
        (2.0 + smooth_clips(1, 3).astype(np.float32), "0, 1"),
    ):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
            model.elbo_terms(frames, training=True)
    with pytest.raises(ValueError, match="takes no `actions`"):
        model.predict_frames(smooth_clips(1, 2), 1, actions=np.zeros([1, 2, 3]))
    acting = tiny_model(action_size=2)
    with pytest.raises(ValueError, match="`actions` is missing"):
        acting.reconstruct(smooth_clips(1, 3))


def test_it_is_found_by_its_name():
    assert models.get("warp_vrnn") is WarpVRNN
    assert sv.video.WarpVRNN is WarpVRNN


def test_actions_move_the_frame_that_they_lead_to(eager_functions):
    """In any unit; by prior and generator."""
    model = awake_model(action_size=2)
    inputs, clips, actions = inputs_of(model, 1, 5)
    expected = model.predict_frames(clips[:, :2], 3, 1, 0, actions)[0, 0]
    for step in range(4):
        other = actions.copy()
        other[:, step] += 1.0
        frames = model.predict_frames(clips[:, :2], 3, 1, 0, other)[0, 0]
        moved = np.abs(frames - expected).max((1, 2, 3)) > 1e-5
        # The action at step t leads to frame t + 1; the first predicted is frame 2.
        np.testing.assert_array_equal(moved, np.arange(2, 5) > step)
    units = model.networks.action_units
    units.moving_mean.assign([10.0, 0.0])
    units.moving_variance.assign([4.0, 1.0])
    standardised = (actions - [10.0, 0.0]) / [2.0, 1.0]
    frames = model.predict_frames(clips[:, :2], 3, 1, 0, actions)
    units.moving_mean.assign([0.0, 0.0])
    units.moving_variance.assign([1.0, 1.0])
    same = model.predict_frames(clips[:, :2], 3, 1, 0, standardised)
    np.testing.assert_allclose(frames, same, atol=1e-6)


def test_training_learns_the_unit_of_actions():
    model = compiled_model(action_size=2)
    inputs, _, actions = inputs_of(model, 4, 3)
    inputs["actions"] = actions * [100.0, 1.0] + [5.0, 0.0]
    model.fit(inputs, verbose=0)
    seen = inputs["actions"][:, :2].reshape(-1, 2)  # the last leads nowhere
    units = model.networks.action_units
    np.testing.assert_allclose(units.moving_mean, seen.mean(0), rtol=1e-4)
    np.testing.assert_allclose(units.moving_variance, seen.var(0), rtol=1e-4)


def test_frames_keep_their_order():
    """As many clips as frames: swapped axes would pass every check of a shape."""
    model = awake_model()
    clips = smooth_clips(4, 4)
    found = [model(c).numpy() for c in (clips, clips.swapaxes(0, 1), clips[:, ::-1])]
    assert np.abs(found[0] - found[1]).max() > 1e-3
    alone = np.concatenate([model(clip[np.newaxis]) for clip in clips])
    np.testing.assert_allclose(found[0], alone, atol=1e-6)


def test_the_future_is_no_part_of_an_earlier_step():
    """Of a posterior at step t: frames up to t."""
    model = awake_model()
    clips = smooth_clips(1, 5)
    expected = model(clips)
    for last in (2, 3, 4):
        other = clips.copy()
        other[:, last] = 255 - other[:, last]
        changed = np.abs(model(other) - expected)[0].max((1, 2, 3)) > 1e-6
        np.testing.assert_array_equal(changed, np.arange(1, 5) >= last)


def test_rates_of_latents_add_up_and_leave_the_model_alone(monkeypatch):
    for scored in ("all", "future"):
        model = awake_model(scored_frames=scored)
        clips = smooth_clips(2, 5)
        state = model.seed_generator.state.numpy()
        rates = model.latent_rates(clips)
        np.testing.assert_array_equal(rates, model.latent_rates(clips))
        np.testing.assert_array_equal(state, model.seed_generator.state)
        assert rates.shape == (2, 5 - model.first_scored_frame, model.latent_size)
        with monkeypatch.context() as patched:
            patched.setattr(
                ReplicaSeedGenerator,
                "normal",
                lambda self, shape: standard_normal(shape, tf.zeros([2], tf.int32)),
            )
            kl = model.elbo_terms(clips, training=False).kl
        np.testing.assert_allclose(tf.reduce_sum(rates, (1, 2)), kl, rtol=1e-5)


def test_training_that_has_diverged_is_seen_by_its_loss(eager_functions):
    model, clips = tiny_model(), smooth_clips(2, 4)
    kernel = model.networks.encoder.convolutions[0].kernel
    kernel.assign(kernel * np.nan)
    model.compile("adam")
    stop = keras.callbacks.TerminateOnNaN()
    history = model.fit(clips, epochs=3, verbose=0, callbacks=[stop]).history
    assert len(history["loss"]) == 1 and np.isnan(history["loss"])
    assert np.isnan(model.evaluate(clips, verbose=0, return_dict=True)["loss"])


def test_a_context_is_refused_where_every_frame_is_given():
    with pytest.raises(ValueError, match="`num_context` is of `teacher_forced=False`"):
        tiny_model().reconstruct(smooth_clips(1, 4), teacher_forced=True, num_context=3)


def test_clips_of_different_lengths_have_no_rows_in_common(eager_functions):
    model = tiny_model()
    clips = [smooth_clips(1, 4) / np.float32(255), smooth_clips(1, 5) / np.float32(255)]
    mixed = tf.data.Dataset.from_generator(
        lambda: iter(clips), output_signature=tf.TensorSpec([1, None, 8, 8, 1])
    )
    with pytest.raises(ValueError, match=r"as many frames.*\[3, 4\]"):
        model.frame_log_likelihood(mixed, seed=0)
    assert model.log_likelihood(mixed, seed=0).shape == (2,)


def test_more_samples_have_a_higher_bound(eager_functions):
    model = awake_model(decoder=decoders.FixedSigma(0.5))
    clips = np.repeat(smooth_clips(4, 3), 8, axis=0)  # 8 draws each
    elbo = np.mean(model.log_likelihood(clips, 1, seed=0))
    assert np.mean(model.log_likelihood(clips, 16, seed=1)) > elbo + 0.1


def test_bfloat16_is_near_float32(tmp_path):
    options = {"action_size": 2}
    half = tiny_model(dtype="mixed_bfloat16", **options)
    plain = tiny_model(**options)
    half.set_weights(plain.get_weights())
    inputs, *_ = inputs_of(plain, 2, 5)
    assert half.networks.encoder.compute_dtype == "bfloat16"
    assert all(weight.dtype == "float32" for weight in half.trainable_weights)
    terms = half.elbo_terms(inputs, training=True)
    assert terms.nll.dtype == terms.kl.dtype == tf.float32
    np.testing.assert_allclose(half(inputs), plain(inputs), atol=0.03)
    half.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.networks.generator.cells[0].compute_dtype == "bfloat16"
    np.testing.assert_array_equal(half(inputs), loaded(inputs))


def test_saved_model_goes_on_as_the_original(tmp_path, eager_functions):
    options = {"action_size": 2, "max_flow": 3.0}
    model = compiled_model(**options, scored_frames="future", prior="standard_normal")
    inputs, clips, actions = inputs_of(model, 2, 4)
    model.fit(inputs, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is WarpVRNN and loaded.get_config() == model.get_config()
    assert options.items() <= loaded.get_config().items()
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    arguments = clips[:, :2], 2, 2, 1, actions
    np.testing.assert_array_equal(
        model.predict_frames(*arguments), loaded.predict_frames(*arguments)
    )
    loaded.fit(inputs, verbose=0)
    assert loaded.optimizer.iterations == 2


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    clips = smooth_clips(2, 3)

    def train(folder, num_steps):
        model = compiled_model()
        data = tf.data.Dataset.from_tensors(clips).repeat()
        sv.RunFolder(folder, {}).fit(model, lambda step: data, num_steps, epoch_steps=2)
        return [np.array(weight) for weight in model.weights]

    whole = train(tmp_path / "whole", 3)
    train(tmp_path / "halves", 2)
    for one, other in zip(whole, train(tmp_path / "halves", 3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_gradient_accumulation_waits_for_every_second_batch():
    optimizer = keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2)
    model = compiled_model({"optimizer": optimizer}, num_context=1)
    kernel = model.networks.encoder.convolutions[0].kernel
    before = kernel.numpy()
    model.fit(smooth_clips(2, 2), verbose=0)
    np.testing.assert_array_equal(before, kernel)
    model.fit(smooth_clips(2, 2), verbose=0)
    assert np.abs(kernel - before).max() > 1e-3


SERVE = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    data = np.load(folder + "/inputs.npz")
    clips, actions = data["clips"], data["actions"]
    served = tf.saved_model.load(folder + "/served")
    np.savez(
        folder + "/outputs.npz",
        predict=served.predict_video(clips[:, :2], 3, 2, 7, actions),
        longer=served.predict_video(clips[:1, :3], 1, 5, 8, actions[:1]),
        reconstruct=served.reconstruct(clips, actions),
    )
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"tensorflow_probability", "tfsigmavae"}
"""


def test_it_is_served_by_tensorflow_alone(tmp_path):
    """Bit for bit what Python gives: the graph is the same."""
    model = awake_model(action_size=2)
    _, clips, actions = inputs_of(model, 2, 5)
    clips = clips / np.float32(255)
    sv.export_saved_model(model, tmp_path / "served")
    np.savez(tmp_path / "inputs.npz", clips=clips, actions=actions)
    run_python(SERVE, tmp_path, cwd=tmp_path)
    expected = {
        "predict": model.predict_frames(clips[:, :2], 3, 2, 7, actions),
        "longer": model.predict_frames(clips[:1, :3], 1, 5, 8, actions[:1]),
        "reconstruct": model.reconstruct(clips, actions),
    }
    outputs = np.load(tmp_path / "outputs.npz")
    for name, frames in expected.items():
        np.testing.assert_array_equal(outputs[name], frames, err_msg=name)


def test_an_experiment_trains_it(tmp_path, eager_functions):
    data = tmp_path / "data"
    for split in ("train", "test"):
        write_shards(data, split, smooth_clips(2, 4, (12, 12, 1)))
    small = {name: TINY_WARP[name] for name in ("latent_size", "width", "depth")}
    experiment = VideoExperiment(
        str(data),
        model="warp_vrnn",
        model_options=small,
        steps=2,
        batch_size=2,
        num_frames=2,
        eval_frames=2,
        frame_shape=(12, 12, 1),
        num_samples=2,
    )
    summary = experiment.run(tmp_path / "run")
    assert {"reconstruction", "best", "mean"} < summary["psnr"].keys()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == "warp_vrnn"
    assert small.items() < config["model_options"].items()
    assert VideoExperiment(**config).options() == config
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.optimizer.iterations == 2
    assert all(np.isfinite(summary[name]) for name in ("kl", "nll", "sigma"))


@pytest.mark.slow
def test_compiled_by_xla_trains_the_same():
    results = []
    for jit_compile in (False, True):
        optimizer = keras.optimizers.SGD(1e-3)
        options = {"jit_compile": jit_compile, "run_eagerly": not jit_compile}
        model = compiled_model(
            {**options, "optimizer": optimizer},
            num_context=1,
        )
        before = model.get_weights()
        logs = model.fit(smooth_clips(2, 3), shuffle=False, verbose=0).history
        steps = [a - b for a, b in zip(model.get_weights(), before, strict=True)]
        results.append(([logs[name][0] for name in ("nll", "kl", "sigma")], steps))
    assert model.jit_compile is True
    (logs, steps), (others, other_steps) = results
    np.testing.assert_allclose(others, logs, rtol=1e-4)
    for one, other in zip(steps, other_steps, strict=True):
        size = np.abs(one).max()
        np.testing.assert_allclose(other, one, atol=1e-3 * size + 1e-7)


@pytest.mark.slow
def test_two_replicas_train_one_model(tmp_path):
    """Two logical CPUs, each with half of the batch, against one with all."""
    code = """
        import json
        import keras
        import numpy as np
        import tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        from tfsigmavae.models.seeding import ReplicaSeedGenerator
        from tfsigmavae.video import WarpVRNN
        # Without noise: each replica has its own.
        ReplicaSeedGenerator.normal = lambda self, shape: tf.zeros(shape)
        rng = np.random.default_rng(0)
        clips = rng.random([4, 2, 8, 8, 1]).astype("float32")
        clips[2:] *= 0.3  # the replicas' examples differ
        found = []
        for strategy in (
            tf.distribute.get_strategy(),
            tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
        ):
            with strategy.scope():
                model = WarpVRNN(
                    (8, 8, 1), latent_size=2, width=2, depth=2, num_context=1,
                    seed=0,
                )
                eagerly = strategy.num_replicas_in_sync == 1
                sgd = keras.optimizers.SGD(1e-4)
                model.compile(sgd, jit_compile=False, run_eagerly=eagerly)
            data = tf.data.Dataset.from_tensors(clips).repeat(2)
            before = [np.array(w) for w in model.trainable_weights]
            logs = model.fit(data, verbose=0).history
            after = [np.array(w) for w in model.trainable_weights]
            steps = [(b - a).ravel() for a, b in zip(before, after)]
            found.append([
                [logs[name][0] for name in ("loss", "nll", "kl", "mse", "sigma")],
                np.concatenate(steps).tolist(),
            ])
        print(json.dumps(found))
    """
    one, two = json.loads(run_python(code, cwd=tmp_path, timeout=300).splitlines()[-1])
    # Sums of halves, in another order of float32 operations.
    np.testing.assert_allclose(two[0], one[0], rtol=1e-4)
    size = np.abs(one[1]).max()
    assert size > 1e-5, "nothing trained"
    np.testing.assert_allclose(two[1], one[1], atol=1e-3 * size)
