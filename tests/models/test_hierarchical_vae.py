"""The ladder of latents: its bound, its order, its limits, and Keras around it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from served_image_vae import check_served

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models import HierarchicalVAE, hierarchical_vae
from tfsigmavae.models.ladder import LOG_SCALE_LIMIT
from tfsigmavae.models.seeding import ReplicaSeedGenerator

tfd = tfp.distributions
IMAGES = np.random.default_rng(0).random((6, 8, 8, 3)).astype(np.float32)
SIZES = [2 * 2 * 3, 4 * 4 * 2]  # latents of each level of `_tiny`


def _tiny(image_shape=(8, 8, 3), levels=((2, 3), (4, 2)), randomise=True, **kwargs):
    """A small model; its zero-initialised heads are randomised, as if trained."""
    model = HierarchicalVAE(image_shape, levels, **{"width": 4, "seed": 1, **kwargs})
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables if randomise else []:
        if not np.any(variable):
            variable.assign(rng.normal(0.0, 0.3, variable.shape))
    return model


def _statistics(distribution):
    return np.float64(distribution.mean()), np.float64(distribution.stddev())


def _levels_of(latents):
    return np.split(np.asarray(latents), np.cumsum(SIZES)[:-1], axis=1)


@pytest.mark.parametrize(
    ("image_shape", "levels"),
    [
        ((32, 32, 3), ((4, 16), (8, 8), (16, 4))),
        ((64, 64, 3), ((4, 16), (8, 8), (16, 4), (32, 2))),
        ((28, 28, 1), ((7, 16), (14, 8))),
        ((16, 24, 1), ((4, 16), (8, 8))),
    ],
)
def test_levels_by_default(image_shape, levels):
    model = HierarchicalVAE(image_shape, width=2, seed=0)
    assert model.levels == levels
    columns_per_row = image_shape[1] / image_shape[0]
    assert model.num_latents == sum(c * r**2 * columns_per_row for r, c in levels)


@pytest.mark.parametrize(
    ("image_shape", "levels"),
    [
        ((8, 8, 1), ((8, 1),)),
        ((6, 9, 2), ((2, 1), (6, 1))),
        ((8, 6, 1), ((4, 1), (4, 2))),
        ((12, 12, 1), ((1, 5), (3, 2))),
    ],
)
def test_levels_of_any_factors(image_shape, levels):
    model = _tiny(image_shape, levels, num_blocks=2)
    images = np.zeros([2, *image_shape], np.uint8)
    assert model.encode(images).shape == (2, model.num_latents)
    assert model.reconstruct(images).shape == images.shape
    for (rows, channels), q in zip(levels, model.posterior(images), strict=True):
        columns = rows * image_shape[1] // image_shape[0]
        assert q.event_shape == (rows, columns, channels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (7, 8, 3)}, "even sides of at least 8"),
        ({"image_shape": (8, 8)}, r"`image_shape` must be \(height"),
        ({"levels": ()}, "`levels` must be pairs"),
        ({"levels": ((4, 1), (8, 0))}, "`levels` must be pairs"),
        ({"levels": ((4, 1), (2, 1))}, "each divides the next"),
        ({"levels": ((4, 1), (12, 1))}, "the last the height"),
        ({"image_shape": (8, 7, 1), "levels": ((4, 1),)}, "its width alike"),
        ({"width": 1}, "`width` must be at least 2"),
        ({"num_blocks": 0}, "`num_blocks` at least 1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        HierarchicalVAE(**{"width": 2, **arguments})


def test_latents_of_another_shape_are_refused():
    model = _tiny()
    for wrong in (np.zeros([2, 43]), np.zeros([44])):
        with pytest.raises(ValueError, match=r"must be \[batch, 44\]"):
            model.decode(wrong)
        with pytest.raises(ValueError, match=r"must be \[batch, 44\]"):
            model.prior(wrong)


def test_an_untrained_ladder_starts_from_a_small_rate():
    model = _tiny(randomise=False)
    terms = model.elbo_terms(IMAGES, training=True)
    codes = model.encode(IMAGES)
    # p = N(0, 1) and q = N(shift, 1); the coarser latents are drawn, and unlike `codes`
    # the shifts of the finer level depend on them, so that this is no equality.
    assert np.all(terms.kl > 0.0) and np.all(terms.kl < sum(SIZES))
    for prior, posterior in zip(
        model.prior(codes), model.posterior(IMAGES), strict=True
    ):
        np.testing.assert_array_equal(prior.mean(), tf.zeros_like(prior.mean()))
        for distribution in (prior, posterior):
            scale = distribution.stddev()
            np.testing.assert_array_equal(scale, tf.ones_like(scale))
        assert np.all(np.std(posterior.mean(), axis=0) > 0.0)


def test_a_posterior_without_shift_and_change_is_the_prior():
    model = _tiny()
    for level in model.ladder:
        for part in (level.shift_head, level.change_head):
            for variable in part.trainable_variables:
                variable.assign(tf.zeros_like(variable))
    terms = model.elbo_terms(IMAGES, training=True)
    np.testing.assert_array_equal(terms.kl, np.zeros(6))
    # Every sample then weighs as p(x | z), whatever the latents.
    draw = model.importance_sampler(IMAGES)
    likelihoods = [draw(tf.constant([1, k])) for k in range(2)]
    assert np.all(likelihoods[0] != likelihoods[1])


def test_elbo_and_the_rate_of_each_level_against_numpy(monkeypatch):
    model = _tiny(decoder=FixedSigma(0.3))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    rng = np.random.default_rng(1)
    noise = {(6, 2, 2, 3): rng.normal(size=(6, 2, 2, 3))}
    noise[6, 4, 4, 2] = rng.normal(size=(6, 4, 4, 2))

    def normal(_, shape):
        return tf.constant(noise[tuple(np.array(shape))], tf.float32)

    # The same noise for the model's own draws and, by any seed, for `posterior`.
    monkeypatch.setattr(ReplicaSeedGenerator, "normal", normal)
    monkeypatch.setattr(
        hierarchical_vae, "standard_normal", lambda shape, key: normal(key, shape)
    )
    logs = model.train_on_batch(IMAGES, return_dict=True)
    posteriors = [_statistics(q) for q in model.posterior(IMAGES, seed=0)]
    maps = [m + s * e for (m, s), e in zip(posteriors, noise.values(), strict=True)]
    latents = np.concatenate([np.reshape(m, [6, -1]) for m in maps], axis=1)
    latents = tf.constant(latents, tf.float32)
    priors = [_statistics(p) for p in model.prior(latents)]
    rates = []
    for (q_mean, q_scale), (p_mean, p_scale) in zip(posteriors, priors, strict=True):
        ratio, shift = q_scale / p_scale, (q_mean - p_mean) / p_scale
        rates.append(np.sum(0.5 * (ratio**2 + shift**2 - 1) - np.log(ratio)) / 6)
    assert min(rates) > 0.1
    assert len({k for k in logs if k.startswith("kl_")}) == 2
    for index, rate in enumerate(rates):
        np.testing.assert_allclose(logs[f"kl_{index}"], rate, rtol=1e-4)
    np.testing.assert_allclose(logs["kl"], np.sum(rates), rtol=1e-4)
    error = np.float64(IMAGES) - np.float64(model.decode(latents))
    nll = np.sum(0.5 * (error / 0.3) ** 2) / 6
    nll += 192 * (np.log(0.3) + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(logs["nll"], nll, rtol=1e-4)


def _log_mean_exp(values):
    peak = values.max(axis=0)
    return peak + np.log(np.mean(np.exp(values - peak), axis=0))


def _draw(distribution, noise):
    mean, scale = (
        tf.reshape(x, [-1]) for x in (distribution.mean(), distribution.stddev())
    )
    return mean + scale * noise


def test_log_likelihood_against_the_integral_over_two_levels():
    model = _tiny((2, 2, 1), ((1, 1), (1, 1)), decoder=FixedSigma(0.3))
    # Posteriors near their priors: the weights then have no heavy tail.
    for level in model.ladder:
        for head in (level.shift_head, level.change_head):
            head.set_weights([0.2 * weight for weight in head.get_weights()])
    images = np.random.default_rng(3).random((3, 2, 2, 1)).astype(np.float32)
    # Quantiles of N(0, 1) in the middle of 60 x 60 cells of equal prior mass.
    grid = tfd.Normal(0.0, 1.0).quantile((np.arange(60, dtype=np.float32) + 0.5) / 60)
    noise = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    top = model.prior(tf.zeros([len(noise), 2]))[0]
    coarse = tf.reshape(top.mean(), [-1]) + tf.reshape(top.stddev(), [-1]) * noise[:, 0]
    below = model.prior(tf.stack([coarse, coarse], 1))[1]
    fine = (
        tf.reshape(below.mean(), [-1]) + tf.reshape(below.stddev(), [-1]) * noise[:, 1]
    )
    likelihood = model.generate(tf.stack([coarse, fine], 1))
    repeated = [np.repeat(image[None], len(noise), axis=0) for image in images]
    log_likelihood = np.stack([likelihood.log_prob(x) for x in repeated], axis=1)
    assert np.all(np.ptp(log_likelihood, axis=0) > 0.1)  # the latents matter
    expected = _log_mean_exp(np.float64(log_likelihood))
    bound = model.log_likelihood(images, 1000, seed=1)
    # The standard error of 1,000 weights, whose spread is below one, is 0.03.
    np.testing.assert_allclose(bound, expected, atol=0.1)


def test_one_sample_has_the_elbo_as_its_mean():
    model = _tiny(decoder=FixedSigma(0.4))
    many = np.repeat(IMAGES[:2], 1000, axis=0)
    terms = model.elbo_terms(many, training=False)
    elbo = np.reshape(-terms.nll - terms.kl, [2, -1])
    bound = np.reshape(model.log_likelihood(many, seed=1, batch_size=2000), [2, -1])
    error = np.hypot(np.std(bound, axis=1), np.std(elbo, axis=1)) / np.sqrt(1000)
    difference = np.mean(bound, axis=1) - np.mean(elbo, axis=1)
    assert np.all(np.abs(difference) < 4 * error)


def test_a_prior_knows_coarser_latents_only():
    model = _tiny(levels=((2, 1), (2, 3), (4, 2)))
    sizes = np.cumsum([0, 4, 12, 32])
    latents = np.random.default_rng(4).normal(size=(2, 48)).astype(np.float32)
    before = [_statistics(prior) for prior in model.prior(latents)]
    for level in range(3):
        changed = latents.copy()
        changed[:, sizes[level] : sizes[level + 1]] += 1.0
        after = [_statistics(prior) for prior in model.prior(changed)]
        for index in range(3):
            same = all(map(np.array_equal, before[index], after[index]))
            assert same == (index <= level), (level, index)


def test_a_posterior_knows_the_image_and_coarser_latents():
    model = _tiny()
    means = [_statistics(q)[0] for q in model.posterior(IMAGES)]
    others = [_statistics(q)[0] for q in model.posterior(IMAGES[::-1])]
    for mean, other in zip(means, others, strict=True):
        np.testing.assert_allclose(mean, other[::-1], rtol=1e-4, atol=1e-5)
        assert np.all(np.std(mean, axis=0) > 0.0)
    drawn, again, else_ = (
        [_statistics(q)[0] for q in model.posterior(IMAGES, seed=s)] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(drawn[0], means[0])  # nothing above the coarsest
    np.testing.assert_array_equal(drawn[1], again[1])
    assert np.all(drawn[1] != means[1]) and np.any(drawn[1] != else_[1])
    # Not by way of the prior alone.
    rng = np.random.default_rng(5)
    features, *states = rng.normal(size=(3, 1, 4, 4, 4)).astype(np.float32)
    pairs = [model.ladder[1].prior_and_posterior(state, features) for state in states]
    shifts = [q.mean() - p.mean() for p, q in pairs]
    assert np.max(np.abs(shifts[0] - shifts[1])) > 0.01


def test_reconstruct_encode_and_decode_agree():
    model = _tiny()
    codes = model.encode(IMAGES)
    assert codes.shape == (6, sum(SIZES)) and codes.dtype == tf.float32
    np.testing.assert_array_equal(model.decode(codes), model.reconstruct(IMAGES))
    parts = [np.reshape(q.mean(), [6, -1]) for q in model.posterior(IMAGES)]
    np.testing.assert_array_equal(codes, np.concatenate(parts, axis=1))
    walk = model.interpolate(IMAGES[:1], IMAGES[1:2], 3)
    middle = model.decode(0.5 * (codes[:1] + codes[1:2]))
    np.testing.assert_allclose(walk[:, 1], middle, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_latents_are_drawn_level_by_level_from_the_prior(temperature):
    model = _tiny()
    latents = model.draw_prior(3000, [1, 0], temperature)
    noise = []
    for prior, part in zip(model.prior(latents), _levels_of(latents), strict=True):
        mean, scale = _statistics(prior)
        noise.append(
            (part - np.reshape(mean, part.shape)) / np.reshape(scale, part.shape)
        )
        # Of 36,000 and 96,000 numbers: standard errors below 0.006.
        assert abs(np.mean(noise[-1])) < 0.025
        assert np.std(noise[-1]) == pytest.approx(temperature, rel=0.02)
    # Noise of its own for each level: with a shared seed the first numbers agree.
    size = min(part.size for part in noise)
    first, second = (np.ravel(part)[:size] for part in noise)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_samples():
    model = _tiny(decoder=FixedSigma(0.3))
    sample = model.sample(4, seed=9)
    np.testing.assert_array_equal(sample, model.decode(model.draw_prior(4, [9, 0])))
    np.testing.assert_array_equal(sample, model.sample(4, seed=9))
    assert np.any(sample != model.sample(4, seed=8))
    assert np.any(model.sample(4) != model.sample(4))
    middle = model.sample(2, seed=1, temperature=0.0)
    np.testing.assert_array_equal(middle, model.sample(2, seed=2, temperature=0.0))


def test_the_seed_decides_the_weights():
    models = [_tiny(seed=seed, randomise=False) for seed in (1, 1, 2)]
    first, same, other = (list(map(np.array, m.trainable_variables)) for m in models)
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if np.any(a)]
    assert len(kernels) > 20 and all(np.any(a != b) for a, b in kernels)
    values = [a.ravel()[:3].tobytes() for a, _ in kernels if a.size > 3]
    assert len(set(values)) == len(values)  # no two layers alike


def test_training_moves_every_weight():
    model = _tiny(width=8)  # so many channels that no ReLU kills a layer
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    before = [np.array(v) for v in model.trainable_variables]
    model.train_on_batch(IMAGES)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(np.array(variable) != old), variable.path


@pytest.mark.parametrize("wild", [-1e6, -30.0, 30.0, 1e6])
def test_wild_heads_do_not_overflow(wild):
    model = _tiny(decoder=FixedSigma(1.0))
    for level in model.ladder:
        change = level.change_head.layers[-1].bias
        change.assign(tf.fill(change.shape, wild))
        prior = level.prior_network.layers[-1].bias
        of_log_scale = np.arange(prior.shape[0]) >= prior.shape[0] // 2
        prior.assign(np.where(of_log_scale, wild, 0.0))
    with tf.GradientTape(persistent=True) as tape:
        terms = model.elbo_terms(IMAGES, training=True)
        loss = tf.reduce_sum(terms.nll + terms.kl)
    gradients = tape.gradient(loss, model.trainable_weights)
    assert np.isfinite(terms.kl).all() and np.isfinite(terms.nll).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    for posterior in model.posterior(IMAGES):
        # Log scales of prior and change, both at their limit.
        limit = 2 * LOG_SCALE_LIMIT * np.sign(wild)
        np.testing.assert_allclose(np.log(posterior.stddev()), limit, rtol=1e-3)
    if abs(wild) < 100.0:  # smooth limits: a gradient leads back
        # Of the coarsest level: the state that its latents make is far off, too.
        bias = model.ladder[0].change_head.layers[-1].bias
        slopes = tape.gradient(loss, bias.value)
        np.testing.assert_array_equal(np.sign(slopes), np.sign(wild))


def test_learns_under_xla_and_bfloat16(tmp_path):
    model = HierarchicalVAE((8, 8, 3), ((4, 2),), 4, seed=1, dtype="mixed_bfloat16")
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=True)
    history = model.fit(IMAGES, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    posterior, prior = model.posterior(IMAGES)[0], model.prior(model.encode(IMAGES))[0]
    for distribution in (posterior, prior, model.generate(model.encode(IMAGES))):
        assert distribution.dtype == distribution.mean().dtype == tf.float32
    assert model.ladder[0].state_network.layers[-1].compute_dtype == "bfloat16"
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded.encode(IMAGES), model.encode(IMAGES))


def test_a_saved_model_is_the_same_after_loading(tmp_path):
    model = _tiny(num_blocks=2)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded.get_config() == model.get_config()
    np.testing.assert_array_equal(reloaded.encode(IMAGES), model.encode(IMAGES))
    np.testing.assert_array_equal(reloaded.sample(2, seed=1), model.sample(2, seed=1))


def test_export_needs_tensorflow_only(tmp_path):
    check_served(_tiny(), IMAGES, tmp_path, codes_atol=1e-4)
