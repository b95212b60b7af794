"""What an argument `decoder` may be."""

from typing import Any, Literal, TypeAlias

from tfsigmavae.decoders.decoder import Decoder

# The keys of the table in `__init__`, written out: a type checker runs nothing.
DecoderName: TypeAlias = Literal[
    "bernoulli",
    "bitwise_categorical",
    "categorical",
    "fixed_sigma",
    "logistic_mixture",
    "optimal_sigma",
    "optimal_sigma_per_channel",
    "optimal_sigma_per_image",
    "per_image_sigma",
    "per_pixel_sigma",
    "shared_sigma",
    "student_t",
]
# A name, a decoder, or the configuration of one.
Identifier: TypeAlias = DecoderName | Decoder | dict[str, Any]
