"""Every recipe works with every model, and keeps its data and protocol.

a preset and `--model`                 that model's small networks and training
a preset with its own model's name     the preset as it is
videos shorter than a stage            the stage is left out
"""

import pytest

from tfsigmavae_video import VideoExperiment
from tfsigmavae_video.experiments.recipes import DEMO, RECIPES, beside, for_model
from tfsigmavae_video.models import MODELS

TRAINING = ("learning_rate", "decay_from", "warm_up_steps", "kl_ramp", "curriculum")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", RECIPES)
def test_every_recipe_is_one_for_every_model(preset, model):
    recipe = RECIPES[preset]
    found = for_model(recipe, model)
    experiment = VideoExperiment(**found | {"data": "noise"})  # refuses wrong options
    assert experiment.model == model
    own = recipe.get("model", VideoExperiment.model)
    if model == own:
        assert found == recipe
        return
    kept = recipe.keys() - {"model", "model_options", *TRAINING}
    assert {key: found[key] for key in kept} == {key: recipe[key] for key in kept}
    demo = next(r for r in RECIPES.values() if r.get("model") == model)
    for name in ("model_options", *TRAINING):
        assert found.get(name, ()) == demo.get(name, ()), name


def test_stages_as_long_as_the_last_are_left_out():
    short = for_model({"num_frames": 4}, "warp_vrnn")
    assert short["curriculum"] == () != DEMO["curriculum"]
    long = for_model({"num_frames": 5}, "warp_vrnn")
    assert long["curriculum"] == DEMO["curriculum"]


def test_models_beside_that_of_a_preset_train_in_proportion():
    assert beside("demo", DEMO["steps"])["SVG-LP"]["steps"] == 4000
    assert beside("demo", DEMO["steps"] // 10)["SVG-LP"]["steps"] == 400
    assert beside("demo", 1)["SVG-LP"]["steps"] >= 1
    assert all(not beside(name, 100) for name in RECIPES if name != "demo")
