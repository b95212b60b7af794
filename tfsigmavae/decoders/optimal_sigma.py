"""Gaussian whose sigma is solved for: the RMSE of the batch."""

import math
import warnings
from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf

from tfsigmavae.checks import check_choice
from tfsigmavae.decoders.decoder import ContinuousDecoder, constant
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.math import mean_over_replicas, weighted_mean
from tfsigmavae.typing import Pixels, Shape

Scope: TypeAlias = Literal["batch", "image", "channel"]
_SCOPES = get_args(Scope)


@keras.saving.register_keras_serializable(package="tfsigmavae")
class OptimalSigma(ContinuousDecoder):
    """Gaussian decoder whose sigma is the analytic optimum, the RMSE of the batch.

    In training, with a target:

        variance = max(mean((target - loc)**2), min_sigma**2)      no gradient
        -log p(x | z), averaged over the batch, = D / 2 * (log(2 * pi * variance) + 1)

    with D pixels times channels. Since the variance is the minimiser, the gradient is
    the same with or without letting it flow through sigma; the floor is hard, as a
    soft one would shift the optimum.

    Everywhere else (no target, or `training=False`) sigma**2 is the running average of
    the training variance, so test data never sets sigma:

        variance <- variance + (1 - m) / (1 - m**n) * (batch variance - variance)

    after n updates: the exponential average of the *variance* without the bias of its
    start. It is a non-trainable weight, saved with the model. A batch whose variance is
    not finite leaves it alone; replicas of a `tf.distribute` strategy share one sigma.
    With `trainable=False` it stays where it is, and is used in training too.

    Args:
        scope: what shares one sigma: `"batch"` (everything: batch, time, pixels and
            channels), `"image"` (each image or clip its own) or `"channel"` (each
            channel its own, over the batch). Defaults to `"batch"`.
        momentum: float in [0, 1), m above. The average looks back over about
            `1 / (1 - m)` steps. Defaults to `0.98`.
        min_sigma: float > 0, hard floor of sigma in image units ([0, 1]). Defaults to
            `1e-3`, about half of half a grey level.
        initial_sigma: float > 0, the running sigma before the first training batch.
            Defaults to `1.0`.

    Call arguments:
        params: `[B, ..., C]` float tensor, the mean image.
        target: `[B, ..., C]` pixels to fit sigma to, uint8 or floating in [0, 1].
            Without one, `training=True` warns, for then sigma stays where it is.
        training: bool, whether to fit sigma to `target` and to move the running
            average.
        sample_weight: see `Decoder`. The variance is then the sum of weight times
            squared error over the sum of weights; with `scope="image"` each image keeps
            its own, and the running average learns their mean by weight. Where all
            weights are 0 the running sigma is used, and nothing moves.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: if an argument is out of range, or `target` has another shape than
            `params`.

    Example:
        >>> decoder, images = OptimalSigma(), tf.fill([2, 8, 8, 3], 0.5)
        >>> dist = decoder(tf.zeros([2, 8, 8, 3]), images, training=True)
        >>> dist.stddev()[0, 0, 0, 0].numpy(), decoder.sigma.numpy()
        (0.5, 0.5)

    Reference: Rybkin et al., 2021, section 4 and equation 5 (which prints sigma where
    sigma**2 is meant).
    """

    fits_target = True

    def __init__(
        self,
        scope: Scope = "batch",
        momentum: float = 0.98,
        min_sigma: float = 1e-3,
        initial_sigma: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice("scope", scope, _SCOPES)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must be in [0, 1), got {momentum!r}.")
        if not 0.0 < min_sigma <= initial_sigma < math.inf:
            raise ValueError(
                "`min_sigma` must be positive and at most `initial_sigma`, got "
                f"min_sigma={min_sigma!r}, initial_sigma={initial_sigma!r}."
            )
        self.scope = scope
        self.momentum = momentum
        self.min_sigma = min_sigma
        self.initial_sigma = initial_sigma

    def build(self, params_shape: Shape) -> None:
        self.running_variance = self.add_weight(
            name="running_variance",
            shape=(params_shape[-1],) if self.scope == "channel" else (),
            initializer=constant(self.initial_sigma**2),
            trainable=False,
            aggregation="mean",
        )
        self.num_updates = self.add_weight(
            name="num_updates",
            shape=(),
            initializer="zeros",
            trainable=False,
            aggregation="mean",
        )

    @property
    def sigma(self) -> tf.Tensor:
        """Running sigma in image units: a scalar, or `[C]` with `scope="channel"`."""
        if not self.built:
            return tf.constant(self.initial_sigma, self.compute_dtype)
        return tf.sqrt(tf.convert_to_tensor(self.running_variance))

    def distribution(
        self,
        params: tf.Tensor,
        target: tf.Tensor | None,
        training: bool,
        sample_weight: tf.Tensor | None = None,
    ) -> CoercibleDistribution:
        # As Keras' batch normalisation: a frozen layer does not follow the batch.
        if not (training and self.trainable):
            return self.normal(params, self.sigma)
        if target is None:
            _warn_without_target(self.name)
            return self.normal(params, self.sigma)
        if not params.shape.is_compatible_with(target.shape):
            raise ValueError(
                f"`target` must have the shape of `params`, {params.shape}, "
                f"got {target.shape}."
            )
        squared_error = tf.square(self.to_values(target, "target") - params)
        variance = self._fit(tf.stop_gradient(squared_error), sample_weight)
        return self.normal(params, tf.sqrt(tf.maximum(variance, self.min_sigma**2)))

    def _fit(self, squared_error, weights):
        """The variance for this batch; moves the running one."""
        running = tf.convert_to_tensor(self.running_variance)
        if self.scope == "image":
            axes = self.event_axes(squared_error)
            variance, of_images = _variance_per_image(squared_error, axes, weights)
            self._update(mean_over_replicas(variance, weights=of_images))
        else:
            last = squared_error.shape.rank - 1
            axes = list(range(last)) if self.scope == "channel" else None
            variance = mean_over_replicas(squared_error, axes, weights)
            self._update(variance)
        if weights is None:
            return variance
        # Where all weights are 0 there is nothing to fit to.
        return tf.where(tf.math.is_finite(variance), variance, running)

    def _update(self, variance):
        floored = tf.maximum(variance, self.min_sigma**2)
        finite = tf.reduce_all(tf.math.is_finite(variance))
        num_updates = self.num_updates + tf.cast(finite, self.num_updates.dtype)
        # Equal to dividing a zero-started average by 1 - m**n, in one weight.
        # 1 - m**n by expm1: in float32 the plain form is 0 for m close to 1.
        log_momentum = math.log(self.momentum) if self.momentum else -math.inf
        rate = (1.0 - self.momentum) / -tf.math.expm1(
            tf.maximum(num_updates, 1.0) * log_momentum
        )
        # Exactly 1 at first: a rounding error of the start, which is far larger than
        # a variance, would swamp it, and could leave it negative.
        rate = tf.where(num_updates <= 1.0, tf.ones_like(rate), rate)
        old = tf.convert_to_tensor(self.running_variance)
        new = (1.0 - rate) * old + rate * floored
        self.running_variance.assign(tf.where(finite, new, old))
        self.num_updates.assign(num_updates)

    def calibrate(self, mean_squared_error: Pixels) -> None:
        if not self.built:
            self.build([None, *mean_squared_error.shape])
        mean_squared_error = tf.cast(mean_squared_error, self.compute_dtype)
        if self.scope != "channel":
            mean_squared_error = tf.reduce_mean(mean_squared_error)
        variance = tf.maximum(mean_squared_error, self.min_sigma**2)
        tf.debugging.assert_all_finite(variance, "The squared error is not finite.")
        self.running_variance.assign(variance)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scope": self.scope,
            "momentum": self.momentum,
            "min_sigma": self.min_sigma,
            "initial_sigma": self.initial_sigma,
        }


def _variance_per_image(squared_error, axes, weights):
    """The mean of each image, axes kept, and the image's weight in a batch of them.

    Weights of whole images leave an image's own mean alone. Of weights inside the event
    (of the frames of a clip) the image has the mean, without those that are 0.
    """
    # Kept dimensions, so that [B, 1, ..., 1] broadcasts against the means.
    if weights is None or all(weights.shape[axis] == 1 for axis in axes):
        return tf.reduce_mean(squared_error, axes, keepdims=True), weights
    total = tf.reduce_sum(weights, axes, keepdims=True)
    count = tf.math.count_nonzero(weights, axes, True, weights.dtype)
    of_images = tf.math.divide_no_nan(total, count)
    return weighted_mean(squared_error, weights, axes), of_images


def _warn_without_target(name):
    warnings.warn(
        f"{name} was called with training=True and no `target`: its sigma is not "
        "fitted. Pass one: decoder(params, target=x); in a functional model x is an "
        "Input.",
        stacklevel=2,
    )
