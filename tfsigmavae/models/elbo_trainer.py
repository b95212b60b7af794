"""A Keras model whose loss is the negative ELBO: how it is trained and evaluated."""

import contextlib
import contextvars
import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.math import nats_to_bits_per_dim
from tfsigmavae.models.batches import (
    check_no_class_weight,
    check_no_list,
    check_no_targets,
    example_shapes,
    inputs_and_weights,
    no_targets,
)
from tfsigmavae.models.kl_weight import KLWeight
from tfsigmavae.models.step_guard import StepGuard, StopOnBadSteps
from tfsigmavae.processor import lacks_bfloat16

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


class ElboTrainer(keras.Model):
    """The verbs of Keras for a loss that is the negative ELBO.

    A `VariationalModel` says what it is; here is how `compile`, `fit` and `evaluate`
    treat it. Examples may have weights: loss and logs are then weighted means over the
    batch, sum(w * loss) / sum(w), and so is the error that sigma is fitted to.
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
    def beta(self):
        """Weight of the KL term; a new one holds from the next step on.

        Nothing is compiled again for it.
        """
        return self._beta

    @beta.setter
    def beta(self, value):
        if not 0.0 <= value < math.inf:
            raise ValueError(f"`beta` must not be negative or infinite, got {value!r}.")
        self._beta = value
        self._kl_weight.beta.assign(value)

    def anneal_kl(self, share):
        """Weighs the KL term by `share * beta` in the training steps of this `fit`.

        `callbacks.KLAnnealing` does it by a schedule. Evaluation has the whole `beta`.

        Args:
            share: float in [0, 1].
        """
        self._kl_weight.share.assign(share)

    @property
    def sample_weight(self):
        """Weights `[B]` of the examples that a step scores, or `None`.

        For metrics that a subclass updates in `elbo_terms`.
        """
        model, sample_weight = _WEIGHTS.get()
        # A model that this one is a part of weighs its own loss.
        return sample_weight if model is self else None

    def compile(
        self,
        optimizer="adam",
        *refused,
        jit_compile="auto",
        steps_per_execution=1,
        run_eagerly=False,
        auto_scale_loss=True,
        max_bad_steps=20,
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
            max_bad_steps: int >= 1. A step whose loss or gradient is not finite is
                undone: weights, optimizer, batch statistics and sigma stay. So many in
                a row end `fit` by a `DivergedError`. (Replicas of a strategy take its
                gradient for zero, so that momentum goes on.) Defaults to `20`, more
                than float16 needs to find its scale.
            *refused, **kwargs: none; there to explain what is not taken.

        Raises:
            TypeError: if a loss or metrics are given, or no optimizer.
        """
        unknown = sorted(name for name, value in kwargs.items() if value)
        if refused or unknown:
            raise TypeError(
                f"`compile` of a variational model takes no {unknown or 'loss'}: its "
                "loss is the negative ELBO, and it logs its own metrics. Weigh the KL "
                "term by `beta`, choose the likelihood by `decoder`; a subclass may "
                "make more metrics, and update them in `elbo_terms`."
            )
        check_at_least("max_bad_steps", max_bad_steps, 1)
        if optimizer is None:
            raise TypeError('`optimizer` must be one, or its name such as "adam".')
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
        self._check_bfloat16()
        super().compile(
            optimizer=optimizer,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
            auto_scale_loss=auto_scale_loss,
        )
        self._jit_compile_argument = jit_compile
        self._max_bad_steps = max_bad_steps

    def _check_bfloat16(self):
        is_half = self.dtype_policy.compute_dtype == "bfloat16"
        if is_half and lacks_bfloat16() and not tf.config.list_physical_devices("GPU"):
            warnings.warn(
                "This processor has no unit for bfloat16, and will be several times "
                'slower than in float32: leave `dtype` at "float32" here.',
                stacklevel=3,
            )

    def get_compile_config(self):
        # "auto" is for the machine that loads the model to resolve.
        config = super().get_compile_config()
        return config and {
            **config,
            "jit_compile": self._jit_compile_argument,
            "max_bad_steps": self._max_bad_steps,
        }

    def compile_from_config(self, config):
        names = ["optimizer", "jit_compile", "steps_per_execution", "run_eagerly"]
        names.append("max_bad_steps")
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**{name: config[name] for name in names if name in config})
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """Trains as `keras.Model.fit` does, on inputs alone.

        Args:
            x: inputs, a dataset, `PyDataset` or generator of them; a dataset of
                `(inputs, None, sample_weight)` weighs its examples.
            validation_data: inputs or a dataset of them; arrays may be `(inputs,)` or
                `(inputs, None, sample_weight)`.
            sample_weight: `[N]`, weights of the examples of arrays.
            y, class_weight: refused, with the reason.
            batch_size, epochs, verbose, callbacks, validation_split, shuffle,
                **kwargs: see `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: if there are targets or weights of classes.
        """
        check_no_list(x)
        check_no_targets(y)
        check_no_class_weight(class_weight)
        if isinstance(validation_data, (tuple, list)):
            inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(
                tuple(validation_data)
            )
            check_no_targets(targets)
            validation_data = inputs, no_targets(inputs, weights), weights
        self._trace_anew(x)
        guard = StopOnBadSteps(self._guard, self._max_bad_steps)
        try:
            return super().fit(
                x,
                no_targets(x, sample_weight),
                batch_size,
                epochs,
                verbose,
                _first(guard, callbacks),
                validation_split,
                validation_data,
                shuffle,
                sample_weight=sample_weight,
                **kwargs,
            )
        finally:
            self.anneal_kl(1.0)  # also after an error, where callbacks are not asked

    def _trace_anew(self, x):
        """Where examples of a shape come that no step was traced for.

        TensorFlow would trace a step for every shape then, whose errors are of shapes
        that it does not know. Clips may have another length (axis 1).
        """
        shapes = example_shapes(x)
        if self._example_shapes not in (None, shapes) and shapes is not None:
            self.train_function = self.test_function = None
        self._example_shapes = shapes or self._example_shapes

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Private: under a strategy Keras takes a batch, and the means of its pixels
        # over all machines, to find shapes that a model which is built does not need.
        if not self.built:
            super()._maybe_symbolic_build(iterator, data_batch)
        elif self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        **kwargs,
    ):
        """Evaluates as `keras.Model.evaluate` does, on inputs alone; see `fit`."""
        check_no_list(x)
        # Keras passes the targets on that `fit` put in the place of none.
        if getattr(y, "shape", [None])[-1:] != (0,):
            check_no_targets(y)
            y = no_targets(x, sample_weight)
        return super().evaluate(
            x, y, batch_size, verbose, sample_weight=sample_weight, **kwargs
        )

    def predict(self, x, *args, **kwargs):
        """Reconstructs as `keras.Model.predict` does; see `fit`."""
        check_no_list(x)
        return super().predict(x, *args, **kwargs)

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, **kwargs
    ):
        """Takes one step as `keras.Model.train_on_batch` does; see `fit`."""
        check_no_targets(y)
        check_no_class_weight(class_weight)
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Scores one batch as `keras.Model.test_on_batch` does; see `fit`."""
        check_no_targets(y)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    @property
    def metrics(self):
        """The ELBO's figures, then the metrics that a subclass made."""
        # Keras' own "loss" belongs to a compiled loss, and there is none.
        mine = self._means["loss"]
        return [m for m in super().metrics if m.name != "loss" or m is mine]

    def get_metrics_result(self):
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
                logs[name] = tf.where(was_undone & empty, np.nan, logs[name])
        sigma = self.decoder.sigma
        if sigma is not None:
            # Root mean square: one figure also where every channel has its own.
            logs["sigma"] = tf.sqrt(tf.reduce_mean(tf.square(sigma)))
        return logs

    def train_step(self, data):
        inputs, weights = self._unpacked(data)
        metrics = [v for metric in self.metrics for v in metric.variables]
        keep_state = self._guard.remember(self.non_trainable_weights)
        keep_scores = self._guard.remember(metrics)
        with _weighing(self, weights), tf.GradientTape() as tape:
            terms = self.elbo_terms(inputs, training=True)
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
            # It leaves such steps out itself, and lowers the scale.
            optimizer.apply(gradients, weights)
        elif tf.distribute.has_strategy():
            # Replicas, also a single one, cannot meet within a condition.
            kept = [g if g is None else tf.where(is_good, g, 0) for g in gradients]
            optimizer.apply(kept, weights)
        else:
            tf.cond(is_good, lambda: optimizer.apply(gradients, weights), lambda: None)

    def test_step(self, data):
        inputs, weights = self._unpacked(data)
        with _weighing(self, weights):
            terms = self.elbo_terms(inputs, training=False)
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


def _first(callback, others):
    """All callbacks as `fit` takes them; it sees the logs before the others."""
    if isinstance(others, keras.callbacks.CallbackList):
        others.callbacks.insert(0, callback)
        callback.set_model(others.model)
        callback.set_params(others.params)
        return others
    return [callback, *tf.nest.flatten(others or [])]


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
    kind = tf.distribute.MultiWorkerMirroredStrategy
    if not isinstance(tf.distribute.get_strategy(), kind):
        return logs
    return {name: tf.reshape(value, [1]) for name, value in logs.items()}


def _with_free_batch(inputs):
    inputs = tf.convert_to_tensor(inputs)
    return tf.TensorSpec([None, *inputs.shape[1:]], inputs.dtype)
