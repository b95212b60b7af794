"""The five questions, and what became of one claim of the paper."""

import dataclasses
import math

from tfsigmavae.experiments.reproduction.table import Estimate

QUESTIONS = {
    1: "Does KL weight 1 with a calibrated decoder match or beat the best hand-set "
    "beta?",
    2: "Shared sigma against unit variance, sigma per image, sigma per pixel: "
    "likelihood and samples?",
    3: "Does optimal sigma converge faster than learned sigma?",
    4: "How much information do the latents keep along beta, and where does the "
    "sigma-VAE land?",
    5: "Discrete decoders: what do they trade between bits/dim and samples?",
}

# Differences as small as these are ties even of one seed: what seeds alone changed on
# Fashion-MNIST, 16 nats of 784 pixels in the ELBO, 5 % in the Frechet distance.
TIE_NATS_PER_DIM = 16.0 / 784.0
TIE_BITS = 0.03
TIE_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Finding:
    """One claim and what became of it.

    Args:
        question: its number in `QUESTIONS`.
        claim: what the paper says, or implies.
        figures: what was measured, in words.
        difference: `Estimate` of the figure that the claim says is negative; `None` if
            not run.
        tie: how far from zero it may be and mean nothing, at least.
    """

    question: int
    claim: str
    figures: str
    difference: Estimate | None
    tie: float

    @property
    def margin(self):
        """The tie, or two standard errors over seeds if that is more."""
        if self.difference is None or self.difference.count < 2:
            return self.tie
        error = self.difference.spread / math.sqrt(self.difference.count)
        return max(self.tie, 2.0 * error)

    @property
    def verdict(self):
        if self.difference is None:
            return "not run"
        if abs(self.difference.mean) <= self.margin:
            return "tie"
        return "held" if self.difference.mean < 0.0 else "did not hold"
