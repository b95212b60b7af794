"""Recipes of `VideoExperiment`, by what differs from SVG-LP's for BAIR. Plain data.

For example, `VideoExperiment(**RECIPES["kth"], data="kth")`.
"""

# The demo's, against the paper's: small network, residual predictor, wide latent at the
# start, falling learning rate. It is what makes samples move within minutes.
DEMO = {
    "data": "data/pushing",
    "steps": 3000,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "decay_from": 0.5,
    "windows": "random",
    "eval_frames": 10,
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
    "num_samples": 10,
    "num_eval_clips": 64,
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
    name: DEMO[name]
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
RECIPES = {"bair": {}, "demo": DEMO, "kth": KTH, "own": OWN, "smmnist": SMMNIST}
