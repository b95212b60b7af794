"""Bad requests to served models, for processes that import nothing but TensorFlow.

Frames and images are 8 x 8 x 1; the models were exported with `IMAGE_LIMITS` or
`VIDEO_LIMITS`, video predictors with two context frames and actions of two numbers.
"""

import numpy as np
import tensorflow as tf

FRAME_BYTES = 8 * 8 * 4
IMAGE_LIMITS = dict(max_frames=8, max_samples=6, max_batch=4, max_bytes=5 * FRAME_BYTES)
VIDEO_LIMITS = IMAGE_LIMITS | {"max_bytes": 40 * FRAME_BYTES}


def _uniform(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def good_requests(served):
    """endpoint -> inputs, NumPy arrays by name."""
    signatures = served.signatures
    if "decode" in signatures:
        latents = signatures["decode"].structured_input_signature[1]["latents"]
        images = {"images": _uniform(2, 8, 8, 1)}
        return {
            "reconstruct": images,
            "encode": images,
            "decode": {"latents": _uniform(2, latents.shape[1])},
            "sample": {"num": np.int32(3), "seed": np.int32(1)},
        }
    clips, actions = _uniform(2, 4, 8, 8, 1), _uniform(2, 4, 2)
    counts = dict.fromkeys(["num_frames", "num_samples"], np.int32(3))
    predicting = {"context": clips[:, :2], **counts, "seed": np.int32(1)}
    return {
        "predict_video": {**predicting, "actions": actions},
        "reconstruct": {"clips": clips, "actions": actions},
    }


def bad_requests(good):
    """List of (endpoint, changes to a good request, words of the answer).

    The first change is the one that is to be named.
    """
    rows = []
    for endpoint, inputs in good.items():
        for name, value in inputs.items():
            bad = _bad_arrays(value) if value.ndim else _bad_numbers(name)
            if name in ("images", "clips", "context"):
                bad += _bad_pixels(value)
            rows += [(endpoint, {name: wrong}, words) for wrong, words in bad]
    return rows + (_bad_of_images() if "sample" in good else _bad_of_video(good))


def _bad_arrays(value):
    """What is wrong with any array: (array, words of the answer)."""
    spoilt = [value.copy() for _ in range(3)]
    for array, bad in zip(spoilt, (np.nan, np.inf, -np.inf), strict=True):
        array.flat[-1] = bad
    shapes = [
        value[0],
        value[np.newaxis],
        value[..., np.newaxis],
        value.ravel()[:1],
        value.ravel()[0],
        value[..., :0],
        np.concatenate([value, value], -1),  # channels, latents, numbers of an action
    ]
    too_many = "must hold 1 to 4 examples (`max_batch`), got:]"
    return [
        *((array, "must be finite") for array in spoilt),
        *((array, "must have shape [B, ") for array in shapes),
        (value[:0], f"{too_many} [0]"),
        (
            np.repeat(value, 3, axis=0),
            f"{too_many} [6]",
        ),
    ]


def _bad_pixels(value):
    return [
        (np.concatenate([value, value], -3), "must have shape [B, "),
        (np.concatenate([value, value], -2), "must have shape [B, "),
        (255.0 * value, "divide 8-bit values by 255"),
        (value - 1.0, "must lie in [0, 1]"),
    ]


def _bad_numbers(name):
    shapes = [np.ones([1], np.int32), np.ones([2, 1], np.int32)]
    bad = [(value, "must have shape []") for value in shapes]
    if name != "seed":
        most = 8 if name == "num_frames" else 6
        numbers = np.array([0, -1, -(2**31), most + 1, 10**6, 2**31 - 1], np.int32)
        bad += [(number, f"must be 1 to {most} (`max_") for number in numbers]
    return bad


def _bad_of_images():
    return [("sample", {"num": np.int32(6)}, "at most 1280 bytes (`max_bytes`)")]


def _bad_of_video(good):
    clips, actions = (good["reconstruct"][name] for name in ("clips", "actions"))
    long = np.repeat(clips, 3, axis=1)
    too_long = "must have 1 to 8 frames (`max_frames`), got:] [12]"
    rows = [
        ("predict_video", {"context": long}, too_long),
        ("reconstruct", {"clips": long}, too_long),
        ("predict_video", {"context": clips[:, :1]}, "must have at least 2 frames"),
        ("reconstruct", {"clips": clips[:, :2]}, "must have at least 3 frames"),
        (
            "predict_video",
            {"context": clips[:, :0]},
            "must have 1 to 8 frames (`max_frames`)",
        ),
        ("predict_video", {"actions": actions[:, :3]}, "at least, steps:] [2 4]"),
        ("reconstruct", {"actions": actions[:, :2]}, "at least, steps:] [2 3]"),
    ]
    for endpoint in good:
        other_clips = {"actions": actions[:1]}
        rows.append((endpoint, other_clips, "wanted clips and, at least, steps:] [2"))
    # Each within its limit, and all together too much.
    six = np.int32(6)
    for name, other in (("num_frames", "num_samples"), ("num_samples", "num_frames")):
        changes = {name: six, other: six, "actions": np.zeros([2, 7, 2], np.float32)}
        words = "at most 10240 bytes (`max_bytes`), this one would have:] [18432]"
        rows.append(("predict_video", changes, words))
    return rows


def answer(served, endpoint, inputs):
    """What the signature answers, as TensorFlow Serving asks it."""
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    return served.signatures[endpoint](**inputs)["output_0"].numpy()


def refusal(served, good, endpoint, changes, words):
    """What is wrong with the answer to a bad request; `None` if nothing is."""
    try:
        answer(served, endpoint, good[endpoint] | changes)
    except tf.errors.InvalidArgumentError as error:
        message = str(error)
    else:
        return "it was answered"
    name = next(iter(changes))
    found = f"`{name}`" in message and words in message
    return None if found else f"wanted `{name}` and {words!r}, got:\n{message}"


def bad_answers(served):
    """How many bad requests there are, and which of them went wrong.

    A good one must be answered the same before them and after.
    """
    good = good_requests(served)
    rows = bad_requests(good)
    before = [answer(served, name, inputs) for name, inputs in good.items()]
    wrong = [
        (endpoint, list(changes), problem)
        for endpoint, changes, words in rows
        if (problem := refusal(served, good, endpoint, changes, words))
    ]
    after = [answer(served, name, inputs) for name, inputs in good.items()]
    wrong += [
        (name, "good request", "another answer")
        for name, first, second in zip(good, before, after, strict=True)
        if not np.array_equal(first, second)
    ]
    return len(rows), wrong
