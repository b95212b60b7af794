"""The step whose loss is the negative ELBO, and its figures."""

import contextlib
import contextvars
import math
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.machines import is_of_several_machines
from tfsigmavae.math import nats_to_bits_per_dim
from tfsigmavae.models.batches import inputs_and_weights
from tfsigmavae.models.kl_weight import KLWeight
from tfsigmavae.models.step_guard import StepGuard

# Of the step in progress, and not of the model: replicas of a strategy run the steps of
# one model in threads of their own.
_WEIGHTS = contextvars.ContextVar("sample_weight", default=(None, None))


@contextlib.contextmanager
def _weighing(model, sample_weight):
    token = _WEIGHTS.set((model, sample_weight))
    try:
        yield
    finally:
        _WEIGHTS.reset(token)


class ElboStep(keras.Model):
    """Training and evaluation of one batch, for `ElboTrainer`.

    Examples may have weights: loss and logs are then weighted means over the batch,
    sum(w * loss) / sum(w), and so is the error that sigma is fitted to.
    """

    def _start_logging(self):
        """Makes the metrics; the decoder must be there."""
        names = ["loss", "nll", "kl", "mse"]
        if self.decoder.measure is not None:
            names.append("bits_per_dim")
        if self.decoder.measure == "density":
            names.append("bits_per_dim_mass")
        dtype = self.decoder.compute_dtype
        self._seen = None  # the last batch, as a nest of `tf.TensorSpec`
        self._means = {name: keras.metrics.Mean(name, dtype) for name in names}
        self._kl_weight = KLWeight(dtype)
        self._guard = StepGuard()
        self._example_shapes = None  # of the last `fit`

    @property
    def beta(self) -> float:
        """Weight of the KL term; a new one holds from the next step on.

        Nothing is compiled again for it.
        """
        return self._beta

    @beta.setter
    def beta(self, value: float) -> None:
        if not 0.0 <= value < math.inf:
            raise ValueError(f"`beta` must not be negative or infinite, got {value!r}.")
        self._beta = value
        self._kl_weight.beta.assign(value)

    def anneal_kl(self, share: float) -> None:
        """Weighs the KL term by `share * beta` in the training steps of this `fit`.

        `callbacks.KLAnnealing` does it by a schedule. Evaluation has the whole `beta`.

        Args:
            share: float in [0, 1].
        """
        self._kl_weight.share.assign(share)

    @property
    def sample_weight(self) -> tf.Tensor | None:
        """Weights `[B]` of the examples that a step scores, or `None`.

        For metrics that a subclass updates in `elbo_terms`.
        """
        model, sample_weight = _WEIGHTS.get()
        # A model that this one is a part of weighs its own loss.
        return sample_weight if model is self else None

    @property
    def metrics(self) -> list:
        """The ELBO's figures, then the metrics that a subclass made."""
        # Keras' own "loss" belongs to a compiled loss, and there is none.
        mine = self._means["loss"]
        return [m for m in super().metrics if m.name != "loss" or m is mine]

    def get_metrics_result(self) -> dict[str, Any]:
        logs = super().get_metrics_result()
        # Two cumulative distributions a pixel are for evaluation alone. Keras takes
        # these logs, summed over replicas, where their names are those of a step's.
        mass = self._means.get("bits_per_dim_mass")
        if mass is not None and tf.executing_eagerly() and not np.any(mass.count):
            del logs["bits_per_dim_mass"]
        # Where every step was undone there is no figure: not 0, which is that of
        # examples without weight.
        was_undone = tf.convert_to_tensor(self._guard.in_row) > 0
        for name, mean in self._means.items():
            if name in logs:
                empty = tf.equal(tf.convert_to_tensor(mean.count), 0)
                nothing = tf.constant(np.nan, logs[name].dtype)
                logs[name] = tf.where(was_undone & empty, nothing, logs[name])
        sigma = self.decoder.sigma
        if sigma is not None:
            # Root mean square: one figure also where every channel has its own.
            logs["sigma"] = tf.sqrt(tf.reduce_mean(tf.square(sigma)))
        return logs

    def train_step(self, data: Any) -> dict[str, Any]:
        inputs, weights = self._unpacked(data)
        metrics = [v for metric in self.metrics for v in metric.variables]
        keep_state = self._guard.remember(self.non_trainable_weights)
        keep_scores = self._guard.remember(metrics)
        with _weighing(self, weights), tf.GradientTape() as tape:
            terms = _checked(self.elbo_terms(inputs, training=True))
            nll = terms.nll
            objective = self.decoder.objective(nll, terms.likelihood, terms.target)
            losses = self._example_losses(objective, terms, training=True)
            loss = self.optimizer.scale_loss(_share_of_mean(losses, weights))
        if self.trainable_weights:
            gradients = tape.gradient(loss, self.trainable_weights)
            gradients, norm = self._clipped(gradients)
        else:
            warnings.warn("The model has no trainable weights.", stacklevel=2)
            gradients, norm = [], None
        is_good = self._guard.judge(inputs, terms, losses, gradients, norm)
        self._apply(gradients, is_good)
        keep_state(is_good)
        self._record(losses, nll, terms, weights)
        # Of a step that float16 leaves out the loss is good.
        keep_scores(tf.math.is_finite(tf.reduce_sum(losses)))
        logs = self.get_metrics_result()
        logs.pop("bits_per_dim_mass", None)
        return _reducible(logs)

    def _apply(self, gradients, is_good):
        """Takes the optimizer's step if it is good."""
        optimizer, weights = self.optimizer, self.trainable_weights
        if not gradients:
            return
        if not optimizer.built:
            with tf.init_scope():
                optimizer.build(weights)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # It leaves steps out itself, and lowers the scale, where a gradient is not
            # finite: also that of a replica whose own are, if another one's are not.
            marked = _where(is_good, gradients, np.inf)
            optimizer.apply(marked, weights)
        elif tf.distribute.has_strategy():
            # Replicas, also a single one, cannot meet within a condition.
            kept = _where(is_good, gradients, 0.0)
            optimizer.apply(kept, weights)
        else:
            tf.cond(is_good, lambda: optimizer.apply(gradients, weights), lambda: None)

    def test_step(self, data: Any) -> dict[str, Any]:
        inputs, weights = self._unpacked(data)
        with _weighing(self, weights):
            terms = _checked(self.elbo_terms(inputs, training=False))
        nll = terms.nll
        if "bits_per_dim_mass" in self._means:
            nats = terms.kl - terms.likelihood.log_mass(terms.target)
            bits = nats_to_bits_per_dim(nats, terms.num_dims, density=False)
            self._means["bits_per_dim_mass"].update_state(bits, weights)
        losses = self._example_losses(nll, terms, training=False)
        self._record(losses, nll, terms, weights)
        return _reducible(self.get_metrics_result())

    def _clipped(self, gradients):
        """Bounded gradients and their norm before, `None` where nothing bounds it."""
        if self.max_gradient_norm is None:
            return gradients, None
        # Under float16 the gradients come scaled, like the loss.
        dtype = self.decoder.compute_dtype
        limit = self.optimizer.scale_loss(tf.constant(self.max_gradient_norm, dtype))
        # Under a policy such as bfloat16 weights are of several dtypes.
        there = [tf.cast(g, dtype) for g in gradients if g is not None]
        norm = tf.linalg.global_norm(there)
        return tf.clip_by_global_norm(gradients, limit, use_norm=norm)[0], norm

    def _unpacked(self, data):
        inputs, weights = inputs_and_weights(data)
        # Private: Keras does it when a model is called, which training does without.
        self._clear_losses()
        self._seen = tf.nest.map_structure(_with_free_batch, inputs)
        if not self.built:
            # Keras counts a model as built once it was called, which training never
            # does; without it there is no saving of weights.
            self(inputs)
        if weights is not None:
            weights = tf.cast(weights, self.decoder.compute_dtype)
        return inputs, weights

    def _example_losses(self, nll, terms, training):
        if nll.shape.rank != 1:
            raise ValueError(
                "The likelihood of `elbo_terms` must have batch shape [B], one event "
                f"for each example, got {nll.shape}: leave `event_rank` of the decoder "
                "at None."
            )
        penalties = tf.add_n(self.losses) if self.losses else 0.0
        return (
            nll + self._kl_weight(training) * terms.kl + tf.cast(penalties, nll.dtype)
        )

    def _record(self, losses, nll, terms, weights):
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
            self._means[name].update_state(value, weights)


def _checked(terms):
    """The terms; a target that was not made float would fail far from here."""
    dtype = tf.convert_to_tensor(terms.target).dtype
    if not dtype.is_floating:
        raise TypeError(
            f"`target` of `ElboTerms` must be floating, got {dtype.name}: take "
            "`self.decoder.to_values(inputs)`, which makes pixels of uint8."
        )
    return terms


def _where(is_good, gradients, otherwise):
    """The gradients, or a number in their place."""
    dense = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    return [
        None if g is None else tf.where(is_good, g, tf.constant(otherwise, g.dtype))
        for g in dense
    ]


def _share_of_mean(losses, weights):
    """This replica's share of the weighted mean over all examples of the batch.

    Optimizers sum gradients over replicas. The last batch of an epoch may give them
    different numbers of examples, or none at all, whose own mean would be NaN.
    """
    weights = tf.ones_like(losses) if weights is None else weights
    total = tf.reduce_sum(weights)
    replica = tf.distribute.get_replica_context()
    if replica is not None and replica.num_replicas_in_sync > 1:
        total = replica.all_reduce(tf.distribute.ReduceOp.SUM, total)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * losses), total)


def _reducible(logs):
    """Logs of a step as Keras reduces them over replicas.

    Those of several machines it joins along an axis, which a number does not have.
    """
    if not is_of_several_machines(tf.distribute.get_strategy()):
        return logs
    return {name: tf.reshape(value, [1]) for name, value in logs.items()}


def _with_free_batch(inputs):
    inputs = tf.convert_to_tensor(inputs)
    return tf.TensorSpec([None, *inputs.shape[1:]], inputs.dtype)
