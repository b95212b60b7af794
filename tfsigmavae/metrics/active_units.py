"""How many latents a model makes use of."""

import numpy as np

from tfsigmavae.typing import Array


def active_units(rates: Array, threshold: float = 0.01) -> int:
    """Counts the latents that tell something of their examples.

        number of k with mean over examples (and steps) of KL_k > threshold

    A latent whose posterior is the prior, whatever the example, has rate 0. Burda et
    al. count by another figure with the same threshold, the variance over examples of
    the posterior mean, Var_x(E_q[z_k]) > 0.01, which assumes the prior N(0, 1). With a
    posterior N(m, s**2) as wide as the aggregate allows, s**2 = 1 - Var(m), the mean
    rate is -log(1 - Var(m)) / 2, half of a small variance: 0.005 nats at theirs. The
    rate also has a meaning where the prior is learned, as in video prediction.

    Args:
        rates: `[N, ..., K]` array in nats, as `latent_rates` of a model gives it.
        threshold: float >= 0, nats. Defaults to `0.01`.

    Returns:
        int from 0 to K.

    Raises:
        ValueError: if there are no examples, a rate is not finite, or `threshold` is
            negative.

    Example:
        >>> active_units(model.latent_rates(images))
        12

    Reference: Burda et al., 2016, section 5.
    """
    rates = np.asarray(rates, np.float64)
    if rates.ndim < 2 or not rates.size or not np.isfinite(rates).all():
        raise ValueError(
            "`rates` must be finite, of shape [N, ..., K] with N and K at least 1, "
            f"got shape {rates.shape}."
        )
    if not threshold >= 0.0:
        raise ValueError(f"`threshold` must not be negative, got {threshold!r}.")
    means = rates.reshape(-1, rates.shape[-1]).mean(0)
    return int(np.count_nonzero(means > threshold))
