"""Presets of the training scripts: what differs from the papers' recipes."""

# Of `train_video.py`, against SVG-LP's recipe for BAIR.

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

# Of `train_image.py`, against the sigma-VAE's recipe for SVHN: 10 epochs, as there.
IMAGE_DEMO = {
    "data": "fashion_mnist",
    "output": "runs/image_demo",
    "model_options": {"widths": [16, 32, 64]},
    "steps": 3000,
    "batch_size": 64,
    "decay_from": 0.5,
    "validation_images": 1000,
}
IMAGE_PRESETS = {
    "cifar10": {"data": "cifar10", "output": "runs/cifar10", "steps": 3910},
    "demo": IMAGE_DEMO,
    "fashion_mnist": {
        "data": "fashion_mnist",
        "output": "runs/fashion_mnist",
        "steps": 4690,
    },
    "svhn": {"data": "svhn", "output": "runs/svhn", "image_size": 28},
}
