"""Several replicas, and several processes, train as one device does."""

import json

import numpy as np
import pytest
from fresh_process import ROOT, run_python
from processes import together

_HEAD = """
import hashlib, json, os, sys
sys.path[:0] = [f"{sys.argv[1]}/tests", f"{sys.argv[1]}/scripts"]
import keras, numpy as np, tensorflow as tf
"""
_REPLICAS = (
    _HEAD
    + """
cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
from keras_subjects import SUBJECTS
from tfsigmavae import decoders
from tfsigmavae.models import seeding

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with two.scope():
    generator = seeding.ReplicaSeedGenerator(4)
results = {"noise": []}
for _ in range(2):
    noise = two.run(tf.function(lambda: generator.normal([1000])))
    results["noise"] += [value.numpy().tolist() for value in noise.values]

# Each replica has noise of its own, and then there would be nothing to compare.
seeding.ReplicaSeedGenerator.normal = lambda self, shape: tf.zeros(
    shape, self.noise_dtype
)
strategies = {"one": tf.distribute.get_strategy(), "two": two}
for kind in ("ConvVAE", "HierarchicalVAE", "SVGLP"):
    subject, weights = SUBJECTS[kind], {}
    data = subject.data(8)
    data[4:] //= 4  # the replicas' examples differ
    for name, strategy in strategies.items():
        with strategy.scope():
            sgd = keras.optimizers.SGD(1e-4)
            model = subject.compiled(sgd, run_eagerly=False, jit_compile=False)
        before = model.get_weights()
        model.fit(data, batch_size=8, epochs=10, shuffle=False, verbose=0)
        weights[name] = model.get_weights()
    one = weights["one"]
    results[kind] = {
        "moved": max(float(np.abs(a - b).max()) for a, b in zip(one, before) if a.ndim),
        "apart": max(
            float(np.abs(a - b).max() / (1.0 + np.abs(a).max()))
            for a, b in zip(one, weights["two"])
        ),
    }

# Under float16 a gradient of one replica is too large at first, and not the other's.
clean = np.random.default_rng(0).normal(size=[24, 8, 8, 1]).astype("float32")
with two.scope():
    real = decoders.get("optimal_sigma", values="real")
    model = SUBJECTS["ConvVAE"].make(decoder=real, dtype="mixed_float16")
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
bad_steps = 0
for i in range(3):
    part = clean[8 * i : 8 * i + 8]
    history = model.fit(part, batch_size=8, shuffle=False, verbose=0).history
    bad_steps += sum(history.get("bad_steps", [0]))
results["float16"] = {
    "finite": all(bool(np.isfinite(w).all()) for w in model.get_weights()),
    "bad_steps": bad_steps,
}

# One pixel of the second replica's half is bad: sigma stays on both, and it counts.
bad = SUBJECTS["ConvVAE"].data(8).astype("float32") / 255.0
with two.scope():
    real = decoders.get("optimal_sigma", values="real")
    model = SUBJECTS["ConvVAE"].make(decoder=real)
    model.compile(keras.optimizers.SGD(1e-4), jit_compile=False)
model.fit(bad, batch_size=8, verbose=0)
before = model.get_weights()
bad[7, 0, 0, 0] = np.nan
history = model.fit(bad, batch_size=8, verbose=0, shuffle=False).history
same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
results["guard"] = {"same": all(same), "bad_steps": history["bad_steps"]}
good = np.where(np.isnan(bad), 0.5, bad)
both = np.concatenate([bad, good])
history = model.fit(both, batch_size=8, verbose=0, shuffle=False).history
results["loss"] = history["loss"]

# Where no sigma is shared, the first replica knows of it only by being told.
with two.scope():
    fixed = decoders.get("fixed_sigma", sigma=0.3, values="real")
    model = SUBJECTS["ConvVAE"].make(decoder=fixed)
    model.compile(keras.optimizers.SGD(1e-4), jit_compile=False)
before = model.get_weights()
history = model.fit(bad, batch_size=8, verbose=0, shuffle=False).history
same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
results["told"] = {"same": all(same), "bad_steps": history.get("bad_steps")}

# Two halves of a batch, 5 apart.
from tfsigmavae.layers import BatchNormalization
halves = np.random.default_rng(0).normal(size=[2, 4, 3, 3, 2]).astype("float32")
halves[1] += 5.0
results["means"] = {}
for synchronized in (True, False):
    with two.scope():
        layer = BatchNormalization(synchronized=synchronized)
        layer.build(halves.shape[1:])
    values = two.experimental_distribute_values_from_function(
        lambda context: tf.constant(halves[context.replica_id_in_sync_group])
    )
    outputs = two.run(tf.function(lambda x: layer(x, training=True)), [values])
    means = [float(np.mean(output)) for output in outputs.values]
    results["means"]["of all" if synchronized else "own"] = means
print(json.dumps(results))
"""
)


@pytest.fixture(scope="module")
def replicas():
    printed = run_python(_REPLICAS, ROOT, timeout=600)
    return json.loads(printed.strip().splitlines()[-1])


@pytest.mark.parametrize("kind", ["ConvVAE", "HierarchicalVAE", "SVGLP"])
def test_two_replicas_train_as_one_device(replicas, kind):
    """Ten steps of SGD; batch norm included, whose batch is that of both."""
    assert replicas[kind]["moved"] > 1e-3, "nothing trained"
    assert replicas[kind]["apart"] < 1e-6  # float32 sums in another order


def test_every_replica_has_noise_of_its_own(replicas):
    """Two replicas, two draws of 1,000 numbers each."""
    assert np.std(replicas["noise"]) == pytest.approx(1.0, abs=0.1)
    between = np.corrcoef(replicas["noise"])[np.triu_indices(4, 1)]
    assert np.abs(between).max() < 0.16  # five standard deviations


def test_float16_leaves_a_step_out_on_all_replicas_or_none(replicas):
    assert replicas["float16"]["bad_steps"] >= 1, "nothing was left out"
    assert replicas["float16"]["finite"]


def test_a_bad_step_on_one_replica_is_one_on_all(replicas):
    assert replicas["guard"] == {"same": True, "bad_steps": [1]}


def test_replicas_that_share_no_sigma_are_told(replicas):
    assert replicas["told"] == {"same": True, "bad_steps": [1]}


def test_the_figures_of_an_epoch_are_those_of_its_good_steps(replicas):
    assert np.isfinite(replicas["loss"]).all()


def test_a_layer_may_have_statistics_of_each_replica(replicas):
    np.testing.assert_allclose(replicas["means"]["own"], [0.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(replicas["means"]["of all"], [-0.93, 0.93], atol=0.1)


_WORKER = (
    _HEAD
    + """
from keras_subjects import SUBJECTS

strategy = tf.distribute.MultiWorkerMirroredStrategy()
for kind in sys.argv[2].split(","):
    subject = SUBJECTS[kind]
    data = subject.data(16)
    with strategy.scope():
        sgd = keras.optimizers.SGD(1e-4)
        model = subject.compiled(sgd, run_eagerly=False, jit_compile=False)
    before = model.get_weights()
    train = tf.data.Dataset.from_tensor_slices(data).batch(8, drop_remainder=True)
    history = model.fit(train.repeat(), steps_per_epoch=4, verbose=0).history
    scores = model.evaluate(train, verbose=0, return_dict=True)
    after = model.get_weights()
    print(json.dumps({
        "kind": kind,
        "moved": max(float(np.abs(a - b).max()) for a, b in zip(before, after)),
        "finite": all(bool(np.isfinite(w).all()) for w in after),
        "sha256": hashlib.sha256(b"".join(w.tobytes() for w in after)).hexdigest(),
        "logs": {name: values[0] for name, values in history.items()},
        "scores": scores,
    }))
"""
)


def test_two_processes_train_each_model_by_fit():
    kinds = ["ConvVAE", "HierarchicalVAE", "SVGLP", "WarpVRNN"]
    first, second = together(_WORKER, ROOT, ",".join(kinds))
    assert [result["kind"] for result in first] == kinds
    for one, other in zip(first, second, strict=True):
        assert one["sha256"] == other["sha256"], one["kind"]
        assert one["moved"] > 0 and one["finite"]
        for name in ("loss", "nll", "kl", "mse"):
            assert np.isfinite(one["logs"][name]) and np.isfinite(one["scores"][name])
        assert one["logs"] == other["logs"], one["kind"]
