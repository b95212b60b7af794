"""KL divergence from a prior, as a loss that a layer adds to its model."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.distributions.saved_distribution import (
    distribution_config,
    distribution_from_config,
)
from tfsigmavae.layers.parameters import likelihood_dtype
from tfsigmavae.layers.saved_function import (
    function_config,
    function_from_config,
    shared_config,
)
from tfsigmavae.layers.variable_holder import VariableHolder

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class KLDivergenceRegularizer(keras.regularizers.Regularizer):
    """KL divergence from a prior, as `activity_regularizer` of a distribution layer.

    KL(a, b) = E_a[log a(z) - log b(z)], in nats per example

    Sums over the event, averages over the batch, the first batch axis; further batch
    axes, such as time, are summed. This holds for the exact divergence and for its
    Monte Carlo estimate, however many samples the output carries.

    Args:
        distribution_b: the prior b: a `tfd.Distribution`, a function without arguments
            that returns one, or a Keras model or layer that gives one for any input.
            Its variables train and are saved with the layer that has the regularizer.
        use_exact_kl: bool, whether to use the closed form of `tfd.kl_divergence`
            rather than test points. Defaults to `False`.
        test_points_reduce_axis: int, ints or `None`: axes of the test points' log
            probabilities, sample axes first, that are averaged instead of summed.
            Sample axes and the first batch axis always are. Defaults to `()`.
        test_points_fn: function from the distribution a to test points. Defaults to
            `tf.convert_to_tensor`, which gives the sample that the next layer sees.
        weight: number, array, `tf.Variable` or Keras variable that multiplies the
            divergence of each example. Defaults to `None`, 1.

    Call arguments:
        distribution_a: the output of a distribution layer.

    Returns:
        Scalar, nats per example.

    Raises:
        TypeError: if `distribution_b` is or gives no distribution.
        ValueError: if the events of both distributions differ in shape; on saving, for
            a prior or a function of which Keras cannot make another.

    Example:
        >>> prior = tfd.MultivariateNormalDiag(tf.zeros([8]))
        >>> regularizer = KLDivergenceRegularizer(prior, use_exact_kl=True)
        >>> posterior = MultivariateNormalTriL(8, activity_regularizer=regularizer)

    Reference: Kingma & Welling, 2014, equation 3.
    """

    def __init__(
        self,
        distribution_b,
        use_exact_kl=False,
        test_points_reduce_axis=(),
        test_points_fn=tf.convert_to_tensor,
        weight=None,
    ):
        self.distribution_b = distribution_b
        self.use_exact_kl = bool(use_exact_kl)
        self.test_points_reduce_axis = _axes(test_points_reduce_axis)
        self.test_points_fn = test_points_fn
        self.weight = weight
        # Keras tracks the variables of layers only, so this is one. Whatever uses the
        # regularizer makes it an attribute.
        self.holder = VariableHolder()
        if isinstance(distribution_b, keras.layers.Layer):
            self.holder.prior = distribution_b
            self.prior()  # makes its weights
        else:
            self.holder.hold(self.prior().variables)
        if isinstance(weight, (tf.Variable, keras.Variable)):
            self.holder.hold([weight])

    def prior(self):
        """Gives the `tfd.Distribution` that b is at this step of training."""
        prior = unwrap(drawn_from(self.distribution_b))
        if not isinstance(prior, tfd.Distribution):
            raise TypeError(
                "`distribution_b` must be a tfd.Distribution, or a function without "
                "arguments or a Keras model that gives one, got "
                f"{self.distribution_b!r}."
            )
        return prior

    def __call__(self, distribution_a):
        if not hasattr(distribution_a, "log_prob"):
            raise TypeError(
                "A KL divergence needs the output of a distribution layer, got "
                f"{type(distribution_a).__name__}."
            )
        prior = self.prior()
        _check_events(distribution_a, prior)
        if self.use_exact_kl:
            kl = tfd.kl_divergence(unwrap(distribution_a), prior)
        else:
            points = self.test_points_fn(distribution_a)
            kl = distribution_a.log_prob(points) - prior.log_prob(points)
        if self.weight is not None:
            kl *= tf.cast(self.weight, kl.dtype)
        if not self.use_exact_kl:
            kl = tf.reduce_mean(kl, self.test_points_reduce_axis, keepdims=True)
        # Axes: samples, examples, the rest of the batch.
        rank = kl.shape.rank
        batch_rank = tf.broadcast_static_shape(
            distribution_a.batch_shape, prior.batch_shape
        ).rank
        kl = tf.reduce_sum(kl, list(range(rank - batch_rank + 1, rank)))
        # A replica may be left without examples.
        return tf.math.divide_no_nan(tf.reduce_sum(kl), tf.cast(tf.size(kl), kl.dtype))

    def get_config(self):
        points = self.test_points_fn
        default = points is tf.convert_to_tensor
        return {
            "distribution_b": _prior_config(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "test_points_reduce_axis": self.test_points_reduce_axis,
            "test_points_fn": None
            if default
            else function_config(points, "test_points_fn"),
            "weight": weight_config(self.weight),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**_arguments(config))


@keras.saving.register_keras_serializable(package="tfsigmavae")
class KLDivergenceAddLoss(keras.layers.Layer):
    """Passes a distribution on, and adds its KL divergence from a prior to the loss.

    What is added is as in `KLDivergenceRegularizer`: nats per example.

    Args:
        distribution_b: see `KLDivergenceRegularizer`.
        use_exact_kl: see `KLDivergenceRegularizer`. Defaults to `False`.
        test_points_reduce_axis: see `KLDivergenceRegularizer`; `None` is the same as
            `()`. Defaults to `None`.
        test_points_fn: see `KLDivergenceRegularizer`. Defaults to
            `tf.convert_to_tensor`.
        weight: see `KLDivergenceRegularizer`. Defaults to `None`.

    Call arguments:
        distribution_a: the output of a distribution layer.

    Returns:
        `distribution_a` itself.

    Raises:
        TypeError: if `distribution_b` or the input is no distribution.
        ValueError: if the events of both distributions differ in shape; on saving, for
            a prior or a function of which Keras cannot make another.

    Example:
        >>> prior = tfd.MultivariateNormalDiag(tf.zeros([8]))
        >>> encoder = keras.Sequential(
        ...     [MultivariateNormalTriL(8), KLDivergenceAddLoss(prior, weight=0.5)]
        ... )
    """

    def __init__(
        self,
        distribution_b,
        use_exact_kl=False,
        test_points_reduce_axis=None,
        test_points_fn=tf.convert_to_tensor,
        weight=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=likelihood_dtype(dtype), **kwargs)
        self.regularizer = KLDivergenceRegularizer(
            distribution_b,
            use_exact_kl,
            test_points_reduce_axis,
            test_points_fn,
            weight,
        )
        self.holder = self.regularizer.holder

    def call(self, distribution_a):
        self.add_loss(self.regularizer(distribution_a))
        return distribution_a

    # Without it Keras would trace `call` on a plain tensor.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), **self.regularizer.get_config()}

    @classmethod
    def from_config(cls, config):
        return cls(**_arguments(config))


def drawn_from(source):
    """What a Keras model gives for any input, or a function without arguments.

    Anything else is given back as it is.
    """
    if isinstance(source, keras.layers.Layer):
        inputs = getattr(source, "inputs", None)
        shape = [size or 1 for size in inputs[0].shape] if inputs else [1]
        return source(tf.zeros(shape))
    if callable(source) and not isinstance(source, tfd.Distribution):
        return source()
    return source


def _axes(axes):
    if axes is None:
        return ()
    return tuple(np.atleast_1d(np.asarray(axes, dtype=int)).tolist())


def _check_events(a, b):
    if not a.event_shape.is_compatible_with(b.event_shape):
        raise ValueError(
            "`distribution_b` must have the event shape of the layer's distribution, "
            f"{a.event_shape}, got {b.event_shape}. Make batch axes part of the event "
            "with tfd.Independent."
        )


def _prior_config(prior):
    if isinstance(prior, tfd.Distribution):
        return distribution_config(prior)
    if isinstance(prior, keras.layers.Layer):
        return shared_config(prior)
    return function_config(prior, "distribution_b")


def weight_config(weight):
    if isinstance(weight, (tf.Variable, keras.Variable)):
        return {"variable": weight.numpy().tolist(), "trainable": weight.trainable}
    return None if weight is None else np.asarray(weight).tolist()


def weight_from_config(weight):
    """The opposite of `weight_config`; anything but a configuration is left as is."""
    if isinstance(weight, dict):
        return tf.Variable(weight["variable"], trainable=weight["trainable"])
    return weight


def _arguments(config):
    """Constructor arguments from what `get_config` gave."""
    prior = config["distribution_b"]
    if "distribution" in prior:
        prior = distribution_from_config(prior)
    return {
        **config,
        "distribution_b": function_from_config(prior),
        "test_points_fn": function_from_config(config["test_points_fn"])
        or tf.convert_to_tensor,
        "weight": weight_from_config(config["weight"]),
    }
