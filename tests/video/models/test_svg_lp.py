"""SVG-LP against a naive reference, and every way of training it."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python
from naive_svg_lp import NaiveSVGLP
from tiny_svg_lp import compiled_model, random_clips, randomise_weights, tiny_model

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models.seeding import ReplicaSeedGenerator
from tfsigmavae.video import SVGLP
from tfsigmavae_video.models import rollout
from tfsigmavae_video.models.rollout import future_noise

# Numbers of trainable parameters of the official PyTorch models at 64 x 64 x 3, z 64,
# code 128. PyTorch's LSTMs have two biases where one does: 4 LSTMs * 4 gates * 256.
# Convolutions before a batch norm have biases there, which the norm takes out again.
OFFICIAL_DCGAN, OFFICIAL_VGG = 12_689_539, 22_831_747
SECOND_LSTM_BIASES = 4 * 4 * 256
DCGAN_BIASES = (64 + 128 + 256 + 512 + 128) + (512 + 256 + 128 + 64)
VGG_BIASES = (2 * 64 + 2 * 128 + 3 * 256 + 3 * 512 + 128) + (
    512 + (512 + 512 + 256) + (256 + 256 + 128) + (128 + 64) + 64
)

CASES = {
    "dcgan": {},
    "vgg": {"network": "vgg"},
    "vgg_two_stages": {"network": "vgg", "frame_shape": (16, 16, 1), "width": 2},
    "dcgan_wide_frame": {"frame_shape": (8, 16, 3)},
    "one_context_frame": {"num_context": 1},
    "three_context_frames": {"num_context": 3, "network": "vgg"},
    "grey": {"frame_shape": (8, 8, 1)},
    "actions": {"action_size": 2},
    "standard_normal": {"prior": "standard_normal", "network": "vgg"},
    "future": {"scored_frames": "future"},
    "future_of_three": {"scored_frames": "future", "num_context": 3, "action_size": 2},
    "residual": {"predictor_residual": True, "posterior_residual": True, "beta": 0.5},
}


# Samples of these come from a graph; its tracing takes longer than all else here.
TRACED = ["vgg", "future_of_three"]


@pytest.fixture(scope="module")
def randomised():
    """A model that several tests draw samples from, traced once."""
    return randomise_weights(tiny_model())


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def model(request):
    return randomise_weights(tiny_model(**request.param), seed=1)


def inputs_of(model, num_clips=2, num_frames=6):
    """uint8 clips, and actions or `None`."""
    clips = random_clips(num_clips, num_frames, model.frame_shape)
    if not model.action_size:
        return clips, None
    shape = [num_clips, num_frames, model.action_size]
    return clips, np.random.default_rng(5).normal(0, 1, shape).astype(np.float32)


def as_input(clips, actions):
    return clips if actions is None else {"frames": clips, "actions": actions}


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_loss_equals_naive_reference(model, training, monkeypatch):
    clips, actions = inputs_of(model)
    noise = np.random.default_rng(2).normal(size=[2, 5, 3]).astype(np.float32)

    def given_noise(_, shape):
        np.testing.assert_array_equal(shape, noise.shape)
        return tf.constant(noise)

    naive = NaiveSVGLP(model).loss(clips / 255.0, noise, actions, training)
    monkeypatch.setattr(ReplicaSeedGenerator, "normal", given_noise)
    terms = model.elbo_terms(as_input(clips, actions), training)
    # 1e-5: float32 sums of a few thousand terms.
    np.testing.assert_allclose(terms.nll.numpy().mean(), naive["nll"].mean(), 1e-5)
    np.testing.assert_allclose(terms.kl, naive["kl"], 1e-5)
    np.testing.assert_allclose(terms.squared_error.numpy().mean(), naive["mse"], 1e-5)
    np.testing.assert_allclose(terms.nll, naive["nll"], 1e-4)
    assert int(terms.num_dims) == clips[0, -naive["scored"] :].size
    total = terms.nll + model.beta * terms.kl
    np.testing.assert_allclose(total.numpy().mean(), naive["loss"].mean(), 1e-5)


def test_sampled_frames_equal_naive_reference(model, request):
    if request.node.callspec.id not in TRACED:
        request.getfixturevalue("eager_functions")
    num_frames, num_samples, seed = 3, 2, 7
    naive = NaiveSVGLP(model)
    for num_given in (model.num_context, model.num_context + 2):
        clips, actions = inputs_of(model, num_frames=num_given + num_frames)
        context = clips[:, :num_given]
        noise = future_noise(
            seed, tf.range(2), num_samples, num_given + num_frames - 1, 3
        )
        frames = model.predict_frames(context, num_frames, num_samples, seed, actions)
        expected = naive.sample(
            context / 255.0, num_frames, num_samples, noise, actions
        )
        assert frames.dtype == tf.float32
        assert np.std(expected, axis=0).max() > 1e-3  # the noise shows
        np.testing.assert_allclose(frames, expected, atol=1e-5)


def test_reconstruction_equals_naive_reference(model):
    clips, actions = inputs_of(model)
    expected = NaiveSVGLP(model).reconstruct(clips / 255.0, actions)
    frames = model.reconstruct(clips, actions)
    np.testing.assert_allclose(frames, expected, atol=1e-5)
    np.testing.assert_array_equal(frames, model(as_input(clips, actions)))


def test_posterior_is_that_of_the_reconstruction(model):
    clips, actions = inputs_of(model)
    posterior = model.posterior(clips)
    assert posterior.batch_shape == [2, 5] and posterior.event_shape == [3]
    networks = model.networks
    codes, skips = networks.encode(clips / np.float32(255))
    heard = networks.read_actions(actions, codes)
    raw = networks.generate(codes, posterior.mean(), heard, skips, 0, False)
    frames = model.decoder(model.decoder.activate(raw)).mean()
    np.testing.assert_array_equal(frames, model.reconstruct(clips, actions))


def test_sequence_longer_than_the_unrolled_ones(monkeypatch):
    model = randomise_weights(tiny_model())
    clips, _ = inputs_of(model, num_clips=1, num_frames=20)
    expected = NaiveSVGLP(model).reconstruct(clips / 255.0)
    np.testing.assert_allclose(model(clips), expected, atol=1e-5)


@pytest.mark.parametrize(
    "network, expected",
    [
        ("dcgan", OFFICIAL_DCGAN - SECOND_LSTM_BIASES - DCGAN_BIASES),
        ("vgg", OFFICIAL_VGG - SECOND_LSTM_BIASES - VGG_BIASES),
    ],
)
def test_parameter_count_is_the_official_one(network, expected):
    model = SVGLP(network=network, latent_size=64)
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert trainable == expected


def test_initial_weights_follow_the_official_code():
    model = tiny_model(width=32, hidden_size=64, code_size=64, seed=3)
    kernel = model.networks.encoder.stages[0][0].convolution.kernel.numpy()
    assert np.std(kernel) == pytest.approx(0.02, rel=0.1)
    assert abs(kernel.mean()) < 0.002
    gamma = model.networks.encoder.code_norm.gamma.numpy()
    assert np.mean(gamma) == pytest.approx(1.0, abs=0.01)
    assert np.std(gamma) == pytest.approx(0.02, rel=0.3)
    lstm = model.networks.predictor.lstms[0]
    for weight in (lstm.kernel, lstm.recurrent_kernel, lstm.bias):
        values = weight.numpy()
        assert np.abs(values).max() <= 64**-0.5
        assert np.std(values) == pytest.approx(64**-0.5 / 3**0.5, rel=0.1)


def test_bias_arguments_set_the_initial_gaussians():
    model = tiny_model(
        posterior_log_variance_bias=-3.0,
        prior_log_variance_bias=-1.0,
        posterior_mean_stddev=0.5,
        hidden_size=64,
    )
    assert np.all(model.networks.posterior.log_variance.bias == -3.0)
    assert np.all(model.networks.prior.log_variance.bias == -1.0)
    stddev = np.std(model.networks.posterior.mean.kernel)
    assert stddev == pytest.approx(0.5, rel=0.2)
    assert np.std(model.networks.prior.mean.kernel) == pytest.approx(0.02, rel=0.2)


def test_seed_sets_the_initial_weights():
    first, same, other = (tiny_model(seed=seed) for seed in (4, 4, 5))
    for a, b in zip(first.weights, same.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [m.networks.predictor.embedding.kernel.numpy() for m in (first, other)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3
    generator = first.networks.generator
    stages = [stage[0].convolution.kernel.numpy() for stage in generator.stages]
    assert len({kernel.ravel()[0] for kernel in stages}) == len(stages)


def test_prediction_is_independent_of_the_rest_of_the_batch(randomised):
    model = randomised
    context = random_clips(num_clips=3, num_frames=2)
    changed = np.concatenate([context[:1], 255 - context[1:]])
    frames = model.predict_frames(context, 3, num_samples=2, seed=0)
    others = model.predict_frames(changed, 3, num_samples=2, seed=0)
    np.testing.assert_array_equal(frames[:, 0], others[:, 0])
    assert np.abs(frames[:, 1] - others[:, 1]).max() > 1e-3
    clips = random_clips(num_clips=3)
    alone = model.reconstruct(clips[:1])
    np.testing.assert_allclose(alone, model.reconstruct(clips)[:1], atol=1e-6)


def test_seed_decides_the_samples(eager_functions):
    model = randomise_weights(tiny_model())
    context = random_clips(num_frames=2)

    def predict(seed):
        return model.predict_frames(context, 2, num_samples=2, seed=seed).numpy()

    first, unseeded = predict(1), predict(None)
    np.testing.assert_array_equal(first, predict(1))
    assert np.abs(first - predict(2)).max() > 1e-3
    assert np.abs(unseeded - predict(None)).max() > 1e-3
    assert np.abs(first[0] - first[1]).max() > 1e-3
    assert first.min() >= 0 and first.max() <= 1
    # Unseeded samples follow the model's own seed.
    twin = randomise_weights(tiny_model())
    same = twin.predict_frames(context, 2, num_samples=2)
    np.testing.assert_array_equal(unseeded, same)


@pytest.mark.parametrize(
    "decoder, training",
    [(FixedSigma(0.3), False), ("optimal_sigma", False), ("optimal_sigma", True)],
)
def test_likelihood_doubles_with_the_tiled_area(decoder, training):
    """A sum, not a mean: twice the pixels of the same errors, twice the nats."""
    clips = np.random.default_rng(0).random([2, 4, 8, 8, 3], np.float32)
    tiled = np.concatenate([clips, clips], axis=3)
    terms = []
    for values in (clips, tiled):
        model = tiny_model(frame_shape=values.shape[2:], decoder=decoder)
        # A generator that outputs zeros predicts 0.5 everywhere, whatever the size.
        output = model.networks.generator.stages[-1][0]
        for weight in output.weights:
            weight.assign(tf.zeros_like(weight))
        terms.append(model.elbo_terms(values, training=training))
    np.testing.assert_allclose(terms[1].nll, 2 * terms[0].nll, 1e-5)
    np.testing.assert_allclose(terms[1].squared_error, terms[0].squared_error, 1e-5)
    assert int(terms[1].num_dims) == 2 * int(terms[0].num_dims) == 2 * 3 * 8 * 8 * 3


def test_rate_sums_over_time():
    # A posterior and a prior without input: the same KL at every step.
    model = tiny_model(posterior_log_variance_bias=-1.0)
    for network in (model.networks.posterior, model.networks.prior):
        network.mean.kernel.assign(tf.zeros_like(network.mean.kernel))
        kernel = network.log_variance.kernel
        kernel.assign(tf.zeros_like(kernel))
    # KL(N(0, 1/e) || N(0, 1)) of each of the three latents.
    step = 3 * 0.5 * (math.exp(-1) - 1 + 1)
    for num_frames in (3, 5):
        terms = model.elbo_terms(random_clips(num_frames=num_frames), training=False)
        np.testing.assert_allclose(terms.kl, (num_frames - 1) * step, rtol=1e-5)


@pytest.mark.parametrize("prior", ["learned", "standard_normal"])
@pytest.mark.parametrize("network", ["dcgan", "vgg"])
def test_every_trainable_weight_has_a_finite_gradient(network, prior):
    model = randomise_weights(
        tiny_model(network=network, prior=prior, decoder="shared_sigma", action_size=4)
    )
    clips = {"frames": random_clips(), "actions": tf.ones([2, 5, 4])}
    with tf.GradientTape() as tape:
        terms = model.elbo_terms(clips, training=True)
        loss = tf.reduce_mean(terms.nll + terms.kl)
    gradients = tape.gradient(loss, model.trainable_weights)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_uint8_and_float_clips_give_the_same(randomised):
    model = randomised
    clips = random_clips()
    pixels = clips.astype(np.float32) / 255
    np.testing.assert_allclose(model(clips), model(pixels), atol=1e-6)
    np.testing.assert_allclose(
        model.predict_frames(clips[:, :2], 2, seed=0),
        model.predict_frames(pixels[:, :2], 2, seed=0),
        atol=1e-6,
    )
    first, second = (
        tiny_model(seed=0).elbo_terms(values, training=False)
        for values in (clips, pixels)
    )
    np.testing.assert_allclose(first.nll, second.nll, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"prior": "flat"}, "`prior`.*learned.*standard_normal.*'flat'"),
        ({"scored_frames": "context"}, "`scored_frames`.*all.*future.*'context'"),
        ({"num_context": 0}, "`num_context` must be an int >= 1, got 0"),
        ({"latent_size": 0}, "`latent_size`.*at least 1"),
        ({"code_size": -1}, "`code_size`.*at least 1"),
        ({"hidden_size": 0}, "`hidden_size`.*at least 1"),
        ({"width": 0}, "`width`.*at least 1"),
        ({"action_size": -1}, "`action_size`.*0.*-1"),
        ({"network": "resnet"}, "`network` 'resnet'.*'dcgan', 'vgg'"),
        ({"decoder": "gaussian"}, "decoder 'gaussian'.*optimal_sigma"),
        ({"beta": -1.0}, "`beta`.*negative"),
        ({"frame_shape": (30, 30, 3)}, "`frame_shape`.*multiples of 4.*30"),
        ({"frame_shape": (4, 4, 3)}, "`frame_shape`.*at least 8"),
        ({"batch_norm_momentum": 1.0}, "`momentum`"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny_model(**arguments)


@pytest.mark.parametrize(
    "shape, words",
    [
        ((2, 5, 8, 8, 1), r"\[B, T, 8, 8, 3\].*T >= 3.*1\)"),
        ((2, 5, 16, 8, 3), r"\[B, T, 8, 8, 3\]"),
        ((2, 2, 8, 8, 3), "T >= 3"),
        ((5, 8, 8, 3), r"\[B, T, 8, 8, 3\]"),
    ],
)
def test_clips_of_a_wrong_shape_are_refused(randomised, shape, words):
    model = randomised
    clips = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=words):
        model.elbo_terms(clips, training=False)
    with pytest.raises(ValueError, match="T >= 2"):
        model.predict_frames(clips[:, :1], 2)


def test_pixels_of_a_wrong_range_or_type_are_refused(randomised):
    model = randomised
    clips = random_clips()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"frames.*\[0, 1\]"):
        model(clips.astype(np.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"context.*\[0, 1\]"):
        model.predict_frames(clips.astype(np.float32), 2)
    with pytest.raises(TypeError, match="uint8.*int32"):
        model.predict_frames(clips.astype(np.int32), 2)


def test_samples_do_not_depend_on_how_many_are_drawn_at_a_time():
    model = randomise_weights(tiny_model(action_size=4))
    context = random_clips(3, 2)
    actions = np.random.default_rng(0).normal(size=[3, 5, 4]).astype(np.float32)

    def predict(**options):
        return model.predict_frames(context, 4, 5, 1, actions, **options).numpy()

    together = predict()
    assert np.abs(np.diff(together, axis=0)).max(axis=(1, 2, 3, 4, 5)).min() > 1e-3
    for size in (1, 2, 5, 9):
        # Kernels for other batch sizes add in another order.
        np.testing.assert_allclose(predict(sample_batch_size=size), together, atol=1e-5)
    assert model._rollout.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "asked, num_samples, num_clips, expected",
    [(0, 100, 1, 100), (0, 100, 16, 8), (0, 100, 300, 1), (0, 3, 16, 3), (5, 9, 1, 5)],
)
def test_samples_drawn_at_a_time(asked, num_samples, num_clips, expected):
    # 128 clips by default, and never more than are wanted.
    assert rollout.samples_at_a_time(asked, num_samples, num_clips) == expected


def test_prediction_within_a_function(randomised):
    model = randomised
    context = random_clips(num_frames=2)
    predict = tf.function(lambda clips: model.predict_frames(clips, 2, 3, seed=7))
    expected = model.predict_frames(context, 2, 3, seed=7)
    np.testing.assert_allclose(predict(tf.constant(context)), expected, atol=1e-6)


def test_statistics_of_frames_are_those_of_training_alone():
    model = randomise_weights(tiny_model(frame_statistics=True))
    function, signature = model.export_endpoints()["reconstruct"]
    served = tf.function(function, input_signature=signature)
    clips = random_clips()
    frames = served(clips / np.float32(255))
    np.testing.assert_allclose(frames, model.reconstruct(clips), atol=1e-5)
    plain = tiny_model()
    for mine, other in zip(plain.weights, model.weights, strict=True):
        mine.assign(other)
    np.testing.assert_array_equal(plain.reconstruct(clips), model.reconstruct(clips))


def test_statistics_of_frames_need_two_clips_of_a_known_length():
    model = tiny_model(frame_statistics=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="two clips in a batch"):
        model.elbo_terms(random_clips(1), training=True)
    model.elbo_terms(random_clips(1), training=False)
    signature = [tf.TensorSpec([2, None, 8, 8, 3], tf.float32)]
    with pytest.raises(ValueError, match="known number of frames.*ensure_shape"):
        tf.function(
            lambda clips: model.elbo_terms(clips, training=True).nll, signature
        ).get_concrete_function()


def test_prediction_is_traced_once():
    model = tiny_model()
    for num_clips, num_given, num_frames, num_samples in [
        (1, 2, 1, 1),
        (3, 2, 4, 2),
        (2, 4, 3, 150),
    ]:
        context = random_clips(num_clips, num_given)
        frames = model.predict_frames(context, num_frames, num_samples)
        assert frames.shape == (num_samples, num_clips, num_frames, 8, 8, 3)
    assert model._rollout.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "count", [{"num_frames": 0}, {"num_samples": 0}, {"sample_batch_size": 0}]
)
def test_counts_below_one_are_refused(randomised, count):
    arguments = {"num_frames": 1, "num_samples": 1} | count
    with pytest.raises(ValueError, match="`(num_|sample_).*` must be an int >= 1"):
        randomised.predict_frames(random_clips(), **arguments)


def test_actions_change_the_prediction_from_the_right_frame_on(eager_functions):
    model = randomise_weights(tiny_model(action_size=2))
    context = random_clips(num_frames=2)
    actions = np.zeros([2, 5, 2], np.float32)
    frames = model.predict_frames(context, 4, seed=0, actions=actions)
    actions[:, 3] = 3.0  # leads from frame 3 to frame 4, the third predicted one
    moved = model.predict_frames(context, 4, seed=0, actions=actions)
    difference = np.abs(frames - moved).max(axis=(0, 1, 3, 4, 5))
    assert np.all(difference[:2] == 0) and np.all(difference[2:] > 1e-4)


@pytest.fixture(scope="module")
def trained():
    """A model trained as a graph, two steps at a time; its clips and history."""
    options = {"run_eagerly": False, "steps_per_execution": 2, "jit_compile": "auto"}
    model = compiled_model(
        {**options, "optimizer": keras.optimizers.Adam(1e-2)},
        decoder="optimal_sigma_per_channel",
    )
    clips = random_clips(num_clips=4)
    history = model.fit(
        clips,
        epochs=4,
        batch_size=2,
        shuffle=False,
        validation_data=(clips,),
        verbose=0,
    )
    return model, clips, history.history


def test_fit_lowers_the_loss_and_logs_every_figure(trained):
    _, clips, history = trained
    names = {"loss", "nll", "kl", "mse", "bits_per_dim", "sigma"}
    val_names = {f"val_{name}" for name in (*names, "bits_per_dim_mass")}
    assert set(history) == names | val_names
    assert history["loss"][-1] < history["loss"][0]
    num_dims = clips[0, 1:].size
    for prefix in ("", "val_"):
        for epoch in range(4):
            loss, nll, kl, bits = (
                history[prefix + name][epoch]
                for name in ("loss", "nll", "kl", "bits_per_dim")
            )
            assert loss == pytest.approx(nll + kl, rel=1e-5)
            expected = (loss / num_dims + math.log(256)) / math.log(2)
            assert bits == pytest.approx(expected, rel=1e-4)
    assert history["val_sigma"] == history["sigma"]


def test_graph_of_many_steps_trains_like_eager_single_steps(trained):
    model, clips, _ = trained
    eager = compiled_model(
        {"optimizer": keras.optimizers.Adam(1e-2)}, decoder="optimal_sigma_per_channel"
    )
    eager.fit(
        clips,
        epochs=4,
        batch_size=2,
        shuffle=False,
        validation_data=(clips,),
        verbose=0,
    )
    assert eager.optimizer.iterations == model.optimizer.iterations == 8
    for one, two in zip(model.weights, eager.weights, strict=True):
        # Adam's early steps amplify rounding where a gradient is nearly zero.
        np.testing.assert_allclose(one, two, atol=2e-3, err_msg=one.path)
    np.testing.assert_allclose(model.decoder.sigma, eager.decoder.sigma, rtol=1e-4)


def test_optimal_sigma_is_the_error_of_the_batch():
    model = compiled_model()
    clips = random_clips()
    logs = {key: value[0] for key, value in model.fit(clips, verbose=0).history.items()}
    # nll at the optimum: D / 2 (log(2 pi mse) + 1).
    optimum = clips[0, 1:].size / 2 * (math.log(2 * math.pi * logs["mse"]) + 1)
    assert logs["nll"] == pytest.approx(optimum, rel=1e-5)
    assert logs["sigma"] == pytest.approx(math.sqrt(logs["mse"]), rel=1e-5)


def test_evaluation_changes_nothing(trained, eager_functions):
    model = trained[0]
    before = [weight.numpy() for weight in model.weights]
    model.evaluate(random_clips(seed=1), verbose=0)
    model.predict(random_clips(seed=1), verbose=0)
    model.predict_frames(random_clips(seed=1), 2)
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


def test_jit_compile_auto_is_off_on_a_cpu(trained):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    assert not trained[0].jit_compile


def test_targets_are_refused():
    model = compiled_model()
    clips = random_clips()
    with pytest.raises(ValueError, match="without targets"):
        model.fit(clips, clips, verbose=0)


def test_fit_takes_dictionaries_and_datasets():
    model = compiled_model(action_size=4)
    batch = {
        "frames": random_clips(num_clips=4),
        "actions": np.ones([4, 5, 4], np.float32),
    }
    model.fit(batch, batch_size=2, verbose=0)
    data = tf.data.Dataset.from_tensor_slices(batch).batch(2)
    model.fit(data, validation_data=data, verbose=0)
    assert model.optimizer.iterations == 4
    assert model.predict(data, verbose=0).shape == (4, 4, 8, 8, 3)


def test_saved_model_goes_on_as_the_original(trained, tmp_path, eager_functions):
    model, clips, _ = trained
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is SVGLP
    assert loaded.get_config() == model.get_config()
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model(clips), loaded(clips))
    np.testing.assert_array_equal(
        model.predict_frames(clips[:, :2], 3, seed=1),
        loaded.predict_frames(clips[:, :2], 3, seed=1),
    )
    assert model.decoder.sigma.shape == (3,)
    np.testing.assert_array_equal(model.decoder.sigma, loaded.decoder.sigma)
    assert loaded.steps_per_execution == 2 and loaded.run_eagerly is False
    assert loaded.optimizer.learning_rate == model.optimizer.learning_rate
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    loaded.run_eagerly = True
    loaded.fit(clips, batch_size=2, verbose=0)
    assert loaded.optimizer.iterations == 10


def test_model_loads_in_a_process_that_knows_only_the_facade(tmp_path):
    model = randomise_weights(tiny_model(network="vgg", decoder=FixedSigma(0.2)))
    clips = random_clips()
    np.save(tmp_path / "clips.npy", clips)
    model.save(tmp_path / "model.keras")
    code = """
        import sys
        import keras
        import numpy as np
        import tfsigmavae.video
        model = keras.models.load_model(sys.argv[1] + "/model.keras")
        clips = np.load(sys.argv[1] + "/clips.npy")
        np.save(sys.argv[1] + "/frames.npy", model.reconstruct(clips))
        print(model.decoder.sigma)
    """
    assert float(run_python(code, tmp_path, cwd=tmp_path)) == 0.2
    expected = model.reconstruct(clips)
    np.testing.assert_allclose(np.load(tmp_path / "frames.npy"), expected, atol=1e-6)


def test_gradient_accumulation_waits_for_every_second_batch():
    optimizer = keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2)
    options = {"optimizer": optimizer}
    model = compiled_model(options, num_context=1, prior="standard_normal")
    clips = random_clips(num_frames=2)
    kernel = model.networks.encoder.code.kernel
    before = kernel.numpy()
    model.fit(clips, verbose=0)
    np.testing.assert_array_equal(before, kernel)
    model.fit(clips, verbose=0)
    assert np.abs(kernel - before).max() > 1e-3


@pytest.mark.slow
def test_compiled_by_xla_trains_the_same():
    clips = random_clips(num_clips=1, num_frames=2, frame_shape=(8, 8, 1))
    results = []
    for jit_compile in (False, True):
        options = {"jit_compile": jit_compile, "run_eagerly": not jit_compile}
        model = compiled_model(
            options, frame_shape=(8, 8, 1), num_context=1, width=2, code_size=3
        )
        # Hardly any noise: XLA may draw other numbers.
        model.networks.posterior.log_variance.bias.assign([-19.0] * 3)
        logs = model.fit(clips, verbose=0).history
        results.append((logs["nll"][0], logs["kl"][0], logs["sigma"][0]))
    assert model.jit_compile is True
    np.testing.assert_allclose(*results, rtol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_likelihood_and_outputs_in_float32(policy, request):
    if policy == "mixed_float16":  # a loop in a graph is strict about dtypes: once
        request.getfixturevalue("eager_functions")
    model = compiled_model(dtype=policy, action_size=2)
    clips = {"frames": random_clips(), "actions": np.ones([2, 5, 2], np.float32)}
    logs = model.fit(clips, verbose=0, epochs=2).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert model.networks.encoder.compute_dtype == policy.removeprefix("mixed_")
    assert all(w.dtype == "float32" for w in model.trainable_weights)
    terms = model.elbo_terms(clips, training=True)
    assert terms.nll.dtype == terms.kl.dtype == tf.float32
    assert model.decoder.sigma.dtype == tf.float32
    outputs = model.predict_frames(
        clips["frames"][:, :2], 2, seed=0, actions=clips["actions"]
    )
    assert outputs.dtype == model(clips).dtype == tf.float32
    codes, _ = model.networks.encode(clips["frames"] / np.float32(255))
    assert codes.dtype == policy.removeprefix("mixed_")


def test_mixed_precision_is_near_float32_and_survives_saving(tmp_path):
    clips = random_clips()
    model = tiny_model(dtype="mixed_bfloat16")
    plain = tiny_model()
    for a, b in zip(model.weights, plain.weights, strict=True):
        a.assign(b)
    np.testing.assert_allclose(model(clips), plain(clips), atol=0.01)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    assert loaded.networks.generator.compute_dtype == "bfloat16"
    np.testing.assert_array_equal(model(clips), loaded(clips))


@pytest.mark.slow
def test_two_replicas_share_one_sigma(tmp_path):
    """Two logical CPUs, each with half of the batch and an error of its own."""
    code = """
        import json
        import keras
        import numpy as np
        import tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        from tfsigmavae.video import SVGLP
        clips = np.random.default_rng(0).random([4, 2, 8, 8, 1]).astype("float32")
        clips[2:] *= 0.3
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            model = SVGLP(
                (8, 8, 1), latent_size=2, network="dcgan", code_size=3,
                hidden_size=3, width=2, num_context=1, seed=0,
            )
            # The generator gives zeros and the decoder 0.5.
            for weight in model.networks.generator.stages[-1][0].weights:
                weight.assign(tf.zeros(weight.shape))
            model.compile(keras.optimizers.SGD(0.0), jit_compile=True)
        data = tf.data.Dataset.from_tensors(clips).repeat(2)
        logs = model.fit(data, verbose=0).history
        logs = {key: value[0] for key, value in logs.items()}
        logs["mean_error"] = float(np.mean((clips[:, 1:] - 0.5) ** 2))
        print(json.dumps(logs))
    """
    logs = json.loads(run_python(code, cwd=tmp_path))
    mse = logs["mean_error"]
    assert logs["mse"] == pytest.approx(mse, rel=1e-5)
    assert logs["sigma"] == pytest.approx(math.sqrt(mse), rel=1e-5)
    optimum = 8 * 8 / 2 * (math.log(2 * math.pi * mse) + 1)
    assert logs["nll"] == pytest.approx(optimum, rel=1e-5)


def test_no_layer_hides_in_a_list_of_lists():
    """Keras before 3.13 saves nothing of a layer that lies two lists deep."""

    def nested(value):
        if isinstance(value, (list, tuple, dict)):
            inner = value.values() if isinstance(value, dict) else value
            return any(
                isinstance(item, (list, tuple, dict))
                and any(isinstance(layer, keras.layers.Layer) for layer in item)
                for item in inner
            )
        return False

    for network in ("dcgan", "vgg"):
        layers = [tiny_model(network=network)]
        while layers:
            layer = layers.pop()
            hidden = [name for name, value in vars(layer).items() if nested(value)]
            assert not [name for name in hidden if not name.startswith("_")], layer
            layers += layer._layers
