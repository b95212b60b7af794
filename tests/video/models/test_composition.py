"""Which decoders' parameters are images that may be mixed."""

import pytest

from tfsigmavae import decoders
from tfsigmavae_video.models.composition import check_composable

FITTING = {
    "fixed_sigma",
    "optimal_sigma",
    "optimal_sigma_per_channel",
    "optimal_sigma_per_image",
    "shared_sigma",
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", decoders.names())
def test_decoders_of_one_mean_a_pixel_fit(name, channels):
    decoder = decoders.get(name)
    if name in FITTING:
        check_composable(decoder, channels, "`composition`")
        return
    with pytest.raises(ValueError, match=type(decoder).__name__) as raised:
        check_composable(decoder, channels, "`composition`")
    for fitting in FITTING:
        assert fitting in str(raised.value)
    assert "bernoulli" not in str(raised.value).split("Choose")[1]


def test_fields_without_bounds_are_refused():
    decoder = decoders.OptimalSigma(values="real")
    with pytest.raises(ValueError, match=r"OptimalSigma\(values='real'\).*Choose one"):
        check_composable(decoder, 3, "`composition`")
