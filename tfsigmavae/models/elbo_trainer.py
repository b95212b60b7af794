"""A Keras model whose loss is the negative ELBO: how it is trained and evaluated."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfsigmavae.checks import check_at_least, in_plain_words
from tfsigmavae.models.batches import (
    check_no_class_weight,
    check_no_list,
    check_no_targets,
    example_shapes,
    no_targets,
)
from tfsigmavae.models.elbo_step import ElboStep
from tfsigmavae.models.step_guard import StopOnBadSteps
from tfsigmavae.processor import lacks_bfloat16
from tfsigmavae.typing import Array, Batch, Data


class ElboTrainer(ElboStep):
    """The verbs of Keras for a loss that is the negative ELBO.

    A `VariationalModel` says what it is; here is how `compile`, `fit` and `evaluate`
    treat it. Examples may have weights: loss and logs are then weighted means over the
    batch, sum(w * loss) / sum(w), and so is the error that sigma is fitted to.
    """

    _max_bad_steps = 20  # until `compile`, which `fit` asks for

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        *refused: Any,
        jit_compile: bool | Literal["auto"] = "auto",
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        auto_scale_loss: bool = True,
        max_bad_steps: int = 20,
        **kwargs: Any,
    ) -> None:
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

    def get_compile_config(self) -> Any:
        # "auto" is for the machine that loads the model to resolve.
        config = super().get_compile_config()
        return config and {
            **config,
            "jit_compile": self._jit_compile_argument,
            "max_bad_steps": self._max_bad_steps,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        names = ["optimizer", "jit_compile", "steps_per_execution", "run_eagerly"]
        names.append("max_bad_steps")
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**{name: config[name] for name in names if name in config})
        self.optimizer.build(self.trainable_variables)

    @in_plain_words()
    def fit(
        self,
        x: Data | None = None,
        y: None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Literal["auto"] | int = "auto",
        callbacks: Sequence[keras.callbacks.Callback]
        | keras.callbacks.Callback
        | keras.callbacks.CallbackList
        | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: None = None,
        sample_weight: Array | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
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
            tf.errors.InvalidArgumentError: if pixels are out of range.
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

    @in_plain_words()
    def evaluate(
        self,
        x: Data | None = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Literal["auto"] | int = "auto",
        sample_weight: Array | None = None,
        **kwargs: Any,
    ) -> Any:
        """Evaluates as `keras.Model.evaluate` does, on inputs alone; see `fit`."""
        check_no_list(x)
        # Keras passes the targets on that `fit` put in the place of none.
        if getattr(y, "shape", [None])[-1:] != (0,):
            check_no_targets(y)
            y = no_targets(x, sample_weight)
        return super().evaluate(
            x, y, batch_size, verbose, sample_weight=sample_weight, **kwargs
        )

    @in_plain_words()
    def predict(self, x: Data, *args: Any, **kwargs: Any) -> Any:
        """Reconstructs as `keras.Model.predict` does; see `fit`."""
        check_no_list(x)
        return super().predict(x, *args, **kwargs)

    @in_plain_words()
    def train_on_batch(
        self,
        x: Batch,
        y: Any = None,
        sample_weight: Array | None = None,
        class_weight: None = None,
        **kwargs: Any,
    ) -> Any:
        """Takes one step as `keras.Model.train_on_batch` does; see `fit`."""
        check_no_targets(y)
        check_no_class_weight(class_weight)
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    @in_plain_words()
    def predict_on_batch(self, x: Batch) -> Any:
        """Reconstructs one batch as `keras.Model.predict_on_batch` does."""
        return super().predict_on_batch(x)

    @in_plain_words()
    def test_on_batch(
        self, x: Batch, y: Any = None, sample_weight: Array | None = None, **kwargs: Any
    ) -> Any:
        """Scores one batch as `keras.Model.test_on_batch` does; see `fit`."""
        check_no_targets(y)
        return super().test_on_batch(x, y, sample_weight, **kwargs)


def _first(callback, others):
    """All callbacks as `fit` takes them; it sees the logs before the others."""
    if isinstance(others, keras.callbacks.CallbackList):
        others.callbacks.insert(0, callback)
        callback.set_model(others.model)
        callback.set_params(others.params)
        return others
    return [callback, *tf.nest.flatten(others or [])]
