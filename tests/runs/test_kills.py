"""Runs killed inside their writes end as one that nothing happened to, bit for bit."""

import json

import pytest
from fresh_process import ROOT, run_python

# What `kill -9` leaves behind at a moment, see `soaking.moments`.
IMAGE = [
    "half of config.json",
    "half of run.json",
    "half of history.csv",
    "after the rename of history.csv",  # a row, and no checkpoint yet
    "half of state-000000002.npz",  # the first one
    "after the rename of state-000000002.npz",
    "half a line of history.csv",
    "before the rename of state-000000004.npz",
    "after the rename of state-000000004.npz",  # before older ones are removed
    "half of model.keras",
    "half of model.keras, recalibrated",
    "in the evaluation",
    "half of summary.json",
]
VIDEO = [
    "after the rename of history.csv",
    "after the rename of state-000000002.npz",
    "half of state-000000004.npz",
]
XLA = ["after a line of history.csv"]
MOMENTS = {"IMAGE": IMAGE, "VIDEO": VIDEO, "IMAGE_XLA": XLA}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """What went wrong, for each moment of each run.

    In a process of its own: only one that has not computed yet can be forked.
    """
    code = """
        import json, sys
        sys.path.insert(0, sys.argv[2])
        from soaking import runs
        from soaking.ground import Ground
        from soaking.moments import kill_in_turn
        ground, found = Ground(sys.argv[1]), {}
        for name, moments in json.loads(sys.argv[3]).items():
            found[name] = kill_in_turn(ground, getattr(runs, name), moments)
        print(json.dumps(found))
    """
    folder = tmp_path_factory.mktemp("killed")
    arguments = folder, ROOT / "scripts", json.dumps(MOMENTS)
    return json.loads(run_python(code, *arguments, timeout=900).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", MOMENTS)
def test_a_run_that_is_killed_ends_as_it_would_have(name, killed):
    assert killed[name] == [None] * len(MOMENTS[name])
