"""A user's checkout of the official PyTorch SVG, run as it is.

Its script `train_svg_lp.py` runs whole, with our sizes as its arguments and no epoch to
train. So its own code makes the networks, initialises them, and defines the step. Only
what no step needs is replaced: data sets, packages for files and pictures, and
`.cuda()`, which does nothing here. Nothing of the checkout is changed or kept.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import types
import unittest.mock

import numpy as np

from benchmarking.work import Work

SCRIPT = "train_svg_lp.py"
# What the checkout imports beside PyTorch and NumPy, and calls outside its steps only.
NOT_NEEDED = (
    "PIL",
    "imageio",
    "matplotlib",
    "progressbar",
    "scipy",
    "skimage",
    "sklearn",
    "torchvision",
    "tqdm",
)
_FRAME_SIZE = 64
_NETWORKS = ("frame_predictor", "posterior", "prior", "encoder", "decoder")


def fits(path, case) -> bool:
    """Whether a folder, or `None`, holds the program that a case is compared with."""
    if path is None or case.peer is None:
        return False
    script = importlib.import_module(case.peer).SCRIPT
    return (pathlib.Path(path) / script).is_file()


def check(path, settings) -> None:
    """Checks, before anything runs, that the checkout can be measured.

    Args:
        path: its folder.
        settings: dict, those of a video case.

    Raises:
        FileNotFoundError: if files that are needed are missing.
        ValueError: if its networks do not take such frames.
        ImportError: if PyTorch is not installed.
    """
    wanted = [SCRIPT, "utils.py", "models/lstm.py"]
    wanted += [f"models/{settings['network']}_{_FRAME_SIZE}.py"]
    missing = [name for name in wanted if not (pathlib.Path(path) / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"`--peer` must be a checkout of github.com/edenton/svg, but '{path}' has "
            f"no {', '.join(missing)}."
        )
    if settings["frame_size"] != _FRAME_SIZE or "width" in settings["sizes"]:
        raise ValueError(
            f"The networks of `--peer` take frames of {_FRAME_SIZE} x {_FRAME_SIZE}, "
            "and have a width of their own: leave out --dry-run."
        )
    check_torch()


def check_torch() -> None:
    """Raises an `ImportError`, with the way out, where there is no PyTorch."""
    if importlib.util.find_spec("torch") is None:
        raise ImportError(
            "`--peer` needs PyTorch: pip install torch --index-url "
            "https://download.pytorch.org/whl/cpu"
        )


def start_torch():
    """Imports PyTorch, to use the CPU the way TensorFlow does.

    It gets as many threads. OpenMP's wait passively: time spent spinning would count
    as CPU time.

    Raises:
        RuntimeError: if PyTorch would use a GPU.
    """
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # is read when PyTorch is loaded
    import torch

    if torch.cuda.is_available():
        raise RuntimeError(
            "The official code is measured on the CPU, but PyTorch sees a GPU. Hide it "
            'from all that run: CUDA_VISIBLE_DEVICES="" python scripts/benchmark.py ...'
        )
    if hasattr(os, "sched_getaffinity"):
        num_cores = len(os.sched_getaffinity(0))
    else:
        num_cores = os.cpu_count()
    # 0 asks TensorFlow for its default.
    torch.set_num_threads(int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)) or num_cores)
    return torch


def load(torch, settings) -> dict:
    """Runs the checkout's script.

    Args:
        torch: of `start_torch`.
        settings: dict of `path`, `folder` (for its logs), and those of a video case.

    Returns:
        dict of its global names: `train`, and the networks.

    Raises:
        ValueError: if it does not define them.
    """
    folder = pathlib.Path(settings["path"]).resolve()
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self
    sys.path.insert(0, str(folder))
    argv = [SCRIPT, *_arguments(settings)]
    names = {"__name__": "__main__", "__file__": str(folder / SCRIPT)}
    with placeholders(), unittest.mock.patch.object(sys, "argv", argv):
        utils = importlib.import_module("utils")
        utils.load_dataset = lambda *_, **__: ([None], [None])
        source = (folder / SCRIPT).read_text()
        exec(compile(source, names["__file__"], "exec"), names)
    missing = [name for name in ("train", *_NETWORKS) if name not in names]
    if missing:
        raise ValueError(f"'{folder / SCRIPT}' defines no {', '.join(missing)}.")
    return names


def _arguments(settings):
    sizes = settings["sizes"]
    options = {
        "model": settings["network"],
        "image_width": settings["frame_size"],
        "channels": 3,
        "batch_size": settings["batch_size"],
        "n_past": settings["num_context"],
        "n_future": settings["num_frames"] - settings["num_context"],
        "z_dim": sizes.get("latent_size", 64),
        "g_dim": sizes.get("code_size", 128),
        "rnn_size": sizes.get("hidden_size", 256),
        "niter": 0,
        "data_threads": 0,
        "log_dir": settings["folder"],
    }
    return [f"--{name}={value}" for name, value in options.items()]


def random_frames(torch, settings, num_frames=None) -> list:
    """Noise in [0, 1]: a list over time of `[B, C, H, W]`."""
    size, length = settings["frame_size"], num_frames or settings["num_frames"]
    shape = [length, settings["batch_size"], 3, size, size]
    frames = np.random.default_rng(0).random(shape, np.float32)
    return list(torch.from_numpy(frames))


def counted_work(step, items) -> Work:
    """A step as `Work`. Its multiply-accumulates are counted while it first runs.

    Args:
        step: function without arguments.
        items: int, frames of a step.
    """
    from torch.utils.flop_counter import FlopCounterMode

    def run(num_steps):
        if not work.macs:
            with FlopCounterMode(display=False) as counter:
                step()
            work.macs = counter.get_total_flops() // 2
            num_steps -= 1
        for _ in range(num_steps):
            step()

    work = Work(run, items)
    return work


@contextlib.contextmanager
def placeholders():
    """Within it, what is imported of `NOT_NEEDED` is a module that does nothing."""
    finder, loaded = _PlaceholderFinder(), _pop_not_needed()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _pop_not_needed()
        sys.modules.update(loaded)


def _pop_not_needed():
    names = [name for name in sys.modules if _not_needed(name)]
    return {name: sys.modules.pop(name) for name in names}


def _not_needed(name):
    return name.partition(".")[0] in NOT_NEEDED


class _PlaceholderFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if _not_needed(name):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: unittest.mock.MagicMock()
        return module

    def exec_module(self, module):
        pass
