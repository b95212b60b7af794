"""What people do with a Keras model, done with each of ours: habits times models."""

import copy
import json
import operator
import pathlib
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_subjects import SUBJECTS

from tfsigmavae.callbacks import EvaluationNoise

# The name of a habit in docs/keras.md: what tests it.
HABITS = {}


def habit(name):
    def enter(test):
        HABITS[name] = test
        return test

    return enter


def _evaluate(model, *args, **kwargs):
    """The logs of `evaluate`, of the same noise every time."""
    options = {"verbose": 0, "return_dict": True, "callbacks": [EvaluationNoise()]}
    return model.evaluate(*args, **options, **kwargs)


def _fit(model, *args, **kwargs):
    return model.fit(*args, **{"verbose": 0, "batch_size": 4, **kwargs}).history


def _same_logs(ours, theirs, rtol=1e-5):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=rtol, err_msg=name)


def _same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def _same_predictions(model, other, data):
    _same(other.predict(data, verbose=0), model.predict(data, verbose=0))


def _weights_moved(before, model):
    pairs = zip(before, model.get_weights(), strict=True)
    return [not np.array_equal(old, new) for old, new in pairs]


def _printed(model, **options):
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line), **options)
    return "\n".join(lines)


def _check_summary(model, subject):
    text = _printed(model)
    for part in subject.parts:
        layer = operator.attrgetter(part)(model)
        row = next(line for line in text.splitlines() if f" {layer.name} " in line)
        assert "unbuilt" not in row
        assert row.split("│")[3].strip() == f"{layer.count_params():,}"
    total = text[text.index("Total params") :]
    assert f"{model.count_params():,}" in total.replace("(", " ")


@habit("`summary()` of a new model")
def summary_of_a_new_model(subject, tmp_path):
    _check_summary(subject.make(), subject)


@habit("`summary()` after `fit`")
def summary_after_fit(subject, tmp_path):
    model = subject.compiled()
    _fit(model, subject.data())
    assert "Optimizer params" in _printed(model)
    model.optimizer = None
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


@habit("`get_layer`")
def get_layer(subject, tmp_path):
    model = subject.make()
    for part in subject.parts:
        layer = operator.attrgetter(part)(model)
        assert model.get_layer(layer.name) is layer


@habit("`export`: a SavedModel")
def export_a_saved_model(subject, tmp_path):
    model = subject.compiled()
    _fit(model, subject.data() / np.float32(255))
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    data = subject.data(3, seed=1) / np.float32(255)
    np.testing.assert_allclose(served.serve(data), model(data), atol=1e-5)


@habit("`export`: LiteRT")
def export_litert(subject, tmp_path):
    if tuple(map(int, keras.__version__.split(".")[:2])) < (3, 13):
        pytest.skip("this Keras has no LiteRT")
    model = subject.compiled()
    if model.call_signature() is None:  # it has seen no data
        _fit(model, subject.data() / np.float32(255))
    path = tmp_path / "model.tflite"
    model.export(path, format="litert", verbose=False)
    assert path.stat().st_size > 1000


@habit("`.keras` files")
def keras_file(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    _same_predictions(model, other, data)
    _same_logs(_evaluate(other, data), _evaluate(model, data))
    assert int(other.optimizer.iterations) == int(model.optimizer.iterations) == 1
    _fit(other, data)


@habit("`.weights.h5` files")
def weights_file(subject, tmp_path):
    model = subject.compiled()
    data = subject.data()
    _fit(model, data)
    model.save_weights(tmp_path / "model.weights.h5")
    other = subject.compiled()
    other.set_weights([np.zeros_like(w) for w in other.get_weights()])
    other.load_weights(tmp_path / "model.weights.h5")
    _same_predictions(model, other, data)
    _same_logs(_evaluate(other, data), _evaluate(model, data))


@habit("`.h5` files")
def h5_file(subject, tmp_path):
    model = subject.make()
    for path in (tmp_path / "model.h5", str(tmp_path / "model.hdf5")):
        with pytest.raises(ValueError, match=r"name the file `\.keras`"):
            model.save(path)
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
    model = subject.compiled(keras.optimizers.SGD(0.0))
    start = model.get_weights()
    expected = _evaluate(model, data, batch_size=2)
    predicted = model.predict(data, verbose=0)
    losses = []
    for name, source in _sources(data).items():
        options = {"batch_size": 2} if name in ("array", "tensor") else {}
        _same_logs(_evaluate(model, source(), **options), expected)
        _same(model.predict(source(), verbose=0), predicted)
        shuffle = {} if name == "generator" else {"shuffle": False}
        model.seed_generator.state.assign([0, 0])
        options = {"verbose": 0, **options, **shuffle}
        losses.append(model.fit(source(), **options).history["loss"][0])
        model.set_weights(start)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


@habit("`log_likelihood`, `frame_log_likelihood`, `recalibrate` on what `fit` takes")
def other_verbs_of_every_source(subject, tmp_path):
    tf.config.run_functions_eagerly(True)
    try:
        _check_other_verbs(subject)
    finally:
        tf.config.run_functions_eagerly(False)


def _check_other_verbs(subject):
    data = subject.data()
    model = subject.compiled()
    start = model.get_weights()
    sigmas, likelihoods, frames = [], [], []
    written = vars(subject.kind)
    for source in _sources(data).values():
        model.seed_generator.state.assign([0, 0])
        sigmas.append(model.recalibrate(source()))
        model.set_weights(start)
        options = {"seed": 0, "batch_size": 2}
        if {"importance_sampler", "frame_importance_sampler"} & written.keys():
            likelihoods.append(model.log_likelihood(source(), **options))
        if "frame_importance_sampler" in written:
            frames.append(model.frame_log_likelihood(source(), **options))
    # Arrays come in batches of 32, which draw other noise.
    np.testing.assert_allclose(sigmas, sigmas[0], rtol=0.1)
    np.testing.assert_allclose(sigmas[2:], sigmas[2], rtol=1e-5)
    for values in likelihoods:
        np.testing.assert_allclose(values, likelihoods[0], rtol=1e-5)
    for values in frames:
        np.testing.assert_allclose(tf.reduce_sum(values, 1), likelihoods[0], rtol=1e-5)


@habit("`posterior_likelihood` between two calls of `fit`")
def posterior_likelihood_while_training(subject, tmp_path):
    data = subject.data()
    plain, asked = subject.compiled(), subject.compiled()
    for model in (plain, asked):
        _fit(model, data, shuffle=False)
    likelihood, target = asked.posterior_likelihood(data, seed=0)
    again, _ = asked.posterior_likelihood(data, seed=0)
    np.testing.assert_array_equal(likelihood.log_prob(target), again.log_prob(target))
    # Training goes on with the noise that it would have had.
    ours, theirs = (_fit(model, data, shuffle=False) for model in (asked, plain))
    _same_logs(ours, theirs, rtol=1e-6)


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
    """A weight of zero leaves an example out, of two counts it twice."""
    data = subject.data()
    model = subject.compiled()
    first = _evaluate(model, data[:1])
    weights = np.array([2.0, 0.0, 0.0, 0.0])
    batches = tf.data.Dataset.from_tensor_slices((data, weights)).batch(4)
    batches = batches.map(lambda inputs, weights: (inputs, None, weights))
    for logs in (
        _evaluate(model, data, sample_weight=weights),
        _evaluate(model, batches),
        _evaluate(model, ((data, None, weights) for _ in range(1))),
    ):
        _same_logs(logs, first)
    on_batch = []
    for inputs, given in ((data, weights), (data[:1], None)):
        model.reset_metrics()
        model.seed_generator.state.assign([0, 0])
        options = {"sample_weight": given, "return_dict": True}
        on_batch.append(model.test_on_batch(inputs, **options))
    _same_logs(*on_batch)
    with pytest.raises(ValueError, match=r"`sample_weight` must have shape \[B\]"):
        model.fit(data, sample_weight=np.ones([4, 3]), verbose=0)


@habit("`sample_weight` of nothing but zeros")
def zero_weights(subject, tmp_path):
    model = subject.compiled()
    before = model.get_weights()
    history = _fit(model, subject.data(), sample_weight=np.zeros(4))
    assert history["loss"] == [0.0]
    moved = _weights_moved(before, model)
    names = [w.name for w, m in zip(model.weights, moved, strict=True) if m]
    # Batch statistics know no weights, as in Keras.
    assert set(names) <= {"moving_mean", "moving_variance"}


@habit("`validation_split`, `validation_data`")
def validation(subject, tmp_path):
    data = subject.data()
    model = subject.compiled(keras.optimizers.SGD(0.0))
    assert np.isfinite(_fit(model, data, validation_split=0.5)["val_loss"]).all()
    weights = np.array([1.0, 0.0])
    model.trainable = False  # else sigma moves, and the figures with it
    for given in (data[2:], (data[2:],), (data[2:], None, weights)):
        options = {"validation_data": given, "callbacks": [EvaluationNoise()]}
        with pytest.warns(UserWarning, match="no trainable weights"):
            history = _fit(model, data[:2], **options)
        options = {"sample_weight": weights} if len(given) == 3 else {}
        logs = _evaluate(model, data[2:], batch_size=4, **options)
        _same_logs({k[4:]: v[0] for k, v in history.items() if "val_" in k}, logs)
    with pytest.raises(ValueError, match="without targets"):
        model.fit(data, validation_data=(data, data), verbose=0)


@habit("`trainable = False` on the model")
def frozen_model(subject, tmp_path):
    model = subject.make()
    model.trainable = False
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    before = model.get_weights()
    with pytest.warns(UserWarning, match="no trainable weights"):
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
    norms = [layer for layer in model._flatten_layers() if "norm" in layer.name]
    for layer in norms:
        layer.trainable = False
    before = [layer.get_weights() for layer in norms]
    _fit(model, subject.data())
    for layer, weights in zip(norms, before, strict=True):
        assert not any(_weights_moved(weights, layer))


@habit("callbacks of Keras")
def stock_callbacks(subject, tmp_path):
    """All at once."""
    kinds = keras.callbacks
    callbacks = [
        kinds.SwapEMAWeights(swap_on_epoch=True),
        kinds.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.0f}.keras"),
        kinds.ModelCheckpoint(
            tmp_path / "best.weights.h5",
            monitor="val_loss",
            save_best_only=True,
            save_weights_only=True,
        ),
        kinds.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
        kinds.ReduceLROnPlateau("loss", patience=1),
        kinds.CSVLogger(tmp_path / "log.csv"),
        kinds.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False),
        kinds.TerminateOnNaN(),
        kinds.LambdaCallback(on_epoch_end=lambda epoch, logs: logs["val_loss"]),
        kinds.ProgbarLogger(),
    ]
    data = subject.data()
    model = subject.compiled(keras.optimizers.Adam(1e-3, use_ema=True))
    options = {"epochs": 2, "callbacks": callbacks, "validation_data": data}
    history = _fit(model, data, **options)
    assert len(history["loss"]) == len(history["val_loss"]) == 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    (path,) = tmp_path.glob("2-*.keras")
    loaded = keras.models.load_model(path)
    assert np.isfinite(loaded.predict(data, verbose=0)).all()
    loaded.load_weights(tmp_path / "best.weights.h5")
    assert list((tmp_path / "backup").iterdir())


@habit("`TensorBoard` with histograms")
def tensorboard(subject, tmp_path):
    pytest.importorskip("tensorboard")
    callback = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_graph=True)
    data = subject.data()
    _fit(
        subject.compiled(run_eagerly=False, jit_compile=False),
        data,
        callbacks=[callback],
        validation_data=data,
    )
    assert list(tmp_path.rglob("events*"))


@habit("optimizers: EMA, clipping, weight decay, loss scaling, accumulation")
def optimizers(subject, tmp_path):
    data = subject.data()
    for optimizer in (
        keras.optimizers.AdamW(
            1e-3,
            weight_decay=0.1,
            clipnorm=0.1,
            use_ema=True,
            ema_overwrite_frequency=1,
        ),
        keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(1e-3, global_clipnorm=0.1), initial_scale=8.0
        ),
        keras.optimizers.Adam(clipvalue=0.1, gradient_accumulation_steps=2),
    ):
        model = subject.compiled(optimizer)
        before = [np.array(weight) for weight in model.trainable_weights]
        history = _fit(model, data, batch_size=2)
        assert np.isfinite(history["loss"]).all()
        after = [np.array(weight) for weight in model.trainable_weights]
        assert any(np.any(a != b) for a, b in zip(before, after, strict=True))


@habit("`run_eagerly`, `steps_per_execution`")
def ways_to_run(subject, tmp_path):
    data = subject.data()
    if data.ndim == 5:
        data = data[:, :3]  # each further frame is more to trace
    options = {"steps_per_execution": 2, "jit_compile": False, "run_eagerly": False}
    eager = _fit(subject.compiled(), data, batch_size=2, shuffle=False)
    graph = _fit(subject.compiled(**options), data, batch_size=2, shuffle=False)
    _same_logs(graph, eager, rtol=1e-3)


@habit("dtype policies")
def dtype_policies(subject, tmp_path):
    data = subject.data()
    model = subject.compiled()
    weights, exact = model.get_weights(), _evaluate(model, data)
    # Half precision has 8 to 11 bits, single 24.
    tolerances = {"float64": 1e-4, "mixed_bfloat16": 0.05, "bfloat16": 0.05}
    for policy, rtol in tolerances.items():
        model = subject.compiled(dtype=policy)
        model.set_weights(weights)
        assert model.compute_dtype == policy.removeprefix("mixed_")
        _same_logs(_evaluate(model, data), exact, rtol=rtol)
        assert np.isfinite(_fit(model, data)["loss"]).all()
    model = subject.compiled(dtype="mixed_float16")  # its loss is scaled
    assert np.isfinite(_fit(model, data)["loss"]).all()
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert other.dtype_policy.name == "mixed_float16"
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


def test_the_page_lists_every_habit():
    page = pathlib.Path(__file__).parents[2] / "docs" / "keras.md"
    table = page.read_text().split("## Models")[1].split("## Weights")[0]
    rows = [line.split(" | ")[0][2:] for line in table.splitlines() if line[:2] == "| "]
    assert rows[1:] == list(HABITS)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name", HABITS)
def test_habit(name, subject, tmp_path):
    HABITS[name](SUBJECTS[subject], tmp_path)
