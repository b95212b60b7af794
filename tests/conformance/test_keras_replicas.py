"""Our callbacks and verbs under `tf.distribute.MirroredStrategy`."""

import json

import numpy as np
from fresh_process import ROOT, run_python

_TWO_REPLICAS = """
import json, pathlib, sys
import keras, numpy as np, tensorflow as tf
sys.path[:0] = [f"{sys.argv[1]}/tests", f"{sys.argv[1]}/scripts"]
cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
from keras_subjects import SUBJECTS
from tfsigmavae import callbacks

subject = SUBJECTS["ConvVAE"]
data = subject.data(8)
data[4:] //= 8  # the replicas' examples differ
weights = np.float32([1, 0, 2, 0, 5, 5, 0, 3])
strategies = {
    "one": tf.distribute.get_strategy(),
    "two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
}
results = {}
for name, strategy in strategies.items():
    with strategy.scope():
        sgd = keras.optimizers.SGD(1e-2)  # its step tells the size of the gradient
        model = subject.compiled(sgd, run_eagerly=False, jit_compile=False)
    folder = pathlib.Path(sys.argv[2], name)
    # Without noise: each replica has its own.
    dense = model.encoder.layers[-2]
    dense.bias.assign([0.0, 0.0, -40.0, -40.0])
    dense.kernel.assign(dense.kernel * [1.0, 1.0, 0.0, 0.0])
    for weight in model.generator.weights:
        if weight.name == "bias":  # from the kink of ReLU, where noise would decide
            weight.assign(weight + 0.1)
    model.beta = 0.0
    before = [np.array(weight) for weight in model.generator.weights]
    options = {"batch_size": 8, "sample_weight": weights}
    history = model.fit(data, **options, verbose=0, shuffle=False).history
    after = [np.array(weight) for weight in model.generator.weights]
    results[name] = {
        "sigma": float(model.decoder.sigma),
        "step": [
            value
            for new, old in zip(after, before, strict=True)
            for value in (new - old).ravel().tolist()
        ],
        "logs": [history[key][0] for key in ("loss", "nll", "mse", "bits_per_dim")],
        "nll": float(
            model.evaluate(
                data, batch_size=8, sample_weight=weights, verbose=0, return_dict=True
            )["nll"]
        ),
    }
    model.beta = 2.0
    anneal = callbacks.KLAnnealing(num_steps=4, initial_step=1)
    history = model.fit(data, batch_size=8, verbose=0, callbacks=[anneal]).history
    results[name]["kl_weight"] = (history["loss"][0] - history["nll"][0]) / (
        history["kl"][0]
    )
    model.fit(
        data,
        batch_size=4,
        verbose=0,
        validation_data=data,
        callbacks=[
            callbacks.EvaluationNoise(),
            callbacks.TrainingCheckpoint(folder / "checkpoint"),
            callbacks.StopOnInterrupt(),
            callbacks.ImagePreview(folder, data, every=2, num_samples=4),
        ],
    )
    assert len(list(folder.glob("*-000004.png"))) == 2, list(folder.iterdir())
    assert model.predict(data, verbose=0).shape == data.shape
    assert model.sample(3, seed=0).shape == (3, 8, 8, 1)
    assert model.log_likelihood(data, seed=0).shape == (8,)
    model.recalibrate(data)
    model.save(folder / "model.keras")
print(json.dumps(results))
"""


def test_weights_callbacks_and_verbs(tmp_path):
    """Weights of examples count over all replicas, as on one device."""
    printed = run_python(_TWO_REPLICAS, ROOT, tmp_path, timeout=300)
    results = json.loads(printed.strip().splitlines()[-1])
    one, two = results["one"], results["two"]
    assert abs(one["kl_weight"] - 2.0 / 4) < 1e-4, "a quarter of `beta`"
    size = np.abs(one["step"]).max()
    assert size > 1e-4, "nothing trained"
    np.testing.assert_allclose(two.pop("step"), one.pop("step"), atol=1e-3 * size)
    for name, value in one.items():
        # Sums of halves, in another order of float32 operations.
        np.testing.assert_allclose(two[name], value, rtol=1e-4, err_msg=name)
