"""Films of the futures during training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from PIL import Image, ImageSequence
from tiny_svg_lp import compiled_model, random_clips

from tfsigmavae.callbacks import TensorBoardLog
from tfsigmavae.checkpoints import DivergedError
from tfsigmavae_video import VideoPreview

SHAPE = (16, 16, 3)
CLIPS = random_clips(2, 5, SHAPE)
BATCHES = tf.data.Dataset.from_tensors(random_clips(2, 5, SHAPE, seed=1)).repeat(3)


def model_of(run_eagerly=True, **options):
    model = DriftingModel(SHAPE, seed=0, **options)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=run_eagerly)
    return model


def fit(model, folder, every=2, epochs=2, **options):
    preview = VideoPreview(folder, CLIPS, every, num_samples=2, **options)
    model.fit(BATCHES, epochs=epochs, callbacks=[preview], verbose=0)
    return preview


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_films_are_numbered_by_the_step_and_sorted_by_their_names(tmp_path):
    model = model_of()
    fit(model, tmp_path, every=4)
    assert names(tmp_path) == ["step_000004.gif"]
    fit(model, tmp_path, every=4)  # as a run that goes on
    assert names(tmp_path) == [f"step_{step:06d}.gif" for step in (4, 8, 12)]
    with Image.open(tmp_path / "step_000004.gif") as film:
        assert len(list(ImageSequence.Iterator(film))) == 5


def test_the_same_model_draws_the_same_film(tmp_path):
    """Clips and noise are the same each time: what changes is the model."""
    model = model_of()
    preview = fit(model, tmp_path / "a", every=3)
    films = [path.read_bytes() for path in sorted((tmp_path / "a").iterdir())]
    assert films[0] != films[1]
    preview.write(model, "again.gif")
    assert (tmp_path / "a" / "again.gif").read_bytes() == films[1]
    other = VideoPreview(tmp_path / "b", CLIPS, 3, num_samples=2, seed=1)
    assert other.write(model, "x.gif").read_bytes() != films[1]


def test_training_is_the_same_to_the_bit(tmp_path):
    models = [model_of(), model_of()]
    fit(models[0], tmp_path, every=1)
    models[1].fit(BATCHES, epochs=2, verbose=0)
    states = [[*m.variables, *m.optimizer.variables] for m in models]
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@keras.saving.register_keras_serializable(package="tests")
class CountingModel(DriftingModel):
    """Counts how often its training step is traced."""

    traced = 0

    def elbo_terms(self, inputs, training):
        type(self).traced += 1
        return super().elbo_terms(inputs, training)


def test_the_training_step_is_traced_once(tmp_path):
    model = CountingModel(SHAPE, seed=0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(BATCHES, verbose=0)
    before = CountingModel.traced
    assert before > 0
    fit(model, tmp_path, every=1)
    assert CountingModel.traced == before


def test_without_films_nothing_is_written(tmp_path):
    fit(model_of(), tmp_path, every=0)
    assert names(tmp_path) == []
    with pytest.raises(ValueError, match="`every` must be an int >= 0"):
        VideoPreview(tmp_path, CLIPS, every=-1)


def test_diverged_training_is_told(tmp_path):
    model = model_of()
    model.gain.assign(np.nan)
    with pytest.raises(DivergedError, match="not finite"):
        VideoPreview(tmp_path, CLIPS, 1).write(model, "x.gif")
    assert names(tmp_path) == []


def test_accumulated_gradients_do_not_change_the_numbers(tmp_path):
    model = model_of()
    optimizer = keras.optimizers.Adam(0.01, gradient_accumulation_steps=2)
    model.compile(optimizer, run_eagerly=True)
    for _ in range(2):  # the second one begins at step 3, in the midst of an update
        fit(model, tmp_path, every=3, epochs=1)
    assert names(tmp_path) == ["step_000003.gif", "step_000006.gif"]


def test_actions_and_rates_of_svg_lp(tmp_path):
    model = compiled_model(action_size=2)
    clips = random_clips(2, 4)
    actions = np.random.default_rng(0).normal(size=[2, 3, 2]).astype(np.float32)
    preview = VideoPreview(tmp_path, clips, 1, num_samples=1, actions=actions)
    preview.write(model, "x.gif")
    terms = model.elbo_terms(preview.inputs, training=False)
    rates = model.latent_rates(preview.inputs)
    assert rates.shape == (2, 3, 3)  # clips, steps, latents
    # float32: a difference of numbers of about 1.
    np.testing.assert_allclose(tf.reduce_sum(rates, [1, 2]), terms.kl, atol=1e-4)
    log = TensorBoardLog(tmp_path, 0)
    log.set_model(model)
    tags = {value.tag for value in log._rates(preview)}
    assert tags == {
        "latents/active",
        "latents/rate_per_latent",
        "latents/rate_per_step",
    }
    future = compiled_model(scored_frames="future")
    terms = future.elbo_terms(clips, training=False)
    rates = future.latent_rates(clips)
    np.testing.assert_allclose(tf.reduce_sum(rates, [1, 2]), terms.kl, atol=1e-4)
