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
    "after a line of history.csv",
    "before the rename of state-000000004.npz",
    "after the rename of state-000000004.npz",  # before older ones are removed
    "half of model.keras",
    "half of model.keras, recalibrated",
    "in the evaluation",
    "half of summary.json",
]
VIDEO = [
    "after the rename of history.csv",
    "before the rename of state-000000002.npz",
    "half a line of history.csv",
    "half of state-000000004.npz",
    "after the rename of model.keras, recalibrated",
]
XLA = ["after a line of history.csv"]


def killed(folder, name, moments):
    """What went wrong, for each of the moments; they must be those of such a run.

    In a process of its own: only one that has not computed yet can be forked.
    """
    code = """
        import json, sys
        sys.path.insert(0, sys.argv[2])
        from soaking import runs
        from soaking.ground import Ground
        from soaking.moments import kill_in_turn
        ground, subject = Ground(sys.argv[1]), getattr(runs, sys.argv[3])
        wanted = json.loads(sys.argv[4])
        assert set(wanted) <= set(ground.undisturbed(subject).moments)
        print(json.dumps(list(kill_in_turn(ground, subject, wanted))))
    """
    arguments = folder / "ground", ROOT / "scripts", name, json.dumps(moments)
    return json.loads(run_python(code, *arguments, timeout=600).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "moments"), [("IMAGE", IMAGE), ("VIDEO", VIDEO), ("IMAGE_XLA", XLA)]
)
def test_a_run_that_is_killed_ends_as_it_would_have(name, moments, tmp_path):
    assert killed(tmp_path, name, moments) == [None] * len(moments)
