"""Versions and machine, for the record of a run."""

import os
import platform

import keras
import tensorflow as tf
import tensorflow_probability as tfp

# Private: TensorFlow tells it nowhere else, and without TF_ENABLE_ONEDNN_OPTS it is the
# processor that decides.
from tensorflow.python.util import _pywrap_util_port

from tfsigmavae.processor import processor
from tfsigmavae.version import __version__


def environment() -> dict:
    """Versions and machine, for the record of a run."""
    return {
        "tfsigmavae": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tensorflow_probability": tfp.__version__,
        "machine": platform.machine(),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        # Faster kernels of TensorFlow on a CPU, which round otherwise.
        "onednn": bool(_pywrap_util_port.IsMklEnabled()),
        # 0 where TensorFlow, or its variables in the environment, decide.
        "threads": {
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }
