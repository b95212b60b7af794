"""What people do with a Keras model, done with each of ours: habits times models."""

import copy
import json
import operator
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_subjects import SUBJECTS

from tfsigmavae.callbacks import EvaluationNoise

HABITS = {}


def habit(name):
    """Enters a test of one model under the name that docs/keras.md has for it."""

    def enter(test):
        HABITS.setdefault(name, []).append(test)
        return test

    return enter




def _evaluate(model, *args, **kwargs):
    """The logs of `evaluate`, of the same noise every time."""
    options = {"verbose": 0, "return_dict": True, "callbacks": [EvaluationNoise()]}
    return model.evaluate(*args, **options, **kwargs)


def _fit(model, *args, **kwargs):
    return model.fit(*args, **{"verbose": 0, "batch_size": 2, **kwargs}).history


def _same_logs(ours, theirs, rtol=1e-5):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=rtol, err_msg=name)


def _same_predictions(model, other, data):
    np.testing.assert_allclose(
        other.predict(data, verbose=0), model.predict(data, verbose=0), atol=1e-6
    )


def _weights_moved(before, model):
    pairs = zip(before, model.get_weights(), strict=True)
    return [not np.array_equal(old, new) for old, new in pairs]


def _printed(model, **options):
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=120, **options)
    return "\n".join(lines)


def _check_summary(model, subject):
    text = _printed(model)
    assert f"{model.count_params():,}" in text
    for part in subject.parts:
        layer = operator.attrgetter(part)(model)
        row = next(line for line in text.splitlines() if type(layer).__name__ in line)
        assert "unbuilt" not in row
        assert f"{layer.count_params():,}" in row


@habit("`summary()` of a new model")
def summary_of_a_new_model(subject, tmp_path):
    _check_summary(subject.make(), subject)


@habit("`summary()` after `fit`")
def summary_after_fit(subject, tmp_path):
    model = subject.compiled()
    _fit(model, subject.data())
    _check_summary(model, subject)


@habit("`summary()` of a model around it")
def summary_of_a_model_around_it(subject, tmp_path):
    model = subject.make()
    inputs = keras.Input(subject.shape, dtype="float32")
    outer = keras.Model(inputs, keras.layers.Rescaling(2.0)(model(inputs)))
    assert f"{model.count_params():,}" in _printed(outer)
    data = subject.data() / np.float32(255)
    np.testing.assert_allclose(outer(data), 2 * model(data), rtol=1e-5)


@habit("`plot_model`")
def plot_model(subject, tmp_path):
    pytest.importorskip("pydot")
    model = subject.make()
    keras.utils.plot_model(model, tmp_path / "model.png", show_shapes=True)
    assert (tmp_path / "model.png").stat().st_size > 1000


@habit("`count_params()`")
def count_params(subject, tmp_path):
    model = subject.make()
    model.count_params()
    assert model.count_params() == sum(w.size for w in model.get_weights()) > 0


@habit("`get_layer`, `layers`")
def get_layer(subject, tmp_path):
    model = subject.make()
    for part in subject.parts:
        layer = operator.attrgetter(part)(model)
        assert layer in model.layers
        assert model.get_layer(layer.name) is layer


@habit("`export`: a SavedModel")
def export_a_saved_model(subject, tmp_path):
    model = subject.compiled()
    _fit(model, subject.data())
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    data = subject.data(3, seed=1) / np.float32(255)
    np.testing.assert_allclose(served.serve(data), model(data), atol=1e-5)


@habit("`export`: LiteRT, ONNX")
def export_litert(subject, tmp_path):
    model = subject.make()
    model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    assert (tmp_path / "model.tflite").stat().st_size > 1000


@habit("`.keras` files")
def keras_file(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    _same_predictions(model, other, data)
    _same_logs(_evaluate(other, data), _evaluate(model, data))
    assert int(other.optimizer.iterations) == int(model.optimizer.iterations) == 2
    _fit(other, data)


@habit("`.weights.h5` files")
def weights_file(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    model.save_weights(tmp_path / "model.weights.h5")
    other = subject.compiled(seed=1)
    other.load_weights(tmp_path / "model.weights.h5")
    _same_predictions(model, other, data)
    _same_logs(_evaluate(other, data), _evaluate(model, data))


@habit("`.h5` files")
def h5_file(subject, tmp_path):
    model = subject.make()
    for path in (tmp_path / "model.h5", str(tmp_path / "model.hdf5")):
        with pytest.raises(ValueError, match=r"\.keras"):
            model.save(path)
        with pytest.raises(ValueError, match=r"\.keras"):
            keras.saving.save_model(model, path)
    assert not list(tmp_path.iterdir())


@habit("`clone_model`, `from_config`")
def clone_model(subject, tmp_path):
    model = subject.make()
    for other in (
        keras.models.clone_model(model),
        type(model).from_config(model.get_config()),
    ):
        assert type(other) is type(model)
        assert [w.shape for w in other.weights] == [w.shape for w in model.weights]
        other.set_weights(model.get_weights())
        _same_predictions(model, other, subject.data())
    assert other.get_config().keys() == model.get_config().keys()
    json.dumps(keras.saving.serialize_keras_object(model))


@habit("`copy.deepcopy`")
def deepcopy(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    other = copy.deepcopy(model)
    _same_predictions(model, other, data)
    before = other.get_weights()
    _fit(model, data)
    assert not any(_weights_moved(before, other))


@habit("`pickle`")
def pickled(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    other = pickle.loads(pickle.dumps(model))
    _same_predictions(model, other, data)
    _fit(other, data)


@habit("`get_weights`, `set_weights`")
def set_weights(subject, tmp_path):
    model, other = subject.make(), subject.make(seed=1)
    other.set_weights(model.get_weights())
    _same_predictions(model, other, subject.data())
    with pytest.raises(ValueError):
        other.set_weights(model.get_weights()[1:])


@habit("`train_on_batch`, `test_on_batch`, `predict_on_batch`")
def on_batch(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    logs = [model.train_on_batch(data, return_dict=True) for _ in range(3)]
    assert all(np.isfinite(value) for value in logs[-1].values())
    logs = model.test_on_batch(data, return_dict=True)
    assert np.isfinite(logs["loss"])
    np.testing.assert_allclose(
        model.predict_on_batch(data), model.predict(data, verbose=0), atol=1e-6
    )


class _Sequence(keras.utils.PyDataset):
    def __init__(self, data):
        super().__init__()
        self.data = data

    def __len__(self):
        return len(self.data) // 2

    def __getitem__(self, index):
        return (self.data[2 * index : 2 * index + 2],)


def _sources(data):
    """The same batches in every form that `fit` takes."""
    batches = [data[i : i + 2] for i in range(0, len(data), 2)]
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(2)
    return {
        "array": lambda: data,
        "tensor": lambda: tf.constant(data),
        "dataset": lambda: dataset,
        "dataset of tuples": lambda: dataset.map(lambda x: (x,)),
        "PyDataset": lambda: _Sequence(data),
        "generator": lambda: ((batch,) for batch in batches),
    }


@habit("arrays, datasets, `PyDataset`, generators in `fit`, `evaluate`, `predict`")
def every_source(subject, tmp_path):
    data = subject.data()
    expected = _evaluate(subject.compiled(), data, batch_size=2)
    losses = []
    for name, source in _sources(data).items():
        model = subject.compiled()
        options = {"batch_size": 2} if name in ("array", "tensor") else {}
        _same_logs(_evaluate(model, source(), **options), expected)
        predicted = model.predict(source(), verbose=0)
        np.testing.assert_allclose(predicted, model(data), atol=1e-6)
        shuffle = {} if name == "generator" else {"shuffle": False}
        options = {"verbose": 0, **options, **shuffle}
        losses.append(model.fit(source(), **options).history["loss"][0])
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


@habit("`log_likelihood`, `recalibrate` on what `fit` takes")
def log_likelihood_of_every_source(subject, tmp_path):
    data = subject.data()
    model = subject.compiled()
    has_likelihood = "importance_sampler" in vars(type(model))
    sigmas, likelihoods = [], []
    for source in _sources(data).values():
        sigmas.append(model.recalibrate(source()))
        if has_likelihood:
            likelihoods.append(model.log_likelihood(source(), seed=0, batch_size=2))
    # Posterior samples differ from call to call.
    np.testing.assert_allclose(sigmas, sigmas[0], rtol=0.1)
    for values in likelihoods:
        np.testing.assert_allclose(values, likelihoods[0], rtol=0.1)


@habit("targets, `fit(x, x)` or `fit(x, labels)`")
def targets(subject, tmp_path):
    data = subject.data()
    for call in ("fit", "evaluate"):
        with pytest.raises(ValueError, match="without targets"):
            getattr(subject.compiled(), call)(data, data, verbose=0)


@habit("`class_weight`")
def class_weight(subject, tmp_path):
    model = subject.compiled()
    for call in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match="`sample_weight`"):
            call(subject.data(), class_weight={0: 1.0})


@habit("`sample_weight`")
def sample_weight(subject, tmp_path):
    data = subject.data()
    model = subject.compiled()
    one = _evaluate(model, data, sample_weight=np.array([1.0, 0.0, 0.0, 0.0]))
    _same_logs(one, _evaluate(model, data[:1]), rtol=1e-4)
    before = model.get_weights()
    _fit(subject.compiled(), data)
    model.train_on_batch(data, sample_weight=np.zeros(4))
    moved = _weights_moved(before, model)
    moving = {"moving_mean", "moving_variance"}
    names = [w.name for w, m in zip(model.weights, moved, strict=True) if m]
    assert set(names) <= moving


@habit("`validation_split`, `validation_data`")
def validation(subject, tmp_path):
    data = subject.data()
    history = _fit(subject.compiled(), data, validation_split=0.5)
    assert np.isfinite(history["val_loss"]).all()
    noise = {"callbacks": [EvaluationNoise()]}
    history = _fit(subject.compiled(), data[:2], validation_data=data[2:], **noise)
    again = _fit(subject.compiled(), data[:2], validation_data=(data[2:],), **noise)
    _same_logs(history, again)


@habit("`trainable = False` on the model")
def frozen_model(subject, tmp_path):
    model = subject.make()
    model.trainable = False
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    before = model.get_weights()
    with pytest.warns(UserWarning, match="trainable"):
        _fit(model, subject.data())
    assert not any(_weights_moved(before, model))


@habit("`trainable = False` on the decoder or on any layer")
def frozen_decoder(subject, tmp_path):
    model = subject.make()
    model.decoder.trainable = False
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    before = model.decoder.get_weights()
    sigma = float(model.decoder.sigma)
    history = _fit(model, subject.data())
    assert not any(_weights_moved(before, model.decoder))
    np.testing.assert_allclose(history["sigma"], sigma)
    layers = [layer for layer in model._flatten_layers() if "norm" in layer.name]
    for layer in layers:
        layer.trainable = False
        before = layer.get_weights()
        _fit(model, subject.data())
        assert not any(_weights_moved(before, layer))


def _stock_callbacks(folder):
    callbacks = keras.callbacks
    return {
        "ModelCheckpoint": [callbacks.ModelCheckpoint(folder / "{epoch}.keras")],
        "ModelCheckpoint of weights": [
            callbacks.ModelCheckpoint(
                folder / "best.weights.h5",
                monitor="val_loss",
                save_best_only=True,
                save_weights_only=True,
            )
        ],
        "EarlyStopping": [
            callbacks.EarlyStopping("val_loss", restore_best_weights=True)
        ],
        "ReduceLROnPlateau": [callbacks.ReduceLROnPlateau("loss", patience=0)],
        "LearningRateScheduler": [callbacks.LearningRateScheduler(lambda e: 0.1)],
        "CSVLogger": [callbacks.CSVLogger(folder / "log.csv")],
        "BackupAndRestore": [callbacks.BackupAndRestore(folder / "backup")],
        "TerminateOnNaN": [callbacks.TerminateOnNaN()],
        "SwapEMAWeights": [callbacks.SwapEMAWeights(swap_on_epoch=True)],
        "LambdaCallback": [
            callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs["loss"])
        ],
        "ProgbarLogger": [callbacks.ProgbarLogger()],
    }


@habit("callbacks of Keras")
def stock_callbacks(subject, tmp_path):
    data = subject.data()
    for name, callbacks in _stock_callbacks(tmp_path).items():
        optimizer = keras.optimizers.Adam(1e-3, use_ema=name == "SwapEMAWeights")
        model = subject.compiled({"optimizer": optimizer})
        history = _fit(
            model, data, epochs=2, callbacks=callbacks, validation_data=data
        )
        assert len(history["loss"]) >= 1, name
    _same_predictions(
        keras.models.load_model(tmp_path / "2.keras"),
        keras.models.load_model(tmp_path / "2.keras"),
        data,
    )
    assert (tmp_path / "best.weights.h5").stat().st_size
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


@habit("`TensorBoard` with histograms")
def tensorboard(subject, tmp_path):
    pytest.importorskip("tensorboard")
    callback = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_graph=True)
    data = subject.data()
    _fit(
        subject.compiled({"run_eagerly": False}),
        data,
        callbacks=[callback],
        validation_data=data,
    )
    assert list(tmp_path.rglob("events*"))


@habit("optimizers: EMA, clipping, weight decay, loss scaling, accumulation")
def optimizers(subject, tmp_path):
    data = subject.data()
    for optimizer in (
        "rmsprop",
        keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=1),
        keras.optimizers.SGD(clipnorm=0.1),
        keras.optimizers.SGD(clipvalue=0.1),
        keras.optimizers.SGD(global_clipnorm=0.1),
        keras.optimizers.AdamW(weight_decay=0.1),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0),
        keras.optimizers.Adam(gradient_accumulation_steps=2),
    ):
        model = subject.compiled({"optimizer": optimizer})
        before = model.get_weights()
        history = _fit(model, data)
        assert np.isfinite(history["loss"]).all()
        assert any(_weights_moved(before, model))


@habit("`run_eagerly`, `steps_per_execution`, `jit_compile`")
def ways_to_run(subject, tmp_path):
    data = subject.data()
    logs = [
        _fit(subject.compiled({"run_eagerly": False, **options}), data, shuffle=False)
        for options in (
            {"run_eagerly": True},
            {"steps_per_execution": 2, "jit_compile": False},
            {"jit_compile": True},
        )
    ]
    for other in logs[1:]:
        _same_logs(other, logs[0], rtol=1e-3)


@habit("dtype policies")
def dtype_policies(subject, tmp_path):
    data = subject.data()
    exact = _evaluate(subject.compiled(), data)
    for policy, rtol in {
        "float64": 1e-4,
        "mixed_bfloat16": 0.05,
        "mixed_float16": 0.05,
        "bfloat16": 0.05,
    }.items():
        model = subject.compiled(dtype=policy)
        assert model.compute_dtype == policy.removeprefix("mixed_")
        logs = _evaluate(model, data)
        _same_logs(logs, exact, rtol=rtol)
        history = _fit(model, data)
        assert np.isfinite(history["loss"]).all()
        model.save(tmp_path / "model.keras")
        other = keras.models.load_model(tmp_path / "model.keras")
        assert other.dtype_policy.name == policy
        _same_predictions(model, other, data)


@habit("a global dtype policy of float64")
def global_float64(subject, tmp_path):
    before = keras.config.dtype_policy(), keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        model = subject.compiled()
        data = subject.data()
        assert np.isfinite(_fit(model, data)["loss"]).all()
        assert {w.dtype for w in model.weights} == {"float64"}
        assert model(data).dtype == tf.float64
        assert model.predict(data, verbose=0).dtype == np.float64
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_floatx(before[1])


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize(
    "test", [pytest.param(t, id=t.__name__) for tests in HABITS.values() for t in tests]
)
def test_habit(test, subject, tmp_path):
    test(SUBJECTS[subject], tmp_path)
