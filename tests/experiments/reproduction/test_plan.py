"""Presets: which runs, with which options."""

import json
import math

import pytest

from tfsigmavae import decoders
from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.experiments.reproduction.plan import (
    BETAS,
    VARIANTS,
    effective_beta,
    make_plan,
)


def test_quick_is_nine_short_runs_of_one_seed():
    (study,) = make_plan("quick")
    runs = study.runs()
    assert sorted(run.variant for run in runs) == sorted(
        ["optimal", "shared_fast", "shared", "beta_0.01", "beta_0.03", "beta_0.1"]
        + ["unit", "per_pixel", "bitwise"]
    )
    options = {**runs[0].experiment.options(), "decoder": None}
    assert (options["steps"], options["num_train"], options["seed"]) == (
        1200,
        20_000,
        0,
    )
    assert options["batch_size"] == 64 and options["decay_from"] == 0.75
    model_options = {"latent_size": 20, "widths": [8, 16, 32]}
    assert model_options.items() <= options["model_options"].items()


def test_laptop_has_three_seeds_of_the_main_decoders_and_fits_two_cores():
    studies = make_plan("laptop", color_data="some/cifar10.zip")
    assert [study.thresholds for study in studies] == ["fashion", "cifar"]
    grey, colour = (study.seeds for study in studies)
    assert {key for key, count in grey.items() if count == 3} == set(colour)
    assert {"logistic_mixture", "bitwise", "per_image", "shared"} <= grey.keys()
    runs = [run for study in studies for run in study.runs()]
    # Scoring and start of a process included: 45 minutes of two cores.
    assert sum(run.cost + 20.0 for run in runs) < 2 * 45 * 60
    assert len(make_plan("laptop")) == 1


def test_paper_has_full_width_and_the_papers_schedules():
    studies = make_plan("paper", "svhn", "cifar10", root="somewhere")
    assert [study.key for study in studies] == ["svhn", "mnist", "cifar10"]
    options = studies[0].options
    assert options["image_size"] == 28 and options["batch_size"] == 128
    assert options["model_options"]["widths"] == [32, 64, 128]
    assert options["steps"] == 5730 and "decay_from" not in options
    assert studies[2].options["model_options"]["latent_size"] == 64
    # Limits were measured on another network.
    assert {study.thresholds for study in studies} == {None}
    assert min(studies[0].seeds.values()) >= 3


def test_an_unknown_preset_is_an_error():
    with pytest.raises(ValueError, match="`preset` must be one of .*'fast'"):
        make_plan("fast")


@pytest.mark.parametrize("key", BETAS)
def test_beta_is_that_of_the_papers_convention(key):
    """sigma**2 = beta / 2, and the KL weight stays 1."""
    variant = VARIANTS[key]
    assert key == ("unit" if variant.beta == 2.0 else f"beta_{variant.beta:g}")
    assert variant.options["sigma"] == pytest.approx(math.sqrt(variant.beta / 2))
    assert effective_beta(variant.options["sigma"]) == pytest.approx(variant.beta)
    (study,) = make_plan("laptop")
    run = next(run for run in study.runs() if run.variant == key)
    assert run.experiment.beta == 1.0 and run.experiment.decoder == "fixed_sigma"


@pytest.mark.parametrize("key", VARIANTS)
def test_every_decoder_exists_and_takes_its_options(key):
    options = VARIANTS[key].options
    config = decoders.get(VARIANTS[key].decoder, **options).get_config()
    assert {name: config[name] for name in options} == options


def test_runs_have_names_of_their_own_and_survive_json():
    studies = make_plan("laptop", color_data="cifar.zip")
    runs = [run for study in studies for run in study.runs()]
    assert len({run.name for run in runs}) == len(runs)
    for run in runs:
        options = json.loads(json.dumps(run.experiment.options()))
        assert ImageExperiment(**options).options() == run.experiment.options()
    costs = [run.cost for run in studies[0].runs()]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize(
    ("data", "key", "thresholds"),
    [
        ("fashion_mnist", "fashion_mnist", "fashion"),
        ("/usr/share/datasets/fashion-mnist", "fashion_mnist", "fashion"),
        ("mnist", "mnist", None),
        ("tfds:fashion_mnist", "tfds_fashion_mnist", "fashion"),
        ("cifar10_jpeg_train10k.zip", "cifar10_jpeg_train10k", "cifar"),
        ("cifar-10-batches-py", "cifar_10_batches_py", "cifar"),
        ("cifar100", "cifar100", None),
        ("cifar-100-python", "cifar_100_python", None),
        ("old-fashioned chairs", "old_fashioned_chairs", None),
        ("fashion", "fashion", None),
        ("my pictures.zip", "my_pictures", None),
    ],
)
def test_limits_are_known_by_the_name_of_the_data(data, key, thresholds):
    (study,) = make_plan("quick", data)
    assert (study.key, study.thresholds) == (key, thresholds)


@pytest.mark.parametrize(
    ("preset", "data", "color_data", "keys"),
    [
        ("paper", "mnist", None, ["mnist", "mnist_2"]),
        ("paper", "a/mnist", "b/mnist", ["mnist", "mnist_2", "mnist_3"]),
        ("laptop", "/a/images", "/b/images", ["images", "images_2"]),
    ],
)
def test_data_of_one_name_have_keys_of_their_own(preset, data, color_data, keys):
    studies = make_plan(preset, data, color_data)
    assert [study.key for study in studies] == keys
    runs = [run for study in studies for run in study.runs()]
    assert len({run.name for run in runs}) == len(runs)
