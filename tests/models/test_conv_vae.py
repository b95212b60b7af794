"""The paper's small net, and what every image VAE offers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from served_image_vae import check_served
from tiny_svg_lp import tiny_model

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models import ConvVAE, HierarchicalVAE
from tfsigmavae.models.seeding import ReplicaSeedGenerator
from tfsigmavae.video import SVGLP

tfd = tfp.distributions
IMAGES = np.random.default_rng(0).random((6, 8, 8, 3)).astype(np.float32)


def _tiny(**kwargs):
    return ConvVAE((8, 8, 3), 3, (4, 4, 6), **{"seed": 1, **kwargs})


def test_all_verbs_of_a_float64_model():
    model = _tiny(dtype="float64")
    model.compile("adam")
    images = np.float64(IMAGES)
    logs = model.fit(images, validation_data=(images,), verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert model.predict(images, verbose=0).dtype == np.float64
    assert np.isfinite(model.train_on_batch(images)).all()


def test_the_default_is_the_papers_net():
    model = ConvVAE(seed=0)
    # Counted from the layer table of the official code.
    convolutions = 3 * 9 * 32 + 32 + 32 * 16 * 64 + 64 + 64 * 25 * 128 + 128
    heads = 2 * (6272 * 20 + 20) + 20 * 6272 + 6272
    transposed = 128 * 36 * 64 + 64 + 64 * 36 * 32 + 32 + 32 * 25 * 3 + 3
    assert convolutions + heads + transposed == 992_427
    sizes = [np.prod(v.shape) for v in model.trainable_variables]
    assert sum(sizes) == 992_427
    shapes = [tuple(layer.output.shape[1:]) for layer in model.encoder.layers[:4]]
    assert shapes == [(28, 28, 32), (14, 14, 64), (7, 7, 128), (6272,)]
    shapes = [tuple(layer.output.shape[1:]) for layer in model.generator.layers[1:]]
    assert shapes == [(7, 7, 128), (14, 14, 64), (28, 28, 32), (28, 28, 3)]


@pytest.mark.parametrize(
    ("image_shape", "widths"),
    [((4, 12, 1), (2, 2, 2)), ((16, 8, 2), (2, 3)), ((32, 32, 3), (2, 2, 2, 2))],
)
def test_any_size_of_the_right_multiple(image_shape, widths):
    model = ConvVAE(image_shape, 2, widths, seed=0)
    images = np.zeros([2, *image_shape], np.uint8)
    assert model.reconstruct(images).shape == images.shape
    coarsest = model.generator.layers[1].output.shape[1:]
    factor = 2 ** (len(widths) - 1)
    assert coarsest[:2] == (image_shape[0] // factor, image_shape[1] // factor)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (30, 28, 3)}, "multiples of 4"),
        ({"image_shape": (28, 28)}, r"`image_shape` must be \(height"),
        ({"latent_size": 0}, "`latent_size` must be at least 1"),
        ({"widths": (8,)}, "`widths` must be two or more"),
        ({"widths": (8, 0)}, "`widths` must be two or more"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvVAE(**arguments)


def test_images_of_another_shape_are_refused():
    for wrong in (IMAGES[:, :4], IMAGES[0], IMAGES[..., :1]):
        with pytest.raises(ValueError, match=r"must be \[batch, 8, 8, 3\]"):
            _tiny().reconstruct(wrong)


def test_elbo_against_numpy(monkeypatch):
    model = _tiny(decoder=FixedSigma(0.3))
    noise = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    monkeypatch.setattr(ReplicaSeedGenerator, "normal", lambda *_: tf.constant(noise))
    terms = model.elbo_terms(IMAGES, training=True)
    posterior = model.posterior(IMAGES)
    loc, scale = np.float64(posterior.mean()), np.float64(posterior.stddev())
    kl = 0.5 * np.sum(loc**2 + scale**2 - 1.0 - 2.0 * np.log(scale), axis=1)
    np.testing.assert_allclose(terms.kl, kl, rtol=1e-4)
    means = np.float64(model.decode(loc + scale * noise))
    error = np.float64(IMAGES) - means
    nll = np.sum(0.5 * (error / 0.3) ** 2, axis=(1, 2, 3))
    nll += 192 * (np.log(0.3) + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(terms.nll, nll, rtol=1e-4)
    raw = np.float64(model.generator(np.float32(loc + scale * noise)))
    np.testing.assert_allclose(means, 1.0 / (1.0 + np.exp(-raw)), atol=1e-5)


def test_unit_variance_and_collapse_cost_the_constant():
    """D / 2 log(2 pi), the figure of the paper's table 1 for sigma 1."""
    model = ConvVAE(decoder=FixedSigma(1.0), seed=0)
    for layer in (model.encoder.layers[-2], model.generator.layers[-1]):
        layer.kernel.assign(tf.zeros_like(layer.kernel))
    grey = np.full([2, 28, 28, 3], 0.5, np.float32)  # sigmoid(0)
    terms = model.elbo_terms(grey, training=False)
    np.testing.assert_allclose(terms.nll + terms.kl, 2161.34, atol=0.01)


def test_reconstruct_encode_and_decode_agree():
    model = _tiny()
    codes = model.encode(IMAGES)
    np.testing.assert_array_equal(codes, model.posterior(IMAGES).mean())
    np.testing.assert_array_equal(model.decode(codes), model.reconstruct(IMAGES))
    np.testing.assert_allclose(
        model.predict(IMAGES, verbose=0), model.reconstruct(IMAGES), atol=1e-6
    )
    levels = np.round(255 * IMAGES).astype(np.uint8)
    np.testing.assert_allclose(
        model.reconstruct(levels), model.reconstruct(np.float32(levels / 255)), 1e-5
    )


def test_interpolation_walks_between_the_codes():
    model = _tiny()
    walk = model.interpolate(IMAGES[:2], IMAGES[2:4], 5)
    first, last = model.encode(IMAGES[:2]), model.encode(IMAGES[2:4])
    for step in range(5):
        expected = model.decode((4 - step) / 4 * first + step / 4 * last)
        np.testing.assert_allclose(walk[:, step], expected, atol=1e-5)
    with pytest.raises(ValueError, match="`num_steps` must be at least 2"):
        model.interpolate(IMAGES[:1], IMAGES[1:2], 1)
    with pytest.raises(ValueError, match="equally many images, got 1 and 2"):
        model.interpolate(IMAGES[:1], IMAGES[1:3], 3)


def test_samples_are_decoded_draws_of_the_prior():
    model = _tiny(decoder=FixedSigma(0.3))
    latents = model.draw_prior(20_000, [1, 0])
    # Of 60,000 numbers: standard errors 0.004 and 0.003.
    assert abs(np.mean(latents)) < 0.02 and abs(np.std(latents) - 1.0) < 0.015
    halved = model.draw_prior(20_000, [1, 0], temperature=0.5)
    np.testing.assert_allclose(halved, 0.5 * latents, rtol=1e-6)
    sample = model.sample(4, seed=9)
    np.testing.assert_array_equal(sample, model.decode(model.draw_prior(4, [9, 0])))
    np.testing.assert_array_equal(sample, model.sample(4, seed=9))
    assert np.any(sample != model.sample(4, seed=8))
    assert np.any(model.sample(4) != model.sample(4))
    middle = model.sample(2, temperature=0.0)
    np.testing.assert_array_equal(middle[0], model.decode(np.zeros([1, 3]))[0])
    noisy = model.sample(64, seed=9, pixel_noise=True)
    noise = np.ravel(noisy - model.sample(64, seed=9))
    assert np.std(noise) == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"num": 0}, "`num`"), ({"num": 1, "temperature": -1.0}, "`temperature`")],
)
def test_bad_sample_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        _tiny().sample(**options)


def test_the_seed_decides_the_weights():
    first, same, other = (_tiny(seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    kernels = [w for w in first if w.ndim > 1]
    others = [w for w in other if w.ndim > 1]
    assert all(np.any(a != b) for a, b in zip(kernels, others, strict=True))


@pytest.mark.parametrize("make", [ConvVAE, HierarchicalVAE, SVGLP])
def test_without_a_seed_that_of_keras_decides(make):
    models = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        if make is SVGLP:
            models.append(tiny_model(seed=None))
        else:
            models.append(make((8, 8, 3)))
    first, same, other = (model.trainable_variables for model in models)
    for ours, theirs in zip(first, same, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.name == "kernel"]
    assert any(np.any(np.array(a) != np.array(b)) for a, b in kernels)
    assert models[0].seed is None


def test_weights_learn_under_xla_and_bfloat16(tmp_path):
    model = _tiny(dtype="mixed_bfloat16")
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=True)
    before = [np.array(v) for v in model.trainable_variables]
    history = model.fit(IMAGES, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(np.array(variable) != old), variable.path
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded.sample(2, seed=1), model.sample(2, seed=1))
    assert reloaded.generator.layers[0].compute_dtype == "bfloat16"


def test_export_needs_tensorflow_only(tmp_path):
    check_served(_tiny(), IMAGES, tmp_path)


def test_a_list_of_uint8_images_is_reconstructed():
    model, levels = _tiny(), np.uint8(255 * IMAGES)
    np.testing.assert_array_equal(
        model.reconstruct(list(levels)), model.reconstruct(levels)
    )
