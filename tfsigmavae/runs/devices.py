"""Where a run trains: one device, several, or several machines."""

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading

import tensorflow as tf

from tfsigmavae.checks import check_choice
from tfsigmavae.data.service import by_service
from tfsigmavae.machines import is_of_several_machines

STRATEGIES = ("none", "mirrored", "multi_worker")
# What TensorFlow raises where another machine has ended.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of a name; of several machines before TensorFlow computes anything.

    Args:
        name: `"none"`: one device. `"mirrored"`: all GPUs of this machine, a part of
            every batch each. `"multi_worker"`: the same on several machines, or
            processes, that TF_CONFIG in the environment names; see docs/distributed.md.

    Raises:
        ValueError: if there is no such name, or TF_CONFIG does not name the machines.
    """
    check_choice("strategy", name, STRATEGIES)
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    _check_cluster(os.environ.get("TF_CONFIG", ""))
    print("Waiting for the other machines of TF_CONFIG ...", file=sys.stderr)
    with _interruptible():
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def _interruptible():
    """Within, Ctrl-C ends the process at once, unless it is ignored.

    TensorFlow waits outside Python, where no handler of Python's is called. (It takes
    SIGTERM for itself there, and does nothing then.)
    """
    before = signal.getsignal(signal.SIGINT)
    is_free = threading.current_thread() is threading.main_thread() and callable(before)
    if is_free:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if is_free:
            signal.signal(signal.SIGINT, before)


def is_chief(strategy) -> bool:
    """Whether this process is the one that writes: the first of several machines."""
    resolver = strategy.cluster_resolver
    if not is_of_several_machines(strategy):
        return True
    return resolver.task_type in (None, "chief") or (
        "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0
    )


def check_agreement(strategy, facts) -> None:
    """Refuses to train where the machines are not of one mind; all have to ask.

    Args:
        strategy: of `make_strategy`; of one machine nothing is asked.
        facts: dict of JSON values that must be the same on all, by what they are.

    Raises:
        ValueError: on all of them, if a fact differs.
    """
    if not is_of_several_machines(strategy):
        return
    own = tf.constant([_word(value) for value in facts.values()], tf.int64)
    replicas = strategy.num_replicas_in_sync
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.scatter_nd(
            [[context.replica_id_in_sync_group]], own[None], [replicas, len(facts)]
        )
    )
    words = strategy.reduce("SUM", values, axis=None).numpy()
    if wrong := [name for i, name in enumerate(facts) if len(set(words[:, i])) > 1]:
        raise ValueError(
            f"The machines of this run do not agree on {', '.join(wrong)}. Start the "
            "same command on all of them; data and `output` must be what all see."
        )


def _word(value):
    """A number that is the same of equal JSON values."""
    text = json.dumps(value, sort_keys=True)
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def check_distributed(strategy, batches, batch_size, data_service=None):
    """Raises what `distributed` would, before there is a run.

    Raises:
        ValueError: if the shares are not equal, or the service cannot read them.
        ConnectionError: if there is no such service.
    """
    _check_batch_size(strategy, batch_size)
    if data_service is not None:
        by_service(batches((0, 1)), data_service)


def _check_batch_size(strategy, batch_size):
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} devices, got "
            f"{batch_size}."
        )


def distributed(strategy, batches, batch_size, data_service=None):
    """Training batches as `fit` takes them, each machine reading its share alone.

    Args:
        strategy: of `make_strategy`.
        batches: function from (index, count) to the dataset of that share of each
            batch.
        batch_size: int, examples of all shares together.
        data_service: address of a tf.data service that reads the batches. Defaults to
            `None`: each machine reads its own.

    Raises:
        ValueError, ConnectionError: see `check_distributed`.
    """
    _check_batch_size(strategy, batch_size)

    def read(share):
        mine = batches(share)
        return mine if data_service is None else by_service(mine, data_service)

    if not is_of_several_machines(strategy):
        return read((0, 1))  # Keras deals the parts out itself
    return strategy.distribute_datasets_from_function(
        lambda context: read((context.input_pipeline_id, context.num_input_pipelines))
    )


def _check_cluster(text):
    try:
        config = json.loads(text)
        addresses = config["cluster"]["worker"]
        index = config["task"]["index"]
        if not isinstance(addresses, list) or type(index) is not int:
            raise TypeError("workers must be a list, and the index an int")
    except (ValueError, KeyError, TypeError) as error:
        example = {
            "cluster": {"worker": ["one:2222", "two:2222"]},
            "task": {"type": "worker", "index": 0},
        }
        raise ValueError(
            "`multi_worker` needs TF_CONFIG in the environment, in JSON: the addresses "
            f"of all machines, and which one this is, as in {json.dumps(example)}, got "
            f"{text!r}."
        ) from error
    if not 0 <= index < len(addresses):
        raise ValueError(
            f"TF_CONFIG names {len(addresses)} workers, and this one is number {index} "
            "of them (from 0)."
        )
