"""Recipes of `VideoExperiment`, by what differs from SVG-LP's for BAIR.

Plain data, and nothing heavy is imported: the commands read it for their help.

For example, `VideoExperiment(**RECIPES["kth"], data="kth")`.
"""

# What the demo's models have in common.
_PUSHING = {
    "data": "data/pushing",
    "batch_size": 8,
    "decay_from": 0.5,
    "windows": "random",
    "eval_frames": 10,
    "num_samples": 10,
    "num_eval_clips": 64,
}
DEMO = {
    **_PUSHING,
    "model": "warp_vrnn",
    "steps": 2500,
    "learning_rate": 1.5e-3,
    "warm_up_steps": 20,
    "kl_ramp": 0.1,
    # It is fed its own predictions: short clips first, and no step too far.
    "curriculum": ((0.5, 4),),
    "model_options": {"max_gradient_norm": 1e5},
}
# SVG-LP for the demo's data, against the paper's: small network, residual predictor,
# wide latent at the start, falling learning rate. It is what makes samples move within
# minutes.
DEMO_SVG_LP = {
    **_PUSHING,
    "model": "svg_lp",
    "steps": 3000,
    "learning_rate": 1e-3,
    "model_options": {
        "network": "dcgan",
        "width": 16,
        "latent_size": 16,
        "hidden_size": 128,
        "predictor_residual": True,
        "posterior_residual": True,
        "posterior_log_variance_bias": -3.0,
        "prior_log_variance_bias": -1.0,
        "posterior_mean_stddev": 0.1,
    },
}
KTH = {
    "num_context": 10,
    "eval_frames": 30,
    "model_options": {"latent_size": 24},
    "learning_rate": 8e-4,
    "frame_shape": (64, 64, 1),
    "windows": "random",
}
SMMNIST = {
    "num_context": 5,
    "eval_frames": 25,
    "model_options": {"network": "dcgan", "latent_size": 10},
    "frame_shape": (64, 64, 1),
}
# Videos of one's own: what `own_recipe` does not choose by looking at them.
OWN = {
    name: DEMO_SVG_LP[name]
    for name in (
        "steps",
        "batch_size",
        "learning_rate",
        "decay_from",
        "windows",
        "model_options",
        "num_samples",
        "num_eval_clips",
    )
}
RECIPES = {
    "bair": {},
    "demo": DEMO,
    "demo_svg_lp": DEMO_SVG_LP,
    "kth": KTH,
    "own": OWN,
    "smmnist": SMMNIST,
}
_BY_MODEL = {"svg_lp": DEMO_SVG_LP, "warp_vrnn": DEMO}
# What belongs to the model of a recipe, rather than to data and protocol.
_OF_MODEL = (
    "model",
    "model_options",
    "learning_rate",
    "decay_from",
    "warm_up_steps",
    "kl_ramp",
    "curriculum",
)


def beside(preset, steps) -> dict:
    """Recipes of models to compare that of a preset with, by name.

    Args:
        preset: name of the recipe.
        steps: training steps of its own model; theirs take about as many CPU seconds.
    """
    if preset != "demo":
        return {}
    equal = max(1, round(4000 / DEMO["steps"] * steps))
    return {"SVG-LP": {**DEMO_SVG_LP, "steps": equal}}


def for_model(recipe: dict, name: str) -> dict:
    """The recipe with another model: its small networks, trained as in the demo.

    Args:
        recipe: one of `RECIPES`, or of `own_recipe`.
        name: `"svg_lp"` or `"warp_vrnn"`; the recipe's own changes nothing.
    """
    if name == recipe.get("model", "svg_lp"):
        return recipe
    small = _BY_MODEL[name]
    found = {key: value for key, value in recipe.items() if key not in _OF_MODEL}
    found |= {key: small[key] for key in _OF_MODEL if key in small}
    # Videos may be too short for a stage; a longer one than the last has no use here.
    most = found.get("num_frames", 10)
    stages = [stage for stage in found.get("curriculum", ()) if stage[1] < most]
    return found | {"curriculum": tuple(stages)}
