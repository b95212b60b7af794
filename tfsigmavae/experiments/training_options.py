"""What options of a run make of optimizer and callbacks, and of sigma at its end."""

import math
from typing import Any

import keras

from tfsigmavae.callbacks import KLAnnealing
from tfsigmavae.models.recalibration import sigma_of
from tfsigmavae.models.seeding import explicit_noise
from tfsigmavae.schedules import ConstantThenLinear


def make_optimizer(experiment) -> keras.optimizers.Optimizer:
    """Adam, with the learning rate that the options say."""
    accumulated = experiment.gradient_accumulation_steps
    rate: Any = experiment.learning_rate
    if experiment.decay_from < 1 or experiment.warm_up_steps:
        rate = ConstantThenLinear(
            rate,
            experiment.steps // accumulated,  # the schedule counts updates
            experiment.decay_from,
            warm_up=math.ceil(experiment.warm_up_steps / accumulated),
        )
    return keras.optimizers.Adam(
        rate, gradient_accumulation_steps=accumulated if accumulated > 1 else None
    )


def annealing(experiment) -> list:
    """The callback that raises the KL weight, if it is to rise."""
    if not experiment.kl_ramp:
        return []
    return [KLAnnealing(max(1, round(experiment.kl_ramp * experiment.steps)))]


def recalibrate(experiment, model) -> dict:
    """Sets the running sigma of a trained model, if its decoder has one.

    The new sigma follows from weights, data and seed: an attempt that begins again with
    what training left comes to the same.

    Args:
        experiment: `Experiment`.
        model: what its `make_model` gave, trained.

    Returns:
        dict for the summary, empty where nothing was done.
    """
    steps = min(experiment.recalibration_steps, experiment.steps)
    if not steps or not model.decoder.fits_target:
        return {}
    before = sigma_of(model)
    with explicit_noise(model, experiment.seed):
        after = model.recalibrate(experiment.train_batches(experiment.steps), steps)
    sigmas = {"sigma_before": before, "sigma": after}
    figures = {name: float(f"{value:.6g}") for name, value in sigmas.items()}
    return {"recalibration": {"steps": steps, **figures}}
