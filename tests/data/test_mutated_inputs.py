"""Damaged files of every reader: read, or refused by an error of ours that names them.

In all some 2,000, the same in every run.
"""

import os
import pathlib
import traceback

import pytest
import tensorflow as tf

pytest.importorskip("hypothesis")
pytest.importorskip("av", reason="it writes the videos")
pytest.importorskip("scipy", reason="it writes SVHN's files")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from mutated_files import KINDS, SUBJECTS, damaged  # noqa: E402

import tfsigmavae  # noqa: E402
import tfsigmavae_video  # noqa: E402

_PER_SUBJECT = -(-2000 // len(SUBJECTS))
_OURS = tuple(
    os.path.dirname(os.path.realpath(package.__file__)) + os.sep
    for package in (tfsigmavae, tfsigmavae_video)
)
_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.floats(0.0, 1.0),
        st.integers(0, 255),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=3,
)
pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow's, of odd files


def check_is_ours(error, path, place):
    """Raised by this package, or by the system or a graph, and in the file's name."""
    raised_in = os.path.realpath(traceback.extract_tb(error.__traceback__)[-1].filename)
    by_us = isinstance(error, (ValueError, ImportError, FileNotFoundError))
    by_us = by_us and raised_in.startswith(_OURS)
    by_system = isinstance(error, OSError) and error.filename is not None
    # A record is read by operations of TensorFlow, whose errors are of its own class.
    by_graph = isinstance(error, tf.errors.InvalidArgumentError)
    assert by_us or by_system or by_graph, repr(error)
    assert path.name in str(error) or place in str(error), str(error)


def check(subject, folder, content):
    path = subject.write(folder, content)
    try:
        subject.read(folder)
    except Exception as error:
        check_is_ours(error, path, subject.place)


@pytest.mark.parametrize("name", SUBJECTS)
def test_damaged_files_are_read_or_refused_by_name(tmp_path, name):
    subject = SUBJECTS[name]
    subject.write(tmp_path, subject.content)
    subject.read(tmp_path)  # sound

    @settings(
        max_examples=_PER_SUBJECT,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_CHANGES)
    def run(changes):
        check(subject, tmp_path, damaged(subject.content, changes))

    run()


# Found by chance, each the end of a process or an error of some library's own.
_FOUND = {
    "matlab": [("extreme", 0.37244838359954935, 127, b"")],  # SciPy: segmentation fault
}


@pytest.mark.parametrize("name", _FOUND)
def test_files_that_once_did_harm(tmp_path, name):
    subject = SUBJECTS[name]
    check(subject, tmp_path, damaged(subject.content, _FOUND[name]))


def test_the_check_sees_an_error_that_is_not_ours():
    path = pathlib.Path("a.png")
    for error in (TypeError("a.png"), ValueError("a.png"), OSError("a.png")):
        with pytest.raises(AssertionError):
            try:
                raise error
            except Exception as caught:
                check_is_ours(caught, path, "a.png")
