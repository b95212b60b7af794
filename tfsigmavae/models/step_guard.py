"""Training steps that are not finite: undone, counted, and told."""

import warnings

import keras
import tensorflow as tf

# What may be the first thing that is not finite, in the order of a step.
_TERMS = ("nothing", "an input", "nll", "kl", "the loss", "a gradient")


class DivergedError(ValueError):
    """Training has diverged: weights, pixels or one step after the other."""


class StepGuard:
    """Undoes a step whose loss or gradient is not finite.

    Its weights, optimizer, batch statistics and sigma are then as before the step, and
    so are the metrics where the loss is not finite; the noise goes on. Like `KLWeight`
    it is in no saved file.

    Attributes:
        bad_steps: variable, how many steps were undone since `reset`.
        in_row: variable, how many of them were the last ones.
        most_in_row: variable, the most in a row since `reset`.
        term: variable, what was not finite in the last of them, see `term_name`.
    """

    def __init__(self):
        kind = {
            "trainable": False,
            "dtype": tf.int32,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        with tf.init_scope():
            self.bad_steps = tf.Variable(0, name="bad_steps", **kind)  # pyright: ignore[reportArgumentType]
            self.in_row = tf.Variable(0, name="bad_steps_in_row", **kind)  # pyright: ignore[reportArgumentType]
            self.most_in_row = tf.Variable(0, name="most_bad_steps_in_row", **kind)  # pyright: ignore[reportArgumentType]
            self.term = tf.Variable(0, name="bad_term", **kind)  # pyright: ignore[reportArgumentType]

    def reset(self):
        for variable in (self.bad_steps, self.in_row, self.most_in_row, self.term):
            variable.assign(0)

    @property
    def term_name(self) -> str:
        return _TERMS[_number(self.term)]

    @staticmethod
    def remember(variables):
        """What a step changes beside the weights; to be called before it.

        Args:
            variables: list of them.

        Returns:
            Function from a bool tensor, whether to keep what the step made of them,
            that puts them back where it is false.
        """
        values = [tf.identity(v) for v in variables]

        def keep(is_good):
            pairs = list(zip(variables, values, strict=True))
            if tf.distribute.has_strategy():  # replicas cannot meet in a condition
                for variable, value in pairs:
                    variable.assign(tf.where(is_good, variable, value))
                return

            def put_back():
                for variable, value in pairs:
                    variable.assign(value)

            tf.cond(is_good, lambda: None, put_back)

        return keep

    def judge(self, inputs, terms, losses, gradients, norm=None):
        """Counts the step, and tells whether it is good: on all replicas the same.

        Args:
            inputs: nest of tensors.
            terms: `ElboTerms`.
            losses: `[B]`.
            gradients: list of tensors or `None`.
            norm: their norm, where it is known. Defaults to `None`.

        Returns:
            bool tensor.
        """
        sums = [tf.reduce_sum(losses)]
        # A sum is finite if its numbers are, or as good as never otherwise.
        sums += [norm] if norm is not None else _sums(gradients)
        is_good = _all_finite(sums)
        if _is_one_of_several():
            replica = tf.distribute.get_replica_context()
            bad = 1.0 - tf.cast(is_good, tf.float32)
            bad = replica.all_reduce(tf.distribute.ReduceOp.SUM, bad)
            is_good = tf.equal(bad, 0.0)
        term = tf.cond(
            is_good,
            lambda: tf.constant(0),
            lambda: _first_bad(inputs, terms, losses),
        )
        bad = tf.cast(tf.logical_not(is_good), tf.int32)
        self.bad_steps.assign(self.bad_steps + bad)
        in_row = (self.in_row + bad) * bad
        self.in_row.assign(in_row)
        self.most_in_row.assign(tf.maximum(self.most_in_row, in_row))
        self.term.assign(tf.where(is_good, self.term, term))
        return is_good


class StopOnBadSteps(keras.callbacks.Callback):
    """Tells of steps that were undone, and ends training after too many in a row.

    Logs `bad_steps`, those of the epoch, where there are any.

    Args:
        guard: the model's `StepGuard`.
        most: int, so many bad steps in a row are too many.
    """

    model: keras.Model  # set by Keras before it calls anything

    def __init__(self, guard, most):
        super().__init__()
        self._guard = guard
        self._most = most
        self._told = False

    def on_train_begin(self, logs=None):
        self._guard.reset()
        self._steps = self._seen = 0

    def on_train_end(self, logs=None):
        # A few steps only, and the better part of them bad: too few for the limit.
        in_row = _number(self._guard.in_row)
        if in_row > 1 and 2 * in_row >= self._steps and not self._finds_its_scale():
            raise DivergedError(
                f"Training has diverged: the last {in_row} of {self._steps} steps were "
                f"not finite; the first that was not is {self._guard.term_name}. Lower "
                "the learning rate, or look at the data."
            )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._before = _number(self._guard.bad_steps)

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        # Of several steps in one execution the last one may be good.
        bad_steps = _number(self._guard.bad_steps)
        if bad_steps == self._seen:
            return
        self._seen = bad_steps
        in_row = _number(self._guard.most_in_row)
        where = f"step {batch + 1} of epoch {self._epoch + 1}"
        what = self._guard.term_name
        if in_row >= self._most:
            raise DivergedError(
                f"Training has diverged: {in_row} steps in a row up to {where} were "
                f"not finite; the first that was not, in the last of them, is {what}. "
                "The weights are those from before. "
                + (
                    "Look at the data there."
                    if what == "an input"
                    else "Lower the learning rate, or bound the gradient "
                    "(`max_gradient_norm`)."
                )
            )
        if not self._told and not self._finds_its_scale():
            self._told = True
            if self.model.steps_per_execution > 1:
                where = f"a step up to {where}"
            warnings.warn(
                f"{where.capitalize()} is undone: {what} is not finite. So is every "
                f"such step; `bad_steps` counts them, and {self._most} in a row end "
                "training.",
                stacklevel=2,
            )

    def _finds_its_scale(self):
        """Whether the last bad step is one of those by which float16 begins."""
        scales = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        return scales and self._guard.term_name == _TERMS[-1]

    def on_epoch_end(self, epoch, logs=None):
        bad = _number(self._guard.bad_steps) - self._before
        if bad and logs is not None:
            logs["bad_steps"] = bad


def _is_one_of_several():
    """Whether this is the step of one replica among others."""
    replica = tf.distribute.get_replica_context()
    return replica is not None and replica.num_replicas_in_sync > 1


def _number(variable):
    """As an int; a variable of several replicas is not one at once."""
    return int(tf.convert_to_tensor(variable))


def _sums(gradients):
    """One number for each gradient that is there; half precision would overflow."""
    there = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]
    there = [g for g in there if g is not None]
    return [
        tf.reduce_sum(tf.cast(g, tf.float32) if g.dtype.size < 4 else g) for g in there
    ]


def _all_finite(numbers):
    return tf.reduce_all([tf.math.is_finite(number) for number in numbers])


def _first_bad(inputs, terms, losses):
    """Its index in `_TERMS`; all that is finite leaves the gradient."""
    floats = [x for x in tf.nest.flatten(inputs) if tf.as_dtype(x.dtype).is_floating]
    groups = [floats, [terms.nll], [terms.kl], [losses]]
    are_bad = [tf.logical_not(_all_finite(_sums(group) or [0.0])) for group in groups]
    are_bad = tf.stack([tf.constant(False), *are_bad, tf.constant(True)])
    return tf.argmax(tf.cast(are_bad, tf.int32), output_type=tf.int32)
