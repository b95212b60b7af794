"""Training, evaluation and logging shared by every model with latent variables."""

import math
import typing
import warnings

import keras
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.math import nats_to_bits_per_dim


class ElboTerms(typing.NamedTuple):
    """What a model says of one batch; everything in nats per example.

    Attributes:
        nll: `[B]`, `-log p(x | z)` summed over pixels, channels and time.
        kl: `[B]`, the rate, KL(q(z | x) || p(z)) summed over latents and time.
        squared_error: `[B]`, mean over the pixels of `(x - mean of p(x | z))**2`.
        num_dims: number of scored pixels times channels (times frames) per example.
    """

    nll: tf.Tensor
    kl: tf.Tensor
    squared_error: tf.Tensor
    num_dims: int


class VariationalModel(keras.Model):
    """Base of the models: a `keras.Model` whose loss is the negative ELBO.

    loss = mean over the batch of (nll + beta * kl)

    with `nll` and `kl` in nats per example: sums over pixels, channels, time and
    latents. With a calibrated decoder `beta=1` is right, and nothing is tuned.

    A subclass sets `self.decoder` by the constructor and writes `elbo_terms` and `call`
    (inputs -> reconstruction, a tensor). `compile`, `fit`, `evaluate`, `predict`,
    `save` and callbacks are then Keras' own. Logged: `loss`, `nll`, `kl`, `mse`,
    `bits_per_dim`, `sigma` where the decoder has one, and every `keras.metrics.Metric`
    that the subclass makes in its constructor and updates in `elbo_terms`. `evaluate`
    uses the sigma that training left behind, never one fitted to the evaluation data.

    Args:
        decoder: name, `Decoder` or its configuration, see `tfsigmavae.decoders.get`.
        beta: float >= 0, weight of the KL term. Defaults to `1.0`.
        seed: int or `None`. Seeds the initial weights and all noise drawn in training.
            Defaults to `None`, a fresh seed.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Raises:
        ValueError: if `beta` is negative.
    """

    def __init__(self, decoder="optimal_sigma", beta=1.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta
        self.seed = seed
        self.seed_generator = _SeedGenerator(seed, name="seed_generator")
        self.decoder = decoders.get(decoder)
        self._means = {
            name: keras.metrics.Mean(name=name)
            for name in ("loss", "nll", "kl", "mse", "bits_per_dim")
        }

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

    def elbo_terms(self, inputs, training: bool) -> ElboTerms:
        """Scores a batch; the one thing about training that a subclass writes."""
        raise NotImplementedError(
            "A VariationalModel subclass must write `elbo_terms`."
        )

    def call(self, inputs, training=False):
        raise NotImplementedError("A VariationalModel subclass must write `call`.")

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
            losses = self._example_losses(terms)
            loss = self.optimizer.scale_loss(_share_of_mean(losses))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        return self._record(terms, losses)

    def test_step(self, data):
        terms = self.elbo_terms(self._inputs(data), training=False)
        return self._record(terms, self._example_losses(terms))

    def _inputs(self, data):
        inputs = _only_inputs(data)
        if not self.built:
            # Keras counts a model as built once it was called, which training never
            # does; without it there is no saving of weights.
            self(inputs)
        return inputs

    def _example_losses(self, terms):
        penalties = tf.add_n(self.losses) if self.losses else 0.0
        return terms.nll + self.beta * terms.kl + penalties

    def _record(self, terms, losses):
        values = {
            "loss": losses,
            "nll": terms.nll,
            "kl": terms.kl,
            "mse": terms.squared_error,
            "bits_per_dim": nats_to_bits_per_dim(
                terms.nll + terms.kl, terms.num_dims, density=self.decoder.is_density
            ),
        }
        for name, value in values.items():
            self._means[name].update_state(value)
        return self.get_metrics_result()

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


class _SeedGenerator(keras.random.SeedGenerator):
    """Keras' own, with other noise on every replica of a `tf.distribute` strategy."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return seed
        # The first number is the key, the second counts the draws.
        number = tf.cast(replica.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([0x9E3779B9 * number, tf.zeros_like(number)])


def _only_inputs(data):
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
    if targets is not None or weights is not None:
        raise ValueError(
            "A variational model predicts its own input: pass `fit(x)` or a dataset of "
            "inputs, without targets or sample weights."
        )
    return inputs
