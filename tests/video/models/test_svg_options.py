"""SVG-LP's options: skips of the frame before, composition with it, own predictions.

Against the naive float64 program, and in every way that a model is used.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from naive_svg_lp import NaiveSVGLP
from tiny_svg_lp import compiled_model, random_clips, randomise_weights, tiny_model

import tfsigmavae as sv
from tfsigmavae.checkpoints import load_checkpoint, save_checkpoint
from tfsigmavae.models.seeding import ReplicaSeedGenerator, standard_normal
from tfsigmavae_video.models import svg_lp
from tfsigmavae_video.models.own_predictions import StepRamp
from tfsigmavae_video.models.rollout import future_noise

ALL = {
    "skips": "previous",
    "composition": "previous_frame",
    "own_predictions": 0.5,
}
CASES = {
    "skips": {"skips": "previous"},
    "skips_of_future": {
        "skips": "previous",
        "scored_frames": "future",
        "num_context": 3,
        "network": "vgg",
    },
    "composition": {"composition": "previous_frame"},
    "composition_grey": {
        "composition": "previous_frame",
        "frame_shape": (8, 16, 1),
        "network": "vgg",
    },
    "own": {"own_predictions": 0.5},
    "own_of_one": {"own_predictions": 1, "num_context": 1, "prior": "standard_normal"},
    "all": {**ALL, "action_size": 2},
    "all_of_future": {
        **ALL,
        "scored_frames": "future",
        "network": "vgg",
        "num_context": 3,
        "posterior_residual": True,
    },
}
NOISE = np.random.default_rng(2).normal(size=[2, 5, 3]).astype(np.float32)
COINS = np.random.default_rng(3).random([2, 6]).astype(np.float32)


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def model(request):
    return randomise_weights(tiny_model(**request.param), seed=1)


RAMP = {"own_predictions": 1.0, "own_predictions_ramp": (1, 3)}


def fit(**compile_options):
    """A model with all options after two epochs of two steps, its data and its logs."""
    model = compiled_model(compile_options, **ALL | RAMP, action_size=2)
    inputs = as_input(*inputs_of(model, num_clips=4))
    history = model.fit(inputs, batch_size=2, epochs=2, verbose=0, shuffle=False)
    return model, inputs, history.history


@pytest.fixture(scope="module")
def fitted():
    return fit(run_eagerly=False, jit_compile=True)


def inputs_of(model, num_clips=2, num_frames=6):
    clips = random_clips(num_clips, num_frames, model.frame_shape)
    if not model.action_size:
        return clips, None
    shape = [num_clips, num_frames, model.action_size]
    return clips, np.random.default_rng(5).normal(0, 1, shape).astype(np.float32)


def as_input(clips, actions):
    return clips if actions is None else {"frames": clips, "actions": actions}


@pytest.fixture
def fixed_noise(monkeypatch):
    def given(values):
        def numbers(_, shape):
            tf.debugging.assert_equal(shape, values.shape)
            return tf.constant(values)

        return numbers

    monkeypatch.setattr(ReplicaSeedGenerator, "normal", given(NOISE))
    monkeypatch.setattr(ReplicaSeedGenerator, "uniform", given(COINS))


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_loss_equals_naive_reference(model, training, fixed_noise):
    clips, actions = inputs_of(model)
    naive, fed = NaiveSVGLP(model), None
    if training and model.own_predictions:
        chosen = model.own_predictions > COINS
        fed = naive.own_inputs(clips / 255.0, NOISE, chosen, actions)
        # Something is replaced, and it shows.
        assert np.abs(fed - clips / 255.0).max() > 0.1
    expected = naive.loss(clips / 255.0, NOISE, actions, training, fed)
    if fed is not None:
        forced = naive.loss(clips / 255.0, NOISE, actions, training)
        assert abs(forced["loss"].mean() / expected["loss"].mean() - 1) > 1e-4
    terms = model.elbo_terms(as_input(clips, actions), training)
    # 1e-5: float32 sums of a few thousand terms.
    np.testing.assert_allclose(terms.nll.numpy().mean(), expected["nll"].mean(), 1e-5)
    np.testing.assert_allclose(terms.kl, expected["kl"], 1e-5)
    mse = terms.squared_error.numpy().mean()
    np.testing.assert_allclose(mse, expected["mse"], 1e-5)


def test_sampled_frames_equal_the_step_by_step_loop(model, eager_functions):
    num_frames, num_samples, seed = 3, 2, 7
    naive = NaiveSVGLP(model)
    for num_given in (model.num_context, model.num_context + 2):
        clips, actions = inputs_of(model, num_frames=num_given + num_frames)
        context = clips[:, :num_given]
        num_steps = num_given + num_frames - 1
        noise = future_noise(seed, tf.range(2), num_samples, num_steps, 3)
        frames = model.predict_frames(context, num_frames, num_samples, seed, actions)
        expected = naive.sample(
            context / 255.0, num_frames, num_samples, noise, actions
        )
        np.testing.assert_allclose(frames, expected, atol=1e-5)


def test_reconstructions_equal_naive_reference(model, eager_functions):
    clips, actions = inputs_of(model)
    naive = NaiveSVGLP(model)
    expected = naive.reconstruct(clips / 255.0, actions)
    np.testing.assert_allclose(model.reconstruct(clips, actions), expected, atol=1e-5)
    for num_given in (model.num_context, model.num_context + 1):
        expected = naive.posterior_rollout(clips / 255.0, actions, num_given)
        frames = model.reconstruct(clips, actions, False, num_context=num_given)
        np.testing.assert_allclose(frames, expected, atol=1e-5)


def test_importance_weights_hold_the_naive_likelihood(model):
    clips, actions = inputs_of(model)
    inputs, seed = as_input(clips, actions), tf.constant([3, 4])
    noise = standard_normal(NOISE.shape, seed)

    def nothing(likelihood, target):
        return tf.zeros_like(likelihood.step_log_prob(target))

    def log_prob(likelihood, target):
        return likelihood.step_log_prob(target)

    with_it, without = (
        model.frame_importance_sampler(inputs, score)(seed)
        for score in (log_prob, nothing)
    )
    expected = NaiveSVGLP(model).loss(clips / 255.0, noise, actions)["nll"]
    # 1e-4: the likelihood of a clip is a difference of larger sums.
    np.testing.assert_allclose(tf.reduce_sum(without - with_it, 1), expected, 1e-4)


@pytest.mark.parametrize("network", ["dcgan", "vgg"])
def test_gradients_equal_finite_differences(network, fixed_noise, monkeypatch):
    """In float64, along a random direction, with the frames that are fed held fixed."""
    options = {**ALL, "network": network, "dtype": "float64"}
    model = randomise_weights(tiny_model(**options), seed=1)
    clips, _ = inputs_of(model)
    fed = NaiveSVGLP(model).own_inputs(clips / 255.0, NOISE, COINS < 0.5)
    monkeypatch.setattr(svg_lp, "with_own_predictions", lambda *_: tf.constant(fed))
    double = tf.constant(NOISE, tf.float64)
    monkeypatch.setattr(ReplicaSeedGenerator, "normal", lambda *_: double)

    def loss():
        terms = model.elbo_terms(clips, training=True)
        return tf.reduce_mean(terms.nll + terms.kl)

    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, model.trainable_weights)
    rng, step = np.random.default_rng(0), 1e-6
    directions = [rng.normal(size=w.shape) for w in model.trainable_weights]
    expected = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    values = []
    for sign in (1, -2):
        for weight, direction in zip(model.trainable_weights, directions, strict=True):
            weight.assign_add(sign * step * direction)
        values.append(loss())
    difference = (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(difference, expected, rtol=1e-4)


def test_no_gradient_leads_to_what_is_fed(fixed_noise):
    model = randomise_weights(tiny_model(own_predictions=1.0))
    clips = tf.constant(random_clips(2, 6) / np.float32(255))
    with tf.GradientTape() as tape:
        fed = model._own_inputs(clips, None, tf.constant(NOISE))
    assert np.abs(fed - clips).max() > 0.1
    gradients = tape.gradient(fed, model.trainable_weights)
    assert all(gradient is None for gradient in gradients)
    # The context and the last frame, which nothing follows, are true ones.
    for kept in (slice(0, 2), slice(-1, None)):
        np.testing.assert_array_equal(fed[:, kept], clips[:, kept])


def test_own_predictions_learn_statistics_once_and_from_all_frames(fixed_noise):
    model = randomise_weights(tiny_model(own_predictions=1.0))
    clips = random_clips(2, 6)
    norm = model.networks.encoder.units[0].batch_norm
    before = norm.moving_mean.numpy()
    kernel = model.networks.encoder.units[0].convolution
    fed = NaiveSVGLP(model).own_inputs(clips / 255.0, NOISE, COINS < 1)
    seen = np.concatenate([fed, clips[:, 2:-1] / 255.0], axis=1)
    model.elbo_terms(clips, training=True)
    outputs = kernel(seen.reshape(-1, 8, 8, 3).astype(np.float32))
    expected = 0.9 * before + 0.1 * np.mean(outputs, axis=(0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean, expected, atol=1e-5)


def test_a_ramp_rises_by_the_steps_of_training_alone():
    ramp = StepRamp(2, 6)
    expected = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert [float(ramp(training=True)) for _ in expected] == expected
    ramp = StepRamp(0, 4)
    assert [float(ramp()) for _ in range(3)] == [0, 0, 0]
    assert [float(ramp(training=True)) for _ in range(3)] == [0, 0.25, 0.5]
    ramp.trainable = False  # a frozen one stays
    assert [float(ramp(training=True)) for _ in range(2)] == [0.75, 0.75]


def test_before_its_ramp_a_model_is_fed_true_frames(monkeypatch):
    ramped = tiny_model(own_predictions=1.0, own_predictions_ramp=[1, 2])
    clips = tf.constant(random_clips(2, 6) / np.float32(255))
    for is_own in (False, False, True):
        fed = ramped._own_inputs(clips, None, tf.constant(NOISE))
        assert np.any(fed != clips) == is_own


@pytest.mark.parametrize("probability", [0.25, 0.75])
def test_frames_are_chosen_with_the_probability(probability):
    model = tiny_model(own_predictions=probability, num_context=1)
    clips = tf.ones([64, 7, 8, 8, 3])  # which no prediction is
    fed = model._own_inputs(clips, None, tf.zeros([64, 6, 3]))
    own = np.any(fed != clips, axis=(2, 3, 4))[:, 1:-1]
    # Four standard deviations of 320 coins.
    assert abs(own.mean() - probability) < 4 * (0.25 / own.size) ** 0.5
    assert own.any(0).all() and (~own).any(0).all()  # of each clip by itself


def test_the_shortest_clip_has_nothing_to_replace():
    model = tiny_model(**ALL)
    terms = model.elbo_terms(random_clips(2, 3), training=True)
    assert np.isfinite(terms.nll).all()


def test_statistics_of_each_time_step():
    options = {**ALL, "frame_statistics": True}
    model = randomise_weights(tiny_model(**options), seed=1)
    terms = model.elbo_terms(random_clips(3, 5), training=True)
    assert np.isfinite(terms.nll).all() and np.isfinite(terms.kl).all()


def test_fit_by_xla_and_evaluate(fitted, eager_functions):
    model, inputs, logs = fitted
    assert logs["loss"][1] < logs["loss"][0]
    _, _, plain = fit()
    for name, values in logs.items():
        # Adam's first steps have the signs of gradients, which rounding may turn.
        np.testing.assert_allclose(values, plain[name], rtol=1e-3, err_msg=name)
    assert float(model._ramp.step) == 3  # four steps of training, and its end
    scores = model.evaluate(inputs, batch_size=2, verbose=0, return_dict=True)
    assert np.isfinite(list(scores.values())).all()
    assert float(model._ramp.step) == 3
    bound = model.log_likelihood(inputs, 2, seed=0)
    frames = model.frame_log_likelihood(inputs, 2, seed=0)
    np.testing.assert_allclose(tf.reduce_sum(frames, 1), bound, rtol=1e-5)


def test_saved_and_exported_the_model_gives_the_same(fitted, tmp_path):
    model, inputs, _ = fitted
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for one, other in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    sv.export_saved_model(loaded, tmp_path / "exported")
    served = tf.saved_model.load(tmp_path / "exported")
    clips = tf.constant(inputs["frames"] / np.float32(255))
    actions = tf.constant(inputs["actions"])
    given = clips[:, :2], 3, 2, 1, actions
    tf.config.run_functions_eagerly(True)
    frames = model.predict_frames(*given)
    reconstruction = model.reconstruct(clips, actions)
    tf.config.run_functions_eagerly(False)
    # 1e-6: a graph rounds in another order.
    np.testing.assert_allclose(served.predict_video(*given), frames, atol=1e-6)
    there = served.reconstruct(clips, actions)
    np.testing.assert_allclose(there, reconstruction, atol=1e-6)


def test_resumed_training_goes_on_with_the_ramp(tmp_path):
    clips = random_clips(2, 5)
    model = compiled_model(**ALL | RAMP)
    model.train_on_batch(clips)
    save_checkpoint(model, tmp_path, 1)
    other = compiled_model(**ALL | RAMP)
    assert load_checkpoint(other, tmp_path) == 1
    for each in (model, other):
        each.train_on_batch(clips)
    assert float(model._ramp.step) == 2
    for one, two in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_half_precision_stays_near(eager_functions):
    model = randomise_weights(tiny_model(**ALL))
    half = tiny_model(**ALL, dtype="mixed_bfloat16")
    half.set_weights(model.get_weights())
    clips = random_clips(2, 6)
    for predict in (
        lambda model: model.predict_frames(clips[:, :2], 3, seed=0),
        lambda model: model.reconstruct(clips, teacher_forced=False),
    ):
        frames = predict(half)
        assert frames.dtype == tf.float32
        np.testing.assert_allclose(frames, predict(model), atol=0.1)
    assert np.isfinite(half.elbo_terms(clips, training=True).nll).all()


def test_a_predicted_frame_is_a_context_again(eager_functions):
    """Rounding must not leave [0, 1], out of which context is refused."""
    model = randomise_weights(tiny_model(composition="previous_frame"), seed=2)
    clips = np.where(random_clips(4, 2) > 127, 255, 0).astype(np.uint8)
    frames = model.predict_frames(clips, 4, 3, seed=0)[0]
    assert frames.numpy().min() >= 0.0 and frames.numpy().max() <= 1.0
    model.predict_frames(frames, 2, seed=0)


def test_a_mask_of_zeros_repeats_the_frame_before(eager_functions):
    model = randomise_weights(tiny_model(composition="previous_frame"))
    last = model.networks.generator.stages[-1][0].convolution
    last.bias.assign([0.0, 0.0, 0.0, -1e4])
    clips = random_clips(2, 2)
    frames = model.predict_frames(clips, 3, seed=0)[0]
    for frame in np.moveaxis(frames.numpy(), 1, 0):
        np.testing.assert_array_equal(frame, clips[:, -1] / np.float32(255))


def test_options_left_out_change_no_weight():
    plain = tiny_model().get_weights()
    for options in ({"skips": "previous"}, {"own_predictions": 0.5}):
        for one, other in zip(plain, tiny_model(**options).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    ramp = {"own_predictions": 0.5, "own_predictions_ramp": (0, 2)}
    assert len(tiny_model(**ramp).get_weights()) == len(plain) + 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"skips": "last"}, r"`skips`.*'context', 'previous'.*'last'"),
        ({"composition": True}, "`composition`.*'none', 'previous_frame'.*True"),
        ({"own_predictions": 1.5}, "`own_predictions`.*0 to 1.*1.5"),
        ({"own_predictions": -0.5}, "`own_predictions`.*0 to 1.*-0.5"),
        ({"own_predictions_ramp": (0, 9)}, "`own_predictions` above 0"),
        (
            {"own_predictions": 1.0, "own_predictions_ramp": (9, 9)},
            r"`own_predictions_ramp`.*start < end.*\(9, 9\)",
        ),
        (
            {"own_predictions": 1.0, "own_predictions_ramp": 9},
            r"`own_predictions_ramp`.*\(start, end\).*9",
        ),
        (
            {"own_predictions": 1.0, "own_predictions_ramp": (-1, 9)},
            "`own_predictions_ramp`.*>= 0.*-1",
        ),
        (
            {"composition": "previous_frame", "decoder": "logistic_mixture"},
            "composition='previous_frame'.*LogisticMixture.*optimal_sigma",
        ),
        (
            {"composition": "previous_frame", "decoder": "bernoulli"},
            "composition='previous_frame'.*Bernoulli.*fixed_sigma",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_model(**options)


def test_likelihood_of_parameters_after_the_activation():
    model = tiny_model()
    raw = tf.random.stateless_normal([2, 3, 8, 8, 3], [0, 1])
    target = tf.random.stateless_uniform([2, 3, 8, 8, 3], [0, 2])
    after = model.likelihood_of(tf.sigmoid(raw), target, training=True)
    before = model.likelihood(raw, target, training=True)
    np.testing.assert_array_equal(after.log_prob(target), before.log_prob(target))
