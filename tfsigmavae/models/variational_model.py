"""What every model with latent variables is, and can do."""

import abc
import os
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.checks import check_at_least, in_plain_words
from tfsigmavae.decoders.identifier import Identifier
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.graphs import compiled
from tfsigmavae.layers.parameters import likelihood_dtype
from tfsigmavae.models.elbo import ElboTerms
from tfsigmavae.models.elbo_trainer import ElboTrainer
from tfsigmavae.models.importance import bound_in_batches, log_mean_weight
from tfsigmavae.models.recalibration import recalibrate
from tfsigmavae.models.seeding import (
    ReplicaSeedGenerator,
    WeightSeeds,
    explicit_noise,
)
from tfsigmavae.typing import Batch, Data, Distribution, PathLike


class VariationalModel(ElboTrainer, metaclass=abc.ABCMeta):
    """Base of the models: a `keras.Model` whose loss is the negative ELBO.

    loss = mean over the batch of (nll + beta * kl)

    with `nll` and `kl` in nats per example: sums over pixels, channels, time and
    latents. With a calibrated decoder `beta=1` is right, and nothing is tuned.

    A subclass sets `self.decoder` by the constructor and writes `elbo_terms`, `call`
    (inputs -> reconstruction, a tensor) and `importance_sampler`. It asks the decoder
    through `likelihood`, makes all its weights in its constructor and sets `self.built
    = True`; otherwise its first call builds it, as any Keras model. `compile`, `fit`,
    `evaluate`, `predict`, `save` and callbacks are then Keras' own; docs/keras.md lists
    what to expect of them. Logged:

        loss                what is minimised (by `evaluate`: nll + beta * kl, also for
                            a decoder whose training weighs the likelihood otherwise,
                            and where `callbacks.KLAnnealing` weighs the KL)
        nll, kl             -log p(x | z) and the rate, nats per example
        mse                 (x - mean of p(x | z))**2, averaged over pixels
        bits_per_dim        of nll + kl; a density through the bridge of
                            `tfsigmavae.math.nats_to_bits_per_dim`
        bits_per_dim_mass   the same with the exact probability of the grey levels, for
                            decoders that are densities; in evaluation only
        sigma               where the decoder has one

    and every `keras.metrics.Metric` that the subclass makes in its constructor and
    updates in `elbo_terms`. There are no bits for a decoder without a measure.

    `evaluate` uses the sigma that training left behind, never one fitted to the
    evaluation data. That of `OptimalSigma` is a running average over the last steps of
    training: it lags while the error still falls, and includes the noise of training
    (batch statistics). `recalibrate(train_data)` sets it to the final model's own.

    Args:
        decoder: name, `Decoder` or its configuration, see `tfsigmavae.decoders.get`.
        beta: float >= 0, weight of the KL term. Defaults to `1.0`.
        max_gradient_norm: float > 0; a larger norm of all gradients together (of one
            replica) is scaled down to it. Defaults to `None`, no limit.
        seed: int >= 0 or `None`. Seeds the initial weights, of layers whose
            initializers are from `self.weight_seeds`, and all noise drawn in training
            by `self.seed_generator.normal`, which is the same with and without XLA.
            Defaults to `None`, a fresh seed.
        **kwargs: `name` and `dtype` of `keras.Model`. Likelihood and KL are float64 if
            it computes in float64, else float32.

    Raises:
        ValueError: if `beta` or `seed` is negative, `max_gradient_norm` not positive,
            or one of model and decoder is float64 and the other not.

    Example: a linear VAE of vectors.
        >>> import keras, numpy as np, tensorflow as tf, tfsigmavae as sv
        >>> class LinearVAE(sv.VariationalModel):
        ...     def __init__(self, num_dims, latent_size=2, **kwargs):
        ...         super().__init__(**{"decoder": real_decoder(), **kwargs})
        ...         self.encoder = keras.layers.Dense(2 * latent_size)
        ...         self.generator = keras.layers.Dense(num_dims)
        ...         self.encoder.build([None, num_dims])
        ...         self.generator.build([None, latent_size])
        ...         self.built = True
        ...     def encode(self, x):  # mean and logarithm of sigma, each [B, Z]
        ...         return tf.split(self.encoder(x), 2, axis=-1)
        ...     def call(self, inputs, training=False):
        ...         return self.generator(self.encode(inputs)[0])
        ...     def elbo_terms(self, inputs, training=False):
        ...         mean, log_sigma = self.encode(inputs)
        ...         noise = self.seed_generator.normal(tf.shape(mean))
        ...         z = mean + tf.exp(log_sigma) * noise
        ...         kl = 0.5 * (mean**2 + tf.exp(2 * log_sigma) - 1) - log_sigma
        ...         likelihood = self.likelihood(self.generator(z), inputs, training)
        ...         return sv.ElboTerms(likelihood, inputs, tf.reduce_sum(kl, -1))
        >>> real_decoder = lambda: sv.decoders.OptimalSigma(values="real")
        >>> model = LinearVAE(5, seed=0)
        >>> model.compile(keras.optimizers.Adam(1e-2))
        >>> data = np.random.default_rng(0).normal(size=[64, 5]).astype("float32")
        >>> history = model.fit(data, epochs=2, verbose=0).history
        >>> sorted(set(history) & {"kl", "nll", "sigma"})
        ['kl', 'nll', 'sigma']
    """

    # Whether a training step is a long chain of small operations rather than a few
    # large ones: the commands then arrange TensorFlow's threads otherwise.
    small_operations = False

    def __init__(
        self,
        decoder: Identifier = "optimal_sigma",
        beta: float = 1.0,
        max_gradient_norm: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_gradient_norm is not None and not max_gradient_norm > 0.0:
            raise ValueError(
                f"`max_gradient_norm` must be positive, got {max_gradient_norm!r}."
            )
        if seed is not None:
            check_at_least("seed", seed, 0)
        self.max_gradient_norm = max_gradient_norm
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(
            seed, likelihood_dtype(self.dtype_policy), name="seed_generator"
        )
        self.weight_seeds = WeightSeeds(self.seed_generator.initial_seed)
        self.decoder = self._made_decoder(decoder)
        self._start_logging()
        self.beta = beta
        self._log_likelihood = compiled(self._log_mean_weight, reduce_retracing=True)

    @abc.abstractmethod
    def elbo_terms(self, inputs: Any, training: bool) -> ElboTerms:
        """Scores a batch; the one thing about training that a subclass writes."""

    @abc.abstractmethod
    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Reconstruction of the inputs, a tensor."""

    def likelihood(
        self, raw: tf.Tensor, target: tf.Tensor | None = None, training: bool = False
    ) -> CoercibleDistribution:
        """p(x | z) of what the generator gives, before the decoder's activation.

        Args:
            raw: float tensor, `decoder.params_size` channels last.
            target: what the decoder may fit its sigma to. Defaults to `None`.
            training: bool. Defaults to `False`.

        Returns:
            The decoder's distribution.
        """
        return self.likelihood_of(self.decoder.activate(raw), target, training)

    def likelihood_of(
        self, params: tf.Tensor, target: tf.Tensor | None = None, training: bool = False
    ) -> CoercibleDistribution:
        """p(x | z) of parameters after the decoder's activation.

        For models that compute them in another way than `decoder.activate`.

        Args:
            params: float tensor, `decoder.params_size` channels last, in the decoder's
                `compute_dtype`; means of pixels in [0, 1].
            target, training: see `likelihood`.

        Returns:
            The decoder's distribution.
        """
        return self.decoder(
            params, target=target, training=training, sample_weight=self.sample_weight
        )

    @staticmethod
    def draw(
        distribution: Distribution | CoercibleDistribution, noise: tf.Tensor
    ) -> tf.Tensor:
        """A sample of a normal distribution by noise from N(0, 1), differentiable."""
        mean = distribution.mean()
        return mean + distribution.stddev() * tf.cast(noise, mean.dtype)

    def _made_decoder(self, decoder):
        dtype = likelihood_dtype(self.dtype_policy)
        if isinstance(decoder, str):
            return decoders.get(decoder, dtype=dtype)
        decoder = decoders.get(decoder)
        if decoder.compute_dtype != dtype:
            raise ValueError(
                f"`decoder` computes in {decoder.compute_dtype}, and the model its "
                f"likelihood in {dtype}: give both the same `dtype`."
            )
        return decoder

    def importance_sampler(self, inputs: Any) -> Callable[[tf.Tensor], tf.Tensor]:
        """Log weights of posterior samples, for `log_likelihood`.

        Args:
            inputs: as of `elbo_terms`. What does not depend on the sample is computed
                here, once.

        Returns:
            Function from a seed, int32 `[2]`, to log p(x, z) - log q(z | x) `[B]` of
            one sample z ~ q(z | x).
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write `importance_sampler` to tell a "
            "log likelihood."
        )

    @in_plain_words()
    def log_likelihood(
        self,
        inputs: Data,
        num_importance_samples: int = 1,
        seed: int | tf.Tensor | None = None,
        batch_size: int = 32,
    ) -> tf.Tensor:
        """A lower bound on log p(x), tighter with every importance sample.

            log 1/K * sum over k of p(x, z_k) / q(z_k | x),   z_k ~ q(z | x)

        Its expectation is the ELBO at K = 1, grows with K and tends to log p(x). The
        samples are drawn one after the other: memory does not grow with K.

        Args:
            inputs: examples, as `fit` takes them: arrays, a dataset, `PyDataset` or
                generator.
            num_importance_samples: int >= 1, K. Defaults to `1`.
            seed: int; the same call (with the same `batch_size`) and the same seed give
                the same figures. Defaults to `None`, drawn from the model's own
                generator.
            batch_size: int, examples of arrays in memory at a time. Defaults to `32`.

        Returns:
            `[N]` in nats per example: a log density or a log probability, as
            the decoder's `measure` says. With `OptimalSigma` it is that of the running
            sigma.

        Raises:
            ValueError: if `num_importance_samples` or `batch_size` is no positive whole
                number, or there are no examples.

        Reference: Burda et al., 2016.
        """
        if seed is None:
            seed = self.seed_generator.as_integer()
        return bound_in_batches(
            self._log_likelihood, inputs, num_importance_samples, seed, batch_size
        )

    def _log_mean_weight(self, inputs, num_samples, key):
        batch_size = tf.shape(tf.nest.flatten(inputs)[0])[0]
        draw = self.importance_sampler(inputs)
        dtype = self.decoder.compute_dtype
        return log_mean_weight(draw, num_samples, [batch_size], key, dtype)

    def posterior_likelihood(
        self, inputs: Batch, seed: int | tf.Tensor
    ) -> "tuple[CoercibleDistribution, tf.Tensor]":
        """p(x | z) of one posterior sample, and what it is to be compared with.

        What `elbo_terms` says in evaluation, of noise that is the seed's: the model's
        own generators stay as they are, so neither training nor other figures change.

        Args:
            inputs: one batch, as of `elbo_terms`.
            seed: int or int32 scalar tensor; the same batch and seed give the same.

        Returns:
            The decoder's distribution, batch shape `[B]`, and the pixels that it is of,
            floating, of batch shape plus event shape; of clips the scored frames.

        Example:
            >>> likelihood, target = model.posterior_likelihood(images, seed=0)
            >>> residuals = (target - likelihood.mean()) / likelihood.stddev()
        """
        with explicit_noise(self, seed):
            terms = self.elbo_terms(inputs, training=False)
        return terms.likelihood, terms.target

    def latent_rates(self, inputs: Any) -> tf.Tensor | None:
        """KL of each latent, in nats: which of them are used.

        Args:
            inputs: as of `elbo_terms`.

        Returns:
            `[B, latents]`, of a sequence `[B, steps, latents]`, which sums up to `kl`;
            `None` for a model that does not tell.
        """
        return None

    @in_plain_words()
    def recalibrate(self, dataset: Data, steps: int | None = None) -> float | None:
        """Sets the running sigma to the error of the model as it is now.

        One pass over training data in evaluation mode (moving averages of batch norm,
        no weight changes): sigma**2 becomes the mean squared error of reconstructions
        from posterior samples. Meant for the end of training, where the running
        average still remembers older, worse weights.

        Args:
            dataset: training data as `fit` takes it: an array, a dataset, `PyDataset`
                or generator.
            steps: int, how many batches; needed for an endless dataset. Defaults to
                `None`, all of them.

        Returns:
            float, the new sigma (root mean square where channels have their own).
            `None` for a decoder without a running sigma: its weights are what training
            made of them, and nothing is done.

        Raises:
            ValueError: if there is no batch, or `steps` is missing where it is needed.
        """
        return recalibrate(self, dataset, steps)

    def summary_layers(self) -> list:
        """The layers that `summary` and `get_layer` know, `layers` by default.

        Not to be done by `layers` itself: it says under which names weights are saved.
        """
        return self.layers

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints the parts of the model and their sizes, see `keras.Model.summary`."""
        keras.Model.summary(_WithLayers(self, self.summary_layers()), *args, **kwargs)  # pyright: ignore[reportArgumentType]

    def get_layer(
        self, name: str | None = None, index: int | None = None
    ) -> keras.layers.Layer:
        """A part of the model, see `keras.Model.get_layer`."""
        known = _WithLayers(self, self.summary_layers())
        return keras.Model.get_layer(known, name, index)  # pyright: ignore[reportArgumentType]

    def save(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """Saves the whole model as a `.keras` file, see `keras.Model.save`.

        Raises:
            ValueError: for an HDF5 file, which holds no model of this kind; nothing is
                written.
        """
        if os.fspath(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "A variational model is not saved as HDF5: name the file `.keras`, or "
                "save the weights alone by `save_weights('....weights.h5')`, got "
                f"{os.fspath(filepath)!r}."
            )
        super().save(filepath, *args, **kwargs)

    def call_signature(self) -> Any:
        """What `call` takes, for `export`: a nest of `tf.TensorSpec`, or `None`.

        Returns:
            That of the last batch of `fit` or `evaluate`, unless a subclass says it;
            `None` where there was none: Keras then asks for a call before.
        """
        return self._seen

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kw: Any,
    ) -> None:
        """Exports the reconstruction of `call`, see `keras.Model.export`.

        `tfsigmavae.export_saved_model` exports sampling and more beside it.

        Args:
            filepath, format, verbose, **kw: see `keras.Model.export`.
            input_signature: list of one nest of `tf.TensorSpec`. Defaults to `None`,
                `call_signature`: a free batch, floating pixels in [0, 1].
        """
        signature = self.call_signature()
        if input_signature is None and signature is not None:
            input_signature = [signature]
            if not self._called:  # Keras asks for it, though all weights are there
                self(tf.nest.map_structure(_symbolic, signature))
        super().export(filepath, format, verbose, input_signature, **kw)

    def export_endpoints(self) -> dict:
        """Endpoints for `export_saved_model`: name -> (function, input signature).

        A signature is a list of named `tf.TensorSpec`. The exported ones are checked:
        an input is finite and of the shape that its signature says, and those named
        `num_frames`, `num_samples` or `num` are counts within limits.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write `export_endpoints`, what is exported; "
            "`model.export(path)` exports `call` alone."
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "beta": self.beta,
            "max_gradient_norm": self.max_gradient_norm,
            "seed": self.seed,
        }


def _symbolic(spec):
    return keras.KerasTensor(spec.shape, spec.dtype.name)


class _WithLayers:
    """A model that is told by other layers."""

    def __init__(self, model, layers):
        self._model = model
        self.layers = layers

    def __getattr__(self, name):
        return getattr(self._model, name)
