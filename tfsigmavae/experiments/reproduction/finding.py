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

# Quantiles of 97.5 % of Student's t with 1, 2, ... degrees of freedom.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)

# Differences as small as these are ties even of one seed: what seeds alone changed on
# Fashion-MNIST, 16 nats of 784 pixels in the ELBO, 5 % in the Frechet distance.
TIE_NATS_PER_DIM = 16.0 / 784.0
TIE_BITS = 0.03
TIE_SHARE = 0.05
# Of one seed with sigma per pixel, which scatters by far more.
PER_PIXEL_TIE_NATS_PER_DIM = 400.0 / 784.0
PER_PIXEL_TIE_SHARE = 0.2


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
        """The tie, or half the 95 % interval of the mean over seeds if that is more."""
        if self.difference is None or self.difference.count < 2:
            return self.tie
        count = self.difference.count
        factor = _STUDENT[count - 2] if count - 2 < len(_STUDENT) else 2.0
        return max(self.tie, factor * self.difference.spread / math.sqrt(count))

    @property
    def verdict(self):
        if self.difference is None:
            return "not run"
        if not math.isfinite(self.difference.mean):
            return "diverged"
        if abs(self.difference.mean) <= self.margin:
            return "tie"
        return "held" if self.difference.mean < 0.0 else "did not hold"

    @property
    def marked_verdict(self):
        """The verdict, and whether it stands on a single seed."""
        return f"{self.verdict} (one seed)" if self.is_single else self.verdict

    @property
    def is_single(self):
        return self.difference is not None and self.difference.count == 1
