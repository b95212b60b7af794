"""Training of the image VAE by a user's checkout of the sigma-VAE in PyTorch.

Its script `train_vae.py` runs up to its loop over epochs, with our batch size; then its
own `train` goes over our images. Only what no step needs is replaced: data sets, and
packages for logs and pictures.
"""

import contextlib
import os
import pathlib
import sys
import types
import unittest.mock

import numpy as np

from benchmarking import peer
from benchmarking.work import Work

SCRIPT = "train_vae.py"
_SIZE, _NUM_BATCHES = 28, 8


def check(path, settings) -> None:
    """As `peer.check`, of the other checkout.

    Raises:
        FileNotFoundError, ValueError, ImportError: see there.
    """
    missing = [n for n in (SCRIPT, "model.py") if not (pathlib.Path(path) / n).exists()]
    if missing:
        raise FileNotFoundError(
            "`--peer` must be a checkout of github.com/orybkin/sigma-vae-pytorch, but "
            f"'{path}' has no {', '.join(missing)}."
        )
    if settings["frame_size"] != _SIZE or settings["sizes"]:
        raise ValueError(
            f"The network of `--peer` takes images of {_SIZE} x {_SIZE}, and has "
            "widths of its own: leave out --dry-run."
        )
    peer.check_torch()


def make(settings) -> Work:
    """Its `train`, an epoch of as many batches as are asked for."""
    torch = peer.start_torch()
    names = _load(settings)
    shape = [settings["batch_size"], 3, _SIZE, _SIZE]
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, [_NUM_BATCHES, *shape], np.uint8)
    images = torch.from_numpy(levels.astype(np.float32) / 255.0)

    def run(num_steps):
        names["train_loader"] = _Loader(images, num_steps)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            names["train"](1)

    return Work(run, items=settings["batch_size"])


class _Loader:
    """Batches in turn, as the script's loader gives them."""

    def __init__(self, images, num_steps):
        self._images, self._num_steps = images, num_steps
        self.dataset = range(num_steps * images.shape[1])

    def __len__(self):
        return self._num_steps

    def __iter__(self):
        for step in range(self._num_steps):
            yield self._images[step % len(self._images)], None


def _load(settings):
    """Runs the checkout's script, and gives its global names."""
    folder = pathlib.Path(settings["path"]).resolve()
    sys.path.insert(0, str(folder))
    argv = [SCRIPT, f"--batch-size={settings['batch_size']}", "--no-cuda"]
    argv += ["--model=optimal_sigma_vae", "--log_dir=benchmark"]
    names = {"__name__": "train_vae", "__file__": str(folder / SCRIPT)}
    logs = types.ModuleType("torch.utils.tensorboard")
    logs.SummaryWriter = unittest.mock.MagicMock
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        enter(peer.placeholders())
        # It makes a folder for its logs where it is.
        stack.callback(os.chdir, os.getcwd())
        os.chdir(settings["folder"])
        enter(contextlib.redirect_stdout(sys.stderr))
        enter(unittest.mock.patch.object(sys, "argv", argv))
        # Not `patch.dict`, which would forget what PyTorch loads meanwhile.
        sys.modules[logs.__name__] = logs
        stack.callback(sys.modules.pop, logs.__name__)
        enter(unittest.mock.patch("torch.utils.data.DataLoader"))
        source = (folder / SCRIPT).read_text()
        exec(compile(source, names["__file__"], "exec"), names)
    return names
