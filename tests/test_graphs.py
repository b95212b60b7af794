"""No graph of this package is made of code that AutoGraph has rewritten."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from keras_subjects import SUBJECTS

from tfsigmavae.models import seeding

KINDS = ["ConvVAE", "HierarchicalVAE", "SVGLP", "WarpVRNN"]


@pytest.fixture
def rewritten(monkeypatch):
    """For each time that noise is drawn, whether the code on the way was rewritten."""
    seen, draw = [], seeding._bits

    def spy(*args):
        frame, names = sys._getframe(), []
        # What called `elbo_terms` is the user's.
        while frame is not None and frame.f_code.co_name != "elbo_terms":
            names.append(frame.f_code.co_filename)
            frame = frame.f_back
        seen.append(any("__autograph_generated" in name for name in names))
        return draw(*args)

    monkeypatch.setattr(seeding, "_bits", spy)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_ones_own_is_made_of_code_as_it_is(kind, rewritten):
    subject = SUBJECTS[kind]
    model = subject.make()

    @tf.function
    def loss(inputs):
        return tf.reduce_mean(model.elbo_terms(inputs, training=True).nll)

    assert np.isfinite(loss(tf.constant(subject.data(2))))
    assert rewritten and not any(rewritten)


@pytest.mark.parametrize("kind", KINDS)
def test_so_are_the_verbs(kind, rewritten):
    subject = SUBJECTS[kind]
    model, data = subject.make(), subject.data(2)
    model.log_likelihood(data, 2, seed=0)
    if hasattr(model, "predict_frames"):
        model.predict_frames(data[:, : model.num_context], 2, num_samples=2, seed=0)
        model.frame_log_likelihood(data, 2, seed=0)
    assert len(rewritten) >= 1 and not any(rewritten)
