"""What users write, for a type checker: nothing here is run."""

import keras
import numpy as np
import tensorflow as tf

import tfsigmavae as sv
from tfsigmavae.callbacks import ImagePreview
from tfsigmavae.evaluation import evaluate_images
from tfsigmavae.video import (
    SVGLP,
    VideoExperiment,
    VideoModel,
    WarpVRNN,
    batches,
    evaluate,
    load_clips,
    write_prediction,
)


def train_an_image_vae(folder: str) -> None:
    train = sv.data.images.load("fashion_mnist", "train", size=32)
    test = sv.data.images.load("fashion_mnist", "test", size=32)
    model = sv.ConvVAE(
        train.shape[1:],
        latent_size=20,
        decoder=sv.decoders.OptimalSigma(scope="channel", values="pixels"),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3), jit_compile="auto")
    callbacks = [
        sv.KLAnnealing(2000),
        ImagePreview(folder, test[:32], every=500),
        sv.callbacks.ProgressLine(1000),
    ]
    history = model.fit(train, batch_size=128, epochs=2, verbose=0, callbacks=callbacks)
    print(history.history["loss"], model.decoder.sigma, model.beta + 1.0)
    model.recalibrate(train)
    logs = model.evaluate(test, verbose=0, return_dict=True)
    print(logs["nll"], model.log_likelihood(test[:8], 16, seed=0).numpy())
    sv.pictures.write_png(f"{folder}/a.png", sv.pictures.image_grid(model.sample(64)))
    found = evaluate_images(model, test, "images", output=folder, num_samples=100)
    print(found.metrics["likelihood"], len(found.pictures))
    model.save(f"{folder}/model.keras")
    sv.export_saved_model(model, f"{folder}/export/1", max_batch=64)
    sv.save_checkpoint(model, folder, step=1000)
    print(sv.load_checkpoint(model, folder) + 1, sv.has_checkpoint(folder))


class TinyVAE(sv.VariationalModel):
    """A model of one's own."""

    def __init__(self, latent_size: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.encoder = sv.layers.DiagonalNormal(latent_size)
        self.generator = keras.layers.Dense(4)

    def elbo_terms(self, inputs: tf.Tensor, training: bool) -> sv.ElboTerms:
        pixels = self.decoder.to_values(inputs)
        posterior = self.encoder(inputs)
        noise = self.seed_generator.normal(tf.shape(posterior))
        latents = self.draw(posterior, noise)
        likelihood = self.likelihood(self.generator(latents), pixels, training)
        rate = 0.5 * tf.reduce_sum(tf.square(latents), axis=-1)
        return sv.ElboTerms(likelihood, pixels, rate)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.likelihood(self.generator(self.encoder(inputs))).mean()


def train_a_model_of_ones_own(images: np.ndarray) -> None:
    model = TinyVAE(decoder="per_pixel_sigma", beta=0.5, max_gradient_norm=10.0)
    model.compile("adam")
    terms = model.elbo_terms(tf.constant(images), training=False)
    print(terms.nll + terms.kl, terms.likelihood.log_prob(terms.target))


def regress_with_layers(x: np.ndarray, y: np.ndarray) -> None:
    inputs = keras.Input([3])
    hidden = keras.layers.Dense(8, "relu")(inputs)
    params = keras.layers.Dense(sv.layers.IndependentNormal.params_size([2]))(hidden)
    outputs = sv.layers.IndependentNormal([2], convert_to_tensor_fn="mean")(params)
    model = keras.Model(inputs, outputs)
    model.compile("adam", sv.losses.NegativeLogLikelihood())
    model.fit(x, y, epochs=2)
    predicted = model(x)
    print(predicted.stddev(), sv.metrics.psnr(y, predicted.mean()))
    prior = sv.layers.IndependentNormal.new(tf.zeros([4]), [2])
    regularizer = sv.layers.KLDivergenceRegularizer(prior, use_exact_kl=True)
    print(sv.layers.IndependentNormal(2, activity_regularizer=regularizer))


def predict_videos(folder: str) -> None:
    clips = load_clips(folder, "train", frame_shape=(64, 64, 3))
    data = batches(clips, num_frames=12, batch_size=16, windows="random", repeat=True)
    models: list[VideoModel] = [
        SVGLP(network="dcgan", prior="learned", skips="previous"),
        WarpVRNN(scored_frames="future", depth=3, decoder="shared_sigma"),
    ]
    test = load_clips(folder, "test")
    for model in models:
        model.compile(keras.optimizers.Adam(2e-3))
        model.fit(data, steps_per_epoch=100, epochs=1)
        context = np.zeros([2, model.num_context, 64, 64, 3], np.uint8)
        futures = model.predict_frames(context, num_frames=10, num_samples=3, seed=0)
        print(futures.numpy().mean(), futures.shape[0])
        found = evaluate(model, test, "svg-2-28", num_samples=10, output=folder)
        print(found.metrics["scores"]["psnr"]["best"]["mean"])
        animation, strip = write_prediction(
            model, context, folder, num_frames=10, format="mp4", fps=8
        )
        print(animation.name, strip.name)
        sv.export_saved_model(model, folder)


def run_an_experiment(folder: str) -> None:
    summary = VideoExperiment(
        folder, "warp_vrnn", windows="random", precision="mixed_bfloat16"
    ).run("runs/first")
    print(summary and summary["psnr"])
    print(sv.video.pushing.steer("left"), sv.runs.RunFolder("runs/first", {}).summary)
