"""Models with latent variables, trained on the ELBO."""

from tfsigmavae.models import registry
from tfsigmavae.models.conv_vae import ConvVAE
from tfsigmavae.models.elbo import ElboTerms
from tfsigmavae.models.hierarchical_vae import HierarchicalVAE
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.models.variational_model import VariationalModel

# One row an image model: the name that experiments and flags understand.
MODELS = {"conv": ConvVAE, "hierarchical": HierarchicalVAE}


def get(identifier: str | type) -> type:
    """Finds the class of an image model.

    Args:
        identifier: a name in `MODELS`, the name under which a class is registered with
            Keras ("package>Name"), or a class derived from `ImageVAE`.

    Raises:
        ValueError: if there is none of that name.
        TypeError: for a class of another kind.
    """
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


def __dir__():
    return list(__all__)
