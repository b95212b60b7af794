"""Files that are no networks: refused by name, whatever they are."""

import os

import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors

# How `get` calls them, and the file within what it names.
NETWORKS = {
    "inception_2015": ("inception_2015:{}/a.pb", "a.pb"),
    "i3d": ("i3d:{}", "saved_model.pb"),
    "tflite": ("{}/a.tflite", "a.tflite"),
}
CONTENTS = {
    "empty": b"",
    "text": b"<html>" * 50,
    "names in no known letters": b"\x0a\x08\x0a\x02\xff\xfe\x12\x02\xc3\x28" * 5,
    "long numbers": b"\xff" * 64,
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_other_content_is_refused_by_name(tmp_path, network, content):
    spec, name = NETWORKS[network]
    (tmp_path / name).write_bytes(CONTENTS[content])
    with pytest.raises(ValueError, match=f"'{tmp_path}") as caught:
        extractors.get(spec.format(tmp_path))
    assert "/tfsigmavae/" in str(caught.traceback[-1].path)


@pytest.mark.parametrize("network", [*NETWORKS, "inception_v3"])
def test_pipes_are_refused_and_not_waited_for(tmp_path, network):
    spec, name = NETWORKS.get(network, ("inception_v3:{}/a.h5", "a.h5"))
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=f"'{tmp_path}/{name}' is a pipe"):
        extractors.get(spec.format(tmp_path))


def test_a_graph_that_cannot_be_imported_is_refused_by_name(tmp_path):
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="ExpandDims", op="Placeholder")
    graph.node.add(name="pool_3", op="NoSuchOperation", input=["ExpandDims"])
    file = tmp_path / "a.pb"
    file.write_bytes(graph.SerializeToString())
    with pytest.raises(ValueError, match=f"'{file}' is not the Inception graph"):
        extractors.get(f"inception_2015:{file}")
