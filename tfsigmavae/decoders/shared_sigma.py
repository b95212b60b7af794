"""Gaussian with one sigma learned by gradient descent."""

import math

import keras
import tensorflow as tf

from tfsigmavae.decoders.decoder import Decoder, independent_normal


@keras.saving.register_keras_serializable(package="tfsigmavae")
class SharedSigma(Decoder):
    """Gaussian decoder with one trainable log sigma for all pixels and images.

    Args:
        initial_sigma: float > 0, where training starts, in image units ([0, 1]).
            Defaults to `1.0`. Adam moves log sigma by at most its learning rate a step,
            so a start near the final error saves thousands of steps.

    Call arguments:
        params: `[B, ..., C]` float tensor, the mean image.
        target: ignored.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: if `initial_sigma` is not positive.

    Reference: Rybkin et al., 2021, equation 3.
    """

    def __init__(self, initial_sigma=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 < initial_sigma < math.inf:
            raise ValueError(
                f"`initial_sigma` must be a positive number, got {initial_sigma!r}."
            )
        self.initial_sigma = float(initial_sigma)
        # Made here and not in `build`, so that `sigma` can be read from the start.
        self.log_sigma = self.add_weight(
            name="log_sigma",
            shape=(),
            initializer=keras.initializers.Constant(math.log(self.initial_sigma)),
            dtype="float32",
        )

    @property
    def sigma(self):
        return tf.exp(tf.convert_to_tensor(self.log_sigma))

    def distribution(self, params, target, training):
        return independent_normal(params, self.sigma)

    def get_config(self):
        return {**super().get_config(), "initial_sigma": self.initial_sigma}
