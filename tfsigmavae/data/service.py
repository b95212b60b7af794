"""Batches that other processes, or machines, read: tf.data service."""

import re
import socket

import tensorflow as tf

_SECONDS = 10.0  # to be answered; TensorFlow would ask for ever


def by_service(batches, address) -> tf.data.Dataset:
    """Has the workers of a tf.data service compute batches, as they are wanted.

    Passes over the data go to whichever worker is free, so that every example comes
    once in a pass. With one worker the batches, and their order, are those of
    `batches`; several workers read as many passes at a time, and whose batch comes
    first is chance.

    Args:
        batches: `tf.data.Dataset` that TensorFlow computes by itself, without Python;
            workers see its files by the same names.
        address: str, of the dispatcher: `"grpc://host:port"`.

    Returns:
        `tf.data.Dataset`.

    Raises:
        ValueError: if the address is none, or Python is needed to compute the batches.
        ConnectionError: if nobody answers there.
    """
    _check_address(address)
    if _calls_python(batches):
        raise ValueError(
            "tf.data service cannot read these data, whose reader is Python: pictures, "
            "videos, arrays, decoded clips of a cache. Leave the cache away, or "
            "convert them to records (`tfsigmavae data convert`)."
        )
    sharding = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    served = tf.data.experimental.service.distribute(sharding, address)
    return batches.apply(served)


def _check_address(address):
    match = re.fullmatch(r"grpc://(.+):(\d+)", str(address))
    if not match or not 0 < int(match[2]) < 2**16:
        raise ValueError(
            "The address of a tf.data service must be like grpc://host:5050, got "
            f"{address!r}."
        )
    try:
        socket.create_connection((match[1], int(match[2])), _SECONDS).close()
    except OSError as error:
        raise ConnectionError(
            f"No tf.data service answers at '{address}': {error}. Start its dispatcher "
            "first (docs/distributed.md)."
        ) from error


def _calls_python(dataset):
    variant = tf.data.experimental.to_variant(dataset)
    graph = tf.compat.v1.GraphDef.FromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()
    )
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return any(node.op.startswith(("PyFunc", "EagerPyFunc")) for node in nodes)
