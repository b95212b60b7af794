"""Probability integral transform: where truths lie in what was predicted for them."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution, GreyLevels
from tfsigmavae.typing import Array, Distribution

tfd = tfp.distributions

# Draws whose ranks stand in for a cumulative probability: one bin of the histogram for
# each rank.
_NUM_DRAWS = 39
_STREAM = 0x504954


class NoPITError(ValueError):
    """A distribution says nothing of such a target, so its PIT does not exist."""


def pit(
    distribution: Distribution | CoercibleDistribution, target: Array, seed: int = 0
) -> np.ndarray:
    """The share of the predicted probability that lies below each pixel.

        continuous:   F(x)
        grey levels:  F(x - 1) + u * P(x),   u uniform on (0, 1)

    with F the cumulative probability of a single pixel and channel. For a calibrated
    model these are uniform on (0, 1), see `pit_histogram` and `coverage`; for grey
    levels the random u is what makes them so. Where F has no formula (mixtures), the
    target's rank among 39 draws stands for it, which is as uniform, but of draws.

    A Bernoulli distribution predicts pixels that are 0 or 1: of such its PIT is that of
    two levels. Of a grey value, which it takes for a probability, it says nothing.

    Args:
        distribution: what a decoder returned, or a `tfd.Distribution`.
        target: pixels of batch shape plus event shape, uint8 or floating in [0, 1]; of
            a decoder with `values="real"`, any floating numbers.
        seed: int, of what is random. Defaults to `0`.

    Returns:
        Floating array of the shape of `target`, in (0, 1).

    Raises:
        NoPITError: for grey values and a Bernoulli distribution.
        ValueError: if `target` has another shape than the distribution, or that has a
            mask of padded steps.

    Example:
        >>> pit(tfd.Normal([0.0, 0.0], 1.0), [0.0, 1.6449]).round(3)
        array([0.5 , 0.95], dtype=float32)

    Reference: Dawid, 1984; randomised: Czado et al., 2009 ("Predictive model assessment
    for count data"), equation 1.
    """
    inner, target = unwrapped(distribution, target)
    rng = generator(seed)
    base = _per_pixel(inner)
    if isinstance(inner, GreyLevels):
        # As `GreyLevels` rounds: resized images may lie between the levels.
        target = tf.clip_by_value(tf.round(255.0 * target), 0.0, 255.0)
        base = _per_pixel(inner.levels)
        if hasattr(base, "_cdf"):
            return _randomised(base, tf.cast(target, base.dtype), rng)
        return _rank_of_draws(inner, target / 255.0, rng)
    if isinstance(base, tfd.Bernoulli):
        if not np.isin(target, (0.0, 1.0)).all():
            raise NoPITError(
                "A Bernoulli decoder says nothing of grey pixels, it takes them for "
                "probabilities: its calibration is that of images of 0 and 1 alone. "
                "Choose another decoder for grey ones."
            )
        return _randomised(base, target, rng)
    continuous = base.reparameterization_type == tfd.FULLY_REPARAMETERIZED
    if continuous and hasattr(base, "_cdf"):
        return _inside(base.cdf(target).numpy())
    return _rank_of_draws(inner, target, rng)


def pit_of_ensemble(ensemble: Array, truth: Array, seed: int = 0) -> np.ndarray:
    """The share of an ensemble that lies below the truth, pixel by pixel.

        (number of members below + u * (number of equal ones + 1)) / (members + 1)

    with u uniform on (0, 1). Uniform if the truth is one more draw from what the
    members are drawn from, whatever their number; see `pit_histogram`.

    Args:
        ensemble: `[S, ...]` array, S members: uint8 or floating.
        truth: `[...]` array: uint8 (meaning value / 255) or floating.
        seed: int, of u. Defaults to `0`.

    Returns:
        float32 array of the shape of `truth`, in (0, 1).

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together.

    Reference: Hamill, 2001 ("Interpretation of rank histograms").
    """
    ensemble, truth = as_members(ensemble, truth)
    below, equal = below_and_equal(ensemble, truth)
    return spread_over_ranks(below, equal, len(ensemble), generator(seed))


def generator(seed, *more):
    """NumPy's of a seed, in a stream of its own.

    Data are often drawn by `default_rng(0)` as well, and must not meet their own noise.
    """
    return np.random.default_rng([_STREAM, seed, *more])


def as_members(ensemble, truth):
    """Members and truth as floating arrays of shapes that fit, or an error."""
    ensemble, truth = _pixels(ensemble, "ensemble"), _pixels(truth, "truth")
    if ensemble.ndim != truth.ndim + 1 or ensemble.shape[1:] != truth.shape:
        raise ValueError(
            "`ensemble` must have one axis, the members, before the shape of `truth`, "
            f"got {ensemble.shape} and {truth.shape}."
        )
    if not len(ensemble):
        raise ValueError("`ensemble` has no members.")
    return ensemble, truth


def below_and_equal(ensemble, truth):
    """How many members lie below the truth and how many are equal to it."""
    return (
        np.add.reduce(ensemble < truth, axis=0, dtype=np.int32),
        np.add.reduce(ensemble == truth, axis=0, dtype=np.int32),
    )


def spread_over_ranks(below, equal, num_members, rng):
    """PIT values from counts of smaller and equal members, ties broken at random."""
    noise = rng.random(below.shape, np.float32)
    return _inside((below + noise * (equal + 1)) / np.float32(num_members + 1))


def unwrapped(distribution, target):
    """The `tfd.Distribution` and what it scores, a tensor of the same shape."""
    if getattr(distribution, "mask", None) is not None:
        raise ValueError(
            "The distribution has a mask, and padded steps have no calibration: give "
            "clips of equal length, without a mask."
        )
    if isinstance(distribution, CoercibleDistribution):
        target = distribution.as_values(target)
        distribution = distribution.distribution
    else:
        target = tf.convert_to_tensor(target, dtype_hint=distribution.dtype)
    shape = distribution.batch_shape.concatenate(distribution.event_shape)
    if shape != target.shape:
        raise ValueError(
            "`target` must have batch shape plus event shape of the distribution, "
            f"{tuple(shape)}, got {tuple(target.shape)}."
        )
    return distribution, target


def draw(distribution, rng) -> tf.Tensor:
    """One sample, by a seed of NumPy's."""
    return distribution.sample(seed=rng.integers(2**31, size=2).astype(np.int32))


def _pixels(values, name):
    values = np.asarray(values)
    if values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255.0)
    if not np.issubdtype(values.dtype, np.floating):
        raise TypeError(f"`{name}` must be uint8 or floating, got {values.dtype}.")
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` holds values that are not finite.")
    return values


def _per_pixel(distribution):
    # Not by its class: `tfd.Independent` of a class of our own is no instance of it.
    while hasattr(distribution, "reinterpreted_batch_ndims"):
        distribution = distribution.distribution
    return distribution


def _randomised(base, levels, rng):
    """F(x - 1) + u * P(x) of integers."""
    up_to, mass = base.cdf(levels).numpy(), base.prob(levels).numpy()
    return _inside(up_to - mass * rng.random(mass.shape, np.float32))


def _rank_of_draws(distribution, target, rng):
    target = target.numpy()
    below, equal = np.zeros(target.shape, np.int32), np.zeros(target.shape, np.int32)
    for _ in range(_NUM_DRAWS):
        member = draw(distribution, rng).numpy()
        below += member < target
        equal += member == target
    return spread_over_ranks(below, equal, _NUM_DRAWS, rng)


def _inside(values):
    """Rounding leaves no value at the ends."""
    info = np.finfo(values.dtype)
    return np.clip(values, info.tiny, 1.0 - info.epsneg)
