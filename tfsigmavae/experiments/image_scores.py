"""What is told of a trained image model: its ELBO, error and sigma on test images."""

import math

import numpy as np

from tfsigmavae.callbacks import EvaluationNoise
from tfsigmavae.data import images
from tfsigmavae.models.image_vae import ImageVAE

_BATCH_SIZE = 250


def image_scores(
    model: ImageVAE, test_images: np.ndarray, train_images: np.ndarray
) -> dict:
    """Scores a trained model, in nats per image.

    One posterior sample an image, of noise that is the same in every call: the same
    model gives the same figures.

        elbo              -(nll + kl), whatever the KL weight of training was
        nll, kl           see `tfsigmavae.models.VariationalModel`
        mse, rmse         of reconstructions, and its root
        sigma             of the decoder, where it has one
        bits_per_dim, bits_per_dim_mass   where they mean something; both are the same
                          for a decoder of grey levels
        train_mse         mse over the training images
        nll_recalibrated  where the decoder has a single sigma: nll of the same network
                          with sigma**2 = train_mse, and so `elbo_recalibrated`,
                              D / 2 * (log(2 * pi * train_mse) + mse / train_mse)
        num_dims          D, pixels times channels
        num_test          test images

    Args:
        model: an `ImageVAE`, compiled.
        test_images: uint8 `[N, H, W, C]`; all figures but `train_mse` are theirs.
        train_images: uint8 `[M, H, W, C]`, all or some that were trained on.

    Returns:
        dict of floats by name, rounded to what float32 resolves.
    """
    logs, train_logs = (_means(model, array) for array in (test_images, train_images))
    mse, variance, kl = logs["mse"], train_logs["mse"], logs["kl"]
    num_dims = math.prod(test_images.shape[1:])
    scores = {"elbo": -(logs["nll"] + kl), "rmse": math.sqrt(mse)}
    scores |= {name: value for name, value in logs.items() if name != "loss"}
    scores["train_mse"] = variance
    if model.decoder.measure == "mass":
        scores["bits_per_dim_mass"] = logs["bits_per_dim"]
    if model.decoder.sigma is not None and np.ndim(model.decoder.sigma) == 0:
        nll = num_dims / 2 * (math.log(2 * math.pi * variance) + mse / variance)
        scores |= {"nll_recalibrated": nll, "elbo_recalibrated": -(nll + kl)}
    scores = {name: float(f"{value:.7g}") for name, value in scores.items()}
    return {**scores, "num_dims": num_dims, "num_test": len(test_images)}


def _means(model, array):
    return model.evaluate(
        images.batches(array, _BATCH_SIZE),
        verbose=0,
        return_dict=True,
        callbacks=[EvaluationNoise()],
    )
