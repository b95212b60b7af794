"""How a script ends: its exit code, or one line where the user can mend something."""

import os
import sys
import traceback

# TensorFlow's notices about CPU features and missing GPUs are not the user's business.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def run(main, trains=False):
    """Calls `main()`; an error that this package raises itself is shown as one line.

    With `trains` TensorFlow has the kernels of oneDNN where it leaves them off, unless
    TF_ENABLE_ONEDNN_OPTS says otherwise; it reads that when it is loaded, in `main`.
    Errors from elsewhere, and all of them with TFSIGMAVAE_TRACEBACK=1 in the
    environment, keep their traceback.
    """
    if trains:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        raised_in = os.path.realpath(raised_in)
        modules = map(sys.modules.get, ("__main__", "tfsigmavae", "tfsigmavae_video"))
        files = [getattr(module, "__file__", None) for module in modules]
        ours = tuple(os.path.dirname(os.path.realpath(f)) + os.sep for f in files if f)
        if os.environ.get("TFSIGMAVAE_TRACEBACK") or not raised_in.startswith(ours):
            raise
        sys.exit(f"error: {error}")
