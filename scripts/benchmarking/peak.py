"""What this machine reaches: one convolution with its gradients, one matrix product."""

import time

import tensorflow as tf

from benchmarking.work import Work


def make(settings) -> Work:
    """Kernels of the precisions in `settings["precisions"]`.

    The convolution is 3x3 from 256 to 256 channels on 64 images of 16x16 pixels: the
    output, and the gradients of inputs and weights, as training needs them.
    """
    batch, size = settings["peak_batch"], settings["peak_matmul"]
    kernels = {
        precision: _kernels(tf.as_dtype(precision), batch, size)
        for precision in settings["precisions"]
    }
    rates = {precision: {} for precision in kernels}

    def run(num_steps):
        for precision, programs in kernels.items():
            for name, (program, macs) in programs.items():
                cpu = time.process_time()
                for _ in range(num_steps):
                    program()
                cpu = time.process_time() - cpu
                rates[precision][name] = 2e-9 * macs * num_steps / max(cpu, 1e-9)

    return Work(run, items=1, rates=lambda: rates)


def _kernels(dtype, batch, size):
    """Name -> (function, multiply-accumulates)."""

    def uniform(*shape):
        return tf.cast(tf.random.stateless_uniform(shape, [0, 0]), dtype)

    images, kernel = uniform(batch, 16, 16, 256), uniform(3, 3, 256, 256)
    matrix = uniform(size, size)
    options = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    @tf.function
    def convolution(images, kernel):
        return (
            tf.raw_ops.Conv2D(input=images, filter=kernel, **options),
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=images.shape,
                filter=kernel,
                out_backprop=images,
                **options,
            ),
            tf.raw_ops.Conv2DBackpropFilter(
                input=images,
                filter_sizes=kernel.shape,
                out_backprop=images,
                **options,
            ),
        )

    product = tf.function(tf.matmul)
    return {
        "convolution": (
            lambda: [
                tf.reduce_sum(x[..., 0]).numpy() for x in convolution(images, kernel)
            ],
            3 * batch * 16 * 16 * 9 * 256 * 256,
        ),
        "matmul": (lambda: product(matrix, matrix)[0, 0].numpy(), size**3),
    }
