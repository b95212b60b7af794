"""What a reader must know to read the report's figures."""

from tfsigmavae.experiments.reproduction.scores import IMPORTANCE_SAMPLES
from tfsigmavae.experiments.reproduction.table import format_number


def set_up(report) -> str:
    """Data, network, schedule, counts."""
    study, results = report.study, report.results
    options = study.options
    size = options["model_options"]
    words = [
        f"Data `{options['data']}`: {results.figure('num_train')} training images, "
        f"{results.figure('num_test')} test images of {results.figure('num_dims')} "
        "pixel values, which are all that scores below are about.",
        f"Network: the paper's convolutional VAE with widths "
        f"{', '.join(map(str, size['widths']))} and {size['latent_size']} latents "
        f"({_num_weights(results)} weights); {options['steps']} steps of "
        f"{options['batch_size']} images, Adam at 1e-3"
        + (
            f", falling to 5 % from {options['decay_from']:.0%} of the steps on."
            if options.get("decay_from", 1.0) < 1.0
            else "."
        ),
        f"{len(results.rows)} runs. `±` is the standard deviation over `n` seeds; "
        "seeds are paired where two decoders are compared.",
        _frechet_note(report),
    ]
    return " ".join(words)


def _num_weights(results):
    numbers = {row["parameters"] for row in results.rows}
    return " to ".join(f"{number:,}" for number in sorted({min(numbers), max(numbers)}))


def _frechet_note(report):
    record, num_samples = report.features, report.study.num_samples
    if record["network"] is None:
        return "The data have no labels to train a feature network by: FD is left out."
    return (
        f"FD: Frechet distance of {num_samples} prior samples, or of "
        f"{min(num_samples, record['num_test'])} reconstructions, decoder means both, "
        f"from {record['num_test']} test images, by the features of a "
        f"{record['network']}, trained for {record['epochs']} passes over "
        f"{record['num_train']} labelled images to a test accuracy of "
        f"{record['test_accuracy']:.3f} (SHA-256 {record['sha256'][:16]}). It is no "
        "FID, and comparable within this report only. Floor, "
        f"{record['floor_samples']} training images: {format_number(record['floor'])}."
    )


def results_note() -> str:
    """Under the table of results."""
    return (
        "-ELBO and KL in nats per test image, one posterior sample each. *sigma* is "
        "what training left (of sigma per image: the running mean, by which it is "
        "scored, so that no figure uses the test image's own error); *recal.* the same "
        "network with sigma^2 = MSE on training images. *bridge*: bits of the density, "
        "as if the grey levels were filled; *mass*: exact probability of the grey "
        "levels."
    )


def information_note(report) -> str:
    """Under the table of information."""
    num = report.results.figure("num_test")
    limit = format_number(report.results.figure("log_count"))
    return (
        "Rate = I(x; z) + KL(m(z) || p(z)), m the mixture of all posteriors. By Monte "
        f"Carlo over the {num} posteriors of the test images, whose estimate of I is "
        f"at most log {num} = {limit} nats and a lower bound; the other bound is by "
        "the Gaussian with the moments of m, less their bias. *bound gain*: what "
        f"{IMPORTANCE_SAMPLES} importance samples add to the ELBO, in nats."
    )
