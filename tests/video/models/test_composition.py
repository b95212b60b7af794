"""Which decoders' parameters are images that may be mixed."""

import keras
import pytest
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae_video.models.composition import check_composable, check_mean_first

FITTING = {
    "fixed_sigma",
    "optimal_sigma",
    "optimal_sigma_per_channel",
    "optimal_sigma_per_image",
    "shared_sigma",
}
WITH_MORE = FITTING | {"per_image_sigma", "per_pixel_sigma", "student_t"}


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", decoders.names())
def test_decoders_with_more_than_means(name, channels):
    decoder = decoders.get(name)
    if name in WITH_MORE:
        check_mean_first(decoder, channels)
        assert not decoder.built, "its weights may be of another shape"
        return
    with pytest.raises(ValueError, match=type(decoder).__name__) as raised:
        check_mean_first(decoder, channels)
    listed = str(raised.value).split("Choose one of: ")[1].rstrip(".").split(", ")
    assert listed == sorted(WITH_MORE)


@pytest.mark.parametrize("kind", [decoders.OptimalSigma, decoders.StudentT])
def test_fields_and_events_of_any_rank(kind):
    check_mean_first(kind(event_rank=3), 2)
    with pytest.raises(ValueError, match=rf"{kind.__name__}\(values='real'\) has oth"):
        check_mean_first(kind(values="real"), 2)


@keras.saving.register_keras_serializable(package="tests")
class OwnDecoder(decoders.StudentT):
    """As a user writes it; `change` says in what it differs."""

    def __init__(self, change="nothing", **kwargs):
        super().__init__(**kwargs)
        self.change = change

    def activate(self, raw):
        params = super().activate(raw)
        loc, rest = tf.split(params, [raw.shape[-1] // 3, -1], axis=-1)
        changed = {
            "nothing": [loc, rest],
            "range": [2.0 * loc - 1.0, rest],
            "order": [rest, loc],
            "rest": [loc, tf.nn.softplus(rest)],
        }
        return tf.concat(changed.get(self.change, [params]), axis=-1)

    def distribution(self, params, target, training):
        if self.change == "mean":
            params = params[..., ::-1]
        return super().distribution(params, target, training)

    def get_config(self):
        return {**super().get_config(), "change": self.change}


def test_a_decoder_of_ones_own_is_judged_by_what_it_does():
    check_mean_first(OwnDecoder(), 2)
    for change in ("range", "order", "rest", "mean"):
        with pytest.raises(ValueError, match="OwnDecoder has others"):
            check_mean_first(OwnDecoder(change), 2)
