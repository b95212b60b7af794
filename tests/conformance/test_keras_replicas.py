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
weights = np.float32([1, 0, 2, 0, 1, 1, 0, 3])
strategies = {
    "one": tf.distribute.get_strategy(),
    "two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
}
results = {}
for name, strategy in strategies.items():
    with strategy.scope():
        model = subject.compiled(run_eagerly=False, jit_compile=False)
    folder = pathlib.Path(sys.argv[2], name)
    # Without noise: each replica has its own.
    dense = model.encoder.layers[-2]
    dense.bias.assign([0.0, 0.0, -40.0, -40.0])
    dense.kernel.assign(dense.kernel * [1.0, 1.0, 0.0, 0.0])
    model.beta = 0.0
    model.fit(data, batch_size=8, sample_weight=weights, verbose=0, shuffle=False)
    results[name] = {
        "sigma": float(model.decoder.sigma),
        "weights": float(sum(np.sum(w**2) for w in model.get_weights())),
        "nll": float(
            model.evaluate(
                data, batch_size=8, sample_weight=weights, verbose=0, return_dict=True
            )["nll"]
        ),
    }
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
    assert len(list(folder.glob("*-000002.png"))) == 2, list(folder.iterdir())
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
    for name, value in results["one"].items():
        # Sums of halves, in another order of float32 operations.
        np.testing.assert_allclose(results["two"][name], value, rtol=1e-3, err_msg=name)
