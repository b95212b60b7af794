"""How programs for `tfp.layers` train: a lambda as loss, a distribution as output."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def negloglik(y, rv_y):
    return -rv_y.log_prob(y)


def fit(model, x, y, steps=40, rate=0.05, loss=negloglik, **options):
    """Takes twice `steps` steps on all of the data; the loss is finite and falls.

    Without XLA: programs of a few steps would spend their time in its compiler.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        loss=loss,
        jit_compile=False,
        steps_per_execution=steps,
        **options,
    )
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    history = model.fit(data, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    assert history["loss"][-1] < history["loss"][0]
    return history
