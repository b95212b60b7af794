"""Multiply-accumulates of the structures that are run.

Those of one frame are counted in the graph of each network, by the shapes of its
convolutions and matrix products; a step is so many calls of each. Not counted are
normalisation, activations, pooling and Adam. A convolution counts every tap, at the
border too, as the kernels do. Training counts three times the forward pass (outputs,
gradients of inputs and of weights), less the gradient of the frames, which nobody asks
for; what rematerialisation computes again is no gain and not counted.
"""

import math
import typing

import tensorflow as tf


class FrameMACs(typing.NamedTuple):
    """Of one call of each network of an `SVGLP`, on one frame.

    Attributes:
        encoder: the whole encoder.
        first_layer: its first convolution, a part of it.
        generator: the generator, but for what follows.
        skips: the skips' share of its convolutions.
        recurrent: one step of posterior, prior and predictor.
    """

    encoder: int
    first_layer: int
    generator: int
    skips: int
    recurrent: int


def graph_macs(function, *inputs) -> list:
    """Multiply-accumulates of each convolution and matrix product, in order.

    Args:
        function: of tensors.
        *inputs: tensors or `tf.TensorSpec`s, all shapes known.
    """
    graph = tf.function(function).get_concrete_function(*inputs).graph
    every = map(_operation_macs, graph.get_operations())
    return [macs for macs in every if macs]


def _operation_macs(operation):
    shapes = [list(tensor.shape) for tensor in operation.inputs]
    if operation.type == "Conv2D":  # images, kernel [h, w, in, out]
        return math.prod(operation.outputs[0].shape) * math.prod(shapes[1][:3])
    if operation.type == "Conv2DBackpropInput":  # -, kernel [h, w, out, in], images
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if operation.type in ("MatMul", "BatchMatMulV2", "BatchMatMulV3"):
        transposed = "transpose_a" if operation.type == "MatMul" else "adj_x"
        inner = shapes[0][-2 if operation.get_attr(transposed) else -1]
        return math.prod(operation.outputs[0].shape) * inner
    return 0


def frame_macs(model) -> FrameMACs:
    """Of an `SVGLP`."""
    networks, code_size = model.networks, model.get_config()["code_size"]
    frame = tf.TensorSpec([1, *model.frame_shape])
    code = tf.TensorSpec([1, code_size])
    acting_size = code_size + model.action_size
    inputs_size = acting_size + model.latent_size

    def encode(frame):
        return networks.encoder(frame, training=False)

    def generate(code, skip_maps):
        return networks.generator(code, skip_maps, training=False)

    def recur(codes, acting, inputs):
        networks.posterior(codes)
        networks.prior(acting)
        networks.predictor(inputs)

    encoder = graph_macs(encode, frame)
    _, skips = _specs(encode, frame)
    skip_maps = _specs(networks.generator.project_skips, skips)
    sizes = (code_size, acting_size, inputs_size)
    sequences = [tf.TensorSpec([1, 1, size]) for size in sizes]
    return FrameMACs(
        encoder=sum(encoder),
        first_layer=encoder[0],
        generator=sum(graph_macs(generate, code, skip_maps)),
        skips=sum(graph_macs(networks.generator.project_skips, skips)),
        recurrent=sum(graph_macs(recur, *sequences)),
    )


def _specs(function, *inputs):
    """The shapes that a function of tensors gives."""
    return tf.function(function).get_concrete_function(*inputs).structured_outputs


def svg_forward_macs(frame, num_frames, num_context) -> int:
    """Of the forward pass over one clip: every frame is encoded once, and the skips of
    the context are projected.

    Args:
        frame: `FrameMACs`.
        num_frames, num_context: ints.
    """
    return (
        num_frames * frame.encoder
        + (num_frames - 1) * (frame.generator + frame.recurrent)
        + num_context * frame.skips
    )


def svg_training_macs(model, num_frames) -> int:
    """Of a training step, a clip."""
    frame = frame_macs(model)
    forward = svg_forward_macs(frame, num_frames, model.num_context)
    return 3 * forward - num_frames * frame.first_layer


def svg_generation_macs(model, num_frames, num_samples) -> int:
    """Of sampling futures of `num_context` frames, a clip; its context is read once."""
    frame = frame_macs(model)
    steps = model.num_context + num_frames - 1
    context = model.num_context * frame.encoder + frame.skips
    sample = num_frames * (frame.encoder + frame.generator) + steps * frame.recurrent
    return context + num_samples * sample


def reference_step_macs(model, reference) -> list:
    """Of one time step of the reference program's loss: two frames are encoded."""
    frames = tf.TensorSpec([1, 2, *model.frame_shape])
    return graph_macs(reference.loss, frames, tf.TensorSpec([1, 1, model.latent_size]))


def reference_training_macs(model, num_frames, reference) -> int:
    """Of a training step of the reference program, a clip."""
    step = reference_step_macs(model, reference)
    # The first convolution is that of a frame, which has no gradient, and comes twice.
    return (num_frames - 1) * (3 * sum(step) - 2 * step[0])


def reference_generation_macs(model, num_frames, num_samples, reference) -> int:
    """Of sampling futures by the reference program, a clip."""
    context = tf.TensorSpec([1, model.num_context, *model.frame_shape])

    def forward_macs(num_frames):
        shape = [1, model.num_context + num_frames - 1, model.latent_size]

        def predict(context, noise):
            return reference.predict_frames(context, num_frames, 1, noise)

        return sum(graph_macs(predict, context, tf.TensorSpec(shape)))

    one, two = forward_macs(1), forward_macs(2)
    return num_samples * (one + (num_frames - 1) * (two - one))


def warp_training_macs(model, num_frames) -> int:
    """Of a training step of a `WarpVRNN`, a clip: every true frame is encoded once, and
    so is every predicted one that is fed.
    """

    def forward_macs(num_frames):
        return graph_macs(
            model.call, tf.TensorSpec([1, num_frames, *model.frame_shape])
        )

    shortest = model.num_context + 1
    one, two = sum(forward_macs(shortest)), sum(forward_macs(shortest + 1))
    forward = one + (num_frames - shortest) * (two - one)
    first_layer = graph_macs(
        model.networks.encoder, tf.TensorSpec([1, *model.frame_shape])
    )[0]
    # The true frames have no gradient.
    return 3 * forward - num_frames * first_layer


def reference_warp_training_macs(model, num_frames, reference) -> int:
    """Of a training step of the reference program of `WarpVRNN`, a clip."""
    step = reference_step_macs(model, reference)
    # The true frames have no gradient: those that are predicted, and those given.
    num_true = num_frames - 1 + model.num_context
    return (num_frames - 1) * 3 * sum(step) - num_true * step[0]


def image_training_macs(model) -> int:
    """Of a training step of an `ImageVAE`, an image."""
    image = tf.TensorSpec([1, *model.image_shape])
    macs = graph_macs(lambda x: model.generate(model.encode(x)).mean(), image)
    return 3 * sum(macs) - macs[0]
