"""Sampling futures: `predict_frames`, or the loop of the reference program."""

import tensorflow as tf

from benchmarking.cases import SMALL_SVG
from benchmarking.flops import reference_generation_macs, svg_generation_macs
from benchmarking.frame_by_frame_svg_lp import FrameByFrameSVGLP
from benchmarking.gate import largest
from benchmarking.models import make_svg, random_clips, randomise_weights
from benchmarking.work import CallCounter, Work
from tfsigmavae.math import to_unit_range
from tfsigmavae_video.models.rollout import future_noise


def make(settings) -> Work:
    """`num_samples` futures of `num_frames` for every clip of a batch."""
    model = make_svg(settings)
    context = to_unit_range(random_clips(settings, model.num_context), "context")
    num_frames, num_samples = settings["num_frames"], settings["num_samples"]
    if settings["program"] == "model":
        # Python runs it while a graph is made, and then no more.
        traces = CallCounter(model.decoder, "activate")
        macs = svg_generation_macs(model, num_frames, num_samples)

        def predict():
            return model.predict_frames(context, num_frames, num_samples, seed=1)

    else:
        reference, traces = FrameByFrameSVGLP(model), None
        macs = reference_generation_macs(model, num_frames, num_samples, reference)
        if settings["program"] == "naive_compiled":
            traces = compile_networks(reference)
        num_clips, num_given = context.shape[:2]
        shape = [num_samples * num_clips, num_given + num_frames - 1, model.noise_size]

        def predict():
            noise = tf.random.normal(shape)
            return reference.predict_frames(context, num_frames, num_samples, noise)

    def run(num_steps):
        for _ in range(num_steps):
            predict().numpy()

    num_clips = context.shape[0]
    return Work(
        run,
        items=num_clips * num_samples * num_frames,
        macs=num_clips * macs,
        traces=traces,
    )


def compile_networks(reference):
    """Makes graphs of the reference program's encoder and decoder, nearly all of its
    work; the loop over time, with the small LSTMs, stays Python's.

    Returns:
        Function that gives the number of traces so far.
    """
    reference.encode = encode = tf.function(reference.encode)
    reference.decode = decode = tf.function(reference.decode)
    return lambda: sum(f.experimental_get_tracing_count() for f in (encode, decode))


def compare(settings) -> dict:
    """Frames of the model and of both reference programs, by the same noise.

    At full size with fresh weights, and of a small model with random ones: a deep
    network of random weights would enlarge every rounding error.
    """
    full = settings | {"batch_size": 2, "precision": "float32"}
    small = full | SMALL_SVG
    random = randomise_weights(make_svg(small))
    differences = _differences(make_svg(full), full)
    differences += _differences(random, small)
    names = ("frames", "frames of the compiled reference")
    names += tuple(f"{name}, small model" for name in names)
    return {name: (d, 1e-4) for name, d in zip(names, differences, strict=True)}


def _differences(model, settings):
    context = to_unit_range(random_clips(settings, model.num_context), "context")
    num_frames, num_samples, seed = 3, 2, 5
    num_clips, num_given = context.shape[:2]
    num_steps = num_given + num_frames - 1
    clips = tf.range(num_clips)
    noise = future_noise(seed, clips, num_samples, num_steps, model.noise_size)
    reference = FrameByFrameSVGLP(model)
    expected = reference.predict_frames(context, num_frames, num_samples, noise)
    compile_networks(reference)
    return [
        largest(frames, expected)
        for frames in (
            model.predict_frames(context, num_frames, num_samples, seed),
            reference.predict_frames(context, num_frames, num_samples, noise),
        )
    ]
