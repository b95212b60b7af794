"""Presets of `train_video.py`: what differs from the paper's recipe for BAIR."""

# The demo's recipe, against the paper's: small network, residual predictor, wide latent
# at the start, falling learning rate. It is what makes samples move within minutes.
DEMO = {
    "data": "data/pushing",
    "output": "runs/demo",
    "steps": 3000,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "decay_from": 0.5,
    "windows": "random",
    "network": "dcgan",
    "width": 16,
    "latent_size": 16,
    "hidden_size": 128,
    "predictor_residual": True,
    "posterior_residual": True,
    "posterior_log_variance_bias": -3.0,
    "prior_log_variance_bias": -1.0,
    "posterior_mean_stddev": 0.1,
    "num_samples": 10,
    "num_eval_clips": 64,
}
KTH = {
    "num_context": 10,
    "latent_size": 24,
    "learning_rate": 8e-4,
    "channels": 1,
    "windows": "random",
}
SMMNIST = {"network": "dcgan", "num_context": 5, "latent_size": 10, "channels": 1}
PRESETS = {"bair": {}, "demo": DEMO, "kth": KTH, "smmnist": SMMNIST}
