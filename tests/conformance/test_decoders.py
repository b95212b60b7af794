"""Every decoder in every kind of model: trains, saves, reloads, exports."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import ConvVAE, HierarchicalVAE, decoders
from tfsigmavae.export import export_saved_model
from tfsigmavae.losses import NegativeLogLikelihood
from tfsigmavae.video import SVGLP, WarpVRNN

IMAGE_SHAPE = (4, 4, 3)
FRAME_SHAPE = (8, 8, 3)

# One row a decoder; a new one is added here and nowhere else in the tests of models.
DECODERS = {
    "bernoulli": decoders.Bernoulli,
    "bitwise_categorical": decoders.BitwiseCategorical,
    "categorical": decoders.Categorical,
    "fixed_sigma": decoders.FixedSigma,
    "logistic_mixture": lambda: decoders.LogisticMixture(num_mixtures=2),
    "optimal_sigma": decoders.OptimalSigma,
    "optimal_sigma_per_channel": lambda: decoders.OptimalSigma("channel"),
    "optimal_sigma_per_image": lambda: decoders.OptimalSigma("image"),
    "per_image_sigma": decoders.PerImageSigma,
    "per_pixel_sigma": lambda: decoders.PerPixelSigma(beta_nll=0.5),
    "shared_sigma": lambda: decoders.SharedSigma(initial_sigma=0.5),
    "student_t": decoders.StudentT,
}
each_decoder = pytest.mark.parametrize("name", DECODERS)


@keras.saving.register_keras_serializable(package="tests")
class PixelHead(keras.layers.Layer):
    """Raw generator outputs -> p(x | z), as one layer of a functional model."""

    def __init__(self, decoder, **kwargs):
        super().__init__(**kwargs)
        self.decoder = decoders.get(decoder)

    def call(self, raw, target=None, training=False):
        params = self.decoder.activate(raw)
        return self.decoder(params, target=target, training=training)

    def get_config(self):
        decoder = keras.saving.serialize_keras_object(self.decoder)
        return {**super().get_config(), "decoder": decoder}


def _functional(decoder):
    """Sees the image as its input, and as the target that a decoder may fit to."""
    image = keras.Input(IMAGE_SHAPE)
    raw = keras.layers.Conv2D(
        decoder.params_size(IMAGE_SHAPE[-1]),
        3,
        padding="same",
        kernel_initializer=keras.initializers.GlorotUniform(seed=1),
    )(image)
    return keras.Model(image, PixelHead(decoder)(raw, target=image))


def _conv_vae(decoder):
    return ConvVAE(IMAGE_SHAPE, 2, (6, 6), decoder=decoder, seed=1)


def _hierarchical_vae(decoder):
    levels = ((2, 2), (4, 2))
    return HierarchicalVAE(IMAGE_SHAPE, levels, width=6, decoder=decoder, seed=1)


def _svg(decoder):
    return SVGLP(
        FRAME_SHAPE,
        num_context=2,
        network="dcgan",
        width=4,
        code_size=8,
        hidden_size=8,
        latent_size=3,
        decoder=decoder,
        seed=1,
    )


def _warp(decoder):
    return WarpVRNN(FRAME_SHAPE, 2, 2, width=2, depth=2, decoder=decoder, seed=1)


def _batches(make):
    shape = (2, 3, *FRAME_SHAPE) if make in (_svg, _warp) else (4, *IMAGE_SHAPE)
    levels = np.random.default_rng(0).integers(0, 256, shape)
    pixels = (levels / 255.0).astype(np.float32)
    batch = (pixels, pixels) if make is _functional else pixels
    return pixels, tf.data.Dataset.from_tensors(batch).repeat(2)


def _fit(make, name, **options):
    """Two training steps; returns the model, the pixels and the loss."""
    model = make(DECODERS[name]())
    pixels, batches = _batches(make)
    loss = {"loss": NegativeLogLikelihood()} if make is _functional else {}
    model.compile(keras.optimizers.Adam(1e-3), **loss, **options)
    before = [variable.numpy() for variable in model.trainable_variables]
    loss = model.fit(batches, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.isfinite(variable).all(), variable.path
        if make is _functional:  # small deep nets may have dead units
            assert np.any(variable != old), f"{variable.path} does not train"
    return model, pixels, loss


def _reload(model, path):
    model.save(path)
    reloaded = keras.models.load_model(path)
    for ours, theirs in zip(model.weights, reloaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    return reloaded


def _check_export(model, endpoint, pixels, expected):
    exported = getattr(model, endpoint)(tf.constant(pixels))
    # Another graph of the same float32 operations.
    np.testing.assert_allclose(exported, expected, atol=1e-5)


def test_every_name_of_a_decoder_is_in_the_list():
    assert set(decoders.names()) <= set(DECODERS)


@pytest.mark.parametrize("name", sorted(decoders.names()))
def test_a_name_gives_a_new_decoder_each_time(name):
    decoder = decoders.get(name)
    assert type(decoder) is type(DECODERS[name]())
    assert isinstance(decoder, decoders.Decoder)
    assert decoders.get(name) is not decoder


@each_decoder
def test_contract(check_decoder, name):
    check_decoder(DECODERS[name](), channels=3)


# Trained by a graph, one of each kind of state; all are traced for the export.
TRACED = ("shared_sigma", "optimal_sigma", "logistic_mixture")


@each_decoder
def test_functional_model_trains_saves_and_exports(name, tmp_path):
    eagerly = name not in TRACED
    model, pixels, _ = _fit(_functional, name, run_eagerly=eagerly, jit_compile=False)
    reloaded = _reload(model, tmp_path / "model.keras")
    args = {"x": pixels, "y": pixels, "verbose": 0}
    assert reloaded.evaluate(**args) == model.evaluate(**args)
    model.export(tmp_path / "saved", verbose=False)
    exported = tf.saved_model.load(tmp_path / "saved")
    _check_export(exported, "serve", pixels[:3], model(pixels[:3]))


# Every decoder in one image VAE, and in the other, whose way to a decoder is the same
# base class, one of each kind of state: none, a weight, a running variance, a measure.
IMAGE_VAES = [(_conv_vae, name) for name in DECODERS]
IMAGE_VAES += [
    (_hierarchical_vae, name)
    for name in ("fixed_sigma", "shared_sigma", "optimal_sigma", "logistic_mixture")
]


# Eagerly: the graph is that of the functional model.
@pytest.mark.parametrize(("make", "name"), IMAGE_VAES)
def test_image_vae_trains_saves_and_samples(eager_functions, make, name, tmp_path):
    model, pixels, _ = _fit(make, name, run_eagerly=True)
    logs = model.evaluate(pixels, verbose=0, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert ("bits_per_dim" in logs) == (model.decoder.measure is not None)
    assert ("sigma" in logs) == (model.decoder.sigma is not None)
    assert np.isfinite(model.log_likelihood(pixels, 2, seed=1)).all()
    reloaded = _reload(model, tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(pixels), model(pixels))
    samples = model.sample(3, seed=2)
    np.testing.assert_array_equal(reloaded.sample(3, seed=2), samples)
    assert np.all(samples >= 0.0) and np.all(samples <= 1.0)
    if model.decoder.sigma is not None:
        np.testing.assert_array_equal(reloaded.decoder.sigma, model.decoder.sigma)


@pytest.mark.parametrize("name", ["optimal_sigma", "logistic_mixture"])
def test_image_vae_exports(name, tmp_path):
    model = _conv_vae(DECODERS[name]())
    pixels, _ = _batches(_conv_vae)
    export_saved_model(model, tmp_path / "saved")
    exported = tf.saved_model.load(tmp_path / "saved")
    _check_export(exported, "reconstruct", pixels[:3], model(pixels[:3]))


# Every decoder in one video model; in the other those whose means it can mix.
VIDEO_MODELS = [(_svg, name) for name in DECODERS]
VIDEO_MODELS += [
    (_warp, name) for name in DECODERS if "sigma" in name or name == "student_t"
]


# Eagerly: tracing the graphs of these models takes four times as long.
@pytest.mark.parametrize(("make", "name"), VIDEO_MODELS)
def test_video_model_trains_and_saves(eager_functions, make, name, tmp_path):
    model, clips, _ = _fit(make, name, run_eagerly=True)
    reloaded = _reload(model, tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(clips), model(clips))
    futures = model.predict_frames(clips[:, :2], 2, num_samples=2, seed=3)
    np.testing.assert_array_equal(
        reloaded.predict_frames(clips[:, :2], 2, num_samples=2, seed=3), futures
    )
    assert np.all(futures >= 0.0) and np.all(futures <= 1.0)


# XLA compiles each decoder in `check_decoder`; here the one that changes its state.
@pytest.mark.parametrize(
    ("make", "rtol"),
    # XLA reorders float32 operations; in the VAE it also draws other noise.
    [(_functional, 1e-4), (_conv_vae, 0.3)],
)
def test_model_trains_under_xla(make, rtol):
    _, _, loss = _fit(make, "optimal_sigma", run_eagerly=True)
    _, _, compiled_loss = _fit(make, "optimal_sigma", jit_compile=True)
    np.testing.assert_allclose(compiled_loss, loss, rtol=rtol)


# The rollout takes seconds to trace. A sigma that is a weight; one that is state is
# served in `video/models/test_rollout.py`.
def test_video_model_exports(tmp_path):
    model = _svg(DECODERS["shared_sigma"]())
    clips, _ = _batches(_svg)
    export_saved_model(model, tmp_path / "saved")
    exported = tf.saved_model.load(tmp_path / "saved")
    _check_export(exported, "reconstruct", clips, model(clips))
