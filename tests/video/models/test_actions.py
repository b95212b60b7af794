"""What people do with actions: what works, and what is refused with a way out."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_svg_lp import compiled_model, random_clips, randomise_weights, tiny_model

CLIPS = random_clips(3, 5)
ACTIONS = np.random.default_rng(0).normal(size=[3, 5, 2]).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """Takes actions of two numbers, two given frames."""
    return randomise_weights(tiny_model(action_size=2))


@pytest.fixture(scope="module")
def expected(model):
    """Three predicted frames of each clip: actions 0 to 3 count."""
    return model.predict_frames(CLIPS[:, :2], 3, 2, 7, ACTIONS).numpy()


@pytest.mark.parametrize(
    "actions",
    [
        ACTIONS[:, :4],  # T - 1, as many as there are steps
        np.concatenate([ACTIONS, ACTIONS], 1),  # a longer recording
        ACTIONS.astype(np.float64),
        ACTIONS.tolist(),
        list(ACTIONS),
        tf.constant(ACTIONS),
    ],
    ids=["steps", "longer", "float64", "lists", "list_of_arrays", "tensor"],
)
def test_actions_may_be(model, expected, actions):
    frames = model.predict_frames(CLIPS[:, :2], 3, 2, 7, actions)
    np.testing.assert_array_equal(frames, expected)


def test_whole_numbers_are_actions(model):
    pressed = np.sign(ACTIONS).astype(np.int64)
    frames = model.predict_frames(CLIPS[:, :2], 3, 2, 7, pressed)
    same = model.predict_frames(CLIPS[:, :2], 3, 2, 7, pressed.astype(np.float32))
    np.testing.assert_array_equal(frames, same)


@pytest.mark.parametrize("actions", [ACTIONS[:, :4], ACTIONS.tolist()])
def test_a_reconstruction_takes_the_same(model, actions):
    frames = model.reconstruct(CLIPS, actions)
    np.testing.assert_allclose(frames, model.reconstruct(CLIPS, ACTIONS), atol=1e-6)


REFUSED = {
    # For the predicted frames alone: which of them leads to the first is not told.
    "future_only": (ACTIONS[:, :3], r"\[3, >= 4, 2\], got \(3, 3, 2\).*given frame"),
    "one_for_all": (ACTIONS[:1], r"\[3, >= 4, 2\], got \(1, 5, 2\)"),
    "no_batch": (ACTIONS[0], r"\[3, >= 4, 2\], got \(5, 2\)"),
    "one_action": (ACTIONS[:, 0], r"\[3, >= 4, 2\], got \(3, 2\)"),
    "wrong_size": (ACTIONS[..., :1], r"\[3, >= 4, 2\], got \(3, 5, 1\)"),
    "none": (None, "`action_size` 2: `actions` is missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_prediction_refuses(model, name):
    actions, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        model.predict_frames(CLIPS[:, :2], 3, actions=actions)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"actions": ACTIONS[:, :3]}, r"\[3, >= 4, 2\], got \(3, 3, 2\)"),
        ({"actions": ACTIONS[:1]}, r"\[3, >= 4, 2\], got \(1, 5, 2\)"),
        ({"actions": None, "action": ACTIONS}, "`actions` is missing"),
        ({"frames": None, "video": CLIPS}, r"\"frames\".*\['actions', 'video'\]"),
    ],
    ids=["short", "one_for_all", "other_name", "no_frames"],
)
def test_a_clip_refuses(model, change, message):
    inputs = {"frames": CLIPS, "actions": ACTIONS} | change
    inputs = {name: value for name, value in inputs.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        model.unpack(inputs)


def test_a_model_without_actions_says_so():
    plain = tiny_model()
    for call in (
        lambda: plain.predict_frames(CLIPS[:, :2], 3, actions=ACTIONS),
        lambda: plain.reconstruct(CLIPS, ACTIONS),
        lambda: plain.unpack({"frames": CLIPS, "actions": ACTIONS}),
    ):
        with pytest.raises(ValueError, match="`action_size` 0: it takes no `actions`"):
            call()


def test_a_pair_is_no_clip_with_actions():
    """Keras takes the second for targets, which a video predictor has not."""
    model = compiled_model(action_size=2)
    pairs = tf.data.Dataset.from_tensors((CLIPS, ACTIONS))
    with pytest.raises(ValueError, match="dataset of inputs, without targets"):
        model.fit(pairs, verbose=0)


def test_a_served_model_refuses_too_few(model):
    function, signature = model.export_endpoints()["predict_video"]
    served = tf.function(function, input_signature=signature)
    context = tf.constant(CLIPS[:, :2] / np.float32(255))
    for actions in (ACTIONS[:, :3], ACTIONS[:1]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Too few `actions`"):
            served(context, 3, 1, 0, actions)


def test_fit_takes_actions_of_another_type_and_length():
    """And the last action of a clip, which leads nowhere, changes nothing."""
    losses = []
    for actions in (ACTIONS.astype(np.float64), ACTIONS[:, :4]):
        model = compiled_model(action_size=2)
        inputs = {"frames": CLIPS, "actions": actions}
        history = model.fit(inputs, batch_size=3, verbose=0, shuffle=False)
        losses.append(history.history["loss"][0])
    assert np.isfinite(losses[0]) and losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("seen", [True, False])
def test_the_prior_sees_actions_or_not(seen):
    model = randomise_weights(tiny_model(action_size=2, prior_sees_actions=seen))
    others = {"frames": CLIPS, "actions": np.roll(ACTIONS, 1, axis=0)}
    rates = model.latent_rates({"frames": CLIPS, "actions": ACTIONS})
    assert rates.shape[:2] == (3, 4)
    kl = model.elbo_terms({"frames": CLIPS, "actions": ACTIONS}, training=False).kl
    np.testing.assert_allclose(np.sum(rates, (1, 2)), kl, rtol=1e-4)  # float32 sums
    assert np.any(np.abs(rates - model.latent_rates(others)) > 1e-4) == seen
    again = type(model).from_config(model.get_config())
    assert len(again.weights) == len(model.weights)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_actions_are_heard_in_half_precision(dtype):
    """They are standardised before they are rounded, by every way in."""
    model = tiny_model(action_size=2, dtype=dtype)
    units = model.networks.action_units
    units.moving_mean.assign([1000.0, 1e5])
    units.moving_variance.assign([0.25, 1e4])
    actions = ACTIONS * np.float32([0.5, 100]) + np.float32([1000, 1e5])
    inputs = {"frames": CLIPS, "actions": actions}
    heard = []
    original = model.networks.action_units.call
    model.networks.action_units.call = lambda *a, **k: (
        heard.append(np.asarray(value := original(*a, **k), np.float32)) or value
    )
    tf.config.run_functions_eagerly(True)
    try:
        model(inputs)
        model.elbo_terms(inputs, training=False)
    finally:
        tf.config.run_functions_eagerly(False)
    # 8 bits of precision in bfloat16, and 1e5 in float32 is known to 0.004.
    for value in heard:
        np.testing.assert_allclose(value, ACTIONS[:, :4], rtol=1e-2, atol=1e-2)
    assert len(heard) == 2
