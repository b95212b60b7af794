"""SVG-LP with all its short cuts against the program that takes none of them.

Statistics are those of each frame in both. Losses agree to 1e-5 relative (float32 sums
of some thousand terms). A weight's gradients agree if the norm of their difference is
at most 1e-3 of their norm: the float32 gradients of either program move by up to 1e-4
when its weights do so by their rounding errors. Three clips at least: the codes of two
normalise to +-1 and leave the code layer a gradient of nothing but rounding errors.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from benchmarking.frame_by_frame_svg_lp import FrameByFrameSVGLP
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.models.seeding import ReplicaSeedGenerator
from tfsigmavae_video.models.rollout import future_noise
from tfsigmavae_video.networks import conv_unit, frame_networks

NETWORKS = ("dcgan", "vgg")
VARIANTS = {
    "beta": {"beta": 0.3},
    "future": {"scored_frames": "future", "action_size": 2},
    "future_of_three": {"scored_frames": "future", "num_context": 3, "network": "vgg"},
    "standard_normal": {"prior": "standard_normal", "network": "vgg"},
    "residual": {"predictor_residual": True, "posterior_residual": True},
    "remat": {"remat": True, "network": "vgg", "num_context": 1},
    "grey_wide_frame": {"frame_shape": (8, 16, 1), "network": "vgg"},
}


def make_model(**changes):
    changes = {"frame_statistics": True, **changes}
    return randomise_weights(tiny_model(**changes), seed=1)


def inputs_of(model, num_clips=3, num_frames=5):
    """Floating clips; with the actions in a dict if the model takes any."""
    clips = random_clips(num_clips, num_frames, model.frame_shape) / np.float32(255)
    if not model.action_size:
        return clips
    shape = [num_clips, num_frames, model.action_size]
    actions = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    return {"frames": clips, "actions": actions}


def unpack(inputs):
    if isinstance(inputs, dict):
        return inputs["frames"], inputs["actions"]
    return inputs, None


def draw_noise(model, num_clips, num_steps):
    shape = [num_clips, num_steps, model.latent_size]
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


@pytest.fixture
def fix_noise(monkeypatch):
    """`fix_noise(noise)` makes the models draw just that, `[B, T - 1, K]`."""

    def fix(noise):
        def given_noise(_, shape):
            tf.debugging.assert_equal(shape, noise.shape)
            return tf.constant(noise)

        monkeypatch.setattr(ReplicaSeedGenerator, "normal", given_noise)

    return fix


@pytest.fixture
def smooth_activations(monkeypatch):
    """Leaky ReLU without its kink, in both programs.

    Of a million activations some lie within a rounding error of the kink. One that
    falls on the other side of it changes gradients by up to a fifth.
    """

    def smooth(inputs, alpha=0.2):
        return alpha * inputs + (1 - alpha) * tf.math.softplus(inputs)

    monkeypatch.setattr(tf.nn, "leaky_relu", smooth)
    for module in (conv_unit, frame_networks):
        monkeypatch.setattr(module, "leaky_relu", smooth)


def reference_step(model, inputs, noise):
    """The reference's loss, and its gradients by weight."""
    frames, actions = unpack(inputs)
    with tf.GradientTape() as tape:
        loss = FrameByFrameSVGLP(model).loss(frames, noise, actions)
    return loss, tape.gradient(loss, model.trainable_weights)


def model_loss(model, inputs, training=True):
    terms = model.elbo_terms(inputs, training)
    return tf.reduce_mean(terms.nll + model.beta * terms.kl)


def assert_same_gradients(model, gradients, expected):
    for weight, one, two in zip(
        model.trainable_weights, gradients, expected, strict=True
    ):
        assert one is not None and two is not None, weight.path
        norm = np.linalg.norm(two)
        assert norm > 1e-3, weight.path
        assert np.linalg.norm(one - two) <= 1e-3 * norm, weight.path


def check_training(model, fix_noise, **sizes):
    inputs = inputs_of(model, **sizes)
    frames, _ = unpack(inputs)
    noise = draw_noise(model, len(frames), frames.shape[1] - 1)
    expected_loss, expected = reference_step(model, inputs, noise)
    fix_noise(noise)
    with tf.GradientTape() as tape:
        loss = model_loss(model, inputs)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    assert_same_gradients(model, tape.gradient(loss, model.trainable_weights), expected)


# Every pair of network, actions and context at least once.
@pytest.mark.parametrize(
    ("network", "action_size", "num_context"),
    [
        ("dcgan", 0, 1),
        ("dcgan", 4, 2),
        ("dcgan", 0, 4),
        ("vgg", 4, 1),
        ("vgg", 0, 2),
        ("vgg", 4, 4),
    ],
)
def test_loss_and_gradients(network, action_size, num_context, fix_noise):
    model = make_model(
        network=network, action_size=action_size, num_context=num_context
    )
    check_training(model, fix_noise)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_loss_and_gradients_of_variants(changes, fix_noise):
    check_training(make_model(**changes), fix_noise)


@pytest.mark.parametrize("network", NETWORKS)
def test_loss_at_full_depth(network, fix_noise):
    model = make_model(network=network, frame_shape=(64, 64, 3), width=2)
    clips, noise = inputs_of(model), draw_noise(model, 3, 4)
    expected = FrameByFrameSVGLP(model).loss(clips, noise)
    fix_noise(noise)
    np.testing.assert_allclose(model_loss(model, clips), expected, rtol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_at_full_depth(network, fix_noise, smooth_activations):
    model = make_model(network=network, frame_shape=(64, 64, 3), width=2)
    assert len(model.networks.encoder.stages) == 4
    check_training(model, fix_noise)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_step_of_fit_follows_the_gradients(network, fix_noise):
    """The compiled step, by the loss that it logs and the way that weights go."""
    model = make_model(network=network, action_size=4, beta=0.5)
    inputs = inputs_of(model, num_frames=4)
    noise = draw_noise(model, num_clips=3, num_steps=3)
    expected_loss, expected = reference_step(model, inputs, noise)
    before = [weight.numpy() for weight in model.trainable_weights]
    fix_noise(noise)
    model.compile(keras.optimizers.SGD(1.0))
    logs = model.fit(inputs, batch_size=3, shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["loss"][0], expected_loss, rtol=1e-5)
    steps = [
        old - weight.numpy()
        for old, weight in zip(before, model.trainable_weights, strict=True)
    ]
    assert_same_gradients(model, steps, expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_frames_keep_their_order_and_their_actions(network, fix_noise):
    """As many clips as frames: swapped axes would pass every check of a shape."""
    model = make_model(network=network, action_size=2)
    inputs = inputs_of(model, num_clips=4, num_frames=4)
    frames, actions = inputs["frames"], inputs["actions"]
    noise = draw_noise(model, num_clips=4, num_steps=3)
    fix_noise(noise)
    loss = model_loss(model, inputs)
    naive = FrameByFrameSVGLP(model)
    np.testing.assert_allclose(loss, naive.loss(frames, noise, actions), rtol=1e-5)
    # The action of the last frame leads nowhere.
    short = {"actions": actions[:, :-1], "frames": frames}
    np.testing.assert_allclose(model_loss(model, short), loss, rtol=1e-5)
    others = {
        "reversed": naive.loss(frames[:, ::-1], noise, actions[:, ::-1]),
        "swapped axes": naive.loss(frames.swapaxes(0, 1), noise, actions),
        "reversed actions": naive.loss(frames, noise, actions[:, ::-1]),
        "other clips' actions": naive.loss(frames, noise, actions[::-1]),
    }
    for name, other in others.items():
        assert abs(other / loss - 1) > 1e-4, name


@pytest.mark.parametrize("network", NETWORKS)
def test_statistics_of_all_frames_are_others(network, fix_noise):
    model = make_model(network=network, frame_statistics=False)
    clips = inputs_of(model)
    noise = draw_noise(model, num_clips=3, num_steps=4)
    naive = FrameByFrameSVGLP(model)
    fix_noise(noise)
    assert abs(model_loss(model, clips) / naive.loss(clips, noise) - 1) > 1e-4


@pytest.mark.parametrize("frame_statistics", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_evaluation_by_moving_averages(network, frame_statistics, fix_noise):
    model = make_model(network=network, frame_statistics=frame_statistics)
    clips = inputs_of(model)
    noise = draw_noise(model, num_clips=3, num_steps=4)
    expected = FrameByFrameSVGLP(model).loss(clips, noise, training=False)
    fix_noise(noise)
    loss = model_loss(model, clips, training=False)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("action_size", [0, 4])
@pytest.mark.parametrize("network", NETWORKS)
def test_generated_frames(network, action_size):
    num_frames, num_samples, seed = 2, 2, 7
    model = make_model(network=network, action_size=action_size)
    naive = FrameByFrameSVGLP(model)
    for num_given in (2, 3):
        inputs = inputs_of(model, num_clips=2, num_frames=num_given + num_frames)
        clips, actions = unpack(inputs)
        context = clips[:, :num_given]
        noise = future_noise(
            seed, tf.range(2), num_samples, num_given + num_frames - 1, 3
        )
        frames = model.predict_frames(context, num_frames, num_samples, seed, actions)
        expected = naive.predict_frames(
            context, num_frames, num_samples, noise, actions
        )
        assert np.std(expected, axis=0).max() > 1e-3  # the noise shows
        np.testing.assert_allclose(frames, expected, atol=1e-5)


def test_reference_as_a_graph():
    """The form in which its speed is measured."""
    model = make_model(action_size=2, num_context=1)
    naive = FrameByFrameSVGLP(model)
    clips, actions = unpack(inputs_of(model, num_frames=3))
    noise = draw_noise(model, num_clips=3, num_steps=2)
    loss = tf.function(naive.loss)(clips, noise, actions)
    np.testing.assert_allclose(loss, naive.loss(clips, noise, actions), rtol=1e-5)
    arguments = (clips[:, :1], 2, noise, actions)
    frames = tf.function(naive.predict_once)(*arguments)
    np.testing.assert_allclose(frames, naive.predict_once(*arguments), atol=1e-6)
    with pytest.raises(ValueError, match="optimal sigma"):
        FrameByFrameSVGLP(make_model(decoder="shared_sigma"))
