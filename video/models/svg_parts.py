"""The networks that SVG-LP is made of."""

from tfsigmavae_video import networks
from tfsigmavae_video.networks.recurrence import (
    FramePredictor,
    GaussianLSTM,
    StandardNormal,
)


def make_parts(options, frame_shape, num_outputs, seeds, dtype):
    """The networks, in the order in which their seeds are drawn.

    Args:
        options: dict of constructor arguments of `SVGLP`.
        frame_shape: (height, width, channels).
        num_outputs: int, channels of the generator's output.
        seeds: `WeightSeeds`, of the initial weights.
        dtype: dtype policy.

    Returns:
        dict of layers, by their names in `SVGNetworks`.
    """
    shared = {"seeds": seeds, "dtype": dtype}
    convolutional = {
        name: options[name] for name in ("width", "batch_norm_momentum", "remat")
    } | shared
    recurrent = {"hidden_size": options["hidden_size"]} | shared
    make_encoder, make_generator = networks.get(options["network"])
    parts = {
        "encoder": make_encoder(
            frame_shape, options["code_size"], name="encoder", **convolutional
        ),
        "generator": make_generator(
            frame_shape, num_outputs, name="generator", **convolutional
        ),
        "predictor": FramePredictor(
            options["code_size"],
            options["predictor_residual"],
            num_layers=2,
            name="predictor",
            **recurrent,
        ),
        "posterior": GaussianLSTM(
            options["latent_size"],
            options["posterior_log_variance_bias"],
            options["posterior_mean_stddev"],
            options["posterior_residual"],
            num_layers=1,
            name="posterior",
            **recurrent,
        ),
    }
    return parts | {"prior": _prior(options, recurrent, dtype)}


def _prior(options, recurrent, dtype):
    size = options["latent_size"]
    if options["prior"] == "standard_normal":
        return StandardNormal(size, name="prior", dtype=dtype)
    bias = options["prior_log_variance_bias"]
    return GaussianLSTM(size, bias, num_layers=1, name="prior", **recurrent)
