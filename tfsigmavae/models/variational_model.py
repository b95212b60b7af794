"""Training, evaluation and logging shared by every model with latent variables."""

import abc
import math
import warnings

import keras
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.checks import check_at_least
from tfsigmavae.math import nats_to_bits_per_dim
from tfsigmavae.models.elbo import ElboTerms, only_inputs
from tfsigmavae.models.importance import bound_in_batches, log_mean_weight
from tfsigmavae.models.recalibration import recalibrate
from tfsigmavae.models.seeding import ReplicaSeedGenerator, WeightSeeds


class VariationalModel(keras.Model, metaclass=abc.ABCMeta):
    """Base of the models: a `keras.Model` whose loss is the negative ELBO.

    loss = mean over the batch of (nll + beta * kl)

    with `nll` and `kl` in nats per example: sums over pixels, channels, time and
    latents. With a calibrated decoder `beta=1` is right, and nothing is tuned.

    A subclass sets `self.decoder` by the constructor and writes `elbo_terms`, `call`
    (inputs -> reconstruction, a tensor) and `importance_sampler`. `compile`, `fit`,
    `evaluate`, `predict`, `save` and callbacks are then Keras' own. Logged:

        loss                what is minimised (by `evaluate`: nll + beta * kl, also for
                            a decoder whose training weighs the likelihood otherwise)
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
        **kwargs: `name` and `dtype` of `keras.Model`.

    Raises:
        ValueError: if `beta` or `seed` is negative, or `max_gradient_norm` not
            positive.
    """

    def __init__(
        self,
        decoder="optimal_sigma",
        beta=1.0,
        max_gradient_norm=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if max_gradient_norm is not None and not max_gradient_norm > 0.0:
            raise ValueError(
                f"`max_gradient_norm` must be positive, got {max_gradient_norm!r}."
            )
        if seed is not None:
            check_at_least("seed", seed, 0)
        self.beta = beta
        self.max_gradient_norm = max_gradient_norm
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed, name="seed_generator")
        self.weight_seeds = WeightSeeds(self.seed_generator.initial_seed)
        self.decoder = decoders.get(decoder)
        names = ["loss", "nll", "kl", "mse"]
        if self.decoder.measure is not None:
            names.append("bits_per_dim")
        if self.decoder.measure == "density":
            names.append("bits_per_dim_mass")
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        self._log_likelihood = tf.function(self._log_mean_weight, reduce_retracing=True)

    @property
    def beta(self):
        """Weight of the KL term; a new one holds from the next step on."""
        return self._beta

    @beta.setter
    def beta(self, value):
        if not 0.0 <= value < math.inf:
            raise ValueError(f"`beta` must not be negative or infinite, got {value!r}.")
        self._beta = value
        # The compiled steps hold the old weight as a constant.
        if getattr(self, "train_function", None) is not None:
            self.make_train_function(force=True)
        if getattr(self, "test_function", None) is not None:
            self.make_test_function(force=True)

    @abc.abstractmethod
    def elbo_terms(self, inputs, training: bool) -> ElboTerms:
        """Scores a batch; the one thing about training that a subclass writes."""

    @abc.abstractmethod
    def call(self, inputs, training=False):
        """Reconstruction of the inputs, a tensor."""

    def likelihood(self, raw, target=None, training=False):
        """p(x | z) of what the generator gives, before the decoder's activation.

        Args:
            raw: float tensor, `decoder.params_size` channels last.
            target: what the decoder may fit its sigma to. Defaults to `None`.
            training: bool. Defaults to `False`.

        Returns:
            The decoder's distribution.
        """
        params = self.decoder.activate(raw)
        return self.decoder(params, target=target, training=training)

    @staticmethod
    def draw(distribution, noise):
        """A sample of a normal distribution by noise from N(0, 1), differentiable."""
        return distribution.mean() + distribution.stddev() * noise

    def compile(
        self,
        optimizer="adam",
        *,
        jit_compile="auto",
        steps_per_execution=1,
        run_eagerly=False,
        auto_scale_loss=True,
        **kwargs,
    ):
        """Configures training. The loss is the ELBO, so none is given.

        Args:
            optimizer: Keras optimizer or its name. Defaults to `"adam"`.
            jit_compile: bool or `"auto"`: XLA on a GPU, none on a CPU (where it is
                slower). Switched off under a multi-device strategy, with a warning.
            steps_per_execution: int, training steps in one graph call. Defaults to `1`.
            run_eagerly: bool, for debugging. Defaults to `False`.
            auto_scale_loss: bool, loss scaling under float16. Defaults to `True`.
            **kwargs: none; there to explain what is not taken.

        Raises:
            TypeError: if a loss or metrics are given.
        """
        if any(value is not None for value in kwargs.values()):
            raise TypeError(
                f"`compile` of a variational model takes no {sorted(kwargs)}: its loss "
                "is the negative ELBO, and it logs its own metrics. Weigh the KL term "
                "by `beta`, choose the likelihood by `decoder`."
            )
        if (
            jit_compile is True
            and tf.distribute.get_strategy().num_replicas_in_sync > 1
        ):
            warnings.warn(
                "`jit_compile=True` does not work with tf.distribute strategies of "
                "several devices (TensorFlow); training without XLA.",
                stacklevel=2,
            )
            jit_compile = False
        super().compile(
            optimizer=optimizer,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
            auto_scale_loss=auto_scale_loss,
        )
        self._jit_compile_argument = jit_compile

    def get_compile_config(self):
        # "auto" is for the machine that loads the model to resolve.
        config = super().get_compile_config()
        return config and {**config, "jit_compile": self._jit_compile_argument}

    def compile_from_config(self, config):
        names = ("optimizer", "jit_compile", "steps_per_execution", "run_eagerly")
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**{name: config[name] for name in names if name in config})
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self):
        """The ELBO's figures, then the metrics that a subclass made."""
        # Keras' own "loss" belongs to a compiled loss, and there is none.
        mine = self._means["loss"]
        return [m for m in super().metrics if m.name != "loss" or m is mine]

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        sigma = self.decoder.sigma
        if sigma is not None:
            # Root mean square: one figure also where every channel has its own.
            logs["sigma"] = tf.sqrt(tf.reduce_mean(tf.square(sigma)))
        return logs

    def train_step(self, data):
        inputs = self._inputs(data)
        with tf.GradientTape() as tape:
            terms = self.elbo_terms(inputs, training=True)
            nll = terms.nll
            objective = self.decoder.objective(nll, terms.likelihood, terms.target)
            losses = self._example_losses(objective, terms)
            loss = self.optimizer.scale_loss(_share_of_mean(losses))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(self._clipped(gradients), self.trainable_weights)
        logs = self._record(losses, nll, terms)
        # Two cumulative distributions a pixel are for evaluation alone.
        logs.pop("bits_per_dim_mass", None)
        return logs

    def test_step(self, data):
        terms = self.elbo_terms(self._inputs(data), training=False)
        nll = terms.nll
        if "bits_per_dim_mass" in self._means:
            nats = terms.kl - terms.likelihood.log_mass(terms.target)
            bits = nats_to_bits_per_dim(nats, terms.num_dims, density=False)
            self._means["bits_per_dim_mass"].update_state(bits)
        return self._record(self._example_losses(nll, terms), nll, terms)

    def _clipped(self, gradients):
        if self.max_gradient_norm is None:
            return gradients
        # Under float16 the gradients come scaled, like the loss.
        limit = self.optimizer.scale_loss(
            tf.constant(self.max_gradient_norm, tf.float32)
        )
        return tf.clip_by_global_norm(gradients, limit)[0]

    def _inputs(self, data):
        inputs = only_inputs(data)
        if not self.built:
            # Keras counts a model as built once it was called, which training never
            # does; without it there is no saving of weights.
            self(inputs)
        return inputs

    def _example_losses(self, nll, terms):
        penalties = tf.add_n(self.losses) if self.losses else 0.0
        return nll + self.beta * terms.kl + penalties

    def _record(self, losses, nll, terms):
        values = {
            "loss": losses,
            "nll": nll,
            "kl": terms.kl,
            "mse": terms.squared_error,
        }
        if "bits_per_dim" in self._means:
            bits = self.decoder.bits_per_dim(nll + terms.kl, terms.num_dims)
            values["bits_per_dim"] = bits
        for name, value in values.items():
            self._means[name].update_state(value)
        return self.get_metrics_result()

    def importance_sampler(self, inputs):
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

    def log_likelihood(
        self, inputs, num_importance_samples=1, seed=None, batch_size=32
    ) -> tf.Tensor:
        """A lower bound on log p(x), tighter with every importance sample.

            log 1/K * sum over k of p(x, z_k) / q(z_k | x),   z_k ~ q(z | x)

        Its expectation is the ELBO at K = 1, grows with K and tends to log p(x). The
        samples are drawn one after the other: memory does not grow with K.

        Args:
            inputs: examples, as `fit` takes them (arrays, not datasets).
            num_importance_samples: int >= 1, K. Defaults to `1`.
            seed: int; the same call (with the same `batch_size`) and the same seed give
                the same figures. Defaults to `None`, drawn from the model's own
                generator.
            batch_size: int, examples in memory at a time. Defaults to `32`.

        Returns:
            float32 `[B]` in nats per example: a log density or a log probability, as
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
        return log_mean_weight(draw, num_samples, batch_size, key)

    def recalibrate(self, dataset, steps=None) -> float:
        """Sets the running sigma to the error of the model as it is now.

        One pass over training data in evaluation mode (moving averages of batch norm,
        no weight changes): sigma**2 becomes the mean squared error of reconstructions
        from posterior samples. Meant for the end of training, where the running
        average still remembers older, worse weights.

        Args:
            dataset: `tf.data.Dataset` of training batches, or an array.
            steps: int, how many batches; needed for an endless dataset. Defaults to
                `None`, all of them.

        Returns:
            float, the new sigma (root mean square where channels have their own).

        Raises:
            TypeError: if the decoder has no running sigma.
            ValueError: if there is no batch, or `steps` is missing where it is needed.
        """
        return recalibrate(self, dataset, steps)

    def export_endpoints(self) -> dict:
        """Endpoints for `export_saved_model`: name -> (function, input signature)."""
        raise NotImplementedError(
            f"{type(self).__name__} must write `export_endpoints` to be exported."
        )

    def get_config(self):
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "beta": self.beta,
            "max_gradient_norm": self.max_gradient_norm,
            "seed": self.seed,
        }


def _share_of_mean(losses):
    """This replica's share of the mean over all examples of the batch.

    Optimizers sum gradients over replicas. The last batch of an epoch may give them
    different numbers of examples, or none at all, whose own mean would be NaN.
    """
    num_examples = tf.shape(losses)[0]
    replica = tf.distribute.get_replica_context()
    if replica is not None and replica.num_replicas_in_sync > 1:
        num_examples = replica.all_reduce(tf.distribute.ReduceOp.SUM, num_examples)
    return tf.reduce_sum(losses) / tf.cast(num_examples, losses.dtype)
