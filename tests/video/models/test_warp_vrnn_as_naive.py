"""WarpVRNN against a float64 program that goes frame by frame, pixel by pixel."""

import numpy as np
import pytest
import tensorflow as tf
from naive_warp_vrnn import NaiveWarpVRNN
from tiny_warp_vrnn import awake_model, inputs_of, smooth_clips

from tfsigmavae.models.seeding import ReplicaSeedGenerator, fold_in, standard_normal
from tfsigmavae_video.models import posterior_chain
from tfsigmavae_video.models.rollout import future_noise

CASES = {
    "plain": {},
    "deeper_and_wide": {"depth": 3, "frame_shape": (8, 16, 3), "num_context": 1},
    "future": {"scored_frames": "future", "prior": "standard_normal", "beta": 0.3},
    "actions": {"action_size": 3, "num_context": 3, "decoder": "shared_sigma"},
    "student_t": {"decoder": "student_t", "max_flow": 1.0},
}
NUM_CLIPS, NUM_FRAMES = 2, 5


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def exact(request):
    """In float64: what differs then is no rounding error."""
    return awake_model(dtype="float64", **request.param)


@pytest.fixture(scope="module")
def single():
    """In float32, as it is used; its graphs are traced once."""
    return awake_model()


@pytest.fixture
def fix_noise(monkeypatch):
    """`fix_noise(model, num_frames)`: what the model will draw, `[B, T - 1, K]`."""

    def fix(model, num_frames=NUM_FRAMES):
        shape = [NUM_CLIPS, num_frames - 1, model.latent_size]
        noise = np.random.default_rng(2).normal(size=shape)
        noise = tf.constant(noise, model.decoder.compute_dtype)

        def given_noise(_, shape):
            tf.debugging.assert_equal(shape, noise.shape)
            return noise

        monkeypatch.setattr(ReplicaSeedGenerator, "normal", given_noise)
        return noise.numpy()

    return fix


def terms_of(model, inputs, training):
    """Its terms, with the sums over all weights left as they were."""
    kept = model.get_weights()
    terms = model.elbo_terms(inputs, training)
    values = {
        "nll": terms.nll,
        "kl": terms.kl,
        "loss": terms.nll + model.beta * terms.kl,
        "means": terms.likelihood.mean(),
    }
    values = {name: value.numpy() for name, value in values.items()}
    model.set_weights(kept)
    return values


def check_terms(model, noise, training, tolerance, num_frames=NUM_FRAMES):
    inputs, clips, actions = inputs_of(model, NUM_CLIPS, num_frames)
    naive = NaiveWarpVRNN(model).loss(clips / 255.0, noise, actions, training)
    for name, value in terms_of(model, inputs, training).items():
        np.testing.assert_allclose(value, naive[name], tolerance, err_msg=name)
    assert min(naive["kl"]) > 0.1 and naive["mse"] > 1e-3  # both show


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_loss(exact, fix_noise, training):
    check_terms(exact, fix_noise(exact), training, 1e-9)


def test_loss_in_float32(single, fix_noise):
    # float32 sums of some hundred terms.
    check_terms(single, fix_noise(single), True, 1e-5)


def test_gradient_of_every_weight(exact, fix_noise):
    """Along a random direction of each, by central differences of the program."""
    model, noise = exact, fix_noise(exact)
    inputs, clips, actions = inputs_of(model, NUM_CLIPS, NUM_FRAMES)
    kept = model.get_weights()
    with tf.GradientTape() as tape:
        terms = model.elbo_terms(inputs, training=True)
        loss = tf.reduce_mean(terms.nll + model.beta * terms.kl)
    gradients = tape.gradient(loss, model.trainable_weights)
    model.set_weights(kept)

    def naive_loss():
        naive = NaiveWarpVRNN(model).loss(clips / 255.0, noise, actions)
        return naive["loss"].mean()

    rng, step = np.random.default_rng(4), 1e-7
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        value, direction = weight.numpy(), rng.normal(size=weight.shape)
        losses = []
        for sign in (1.0, -1.0):
            weight.assign(value + sign * step * direction)
            losses.append(naive_loss())
        weight.assign(value)
        expected = (losses[0] - losses[1]) / (2.0 * step)
        ours = np.sum(gradient * direction)
        # A direction that the gradient hardly sees shows nothing but rounding.
        size = np.linalg.norm(gradient)
        assert size > 1e-3, weight.path
        assert abs(ours - expected) < 1e-3 * max(abs(expected), 0.1 * size), weight.path


@pytest.mark.parametrize("extra", [0, 2], ids=["context", "longer_context"])
def test_sampled_frames(exact, eager_functions, extra):
    num_frames, num_samples, seed = 3, 2, 7
    num_given = exact.num_context + extra
    _, clips, actions = inputs_of(exact, NUM_CLIPS, num_given + num_frames)
    context, num_steps = clips[:, :num_given], num_given + num_frames - 1
    size = exact.latent_size
    noise = future_noise(seed, tf.range(NUM_CLIPS), num_samples, num_steps, size)
    frames = exact.predict_frames(context, num_frames, num_samples, seed, actions)
    expected = NaiveWarpVRNN(exact).sample(
        context / 255.0, num_frames, num_samples, noise, actions
    )
    assert np.std(expected, axis=0).max() > 1e-3  # the noise shows
    np.testing.assert_allclose(frames, expected, atol=1e-9)


def test_sampled_frames_of_the_graph(single):
    context = smooth_clips(NUM_CLIPS, 3)
    noise = future_noise(7, tf.range(NUM_CLIPS), 2, 5, single.latent_size)
    frames = single.predict_frames(context, 3, 2, seed=7)
    assert frames.dtype == tf.float32
    expected = NaiveWarpVRNN(single).sample(context / 255.0, 3, 2, noise)
    np.testing.assert_allclose(frames, expected, atol=1e-5)


def reconstructions(model, num_frames=NUM_FRAMES):
    """Ours and the program's, by what is fed."""
    _, clips, actions = inputs_of(model, NUM_CLIPS, num_frames)
    naive, longer = NaiveWarpVRNN(model), model.num_context + 1
    own = {"teacher_forced": False, "num_context": longer}
    return {
        "as trained": [{}, None],
        "own": [{"teacher_forced": False}, model.num_context],
        "longer context": [own, longer],
        "true": [{"teacher_forced": True}, num_frames],
    }, lambda options, fed: (
        model.reconstruct(clips, actions, **options),
        naive.reconstruct(clips / 255.0, fed, actions),
    )


def test_reconstructions(exact, eager_functions):
    cases, both = reconstructions(exact)
    found = {}
    for name, (options, fed) in cases.items():
        ours, expected = both(options, fed)
        np.testing.assert_allclose(ours, expected, atol=1e-9, err_msg=name)
        found[name] = np.array(ours)
    context = exact.num_context
    # Alike as far as true frames are fed, and no further.
    difference = np.abs(found["true"] - found["own"]).max((0, 2, 3, 4))
    assert np.all(difference[:context] < 1e-12) and difference[context] > 1e-4
    difference = np.abs(found["longer context"] - found["own"]).max((0, 2, 3, 4))
    assert np.all(difference[:context] < 1e-12) and difference[context] > 1e-4


def test_call_is_the_reconstruction(exact):
    inputs, clips, actions = inputs_of(exact, NUM_CLIPS, NUM_FRAMES)
    expected = NaiveWarpVRNN(exact).reconstruct(clips / 255.0, None, actions)
    np.testing.assert_allclose(exact(inputs), expected, atol=1e-9)


def test_frame_log_likelihood_of_one_sample(exact, eager_functions):
    """log p(x_t | z) + log p(z_t) - log q(z_t), which sum up to the whole clip's."""
    if type(exact.decoder).__name__ == "StudentT":
        pytest.skip("weighed here by a sigma")
    inputs, clips, actions = inputs_of(exact, NUM_CLIPS, NUM_FRAMES)
    shape = [NUM_CLIPS, NUM_FRAMES - 1, exact.latent_size]
    noise = standard_normal(shape, fold_in(tf.constant([5, 0]), 0))
    expected = NaiveWarpVRNN(exact).frame_weights(
        clips / 255.0, noise, np.array(exact.decoder.sigma), actions
    )
    ours = exact.frame_log_likelihood(inputs, seed=5)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)
    whole = exact.log_likelihood(inputs, seed=5)
    np.testing.assert_allclose(whole, expected.sum(1), rtol=1e-9)
    first = exact.first_scored_frame
    assert ours.shape == (NUM_CLIPS, NUM_FRAMES - first)


def values_and_gradients(model, inputs, num_given=None):
    """Of the loss, whether unrolled or looped."""
    with tf.GradientTape() as tape:
        terms = model.elbo_terms(inputs, training=False)
        loss = tf.reduce_mean(terms.nll + terms.kl)
    return [loss, *tape.gradient(loss, model.trainable_weights)]


@pytest.mark.parametrize("name", ["plain", "actions"])
def test_looped_steps_are_the_unrolled_ones(name, fix_noise, monkeypatch):
    model = awake_model(dtype="float64", **CASES[name])
    fix_noise(model, 5)
    inputs, *_ = inputs_of(model, NUM_CLIPS, 5)
    unrolled = values_and_gradients(model, inputs)
    monkeypatch.setattr(posterior_chain, "_MAX_UNROLLED", 3)
    looped = values_and_gradients(model, inputs)
    for one, other in zip(looped, unrolled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_looped_steps_in_a_graph_of_any_length(single, fix_noise):
    """Gradients through the loop of a graph, of clips whose length it is not told."""
    inputs, *_ = inputs_of(single, NUM_CLIPS, NUM_FRAMES)
    fix_noise(single)
    expected = values_and_gradients(single, inputs)
    signature = [tf.TensorSpec([None, None, *single.frame_shape], tf.uint8)]
    graph = tf.function(
        lambda clips: values_and_gradients(single, clips), input_signature=signature
    )
    for one, other in zip(graph(inputs), expected, strict=True):
        size = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * size)


def test_a_clip_longer_than_the_unrolled_ones(single, fix_noise):
    num_frames = posterior_chain._MAX_UNROLLED + 3
    noise = fix_noise(single, num_frames)
    check_terms(single, noise, True, 1e-4, num_frames)
