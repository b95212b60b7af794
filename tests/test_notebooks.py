"""The notebooks run, in a small form, and hold what they showed when they were run."""

import json
import sys
import types

import pytest
from fresh_process import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Settings that stand in the cell tagged "parameters" -> small ones.
SMALL = {
    "image_sigma_vae": {"STEPS": 2, "BATCH_SIZE": 4, "SIZE": 16},
    "video_from_a_folder": {"STEPS": 2, "NUM_VIDEOS": 6, "FRAME_SIZE": 16},
}


def cells_of(path):
    return [
        cell
        for cell in json.loads(path.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]


def test_all_notebooks_are_known_here():
    assert [path.stem for path in NOTEBOOKS] == sorted(SMALL)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = []
    display = types.ModuleType("IPython.display")
    display.Image = lambda filename: shown.append(filename)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    names = {"__name__": "__main__"}
    (settings,) = (
        cell
        for cell in cells_of(path)
        if "parameters" in cell["metadata"].get("tags", [])
    )
    for cell in cells_of(path):
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
        if cell == settings:
            assert SMALL[path.stem].keys() <= names.keys()
            names |= SMALL[path.stem]
    assert shown
    assert all((tmp_path / name).stat().st_size > 0 for name in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_shows_what_it_gave_and_is_small(path):
    assert path.stat().st_size < 600_000
    cells = cells_of(path)
    outputs = [output for cell in cells for output in cell["outputs"]]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds & {"image/png", "image/gif"}
    assert not [o for o in outputs if o["output_type"] == "error"]
    assert all(cell["execution_count"] for cell in cells)
    text = path.read_text()
    assert "/root/" not in text and "/tmp/" not in text and "/home/" not in text
