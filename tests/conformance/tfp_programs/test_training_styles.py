"""Ways of training and saving as they were used with `tfp.layers`.

But for the imports each is what one would write for TFP, unless it says what differs.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tfp_program import fit, negloglik

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
X = np.linspace(-1.0, 1.0, 32, dtype=np.float32)[:, np.newaxis]
NOISE = np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
Y = 2.0 * X - 1.0 + 0.5 * NOISE


def _normal():
    return keras.Sequential([keras.layers.Dense(2), tfpl.IndependentNormal(1)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(tfpl.IndependentNormal.params_size(1))
        self.head = tfpl.IndependentNormal(1)

    def call(self, inputs):
        return self.head(self.dense(inputs))


class Heteroscedastic(keras.layers.Layer):
    """A layer of one's own around a distribution layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.loc, self.scale = keras.layers.Dense(1), keras.layers.Dense(1)
        self.normal = tfpl.DistributionLambda(
            lambda t: tfd.Normal(t[0], tf.math.softplus(t[1]))
        )

    def call(self, inputs):
        return self.normal([self.loc(inputs), self.scale(inputs)])


def test_subclassed_model():
    model = Subclassed()
    fit(model, X, Y, steps=40)
    assert len(model.trainable_weights) == 2
    assert model(X).log_prob(Y).shape == [32]


def test_subclassed_layer():
    inputs = keras.Input([1])
    model = keras.Model(inputs, Heteroscedastic()(inputs))
    fit(model, X, Y, steps=40)
    assert len(model.trainable_weights) == 4
    assert model(X).stddev().shape == [32, 1]


def test_gradient_tape():
    model = _normal()
    model(X)
    optimizer = keras.optimizers.Adam(0.1)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(-model(x, training=True).log_prob(y))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        return loss

    losses = [float(step(X, Y)) for _ in range(40)]
    assert losses[-1] < losses[0] - 0.5


class OwnStep(Subclassed):
    def __init__(self):
        super().__init__()
        self.nll = keras.metrics.Mean(name="nll")

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(-self(x, training=True).log_prob(y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_variables, strict=True)
        )
        self.nll.update_state(loss)
        return {"nll": self.nll.result()}

    @property
    def metrics(self):
        return [self.nll]


def test_train_step_of_ones_own():
    model = OwnStep()
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    losses = model.fit(X, Y, epochs=10, verbose=0).history["nll"]
    assert losses[-1] < losses[0]


def test_weights_of_examples():
    """Weight 0 leaves an example out."""
    weight = (X[:, 0] > 0.0).astype(np.float32)
    model = _normal()
    model.compile(loss=negloglik, jit_compile=False)
    loss = model.evaluate(X, Y, sample_weight=weight, verbose=0)
    log_prob = np.asarray(model(X).log_prob(Y))
    np.testing.assert_allclose(loss, -np.mean(weight * log_prob), rtol=1e-4)


def test_metrics_of_the_distribution():
    """Differs: a function as metric is given the distribution, with TFP a tensor."""

    def stddev(y, rv):
        return rv.stddev()

    def within_two_deviations(y, rv):
        return tf.abs(y - rv.mean()) < 2.0 * rv.stddev()

    model = _normal()
    metrics = [stddev, within_two_deviations, "mae"]
    history = fit(model, X, Y, steps=60, metrics=metrics)
    values = model.evaluate(X, Y, verbose=0, return_dict=True)
    rv = model(X)
    np.testing.assert_allclose(values["stddev"], np.mean(rv.stddev()), rtol=1e-4)
    assert 0.8 < values["within_two_deviations"] <= 1.0
    assert history["stddev"][-1] < history["stddev"][0]


def test_several_outputs_in_a_list():
    inputs = keras.Input([1])
    hidden = keras.layers.Dense(4, "tanh")(inputs)
    normal = tfpl.IndependentNormal(1)(keras.layers.Dense(2)(hidden))
    counts = tfpl.IndependentPoisson(1)(keras.layers.Dense(1)(hidden))
    model = keras.Model(inputs, [normal, counts])
    fit(model, X, (Y, np.round(Y**2)), loss=[negloglik, negloglik], steps=20)
    normal, counts = model(X)
    assert normal.stddev().shape == counts.mean().shape == [32, 1]


def test_a_loss_added_inside_a_model():
    """Without labels: the likelihood of the inputs is the model's own loss."""

    class Density(keras.Model):
        def __init__(self):
            super().__init__()
            self.density = _normal()

        def call(self, inputs):
            rv = self.density(tf.ones_like(inputs))
            self.add_loss(-tf.reduce_mean(rv.log_prob(inputs)))
            return rv

    model = Density()
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    losses = model.fit(Y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_early_stopping_on_validation_data():
    model = _normal()
    model.compile(keras.optimizers.Adam(0.0), negloglik, jit_compile=False)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)
    history = model.fit(
        X, Y, epochs=9, validation_data=(X, Y), callbacks=[stop], verbose=0
    )
    assert len(history.history["val_loss"]) == 2


def test_prediction_is_the_tensor_of_the_output():
    model = keras.Sequential(
        [keras.layers.Dense(2), tfpl.IndependentNormal(1, tfd.Distribution.stddev)]
    )
    np.testing.assert_allclose(
        model.predict(X, verbose=0), model(X).stddev(), rtol=1e-5
    )


def _styles():
    inputs = keras.Input([1])
    outputs = tfpl.IndependentNormal(1)(keras.layers.Dense(2)(inputs))
    sequential = keras.Sequential(
        [keras.Input([1]), keras.layers.Dense(2), tfpl.IndependentNormal(1)]
    )
    return {"functional": keras.Model(inputs, outputs), "sequential": sequential}


@pytest.mark.parametrize("style", ["functional", "sequential"])
def test_a_whole_model_is_saved(style, tmp_path):
    """Differs: TFP's layers are loaded with `safe_mode=False` only."""
    model = _styles()[style]
    fit(model, X, Y, steps=3)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(reloaded(X).log_prob(Y), model(X).log_prob(Y))


def test_weights_of_a_subclassed_model_are_saved(tmp_path):
    """Differs: Keras 3 wants the ending `.weights.h5`."""
    model, other = Subclassed(), Subclassed()
    assert np.any(model(X).mean() != other(X).mean())
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(X).log_prob(Y), model(X).log_prob(Y))


def test_a_lambda_is_saved(tmp_path):
    """Differs: its code is in the file, so that loading needs `safe_mode=False`."""
    model = keras.Sequential(
        [
            keras.Input([1]),
            keras.layers.Dense(1),
            tfpl.DistributionLambda(lambda t: tfd.Normal(loc=t, scale=1)),
        ]
    )
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(reloaded(X).log_prob(Y), model(X).log_prob(Y))


def test_a_checkpoint_is_restored(tmp_path):
    model, other = _normal(), _normal()
    for each in (model, other):
        each(X)
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=other).restore(path)
    np.testing.assert_array_equal(other(X).log_prob(Y), model(X).log_prob(Y))


def test_a_saved_model_serves_the_tensor(tmp_path):
    model = keras.Sequential(
        [keras.Input([1]), keras.layers.Dense(2), tfpl.IndependentNormal(1, "mean")]
    )
    model.export(str(tmp_path / "served"))
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(X), model(X).mean(), rtol=1e-5)


def test_operators_and_numpy_on_outputs():
    """Differs: NumPy cannot read what TFP's layers give."""
    rv = _normal()(X)
    draw = tf.convert_to_tensor(rv)
    np.testing.assert_array_equal(rv + 1.0, draw + 1.0)
    np.testing.assert_array_equal(np.asarray(rv), draw)
    np.testing.assert_allclose(np.mean(rv), np.mean(draw), rtol=1e-6)
    assert tf.reduce_mean(rv) == tf.reduce_mean(draw)


def test_transfer_to_a_new_head():
    """The layers below a head are used again, frozen, under another."""
    body = keras.Sequential([keras.Input([1]), keras.layers.Dense(4, "tanh")])
    first = keras.Sequential([body, keras.layers.Dense(2), tfpl.IndependentNormal(1)])
    assert first(X).log_prob(Y).shape == [32]
    body.trainable = False
    kept = body.get_weights()[0]
    second = keras.Sequential(
        [
            body,
            keras.layers.Dense(tfpl.MixtureNormal.params_size(2, [1])),
            tfpl.MixtureNormal(2, [1], tfd.Distribution.mean),
        ]
    )
    fit(second, X, Y, steps=20)
    np.testing.assert_array_equal(body.get_weights()[0], kept)
