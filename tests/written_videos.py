"""Small video files that tests write, by PyAV."""

import numpy as np


def moving_frames(num_frames=30, height=48, width=64, seed=0):
    """Smooth frames that differ: uint8 `[T, H, W, 3]`, levels from 16 to 240."""
    rng = np.random.default_rng(seed)
    speed, phase = rng.uniform(0.2, 0.6, 3), rng.uniform(0.0, 6.0, 3)
    y, x = np.mgrid[:height, :width] / 8.0
    waves = [
        np.sin(x[..., None] + y[..., None] + speed * time + phase)
        for time in range(num_frames)
    ]
    return np.round(128 + 112 * np.array(waves)).astype(np.uint8)


def write_video(
    path,
    frames,
    codec="libx264",
    pix_fmt="yuv420p",
    rate=10,
    stamps=None,
    options=None,
    pixel_aspect=None,
    colour=(None, None),
    container_options=None,
    metadata=None,
    trc=None,
):
    """Writes frames as a video.

    Args:
        path: file to write.
        frames: `[T, H, W, C]` uint8, or planes of `pix_fmt` as PyAV takes them.
        codec, pix_fmt, rate, options, pixel_aspect, container_options: of PyAV.
        stamps: when each frame is shown, in units of 1 / rate; 0, 1, ... by default.
        colour: numbers of matrix and range, or `None`.
        metadata: of the stream.
        trc: number of the transfer function.
    """
    import av

    height, width = frames.shape[1:3]
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.metadata.update(metadata or {})
        context = stream.codec_context
        if pixel_aspect is not None:
            context.sample_aspect_ratio = pixel_aspect
        for frame, stamp in zip(frames, stamps or range(len(frames)), strict=True):
            picture = _picture(av, frame, pix_fmt, *colour)
            context.colorspace = picture.colorspace
            context.color_range = picture.color_range
            if trc is not None:
                context.color_trc = picture.color_trc = trc
            picture.pts = stamp
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def _picture(av, frame, pix_fmt, matrix, colour_range):
    formats = {1: "gray", 3: "rgb24", 4: "rgba"}
    picture = av.VideoFrame.from_ndarray(
        frame[..., 0] if frame.shape[-1] == 1 else frame, formats[frame.shape[-1]]
    )
    picture = picture.reformat(
        format=pix_fmt, dst_colorspace=matrix, dst_color_range=colour_range
    )
    if matrix is not None:
        picture.colorspace = matrix
    if colour_range is not None:
        picture.color_range = colour_range
    return picture
