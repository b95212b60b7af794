"""Protocols, as people name and change them.

| what they do                                    | what they get                     |
|-------------------------------------------------|-----------------------------------|
| name a preset                                   | its numbers, whole                |
| change a number, or several                     | a protocol that says what changed |
| ask for fewer samples than are looked at        | as many as there are              |
| misspell a name, a field, a metric              | the names there are               |
| give a number that cannot be                    | an error that names it            |
"""

import dataclasses
import json

import pytest

from tfsigmavae_video.evaluation import frame_metrics
from tfsigmavae_video.evaluation.protocol import PROTOCOLS, Protocol

get = Protocol.get


@pytest.mark.parametrize(
    "name, context, predicted, clips, samples",
    [
        ("svg-2-28", 2, 28, 256, 100),
        ("fvd-2-14", 2, 14, 256, 100),
        ("gen-1-15", 1, 15, 256, 100),
        ("kth-10-30", 10, 30, 256, 100),
        ("smoke", None, 5, 4, 4),
    ],
)
def test_presets_are_what_their_names_say(name, context, predicted, clips, samples):
    protocol = get(name)
    assert (protocol.num_context, protocol.num_predicted) == (context, predicted)
    assert (protocol.num_clips, protocol.num_samples) == (clips, samples)
    told = protocol.as_dict()
    assert json.loads(json.dumps(told)) == told and told["modified"] == {}
    assert told.keys() == {f.name for f in dataclasses.fields(protocol)} | {"modified"}


def test_every_preset_has_a_name_of_its_own():
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())


def test_a_changed_preset_says_so():
    protocol = get("svg-2-28", num_samples=10, seed=None, num_clips=256)
    assert protocol.num_samples == 10
    expected = {"num_samples": 10}
    assert protocol.as_dict()["modified"] == expected
    assert dataclasses.replace(protocol, seed=3).modified() == expected | {"seed": 3}
    assert Protocol("mine", num_samples=30).modified() == {}


def test_what_the_model_decides_is_no_change():
    assert dataclasses.replace(PROTOCOLS["smoke"], num_context=3).modified() == {}
    assert get("svg-2-28", metrics=["psnr"]).modified() == {}


def test_metrics_may_be_one_text():
    assert get("smoke", metrics="psnr, crps").metrics == ("psnr", "crps")
    assert get("smoke", metrics="psnr").metrics == ("psnr",)


def test_a_protocol_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS["smoke"].seed = 1


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"protocol": "svg"}, ValueError, "Unknown `protocol` 'svg'.*svg-2-28"),
        ({"samples": 3}, TypeError, "no field 'samples'. It has: name, num_context"),
        ({"num_predicted": 0}, ValueError, "num_predicted.*>= 1"),
        ({"num_context": 0}, ValueError, "num_context.*>= 1"),
        ({"num_clips": 1.5}, ValueError, "num_clips.*int"),
        ({"num_samples": 0}, ValueError, "num_samples"),
        ({"seed": -1}, ValueError, "seed"),
        ({"windows": "middle"}, ValueError, "windows.*'first', 'random', 'last'"),
        ({"feature_samples": 0}, ValueError, "feature_samples"),
    ],
)
def test_what_cannot_be_is_an_error(changes, error, message):
    with pytest.raises(error, match=message):
        get(**{"protocol": "svg-2-28"} | changes)


def test_metrics_are_chosen_by_name_and_size():
    every = frame_metrics.chosen(get("smoke"), (16, 16, 3))
    assert list(every) == list(frame_metrics.METRICS)
    assert "ssim" not in frame_metrics.chosen(get("smoke"), (8, 8, 3))
    assert list(frame_metrics.chosen(get("smoke", metrics=["psnr"]), (8, 8, 3))) == [
        "psnr"
    ]
    for noise_samples in (0, 1):  # one future is no ensemble
        protocol = get("smoke", noise_samples=noise_samples)
        assert "crps" not in frame_metrics.chosen(protocol, (16, 16, 3))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"metrics": ["lpips"]}, "Unknown metric 'lpips'.*psnr"),
        ({"metrics": ["ssim"]}, "'ssim' needs frames of 11 pixels"),
        ({"selection": "ssim_uniform"}, "'ssim_uniform' needs frames of 7"),
        ({"selection": "crps"}, "does not score single futures"),
    ],
)
def test_metrics_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        frame_metrics.chosen(get("smoke", **changes), (6, 8, 3))
