"""Recipes of `ImageExperiment`, by what differs from the paper's for SVHN. Plain data.

For example, `ImageExperiment(**RECIPES["demo"])`. 10 epochs of each, as in the paper.
"""

DEMO = {
    "data": "fashion_mnist",
    "model_options": {"widths": [16, 32, 64]},
    "steps": 3000,
    "batch_size": 64,
    "decay_from": 0.5,
    "validation_images": 1000,
}
RECIPES = {
    "cifar10": {"data": "cifar10", "steps": 3910},
    "demo": DEMO,
    "fashion_mnist": {"data": "fashion_mnist", "steps": 4690},
    "svhn": {"data": "svhn", "image_size": 28},
}
