"""The ELBO, its logs and everything of Keras around it, with a tiny VAE."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_vae import TinyVAE

from tfsigmavae.checkpoints import save_checkpoint
from tfsigmavae.decoders import Decoder, FixedSigma, OptimalSigma, SharedSigma
from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.models import ImageVAE, VariationalModel
from tfsigmavae.video import VideoModel

NUM_DIMS = 16
LOGGED = {"loss", "nll", "kl", "mse", "bits_per_dim", "sigma"}
# The exact mass of the grey levels costs too much for training.
LOGGED_IN_EVALUATION = LOGGED | {"bits_per_dim_mass"}


def _images(num=8, shape=(4, 4, 1), seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 0.8, (num, *shape)).astype(np.float32)


def _model(decoder="optimal_sigma", optimizer=None, run_eagerly=True, **kwargs):
    """Eager unless asked otherwise: tracing takes longer than all the steps."""
    model = TinyVAE(decoder=decoder, **{"seed": 1, **kwargs})
    model.compile(optimizer or keras.optimizers.SGD(0.0), run_eagerly=run_eagerly)
    return model


def _numpy_logs(model, images, noise_state):
    """What one step logs, from the networks' outputs and the noise it drew."""
    posterior = model.encoder(images)
    loc, scale = (np.float64(x) for x in (posterior.mean(), posterior.stddev()))
    seeds = keras.random.SeedGenerator(0)
    seeds.state.assign(noise_state)
    noise = np.float64(keras.random.normal(loc.shape, seed=seeds))
    raw = model.generator(tf.constant(loc + scale * noise, tf.float32))
    error = np.float64(images) - 1.0 / (1.0 + np.exp(-np.float64(raw)))
    kl = -0.5 * np.sum(1 + 2 * np.log(scale) - loc**2 - scale**2, axis=1)
    sse = np.sum(error**2, axis=(1, 2, 3))
    return {"sse": sse, "mse": np.mean(error**2), "kl": kl}


def _numpy_nll(sse, sigma):
    return sse / (2 * sigma**2) + NUM_DIMS * (np.log(sigma) + 0.5 * np.log(2 * np.pi))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("decoder", ["fixed", "shared", "optimal"])
def test_logs_against_numpy(decoder, beta, training):
    made = {
        "fixed": lambda: FixedSigma(0.3),
        "shared": lambda: SharedSigma(0.2),
        "optimal": lambda: OptimalSigma(initial_sigma=0.5),
    }[decoder]()
    model = _model(made, beta=beta)
    images = _images()
    state = model.seed_generator.state.numpy()
    if training:
        logs = model.train_on_batch(images, return_dict=True)
    else:
        logs = model.test_on_batch(images, return_dict=True)
    expected = _numpy_logs(model, images, state)
    sigma = {"fixed": 0.3, "shared": 0.2, "optimal": 0.5}[decoder]
    if decoder == "optimal" and training:
        sigma = np.sqrt(expected["mse"])
    nll = _numpy_nll(expected["sse"], sigma)
    kl = expected["kl"].mean()
    bits = ((nll.mean() + kl) / NUM_DIMS + np.log(256)) / np.log(2)
    assert set(logs) == (LOGGED if training else LOGGED_IN_EVALUATION)
    for name, value in (
        ("nll", nll.mean()),
        ("kl", kl),
        ("loss", nll.mean() + beta * kl),
        ("mse", expected["mse"]),
        ("sigma", sigma),
        # The bound itself, whatever weight the loss gives to the KL term.
        ("bits_per_dim", bits),
    ):
        # float32 sums of terms of opposite signs, hence the absolute part.
        np.testing.assert_allclose(
            logs[name], value, rtol=2e-4, atol=1e-3, err_msg=name
        )


def test_training_follows_the_gradient_of_the_mean_loss():
    model = _model(FixedSigma(0.3), keras.optimizers.SGD(1e-3), beta=2.0)
    images = _images()
    state = model.seed_generator.state.numpy()
    with tf.GradientTape() as tape:
        terms = model.elbo_terms(images, training=True)
        loss = tf.reduce_mean(terms.nll) + 2.0 * tf.reduce_mean(terms.kl)
    variables = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, variables)
    expected = [v - 1e-3 * g for v, g in zip(variables, gradients, strict=True)]
    model.seed_generator.state.assign(state)
    model.train_on_batch(images)
    for variable, value in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_large_gradient_is_scaled_to_the_limit(policy):
    """SGD with rate 1 moves the weights by the clipped gradient itself."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        models = [
            _model(FixedSigma(0.3), keras.optimizers.SGD(1e-4), max_gradient_norm=norm)
            for norm in (None, 0.5, 1e6)
        ]
        moves = []
        for model in models:
            start = model.get_weights()
            model.train_on_batch(_images())
            new = model.get_weights()
            flat = [np.ravel(b - a) for a, b in zip(start, new, strict=True)]
            moves.append(np.concatenate(flat) / 1e-4)
    finally:
        keras.config.set_dtype_policy(before)
    free, limited, unlimited = moves
    # Weights of about 1 hold a move of 5e-5 to three digits.
    np.testing.assert_allclose(np.linalg.norm(limited), 0.5, rtol=0.01)
    np.testing.assert_array_equal(unlimited, free)
    direction = free / np.linalg.norm(free)
    np.testing.assert_allclose(limited @ direction, 0.5, rtol=0.01)


@pytest.mark.parametrize("norm", [0.0, -1.0, np.nan])
def test_a_gradient_limit_that_is_not_positive_is_refused(norm):
    with pytest.raises(ValueError, match="`max_gradient_norm` must be positive"):
        TinyVAE(max_gradient_norm=norm)


def test_bits_of_the_mass_in_evaluation_are_the_decoders_own():
    model = _model(FixedSigma(0.3))
    levels = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), np.uint8)
    state = model.seed_generator.state.numpy()
    logs = model.test_on_batch(levels, return_dict=True)
    model.seed_generator.state.assign(state)
    terms = model.elbo_terms(levels, training=False)
    nats = terms.kl - terms.likelihood.log_mass(levels)
    expected = np.mean(nats) / NUM_DIMS / np.log(2.0)
    np.testing.assert_allclose(logs["bits_per_dim_mass"], expected, rtol=1e-5)
    assert abs(expected - logs["bits_per_dim"]) > 0.05  # at sigma 0.3 they differ


def test_penalties_of_layers_are_in_the_loss():
    model = _model(FixedSigma(1.0))
    model.generator.layers[0].kernel.regularizer = keras.regularizers.L2(0.1)
    kernel = model.generator.layers[0].kernel.numpy()
    logs = model.train_on_batch(_images(), return_dict=True)
    penalty = logs["loss"] - logs["nll"] - logs["kl"]
    np.testing.assert_allclose(penalty, 0.1 * np.sum(kernel**2), rtol=1e-3)


def test_the_loss_sums_over_pixels():
    """Tiling an image twice in each direction costs exactly four times the nats."""
    small = _model(FixedSigma(0.3))
    large = _model(FixedSigma(0.3), image_shape=(8, 8, 1))
    tile = keras.layers.Lambda(lambda x: tf.tile(x, [1, 2, 2, 1]))
    crop = keras.layers.Cropping2D(((0, 4), (0, 4)))
    large.encoder = keras.Sequential([keras.Input((8, 8, 1)), crop, small.encoder])
    large.generator = keras.Sequential([keras.Input([2]), small.generator, tile])
    images = _images()
    small_logs = small.test_on_batch(images, return_dict=True)
    large_logs = large.test_on_batch(np.tile(images, [1, 2, 2, 1]), return_dict=True)
    for name, factor in (("nll", 4), ("kl", 1), ("mse", 1)):
        np.testing.assert_allclose(
            large_logs[name], factor * small_logs[name], rtol=1e-4, err_msg=name
        )


def test_logs_are_means_over_examples_of_unequal_batches():
    model = _model(FixedSigma(0.5))
    images = _images(5)
    model.encoder.layers[-2].kernel.assign(0.0 * model.encoder.layers[-2].kernel)
    model.encoder.layers[-2].bias.assign([0.0, 0.0, -20.0, -20.0])  # no noise
    whole = model.evaluate(images, batch_size=5, verbose=0, return_dict=True)
    parts = model.evaluate(images, batch_size=2, verbose=0, return_dict=True)
    for name in ("nll", "kl", "loss", "mse"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-3, err_msg=name)


@pytest.mark.parametrize(("jit_compile", "steps"), [(True, 2), (False, 1), ("auto", 1)])
def test_fit_evaluate_predict(jit_compile, steps):
    model = TinyVAE(seed=1)
    model.compile(
        keras.optimizers.Adam(0.01), jit_compile=jit_compile, steps_per_execution=steps
    )
    if jit_compile != "auto":
        assert model.jit_compile is jit_compile
    seen = []
    history = model.fit(
        _images(),
        batch_size=4,
        epochs=12,
        validation_data=(_images(4, seed=1),),
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append(dict(logs))
            )
        ],
        verbose=0,
    ).history
    assert set(history) == LOGGED | {f"val_{name}" for name in LOGGED_IN_EVALUATION}
    assert len(history["loss"]) == len(seen) == 12
    assert history["loss"][-1] < history["loss"][0]
    assert seen[-1]["loss"] == history["loss"][-1]
    assert all(np.isfinite(values).all() for values in history.values())
    before = model.decoder.sigma.numpy()
    # Batches of one size each: another size is another graph.
    options = {"batch_size": 4, "verbose": 0, "return_dict": True}
    logs = model.evaluate(0.5 * _images(), **options)
    assert set(logs) == LOGGED_IN_EVALUATION
    np.testing.assert_allclose(logs["sigma"], before, rtol=1e-6)
    np.testing.assert_array_equal(model.decoder.sigma, before)
    prediction = model.predict(_images(6), batch_size=2, verbose=0)
    assert isinstance(prediction, np.ndarray) and prediction.shape == (6, 4, 4, 1)
    np.testing.assert_allclose(prediction, model(_images(6)), atol=1e-6)


def test_uint8_images_mean_value_over_255():
    levels = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), dtype=np.uint8)
    results = []
    for images in (levels, (levels / 255.0).astype(np.float32)):
        model = _model()
        history = model.fit(images, shuffle=False, verbose=0).history
        evaluated = model.evaluate(images, verbose=0)
        results.append(
            [history["loss"][0], *evaluated, *model.predict(images, verbose=0).ravel()]
        )
    np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.parametrize("images", [255 * _images(), np.int32(255 * _images())])
def test_images_in_another_range_or_dtype_are_refused(images):
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError), match="must"):
        _model().fit(images, verbose=0)


@pytest.mark.parametrize(
    "verb",
    [
        *("fit", "evaluate", "predict", "recalibrate"),
        *("train_on_batch", "test_on_batch", "predict_on_batch"),
    ],
)
def test_pixels_out_of_range_are_told_in_a_line(verb):
    quiet = {"verbose": 0} if verb in ("fit", "evaluate", "predict") else {}
    start = "`values` must lie in [0, 1] when floating: divide 8-bit values by 255. "
    with pytest.raises(tf.errors.InvalidArgumentError) as told:
        getattr(_model(run_eagerly=False), verb)(255 * _images(), **quiet)
    words = str(told.value)
    assert words.startswith(start) and "\n" not in words
    low, high = map(float, words.partition("value: ")[2].split())
    assert 0.0 <= low < high <= 255.0 and high > 200.0
    with pytest.raises(tf.errors.InvalidArgumentError) as told:
        getattr(_model(run_eagerly=True), verb)(255 * _images(), **quiet)
    words = told.value.message.partition("value: ")[2]  # in a frame of Keras' words
    low, high = (float(word[:6]) for word in words.split()[:2])
    assert start in told.value.message
    assert 0.0 <= low < high <= 255.0 and high > 200.0


def test_early_stopping_sees_the_validation_loss():
    model = _model(optimizer=keras.optimizers.SGD(0.0))
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e3)
    data = {"x": _images(), "validation_data": (_images(),)}
    assert len(model.fit(**data, epochs=9, callbacks=[stop], verbose=0).epoch) == 2


def test_run_eagerly():
    model = TinyVAE(seed=1)
    model.compile("adam", run_eagerly=True)
    assert np.isfinite(model.fit(_images(), verbose=0).history["loss"]).all()


def test_steps_per_execution_changes_nothing():
    results = []
    for steps in (1, 3):
        model = TinyVAE(seed=1)
        model.compile(
            keras.optimizers.SGD(1e-3),
            jit_compile=False,
            steps_per_execution=steps,
        )
        history = model.fit(_images(12), batch_size=3, shuffle=False, verbose=0).history
        results.append([history["loss"][0], float(model.decoder.sigma)])
        assert model.decoder.num_updates.numpy() == model.optimizer.iterations == 4
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_gradient_accumulation_applies_the_mean_of_its_steps():
    optimizer = keras.optimizers.SGD(1e-3, gradient_accumulation_steps=2)
    accumulated = _model(FixedSigma(0.3), optimizer)
    accumulated.encoder.layers[-2].bias.assign([0.0, 0.0, -20.0, -20.0])
    whole = _model(FixedSigma(0.3), keras.optimizers.SGD(1e-3))
    whole.set_weights(accumulated.get_weights())
    start = accumulated.get_weights()
    images = _images(8)
    accumulated.train_on_batch(images[:4])
    for old, new in zip(start, accumulated.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    accumulated.train_on_batch(images[4:])
    whole.train_on_batch(images)
    for name in ("encoder", "generator"):
        pairs = zip(
            getattr(accumulated, name).get_weights(),
            getattr(whole, name).get_weights(),
            strict=True,
        )
        for ours, theirs in pairs:
            # The noise differs, and is e**-10 of the posterior's scale.
            np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=2e-3)
    assert any(
        np.any(np.abs(new - old) > 1e-3)
        for old, new in zip(start, accumulated.get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    ("policy", "jit_compile"),
    [("mixed_bfloat16", True), ("mixed_bfloat16", False), ("mixed_float16", False)],
)
def test_mixed_precision_keeps_losses_and_sigma_float32(policy, jit_compile):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = TinyVAE(seed=1)
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit_compile)
        history = model.fit(_images(), epochs=4, verbose=0).history
        terms = model.elbo_terms(_images(), training=False)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.generator.layers[0].compute_dtype == policy.removeprefix("mixed_")
    assert {t.dtype for t in (terms.nll, terms.kl, terms.squared_error)} == {tf.float32}
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert np.isfinite(history["loss"]).all()
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    # Near the same run in float32.
    expected = _model().evaluate(_images(), verbose=0, return_dict=True)["kl"]
    np.testing.assert_allclose(history["kl"][0], expected, rtol=0.1)


@pytest.mark.parametrize("decoder", ["optimal_sigma", "shared_sigma"])
def test_saving_keeps_outputs_sigma_and_compilation(decoder, tmp_path):
    model = TinyVAE(decoder=decoder, beta=0.7, seed=1)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False, steps_per_execution=2)
    model.fit(_images(), epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert (reloaded.beta, reloaded.seed) == (0.7, 1)
    assert reloaded.decoder.get_config() == model.decoder.get_config()
    np.testing.assert_array_equal(reloaded.decoder.sigma, model.decoder.sigma)
    np.testing.assert_array_equal(
        reloaded.predict(_images(), verbose=0), model.predict(_images(), verbose=0)
    )
    assert reloaded.jit_compile is False
    assert reloaded.steps_per_execution == 2
    assert float(reloaded.optimizer.learning_rate) == pytest.approx(0.01)
    ours, theirs = model.optimizer.variables, reloaded.optimizer.variables
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=mine.path)
    # And training goes on, with the same noise, to the same weights.
    reloaded.seed_generator.state.assign(model.seed_generator.state)
    for each in (model, reloaded):
        each.fit(_images(), epochs=2, shuffle=False, verbose=0)
    for mine, other in zip(model.weights, reloaded.weights, strict=True):
        np.testing.assert_allclose(other, mine, rtol=1e-5, err_msg=mine.path)


def test_a_fitted_model_is_built(tmp_path):
    model = _model(run_eagerly=False)
    model.fit(_images(), verbose=0)
    assert model.built
    assert model.count_params() == sum(np.size(weight) for weight in model.weights)
    model.save_weights(tmp_path / "model.weights.h5")
    save_checkpoint(model, tmp_path, step=1)


def test_an_uncompiled_model_asks_for_compile():
    with pytest.raises(ValueError, match="compile"):
        TinyVAE().fit(np.zeros([4, 4, 4, 1], "float32"), verbose=0)


class OfBytes(TinyVAE):
    """One whose author forgot that pixels are uint8."""

    def elbo_terms(self, inputs, training=False):
        terms = super().elbo_terms(inputs, training)
        return terms._replace(target=inputs)


@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_a_target_that_is_not_floating_names_the_way_out(verb):
    model = OfBytes()
    model.compile("adam", run_eagerly=True)
    with pytest.raises(TypeError, match="uint8: take `self.decoder.to_values"):
        getattr(model, verb)(np.zeros([4, 4, 4, 1], "uint8"), verbose=0)


def test_an_uncompiled_model_saves_too(tmp_path):
    model = TinyVAE(seed=1)
    expected = model(_images())
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(_images()), expected)


def test_the_seed_decides_weights_and_noise():
    losses = [
        _model(seed=seed).fit(_images(), shuffle=False, verbose=0).history["loss"]
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_noise_differs_from_step_to_step():
    model = _model(FixedSigma(0.1))
    first, second = (model.test_on_batch(_images(), return_dict=True) for _ in "ab")
    assert first["nll"] != second["nll"]
    assert first["kl"] == second["kl"]


def test_sigma_of_several_channels_is_logged_as_their_root_mean_square():
    model = _model(OptimalSigma("channel"), image_shape=(4, 4, 3))
    logs = model.train_on_batch(_images(shape=(4, 4, 3)), return_dict=True)
    assert model.decoder.sigma.shape == [3]
    expected = np.sqrt(np.mean(np.square(model.decoder.sigma)))
    np.testing.assert_allclose(logs["sigma"], expected, rtol=1e-5)
    np.testing.assert_allclose(logs["sigma"], np.sqrt(logs["mse"]), rtol=1e-4)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_targets_are_refused(method):
    images = _images()
    for data in ({"y": images}, {"y": images, "sample_weight": np.ones(8)}):
        with pytest.raises(ValueError, match="without targets"):
            getattr(_model(), method)(images, **data, verbose=0)
    batches = tf.data.Dataset.from_tensors((images, images))
    with pytest.raises(ValueError, match="without targets"):
        getattr(_model(), method)(batches, verbose=0)


@pytest.mark.parametrize("beta", [-1.0, float("nan")])
def test_a_negative_beta_is_refused(beta):
    with pytest.raises(ValueError, match="`beta` must not be negative"):
        TinyVAE(beta=beta)


def test_an_unknown_decoder_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="Unknown decoder 'optimal'.*optimal_sigma"):
        TinyVAE(decoder="optimal")
    with pytest.raises(TypeError, match="`decoder` must be a name"):
        TinyVAE(decoder=OptimalSigma)


def test_a_new_beta_holds_from_the_next_step_on():
    model = _model(FixedSigma(1.0), beta=1.0, run_eagerly=False)
    anneal = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model, "beta", float(epoch))
    )
    data = {"x": _images(), "validation_data": (_images(),)}
    history = model.fit(**data, epochs=3, callbacks=[anneal], verbose=0).history
    for prefix in ("", "val_"):
        for epoch in range(3):
            loss, nll, kl = (history[prefix + n][epoch] for n in ("loss", "nll", "kl"))
            np.testing.assert_allclose(loss - nll, epoch * kl, atol=1e-5)


def test_metrics_of_a_subclass_are_logged_and_reset():
    class Counting(TinyVAE):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.count = keras.metrics.Sum(name="count")

        def elbo_terms(self, inputs, training):
            self.count.update_state(1.0)
            return super().elbo_terms(inputs, training)

    model = Counting(seed=1)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    history = model.fit(_images(), batch_size=4, epochs=3, verbose=0).history
    assert history["count"] == [2.0] * 3 and set(history) == LOGGED | {"count"}


def test_a_loss_as_in_keras_is_not_taken_for_jit_compile():
    with pytest.raises(TypeError):
        TinyVAE(seed=1).compile("adam", "mse")


def test_jit_compile_is_saved_as_it_was_asked_for(tmp_path):
    for jit_compile in ("auto", True, False):
        model = TinyVAE(seed=1)
        model(_images())
        model.compile("adam", jit_compile=jit_compile)
        model.optimizer.build(model.trainable_variables)
        model.save(tmp_path / "model.keras")
        reloaded = keras.models.load_model(tmp_path / "model.keras")
        assert reloaded.get_compile_config()["jit_compile"] == jit_compile


def test_what_a_subclass_forgot_is_named():
    for base, names in (
        (VariationalModel, "call.*elbo_terms"),
        (ImageVAE, "draw_prior.*elbo_terms.*encode.*generate.*num_latents"),
        (VideoModel, "call.*elbo_terms.*noise_size.*read_context.*start.*step"),
        (Decoder, "distribution"),
    ):
        with pytest.raises(TypeError, match=f"abstract method.*{names}"):
            base()
    model = TinyVAE()
    # Only these two features need the other two.
    with pytest.raises(NotImplementedError, match="`importance_sampler`"):
        model.log_likelihood(_images())
    with pytest.raises(NotImplementedError, match="`export_endpoints`"):
        VariationalModel.export_endpoints(model)


def test_jit_compile_under_several_replicas_warns(monkeypatch):
    class TwoReplicas:
        num_replicas_in_sync = 2

    model = TinyVAE(seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(tf.distribute, "get_strategy", TwoReplicas)
        with pytest.warns(UserWarning, match="training without XLA"):
            model.compile("adam", jit_compile=True)
    assert model.jit_compile is False


def test_posterior_collapse_costs_no_nats():
    model = _model()
    last = model.encoder.layers[-2]
    last.kernel.assign(tf.zeros_like(last.kernel))
    assert isinstance(model.encoder.layers[-1], DiagonalNormal)
    logs = model.evaluate(_images(), verbose=0, return_dict=True)
    assert logs["kl"] == 0.0


def test_accumulated_gradients_are_the_mean_of_their_steps():
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3)
    model, twin = (TinyVAE(decoder="shared_sigma", seed=1) for _ in range(2))
    batches = np.random.default_rng(0).random([3, 2, 4, 4, 1], np.float32)
    for each in (model, twin):
        each(batches[0])
    model.compile(optimizer, jit_compile=False)
    gradients = []
    for batch in batches:  # the twin draws the same noise
        with tf.GradientTape() as tape:
            terms = twin.elbo_terms(batch, training=True)
            loss = tf.reduce_mean(terms.nll + terms.kl)
        gradients.append(tape.gradient(loss, twin.trainable_weights))
    before = [weight.numpy() for weight in model.trainable_weights]
    model.fit(batches.reshape([6, 4, 4, 1]), batch_size=2, shuffle=False, verbose=0)
    for old, weight, *parts in zip(
        before, model.trainable_weights, *gradients, strict=True
    ):
        expected = old - 0.1 * np.mean(parts, 0)
        # Graph and eager sums of float32 differ in the last digits.
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
