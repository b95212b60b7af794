"""Models with latent variables, trained on the ELBO."""

from tfsigmavae.models.conv_vae import ConvVAE
from tfsigmavae.models.elbo import ElboTerms
from tfsigmavae.models.hierarchical_vae import HierarchicalVAE
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.models.variational_model import VariationalModel

__all__ = ["ConvVAE", "ElboTerms", "HierarchicalVAE", "ImageVAE", "VariationalModel"]
