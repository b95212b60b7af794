"""A step that is not finite changes nothing but the noise, and is counted."""

import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_svg_lp import random_clips, tiny_model
from tiny_vae import TinyVAE

from tfsigmavae import DivergedError, HierarchicalVAE, decoders
from tfsigmavae.callbacks import HistoryLog, read_history
from tfsigmavae.models import ElboTerms
from tfsigmavae.models.step_guard import StepGuard

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
IMAGES = np.random.default_rng(0).random((16, 4, 4, 1), dtype=np.float32)


class _Watch(keras.callbacks.Callback):
    """The whole state and the logs after every step, but for the noise's."""

    def on_train_begin(self, logs=None):
        self.states, self.logs = [self._state()], []

    def on_train_batch_end(self, batch, logs=None):
        self.states.append(self._state())
        self.logs.append({name: float(value) for name, value in logs.items()})

    def _state(self):
        variables = self.model.weights + self.model.optimizer.variables
        return {variable.path: np.array(variable) for variable in variables}


def _model(optimizer=None, jit_compile=False, run_eagerly=True, **kwargs):
    dtype = "float64" if kwargs.get("dtype") == "float64" else "float32"
    decoder = decoders.get("optimal_sigma", values="real", dtype=dtype)
    model = TinyVAE(seed=1, decoder=decoder, **kwargs)
    model.compile(
        optimizer or keras.optimizers.Adam(0.01),
        jit_compile=jit_compile,
        run_eagerly=run_eagerly,
    )
    model.optimizer.build(model.trainable_weights)
    return model


def _fit(model, images, **kwargs):
    watch = _Watch()
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, **kwargs}
    callbacks = [*options.pop("callbacks", []), watch]
    history = model.fit(images, callbacks=callbacks, **options).history
    return watch, history


def _changed(watch, step):
    """Paths of what a step has changed, counted from 0."""
    before, after = watch.states[step : step + 2]
    return [path for path in before if not np.array_equal(before[path], after[path])]


KINDS = {
    "eager": {},
    "graph": {"run_eagerly": False},
    "xla": {"run_eagerly": False, "jit_compile": True},
    "bounded": {"max_gradient_norm": 1.0},
    "accumulated": {
        "optimizer": lambda: keras.optimizers.Adam(gradient_accumulation_steps=2)
    },
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e25])
def test_a_bad_batch_changes_nothing(kind, value, recwarn):
    """The second of four; training goes on with the third."""
    if kind in ("graph", "xla") and value != np.inf:
        pytest.skip("one value shows it where steps are compiled")
    if kind == "float64" and np.isfinite(value):
        pytest.skip("its square is finite in float64")
    options = dict(KINDS[kind])
    if "optimizer" in options:
        options["optimizer"] = options["optimizer"]()
    images = IMAGES.astype(options.get("dtype", "float32"))
    images[5, 1, 2, 0] = value
    watch, history = _fit(_model(**options), images)
    assert _changed(watch, 0) and _changed(watch, 2)
    assert not _changed(watch, 1)
    assert watch.logs[1] == watch.logs[0]
    assert history["bad_steps"] == [1]
    assert all(np.isfinite(v).all() for v in watch.states[-1].values())
    told = [str(w.message) for w in recwarn if "undone" in str(w.message)]
    what = "nll" if np.isfinite(value) else "an input"
    (message,) = told
    assert message.startswith(f"Step 2 of epoch 1 is undone: {what} is not finite.")


def test_good_steps_are_what_they_were_and_say_nothing(recwarn):
    """The same weights as by Keras' optimizer on the same gradients, unguarded."""
    watch, history = _fit(_model(), IMAGES)
    assert "bad_steps" not in history
    assert not [w for w in recwarn if "undone" in str(w.message)]
    other = _model()
    optimizer = keras.optimizers.Adam(0.01)
    for batch in np.split(IMAGES, 4):
        with tf.GradientTape() as tape:
            terms = other.elbo_terms(batch, training=True)
            loss = tf.reduce_mean(terms.nll + terms.kl)
        gradients = tape.gradient(loss, other.trainable_weights)
        optimizer.apply(gradients, other.trainable_weights)
    for mine, variable in zip(watch.model.weights, other.weights, strict=True):
        np.testing.assert_allclose(mine, variable, rtol=1e-6, atol=1e-7)


class _Poisoned(TinyVAE):
    """One term is not finite in every second step."""

    poison = "nll"

    def elbo_terms(self, inputs, training):
        terms = super().elbo_terms(inputs, training)
        if not training or self.optimizer.iterations % 2 == 0:
            return terms
        bad = tf.constant(np.nan)
        kl = terms.kl
        if self.poison == "kl":
            kl = kl + bad
        if self.poison == "gradient":  # of a root at zero; its value is finite
            kl = kl + tf.sqrt(0.0 * kl)
        if self.poison == "penalty":
            self.add_loss(bad)
        return ElboTerms(terms.likelihood, terms.target, kl)


@pytest.mark.parametrize(
    "poison, name",
    [("kl", "kl"), ("penalty", "the loss"), ("gradient", "a gradient")],
)
def test_the_first_term_that_is_not_finite_is_named(poison, name):
    model = _Poisoned(seed=1)
    model.poison = poison
    model.compile("adam", run_eagerly=True)
    # It never gets beyond the second step: the optimizer does not count bad ones.
    with pytest.warns(UserWarning, match=f"Step 2 of epoch 1 is undone: {name} is"):
        with pytest.raises(DivergedError, match=f"last 3 of 4 steps .* is {name}"):
            _fit(model, IMAGES)
    assert int(model.optimizer.iterations) == 1


def test_too_many_in_a_row_end_training_with_the_weights_from_before():
    images = np.concatenate([IMAGES, np.full([16, 4, 4, 1], np.nan, np.float32)])
    model = _model()
    model.compile("adam", run_eagerly=True, max_bad_steps=3)
    message = "3 steps in a row up to step 7 of epoch 1.*is an input.*Look at the data"
    with pytest.warns(UserWarning, match="undone"):
        with pytest.raises(DivergedError, match=message):
            _fit(model, images)
    assert int(model.optimizer.iterations) == 4
    assert all(np.isfinite(v).all() for v in model.get_weights())
    # Bad ones that good ones follow are no end, and the next `fit` counts anew.
    images[[19, 27]] = 0.5
    with pytest.warns(UserWarning, match="undone"):
        _, history = _fit(model, images[[*range(18), *range(18)]], batch_size=2)
    assert history["bad_steps"] == [2]


def test_bad_steps_are_counted_in_a_row_and_within_one_fit():
    """The first and the last of four: in two fits the last and the next meet."""
    images = IMAGES.copy()
    images[[0, 15]] = np.nan
    model = _model()
    model.compile("adam", run_eagerly=True, max_bad_steps=2)
    for _ in range(2):
        with pytest.warns(UserWarning, match="undone"):
            _, history = _fit(model, images)
        assert history["bad_steps"] == [2]


def test_several_steps_in_one_execution_hide_none():
    model = TinyVAE(decoder=decoders.OptimalSigma(values="real"), seed=0)
    model.compile(keras.optimizers.SGD(1e-4), steps_per_execution=2)
    images = np.random.default_rng(0).random([8, 4, 4, 1]).astype(np.float32)
    images[0] = np.nan  # the first step of two
    with pytest.warns(UserWarning, match="A step up to step 2 .*an input is not fini"):
        history = model.fit(images, batch_size=2, shuffle=False, verbose=0).history
    assert history["bad_steps"] == [1]
    model.compile(keras.optimizers.SGD(1e-4), steps_per_execution=4, max_bad_steps=3)
    images[:6] = np.nan  # the last step of the execution is good
    with pytest.raises(DivergedError, match="3 steps in a row"):
        model.fit(images, batch_size=2, shuffle=False, verbose=0)


def test_two_bad_steps_at_the_end_of_more_good_ones_are_no_divergence():
    images = np.concatenate([IMAGES, IMAGES])
    images[24:] = np.nan
    with pytest.warns(UserWarning, match="undone"):
        _, history = _fit(_model(), images)
    assert history["bad_steps"] == [2]


def test_an_epoch_without_a_good_step_has_no_figures():
    """Neither those of the epoch before, nor the 0 of an empty mean."""
    with pytest.warns(UserWarning, match="undone"):
        _, history = _fit(_model(), np.full([4, 4, 4, 1], np.nan, np.float32))
    assert history["bad_steps"] == [1]
    assert np.isnan([history[name] for name in ("loss", "nll", "kl", "mse")]).all()


def test_a_learning_rate_that_is_far_too_high_is_an_error_not_nan():
    model = HierarchicalVAE((8, 8, 1), levels=[(4, 1)], width=2, seed=0)
    model.compile(keras.optimizers.SGD(1e4), run_eagerly=True, max_bad_steps=2)
    levels = np.random.default_rng(0).integers(0, 256, [4, 8, 8, 1], np.uint8)
    with pytest.warns(UserWarning, match="undone"):
        with pytest.raises(DivergedError, match="Lower the learning rate, or bound"):
            model.fit(levels, epochs=30, verbose=0)
    assert all(np.isfinite(v).all() for v in model.get_weights())


def test_batch_statistics_stay():
    model = tiny_model()
    model.compile("adam", run_eagerly=True)
    clips = random_clips(2)
    model.fit(clips, verbose=0)
    before = {v.path: np.array(v) for v in model.non_trainable_weights}
    assert any("moving" in path for path in before)
    kernel = model.trainable_weights[0]
    kernel.assign(tf.fill(kernel.shape, np.nan))
    with pytest.warns(UserWarning, match="undone"):
        model.fit(clips, verbose=0)
    for variable in model.non_trainable_weights:
        np.testing.assert_array_equal(
            variable, before[variable.path], err_msg=variable.path
        )


def test_a_step_that_float16_leaves_out_does_not_move_sigma():
    """Its scale is too large at first; that is no reason to warn."""
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), initial_scale=2.0**40
    )
    model = _model(optimizer, dtype="mixed_float16")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__|Even though")
        watch, history = _fit(model, IMAGES)
    assert history["bad_steps"] == [4] and np.isfinite(history["loss"]).all()
    for step in range(4):
        (changed,) = _changed(watch, step)
        assert changed.endswith("dynamic_scale")


@pytest.mark.parametrize("most", [0, -1, 2.5, True])
def test_the_limit_is_checked(most):
    with pytest.raises(ValueError, match="`max_bad_steps` must be an int >= 1"):
        TinyVAE().compile("adam", max_bad_steps=most)


def test_the_limit_is_saved_with_the_model(tmp_path):
    model = _model()
    model.compile("adam", max_bad_steps=7)
    model(IMAGES)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_compile_config()["max_bad_steps"] == 7


def test_the_table_of_a_run_counts_them(tmp_path):
    images = np.concatenate([IMAGES] * 2)
    images[5] = np.nan
    table = tmp_path / "history.csv"
    with pytest.warns(UserWarning, match="undone"):
        _fit(_model(), images[:16], callbacks=[HistoryLog(table, 0)])
        _fit(_model(), images[16:], callbacks=[HistoryLog(table, 4)])
    rows = read_history(table)
    assert [row.get("bad_steps") for row in rows] == [1.0, None]


def test_a_list_of_callbacks_that_keras_made_is_taken_too():
    model, watch = _model(), _Watch()
    callbacks = keras.callbacks.CallbackList(
        [watch], model=model, add_history=True, epochs=1, verbose=0, steps=4
    )
    images = IMAGES.copy()
    images[0] = np.nan
    with pytest.warns(UserWarning, match="undone"):
        model.fit(images, batch_size=4, callbacks=callbacks, verbose=0)
    assert len(watch.logs) == 4


def test_many_finite_gradients_of_half_precision_are_finite():
    """Their sum is beyond the largest number of float16, 65,504."""
    guard, ones = StepGuard(), tf.ones([2])
    terms = types.SimpleNamespace(nll=ones, kl=ones)
    large = tf.fill([10], tf.constant(60_000.0, tf.float16))
    assert guard.judge(ones, terms, ones, [large, None])
    assert not guard.judge(ones, terms, ones, [large * 2.0])
    assert (int(guard.bad_steps), guard.term_name) == (1, "a gradient")
