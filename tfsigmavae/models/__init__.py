"""Models with latent variables, trained on the ELBO."""

from tfsigmavae.models import registry
from tfsigmavae.models.conv_vae import ConvVAE
from tfsigmavae.models.elbo import ElboTerms
from tfsigmavae.models.hierarchical_vae import HierarchicalVAE
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.models.variational_model import VariationalModel

# One row an image model: the name that experiments and flags understand.
MODELS = {"conv": ConvVAE, "hierarchical": HierarchicalVAE}


def get(identifier):
    """The class of an image model, by name or as it is; see `registry.find`."""
    return registry.find(identifier, MODELS, ImageVAE)


__all__ = [
    "MODELS",
    "ConvVAE",
    "ElboTerms",
    "HierarchicalVAE",
    "ImageVAE",
    "VariationalModel",
    "get",
]
