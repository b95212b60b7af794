"""One array from many pictures, made in threads and counted on stderr."""

import concurrent.futures
import itertools
import os
import sys
from typing import Any

import numpy as np
from PIL import Image

# Decoding and resizing leave Python's lock: two threads are twice as fast on photos of
# 178x218 pixels. On tiny pictures more threads only get in each other's way.
_NUM_THREADS = min(4, os.cpu_count() or 1)
_CHUNK = 32  # pictures in a thread's task
_WINDOW = 64 * _CHUNK  # pictures under way: bounds the memory


def transform_array(images, transform, progress=None) -> np.ndarray:
    """Applies a `Transform` to every image of a uint8 `[N, H, W, C]` array."""
    if transform.is_identity:
        return images

    def make(index):
        image = images[index]
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        return transform(picture, f"image {index}")

    return stack_in_threads(make, range(len(images)), progress)


def stack_in_threads(make, names, progress=None) -> np.ndarray:
    """`make(name)` for all names, `[H, W, C]` each, as one `[N, H, W, C]` array."""
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        return stack(_made(pool, make, names), len(names), progress)


def stack(named_images, num_images, progress=None) -> np.ndarray:
    """Copies `(name, image)` pairs into one uint8 array as they come.

    Args:
        named_images: iterable of `num_images` pairs.
        num_images: int > 0.
        progress: whether to count on stderr. By default, if it is a terminal.

    Raises:
        ValueError: if the images differ in shape.
    """
    progress = sys.stderr.isatty() if progress is None else progress
    images: Any = None
    for index, (name, image) in enumerate(named_images):
        if images is None:
            images = np.empty([num_images, *image.shape], np.uint8)
            first_name = name
        if image.shape != images.shape[1:]:
            raise ValueError(
                "Images must agree in shape, but "
                f"{first_name} is {images.shape[1:]} and {name} is {image.shape}. "
                'Pass `size` (and `crop="square"` if they are not square), and '
                "`channels` if some are grey."
            )
        images[index] = image
        if progress and ((index + 1) % 1000 == 0 or index + 1 == num_images):
            end = "\n" if index + 1 == num_images else ""
            print(f"\r{index + 1}/{num_images} images", end=end, file=sys.stderr)
    return images


def _made(pool, make, names):
    def make_chunk(chunk):
        return [(name, make(name)) for name in chunk]

    for start in range(0, len(names), _WINDOW):
        window = names[start : start + _WINDOW]
        chunks = [window[i : i + _CHUNK] for i in range(0, len(window), _CHUNK)]
        yield from itertools.chain.from_iterable(pool.map(make_chunk, chunks))
