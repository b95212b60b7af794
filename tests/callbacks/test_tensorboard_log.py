"""Logs for TensorBoard, read back from the files."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_vae import TinyVAE

from tfsigmavae.callbacks import ImagePreview, TensorBoardLog
from tfsigmavae.models import ConvVAE

IMAGES = np.random.default_rng(0).integers(0, 256, [6, 4, 4, 1], np.uint8)
OPTIONS = {"batch_size": 2, "epochs": 2, "shuffle": False, "verbose": 0}


def events(folder):
    """What the files hold, one file after the other."""
    return [
        tf.compat.v1.Event.FromString(record)
        for path in sorted(folder.glob("events.out.tfevents.*"))
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]


def values(folder, kind="simple_value"):
    """Tag -> step -> value, without what a later start has made void."""
    found = {}
    for event in events(folder):
        if event.HasField("session_log"):
            assert event.session_log.status == tf.compat.v1.SessionLog.START
            for steps in found.values():
                for step in [step for step in steps if step >= event.step]:
                    del steps[step]
        for value in event.summary.value:
            if value.HasField(kind):
                steps = found.setdefault(value.tag, {})
                assert event.step not in steps, "doubled"
                steps[event.step] = getattr(value, kind)
    return found


def vae():
    model = ConvVAE([4, 4, 1], latent_size=3, widths=(2, 3), seed=0)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return model


def test_figures_and_pictures_are_those_of_the_run(tmp_path):
    model = vae()
    preview = ImagePreview(tmp_path, IMAGES[:4], every=4, num_samples=2)
    log = TensorBoardLog(tmp_path / "logs", previews=[preview])
    history = model.fit(
        IMAGES, validation_data=IMAGES, callbacks=[preview, log], **OPTIONS
    ).history
    log.close()
    assert events(tmp_path / "logs")[0].file_version == "brain.Event:2"
    scalars = values(tmp_path / "logs")
    assert scalars.pop("latents/active").keys() == {4}
    assert scalars.keys() == history.keys() and "val_bits_per_dim" in scalars
    for name, by_step in scalars.items():
        assert list(by_step) == [3, 6]
        np.testing.assert_allclose(list(by_step.values()), history[name], rtol=1e-6)
    pictures = values(tmp_path / "logs", "image")
    for name in ("samples", "reconstructions"):
        (image,) = pictures[f"samples/{name}"].values()
        content = (tmp_path / f"{name}-000004.png").read_bytes()
        assert image.encoded_image_string == content
        assert Image.open(io.BytesIO(content)).size == (image.width, image.height)


def test_rates_of_latents_are_those_of_the_model(tmp_path):
    """Against the closed form, of a model that uses one latent of three."""
    model = vae()
    kernel, bias = model.encoder.layers[-2].weights
    kernel.assign(tf.zeros_like(kernel))
    bias.assign([1.5, 0, 0, *bias.numpy()[3:]])
    posterior = model.posterior(IMAGES)
    mean, stddev = posterior.mean().numpy(), posterior.stddev().numpy()
    expected = (mean**2 + stddev**2 - 1) / 2 - np.log(stddev)
    np.testing.assert_allclose(
        model.latent_rates(IMAGES), expected, rtol=1e-4, atol=1e-6
    )
    log = TensorBoardLog(tmp_path, 0)
    log.set_model(model)
    preview = ImagePreview(tmp_path, IMAGES, every=1)
    rates = {value.tag: value for value in log._rates(preview)}
    active = int(np.sum(expected.mean(axis=0) > 0.01))
    assert rates["latents/active"].simple_value == active
    histogram = tf.make_ndarray(rates["latents/rate_per_latent"].tensor)
    assert histogram[:, 2].sum() == 3
    assert histogram[0, 0] == pytest.approx(expected.mean(axis=0).min(), rel=1e-3)
    assert histogram[-1, 1] == pytest.approx(expected.mean(axis=0).max(), rel=1e-3)


def test_a_model_that_does_not_tell_its_rates_has_none(tmp_path):
    log = TensorBoardLog(tmp_path, 0)
    log.set_model(TinyVAE())
    assert list(log._rates(ImagePreview(tmp_path, IMAGES, every=1))) == []


def test_a_run_that_goes_on_doubles_nothing(tmp_path):
    """The first attempt is killed three steps after its checkpoint."""
    for initial_step, num_steps in ((0, 6), (3, 6), (9, 3)):
        log = TensorBoardLog(tmp_path, initial_step)
        log.set_params({"steps": None})
        log.on_train_begin()
        for number in range(num_steps // 3):
            log.on_epoch_begin(number)
            for batch in range(3):
                log.on_train_batch_end(batch)
            log.on_epoch_end(number, {"loss": log.step + initial_step / 100})
        log.close()
    losses = {step: round(value, 2) for step, value in values(tmp_path)["loss"].items()}
    assert losses == {3: 3.0, 6: 6.03, 9: 9.03, 12: 12.09}


def test_tensorboard_reads_it(tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.plugin_event_accumulator",
        reason="tensorboard is an extra",
    )
    test_a_run_that_goes_on_doubles_nothing(tmp_path)
    found = accumulators.EventAccumulator(str(tmp_path)).Reload()
    tensors = found.Tensors("loss")
    assert [event.step for event in tensors] == [3, 6, 9, 12]
