"""Batches that a tf.data service reads, on loopback.

What people do with it: train on records, resume, start a second worker; and what they
get wrong: forget to start it, mistype its address, ask it for videos or a cache.
"""

import json
import socket

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

from tfsigmavae.data import images
from tfsigmavae.data.passes import pass_batches, pass_order
from tfsigmavae.data.service import by_service
from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.pictures import write_png
from tfsigmavae_video import VideoExperiment, write_shards

service = tf.data.experimental.service
SHAPE = (16, 16, 3)


def started(num_workers):
    """Address of a service in this process, and what keeps it there."""
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    host = dispatcher.target.partition("://")[2]
    config = service.WorkerConfig(host, port=0, heartbeat_interval_ms=100)
    workers = [service.WorkerServer(config) for _ in range(num_workers)]
    return dispatcher.target, (dispatcher, workers)


@pytest.fixture(scope="module")
def address():
    address, kept = started(1)
    yield address
    del kept


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for seed, split in enumerate(("train", "test")):
        write_shards(folder, split, random_clips(5, 4, SHAPE, seed=seed))
    return folder


def experiment(data, **changes):
    sizes = {"frame_shape": SHAPE, "num_samples": 2, "num_eval_clips": 2}
    lengths = {"num_context": 1, "num_frames": 2, "eval_frames": 2, "steps": 3}
    options = {"model": DriftingModel, "batch_size": 2, "preview_every": 0, "seed": 1}
    return VideoExperiment(str(data), **options | sizes | lengths | changes)


def test_one_worker_reads_the_same_batches_in_the_same_order(address, records):
    for step in (0, 4):  # five clips, two a batch: in the second pass
        own = experiment(records).train_batches(step)
        served = by_service(own, address)
        assert served.element_spec == own.element_spec
        for mine, other in zip(own.take(6), served.take(6), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_of_two_workers_each_pass_has_every_example_once():
    address, kept = started(2)
    size = 10
    passes = pass_batches(lambda n: pass_order(n, size, seed=3), size, 2, repeat=True)
    seen = np.zeros(size, int)
    for batch in by_service(passes, address).take(100):
        seen[batch.numpy()] += 1
    # Each worker is at most a pass, and the batches it made ahead, before the other.
    assert seen.sum() == 200 and np.ptp(seen) <= 4, seen
    del kept


def test_no_pass_is_read_by_both_of_two_workers():
    address, kept = started(2)

    def draw(number):
        return 10 * number + tf.cast(pass_order(number, 10, seed=3), tf.int64)

    batches = by_service(pass_batches(draw, 10, 2, repeat=True), address).take(100)
    seen = np.concatenate([batch.numpy() for batch in batches])
    assert len(np.unique(seen)) == len(seen) == 200
    del kept


def test_a_run_by_the_service_is_the_run_without(address, records, tmp_path):
    first = experiment(records).run(tmp_path / "own")
    served = experiment(records).run(tmp_path / "served", data_service=address)
    names = ("nll", "kl", "psnr", "sigma")
    assert [served.get(n) for n in names] == [first.get(n) for n in names]
    rows = [(tmp_path / n / "history.csv").read_text() for n in ("own", "served")]
    assert rows[0] == rows[1]
    record = json.loads((tmp_path / "served" / "run.json").read_text())
    assert record["attempts"][0]["data_service"] == address
    assert record["replicas"] == 1


def test_what_python_reads_is_refused_before_training(address, records, tmp_path):
    with pytest.raises(ValueError, match="cannot read these data, whose reader is P"):
        by_service(images.batches(np.zeros([4, 8, 8, 1], np.uint8), 2), address)
    with pytest.raises(ValueError, match="Leave the cache away, or convert"):
        kept = experiment(records, cache="memory")
        kept.run(tmp_path / "cache", data_service=address)
    for split in ("train", "test"):
        write_png(tmp_path / "data" / split / "0.png", np.zeros(SHAPE, np.uint8))
    pictures = ImageExperiment(str(tmp_path / "data"), steps=1, batch_size=1)
    with pytest.raises(ValueError, match="reader is Python"):
        pictures.run(tmp_path / "images", data_service=address)
    for name in ("cache", "images"):
        assert not (tmp_path / name).exists(), f"{name} is half a run"


def test_so_is_python_that_gets_tensors(address):
    eager = tf.data.Dataset.range(3).map(lambda n: tf.py_function(abs, [n], tf.int64))
    with pytest.raises(ValueError, match="whose reader is Python"):
        by_service(eager, address)


@pytest.mark.parametrize("wrong", ["", "host:5050", "grpc://host", "grpc://host:0"])
def test_other_addresses_are_refused(wrong):
    with pytest.raises(ValueError, match="must be like grpc://host:5050"):
        by_service(tf.data.Dataset.range(3), wrong)


def test_where_nobody_answers_is_said(records, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"grpc://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=f"No tf.data service answers.*{address}"):
        experiment(records).run(tmp_path / "run", data_service=address)
    assert not (tmp_path / "run").exists()
