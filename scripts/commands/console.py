"""How a script ends: its exit code, or one line where the user can mend something."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import traceback

from tfsigmavae_commands.parsing import with_flags

# TensorFlow's notices about CPU features and missing GPUs are not the user's business.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


_PACKAGES = "tfsigmavae", "tfsigmavae_video", "tfsigmavae_commands"
# What TensorFlow says at its start on every machine without a GPU or built for others.
_NOTICES = (
    r"WARNING: All log messages before absl|I0000 |"
    r"To enable the following instructions|"
    r"E0000 .*failed call to cuInit: (INTERNAL: CUDA error: Failed call to cuInit: )?"
    r"(UNKNOWN ERROR \(303\)|CUDA_ERROR_NO_DEVICE)"
)
_FILTER = """
import re, sys
for line in sys.stdin.buffer:
    if not re.match(sys.argv[1].encode(), line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""


def load():
    """Imports TensorFlow, whose notices at its start do not reach the terminal.

    All else that it says does: also if the import fails.
    """
    with _without_notices():
        import tensorflow as tf

        import tfsigmavae.video  # noqa: F401

        tf.config.list_physical_devices()  # looks for GPUs


@contextlib.contextmanager
def _without_notices():
    """Keeps TensorFlow's notices from standard error, to which it writes below Python.

    A process of its own lets all other lines through: also where this one is ended on
    the way. Who asks TensorFlow for its notices gets them.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1") or sys.stderr is None:
        yield
        return
    command = [sys.executable, "-I", "-S", "-c", _FILTER, _NOTICES]
    try:
        terminal = os.dup(2)
        # Ctrl-C is for this process alone.
        through = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=terminal, start_new_session=True
        )
    except OSError:  # closed, or no process to be had
        yield
        return
    sys.stderr.flush()
    os.dup2(through.stdin.fileno(), 2)
    through.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        with contextlib.suppress(subprocess.TimeoutExpired):  # a child still writes
            through.wait(timeout=1)


def share_cores(model):
    """Two operations at a time, a core each, for a model whose operations are small.

    TensorFlow splits every operation over all cores; of a small one much of the time
    then goes into splitting. Does nothing where there are not two cores, which is what
    was measured; where TF_NUM_INTRAOP_THREADS or TF_NUM_INTEROP_THREADS is set; and in
    a process that has computed already, where threads cannot change.

    Args:
        model: class of the model, see `VariationalModel.small_operations`.
    """
    import tensorflow as tf

    names = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    if (
        model.small_operations
        and os.cpu_count() == 2
        and not any(os.environ.get(name) for name in names)
    ):
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(2)


def stopped(output) -> int:
    """The exit code of training without a result, after a line how it goes on.

    `output` is the run folder, `None` of a dry run.
    """
    from tfsigmavae.callbacks import StopOnInterrupt

    if output is None:
        print("Stopped; a dry run keeps nothing.", file=sys.stderr)
        return 130
    how = f"the same command resumes '{output}'."
    if StopOnInterrupt.followed:  # not done: what starts processes starts it again
        print(f"Another machine was asked to end; on all, {how}", file=sys.stderr)
        return os.EX_TEMPFAIL
    if StopOnInterrupt.received is None:
        print(f"Trained; the first machine completes '{output}'.", file=sys.stderr)
        return 0
    if StopOnInterrupt.received == signal.SIGTERM:  # asked by a system, and obeyed
        print(f"Stopped, all is saved; {how}", file=sys.stderr)
        return 0
    print(f"Interrupted; {how}", file=sys.stderr)
    return 130


def _terminate(signum, frame):
    """Outside training steps, which end by `StopOnInterrupt`."""
    print("Stopped; the same command goes on.", file=sys.stderr)
    sys.exit(0)


def run(main, trains=False, onednn=None):
    """Calls `main()`; an error that this package raises itself is shown as one line.

    So is one of the system that names a file: no right to read it, no room to write it.
    Errors from elsewhere, and all of them with TFSIGMAVAE_TRACEBACK=1 in the
    environment, keep their traceback.

    With `trains` the same command goes on, so that SIGTERM is no error. With `onednn`,
    by default `trains`, TensorFlow has the kernels of oneDNN where it leaves them off,
    unless TF_ENABLE_ONEDNN_OPTS says otherwise; it reads that when it is loaded, in
    `main`.
    """
    if trains:
        previous = signal.signal(signal.SIGTERM, _terminate)
    if trains if onednn is None else onednn:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # who reads what is printed has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        raised_in = os.path.realpath(raised_in)
        modules = map(sys.modules.get, ("__main__", *_PACKAGES))
        files = [getattr(module, "__file__", None) for module in modules]
        ours = tuple(os.path.dirname(os.path.realpath(f)) + os.sep for f in files if f)
        of_system = isinstance(error, OSError) and error.filename is not None
        told = of_system or raised_in.startswith(ours)
        if os.environ.get("TFSIGMAVAE_TRACEBACK") or not told:
            raise
        message = _of_system(error) if of_system else with_flags(str(error))
        sys.exit(f"error: {message}")
    finally:
        if trains:
            signal.signal(signal.SIGTERM, previous)


def _of_system(error):
    """What an error of the system says, and the way out."""
    way_out = {
        errno.ENOSPC: "Make room, and the same command goes on.",
        errno.EDQUOT: "Make room, and the same command goes on.",
        errno.EROFS: "Name another folder.",
        errno.EACCES: "Mend its rights, or name another.",
        errno.EEXIST: "Remove it, or name another.",
        errno.ENOTDIR: "Name a folder.",
        errno.EISDIR: "Name a file.",
    }.get(error.errno, "")
    return f"'{error.filename}': {error.strerror or error}. {way_out}".rstrip()
