"""A dense layer whose weights are drawn from a posterior that is learned."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.layers.kl_divergence import KLDivergenceRegularizer, drawn_from
from tfsigmavae.layers.parameters import as_keras_loss, likelihood_dtype, to_size
from tfsigmavae.layers.saved_function import function_config, function_from_config
from tfsigmavae.layers.saved_prior import weight_config, weight_from_config
from tfsigmavae.typing import Array, DType, Shape

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class DenseVariational(keras.layers.Layer):
    """Dense layer with weights drawn from a posterior; adds their KL to the loss.

    weights ~ posterior, once in each call, the same for all examples
    kernel, bias = weights[:-units], weights[-units:]; the kernel [size, units] by rows
    outputs = activation(inputs @ kernel + bias)
    loss += kl_weight * KL(posterior, prior)

    The KL is that of all weights together, in nats: it is neither divided by the batch
    nor by the number of batches. The loss of a model is a mean over examples. Thus
    `kl_weight=1 / num_examples`, the size of the whole training set, makes the loss the
    negative ELBO divided by `num_examples`; without it the KL counts once per example.

    Args:
        units: int > 0, size of the outputs.
        make_posterior_fn: function of `kernel_size`, `bias_size` and `dtype` (ints, a
            `tf.DType`), called when the layer is built. It returns a Keras model or a
            function that gives, for any input, a distribution of a vector of
            `kernel_size + bias_size` weights. A Keras model is trained and saved. The
            input is a constant: weights do not depend on what the layer is given.
        make_prior_fn: the like for the prior.
        kl_weight: number, `tf.Variable` or Keras variable that multiplies the KL.
            Defaults to `None`, 1.
        kl_use_exact: bool, whether to use the closed form of `tfd.kl_divergence`
            rather than the weights that were drawn. Defaults to `False`.
        activation: name or function, as in `keras.layers.Dense`. Defaults to `None`.
        use_bias: bool, whether there is a bias; if not, `bias_size` is 0. Defaults to
            `True`.
        activity_regularizer: Keras regularizer of the outputs. Defaults to `None`.
        dtype: dtype, name or policy. The layer computes in float64 where that does, and
            in float32 everywhere else. Defaults to `None`, Keras' own default.
        **kwargs: `name` of the layer.

    Call arguments:
        inputs: `[B, ..., size]` float tensor.

    Returns:
        `[B, ..., units]` tensor.

    Raises:
        TypeError: if a function is none, or gives no distribution.
        ValueError: if `units` is not positive, the size of the inputs' last axis is
            unknown, or a distribution is not one of a vector of all weights; on saving,
            if a function is not registered.

    Example:
        >>> def posterior(kernel_size, bias_size, dtype):
        ...     size = kernel_size + bias_size
        ...     return keras.Sequential([
        ...         VariableLayer(IndependentNormal.params_size(size), dtype=dtype),
        ...         IndependentNormal(size),
        ...     ])
        >>> def prior(kernel_size, bias_size, dtype):
        ...     loc = tf.zeros(kernel_size + bias_size, dtype)
        ...     return lambda _: tfd.Independent(tfd.Normal(loc, 1), 1)
        >>> layer = DenseVariational(2, posterior, prior, kl_weight=1 / 1000)
        >>> layer(tf.zeros([4, 3])).shape
        TensorShape([4, 2])

    Reference: Blundell et al., 2015, equation 2.
    """

    def __init__(
        self,
        units: int,
        make_posterior_fn: Callable[..., Any],
        make_prior_fn: Callable[..., Any],
        kl_weight: Any = None,
        kl_use_exact: bool = False,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        activity_regularizer: Any = None,
        dtype: DType | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            activity_regularizer=activity_regularizer,
            dtype=likelihood_dtype(dtype),
            **kwargs,
        )
        self.units = to_size(units, "units")
        self.make_posterior_fn = _function(make_posterior_fn, "make_posterior_fn")
        self.make_prior_fn = _function(make_prior_fn, "make_prior_fn")
        # Not an attribute: a Keras variable would be saved here and a tf.Variable in
        # the regularizer, which holds both once it is made.
        self._make_regularizer = functools.partial(
            KLDivergenceRegularizer,
            use_exact_kl=bool(kl_use_exact),
            weight=weight_from_config(kl_weight),
        )
        self.activation: Any = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        size = self._input_size(input_shape)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: size})
        sizes = (
            size * self.units,
            self.units if self.use_bias else 0,
            tf.as_dtype(self.compute_dtype),
        )
        self._num_weights = sizes[0] + sizes[1]
        # Out of the graph that may be under way: constants of the functions are kept.
        with tf.init_scope():
            self._build_distributions(*sizes)
        self._kl_variables = self._kl.holder  # Keras tracks those of layers only

    def _build_distributions(self, *sizes):
        with keras.name_scope("posterior"):  # parts of the paths of their variables
            self._posterior = _without_input(self.make_posterior_fn(*sizes))
            posterior = self._draw_posterior()
        with keras.name_scope("prior"):
            self._prior = _without_input(self.make_prior_fn(*sizes))
            self._kl = self._make_regularizer(
                lambda: self._of_weights(drawn_from(self._prior), "make_prior_fn")
            )
        self._kl.holder.hold(posterior.variables)

    @property
    def kl_weight(self) -> Any:
        return self._make_regularizer.keywords["weight"]

    @property
    def kl_use_exact(self) -> bool:
        return self._make_regularizer.keywords["use_exact_kl"]

    def _input_size(self, input_shape) -> int:
        if input_shape[-1] is None:
            raise ValueError(
                "The size of the last axis of the inputs must be known when "
                f"`DenseVariational` is built, got shape {tuple(input_shape)}."
            )
        return input_shape[-1]

    def _of_weights(self, given, argument: str):
        """The distribution of the vector of weights that was `given`.

        Batch axes, as of a `tfd.Normal` of vectors, are made part of the event: all
        weights together are one draw.
        """
        distribution = unwrap(given)
        if not isinstance(distribution, tfd.Distribution):
            raise TypeError(
                f"What `{argument}` returns must give a tfd.Distribution when it is "
                f"called: end it with `DistributionLambda`. Got {given!r}."
            )
        batch_shape = distribution.batch_shape
        shape = batch_shape.concatenate(distribution.event_shape)
        if shape != [self._num_weights] or distribution.dtype != self.compute_dtype:
            raise ValueError(
                f"`{argument}` must make a distribution of {self._num_weights} weights "
                f"(`kernel_size + bias_size`) of dtype {self.compute_dtype} (give "
                f"`dtype` to each of its layers), got shape {shape} and dtype "
                f"{distribution.dtype.name}."
            )
        if batch_shape.rank:
            distribution = tfd.Independent(distribution, batch_shape.rank)
        return distribution

    def _draw_posterior(self):
        given = drawn_from(self._posterior)
        distribution = self._of_weights(given, "make_posterior_fn")
        if not tf.is_tensor(given):
            return CoercibleDistribution(distribution)
        weights = tf.convert_to_tensor(given)  # pyright: ignore[reportArgumentType]
        if not weights.shape.is_compatible_with([self._num_weights]):
            raise ValueError(
                "What `make_posterior_fn` returns must give one draw of "
                f"{self._num_weights} weights, its `convert_to_tensor_fn` gives shape "
                f"{weights.shape}."
            )
        return CoercibleDistribution(distribution, lambda _: weights)

    def call(self, inputs: Array) -> tf.Tensor:
        posterior = self._draw_posterior()
        self.add_loss(as_keras_loss(self._kl(posterior)))
        kernel_size = self._num_weights - (self.units if self.use_bias else 0)
        kernel = tf.reshape(posterior[:kernel_size], [-1, self.units])
        outputs = tf.tensordot(tf.cast(inputs, self.compute_dtype), kernel, 1)
        if self.use_bias:
            outputs += posterior[kernel_size:]
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._input_size(input_shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        return {
            **super().get_config(),
            "units": self.units,
            "make_posterior_fn": function_config(
                self.make_posterior_fn, "make_posterior_fn"
            ),
            "make_prior_fn": function_config(self.make_prior_fn, "make_prior_fn"),
            "kl_weight": weight_config(self.kl_weight),
            "kl_use_exact": self.kl_use_exact,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizer,
        }


def _function(function, argument: str):
    function = function_from_config(function)
    if not callable(function) or isinstance(function, keras.layers.Layer):
        raise TypeError(
            f"`{argument}` must be a function of `kernel_size`, `bias_size` and "
            f"`dtype` that returns a Keras model, got {function!r}."
        )
    return function


def _without_input(source):
    """A function of an input becomes one without arguments; models stay as they are."""
    if isinstance(source, (keras.layers.Layer, tfd.Distribution)):
        return source
    return functools.partial(source, tf.zeros([1])) if callable(source) else source
