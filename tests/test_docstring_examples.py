"""Examples in docstrings that can be run as they are do what they say."""

import doctest
import warnings

import pytest

import tfsigmavae as sv
from tfsigmavae.experiments import Experiment
from tfsigmavae.video import bair, evaluate_prediction, write_prediction, write_shards

# What people start from: its example needs nothing but itself.
EXAMPLES = [
    sv.VariationalModel,
    sv.ElboTerms,
    sv.RunFolder,
    Experiment,
    bair.clips,
    evaluate_prediction,
    write_prediction,
    write_shards,
]


@pytest.mark.parametrize("subject", EXAMPLES, ids=lambda subject: subject.__qualname__)
def test_the_example_runs(subject, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(
        subject.__doc__, {}, subject.__qualname__, None, None
    )
    assert example.examples
    runner = doctest.DocTestRunner(verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out
