"""The benchmark's runner of official code: here, of small stand-ins for it."""

import importlib
import sys
import types

import numpy as np
import pytest
from fresh_process import ROOT, run

SETTINGS = {
    "network": "dcgan",
    "batch_size": 3,
    "num_frames": 7,
    "num_context": 2,
    "frame_size": 64,
    "sizes": {"latent_size": 5},
}
FILES = ["train_svg_lp.py", "utils.py", "models/lstm.py", "models/dcgan_64.py"]
UTILS = """
import scipy.misc
from skimage.measure import long_gone

def load_dataset(options):
    raise AssertionError

def double(value):
    return 2 * value
"""
PROGRAM = """
import sys
import imageio.v2, progressbar
import utils
import models.lstm

imageio.v2.imwrite(progressbar.ProgressBar(max_value=3).start())
arguments = dict(text.removeprefix("--").split("=") for text in sys.argv[1:])
data = utils.load_dataset(arguments)
encoder = decoder = posterior = prior = frame_predictor = models.lstm.NETWORK

def train(frames):
    return utils.double(len(frames))
"""


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # `load` adds to it
    before = set(sys.modules)
    yield importlib.import_module("benchmarking.peer")
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("benchmarking", "models", "utils"):
            del sys.modules[name]


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "svg"
    (folder / "models").mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text("NETWORK = 'network'\n")
    (folder / "utils.py").write_text(UTILS)
    (folder / "train_svg_lp.py").write_text(PROGRAM)
    return folder


@pytest.fixture
def settings(checkout, tmp_path):
    return SETTINGS | {"path": str(checkout), "folder": str(tmp_path)}


def fake_torch():
    module = types.SimpleNamespace(Module=type("Module", (), {}))
    return types.SimpleNamespace(Tensor=type("Tensor", (), {}), nn=module)


def pretend(monkeypatch, peer, *, is_installed):
    spec = object() if is_installed else None
    monkeypatch.setattr(peer.importlib.util, "find_spec", lambda name: spec)


def test_check_accepts_a_checkout_where_pytorch_is_installed(
    peer, checkout, monkeypatch
):
    pretend(monkeypatch, peer, is_installed=True)
    peer.check(checkout, SETTINGS)


@pytest.mark.parametrize("missing", FILES)
def test_check_names_the_file_that_is_missing(peer, checkout, missing):
    (checkout / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"`--peer`.*has no {missing}\\."):
        peer.check(checkout, SETTINGS)


def test_check_wants_the_network_of_the_case(peer, checkout):
    with pytest.raises(FileNotFoundError, match="has no models/vgg_64.py"):
        peer.check(checkout, SETTINGS | {"network": "vgg"})


def test_check_tells_how_to_install_pytorch(peer, checkout, monkeypatch):
    pretend(monkeypatch, peer, is_installed=False)
    with pytest.raises(ImportError, match="pip install torch .*whl/cpu"):
        peer.check(checkout, SETTINGS)


@pytest.mark.parametrize("change", [{"frame_size": 16}, {"sizes": {"width": 4}}])
def test_check_refuses_sizes_that_its_networks_do_not_have(peer, checkout, change):
    with pytest.raises(ValueError, match="64 x 64.*--dry-run"):
        peer.check(checkout, SETTINGS | change)


def test_the_script_says_what_is_missing_before_it_measures(tmp_path):
    script = str(ROOT / "scripts" / "benchmark.py")
    command = [sys.executable, script, "--case", "svg_vgg", "--peer", str(tmp_path)]
    result = run(command, returncode=1)
    assert result.stderr.startswith("error: `--peer` must be a checkout")
    assert "models/vgg_64.py" in result.stderr


def test_load_runs_the_program_with_our_sizes_and_no_training(peer, settings):
    arguments = peer.load(fake_torch(), settings)["arguments"]
    assert arguments == {
        "model": "dcgan",
        "image_width": "64",
        "channels": "3",
        "batch_size": "3",
        "n_past": "2",
        "n_future": "5",
        "z_dim": "5",
        "g_dim": "128",
        "rnn_size": "256",
        "niter": "0",
        "data_threads": "0",
        "log_dir": settings["folder"],
    }


def test_load_takes_all_but_data_from_the_checkout(peer, settings):
    names = peer.load(fake_torch(), settings)
    assert names["encoder"] == "network"
    assert names["train"]([None] * 4) == 8
    assert names["data"] == ([None], [None])


def test_load_leaves_other_packages_as_they_were(peer, settings, monkeypatch):
    for name in [name for name in sys.modules if is_not_needed(peer, name)]:
        monkeypatch.delitem(sys.modules, name)
    real = types.ModuleType("skimage")
    monkeypatch.setitem(sys.modules, "skimage", real)
    finders, arguments = list(sys.meta_path), list(sys.argv)
    peer.load(fake_torch(), settings)
    left = {
        name: sys.modules[name] for name in sys.modules if is_not_needed(peer, name)
    }
    assert left == {"skimage": real}
    assert (finders, arguments) == (sys.meta_path, sys.argv)


def is_not_needed(peer, name):
    return name.partition(".")[0] in peer.NOT_NEEDED


def test_load_keeps_everything_on_the_cpu(peer, settings):
    torch = fake_torch()
    peer.load(torch, settings)
    for kind in (torch.Tensor, torch.nn.Module):
        thing = kind()
        assert thing.cuda() is thing


def test_load_refuses_another_program(peer, checkout, settings):
    (checkout / "train_svg_lp.py").write_text("encoder = decoder = prior = 0\n")
    with pytest.raises(ValueError, match="no train, frame_predictor, posterior\\."):
        peer.load(fake_torch(), settings)


class Network:
    """Calls a function of the state, which it adds up, and the inputs."""

    def __init__(self, function):
        self.function, self.is_training = function, True

    def init_hidden(self):
        return 0.0

    def eval(self):
        self.is_training = False
        return self

    def __call__(self, inputs):
        assert not self.is_training
        return self.function(self, inputs)


def summing(scale):
    """A network whose state is the sum of what it has seen."""

    def call(network, inputs):
        network.hidden = network.hidden + inputs.sum(1, keepdims=True)
        return scale * network.hidden, None, None

    return Network(call)


def test_a_future_goes_step_by_step_as_the_paper_does(peer):
    generation = importlib.import_module("benchmarking.peer_generation")
    torch = types.SimpleNamespace(
        cat=np.concatenate,
        stack=lambda frames: types.SimpleNamespace(numpy=lambda: np.stack(frames)),
    )
    predictor = summing(1.0)
    call = predictor.function
    predictor.function = lambda network, inputs: call(network, inputs)[0]
    networks = {
        "encoder": Network(lambda _, frame: (frame, [100.0 * frame])),
        "decoder": Network(lambda _, inputs: inputs[0] + inputs[1][0]),
        "posterior": summing(10.0),
        "prior": summing(1000.0),
        "frame_predictor": predictor,
    }
    context = [np.array([[1.0]]), np.array([[2.0]])]
    runner = generation.Networks(torch, networks)
    for _ in range(2):  # states start anew
        future = runner.future(context, num_frames=2)
        # Step 1: the posterior sees 2, the predictor 1 + 20.
        # Step 2: the prior has seen 1 and 2, the predictor 2 + 3000; skips of 2.
        third = 21.0 + 3002.0 + 200.0
        # Step 3: the prior has seen the third frame too; the skips stay.
        fourth = 3023.0 + third + 1000.0 * (3.0 + third) + 200.0
        np.testing.assert_allclose(future[:, 0, 0], [third, fourth])


def test_counted_work_counts_matrix_products(peer):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    calls = []

    def step():
        calls.append(torch.ones(2, 3) @ torch.ones(3, 5))

    work = peer.counted_work(step, items=4)
    work.run(2)
    assert (work.macs, work.items, len(calls)) == (30, 4, 2)
    work.run(2)
    assert (work.macs, len(calls)) == (30, 4)
