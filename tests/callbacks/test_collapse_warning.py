"""A rate that stays under the floor is told once."""

import warnings

import pytest

from tfsigmavae.callbacks import CollapseWarning


def _after(rates, **kwargs):
    """The epochs, counted from 1, at whose end there was a warning."""
    callback, told = CollapseWarning(**kwargs), []
    for epoch, rate in enumerate(rates, start=1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            callback.on_epoch_end(epoch, {} if rate is None else {"kl": rate})
        told += [epoch for _ in caught]
    return told


@pytest.mark.parametrize(
    "rates, options, told",
    [
        ([9.0, 0.05, 0.05, 0.05, 0.0, 0.0], {}, [4]),
        ([0.05, 0.05, 0.2, 0.05, 0.05], {}, []),  # it recovers
        ([0.1, 0.1, 0.1], {}, []),  # the floor is not under the floor
        ([0.05, None, 0.05, 0.05], {}, [4]),  # an epoch without the figure
        ([0.5, 0.5], {"floor": 1.0, "patience": 2}, [2]),
        ([0.0] * 5, {"floor": 0.0}, []),
    ],
)
def test_it_warns_once_at_the_end_of_patience(rates, options, told):
    assert _after(rates, **options) == told


def test_it_tells_the_rate_and_the_way_out():
    callback = CollapseWarning(patience=1)
    with pytest.warns(UserWarning, match="0.0123 nats.*below 0.1.*--kl-ramp"):
        callback.on_epoch_end(0, {"kl": 0.01234})


@pytest.mark.parametrize("wrong", [{"floor": -1.0}, {"floor": float("nan")}])
def test_a_wrong_floor_is_refused(wrong):
    with pytest.raises(ValueError, match="`floor` must be a rate >= 0"):
        CollapseWarning(**wrong)
