"""The five questions, and the verdict on one claim of the paper."""

import dataclasses
import functools
import math

import tensorflow as tf
import tensorflow_probability as tfp

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
VERDICTS = ("held", "did not hold", "tie", "no verdict", "not run", "diverged")

# Share of wrong verdicts of which a report must not make more.
ERROR_RATE = 0.05
# Differences as small as these are ties however surely they are not zero: too small to
# matter, and the interval over two or three seeds supposes normal scatter, which
# nobody can check with so few. Measured on Fashion-MNIST as what seeds alone change:
# 16 nats of 784 pixels in the ELBO, 5 % in the Frechet distance.
TIE_NATS_PER_DIM = 16.0 / 784.0
TIE_BITS = 0.03
TIE_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Finding:
    """One claim, its figures, and the verdict on it.

    A verdict is *held* or *did not hold* where the mean difference over seeds is
    further from zero than half its confidence interval,

        t(1 - 0.025 / k, n - 1) * spread / sqrt(n)

    t a quantile of Student's t, so that of two equal decoders at most 5 % get one. One
    seed has no scatter to compare with, and gets no verdict: to borrow the scatter of
    other decoders would suppose that all scatter alike, and they do not.

    Args:
        question: its number in `QUESTIONS`.
        claim: what the paper says, or implies.
        figures: what was measured, in words.
        difference: `Estimate` of the figure that the claim says is negative; `None` if
            not run.
        tie: how far from zero it may be and mean nothing, at least.
        others: where the claim is about the best of several, the differences from the
            others: it holds if all are negative (k = 1), and does not if any is
            positive (k of them: one of many equals is ahead by chance). Defaults to
            none.
    """

    question: int
    claim: str
    figures: str
    difference: Estimate | None
    tie: float
    others: tuple = ()

    def margin(self, difference, choices=1) -> float:
        """How far from zero a difference must be for a verdict.

        Args:
            difference: `Estimate`.
            choices: int, the k above. Defaults to `1`.
        """
        if difference.count < 2:
            return math.inf
        error = difference.spread / math.sqrt(difference.count)
        quantile = student_quantile(
            1.0 - 0.5 * ERROR_RATE / choices, difference.count - 1
        )
        return max(self.tie, quantile * error)

    @property
    def verdict(self):
        if self.difference is None:
            return "not run"
        if not math.isfinite(self.difference.mean):
            return "diverged"
        if self.difference.count < 2:
            return "no verdict"
        compared = (self.difference, *self.others)
        if all(each.mean < -self.margin(each) for each in compared):
            return "held"
        if any(each.mean > self.margin(each, len(compared)) for each in compared):
            return "did not hold"
        return "tie"

    @property
    def marked_verdict(self):
        """The verdict, and why there is none."""
        return f"one seed: {self.verdict}" if self.is_single else self.verdict

    @property
    def is_single(self):
        return self.verdict == "no verdict"

    @property
    def is_tested(self):
        """Whether chance can make the verdict wrong."""
        return self.verdict in ("held", "did not hold", "tie")


@functools.cache
def student_quantile(probability: float, degrees: int) -> float:
    """Computes a quantile of Student's t.

    Args:
        probability: float in (0, 1).
        degrees: int >= 1, the degrees of freedom.
    """
    arguments = [tf.constant(x, tf.float64) for x in (degrees, 0.0, 1.0)]
    student = tfp.distributions.StudentT(*arguments)
    return float(student.quantile(tf.constant(probability, tf.float64)))
