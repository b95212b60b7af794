"""What `fit` takes, taken apart."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_svg_lp import random_clips, tiny_model

from tfsigmavae.models.batches import example_shapes

CLIPS = np.zeros([4, 5, 8, 8, 3], np.uint8)
ACTIONS = np.zeros([4, 5, 2], np.float32)
ONE = [(5, 8, 8, 3)]
BOTH = [(3, 2), (5, 8, 8, 3)]


@pytest.mark.parametrize(
    "data, shapes",
    [
        (CLIPS, ONE),
        (tf.constant(CLIPS), ONE),
        ({"frames": CLIPS, "actions": ACTIONS}, BOTH),
        (tf.data.Dataset.from_tensors(CLIPS), ONE),
        (tf.data.Dataset.from_tensors({"frames": CLIPS, "actions": ACTIONS}), BOTH),
        (tf.data.Dataset.from_tensors((CLIPS, np.ones(4))), ONE),
        (iter([CLIPS]), None),
    ],
    ids=["array", "tensor", "dict", "dataset", "of dicts", "weighed", "generator"],
)
def test_shapes_of_examples(data, shapes):
    assert example_shapes(data) == shapes


def test_a_wrong_shape_is_told_as_well_after_right_ones():
    """Without the shapes unknown that TensorFlow makes of two that differ."""
    model = tiny_model(action_size=2)
    model.compile("adam")
    actions = np.zeros([2, 5, 2], np.float32)
    good = {"frames": random_clips(2), "actions": actions}
    model.fit(good, verbose=0)
    with pytest.raises(ValueError, match=r"`actions` must have shape .* got .*5, 1"):
        model.fit(good | {"actions": actions[..., :1]}, verbose=0)
    with pytest.raises(ValueError, match=r"`frames` must have shape \[B, T, 8, 8, 3\]"):
        model.fit(good | {"frames": random_clips(2)[:, 0]}, verbose=0)
    model.fit(good, verbose=0)
