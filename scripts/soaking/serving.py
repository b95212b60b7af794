"""Bad requests to exported models."""

import functools
import json

import tfsigmavae as sv
from soaking.children import Child
from tfsigmavae.video import SVGLP


def _export(folder):
    from soaking.served_requests import IMAGE_LIMITS, VIDEO_LIMITS

    image = sv.ConvVAE((8, 8, 1), latent_size=3, widths=(4, 4), seed=1)
    sv.export_saved_model(image, folder / "image", **IMAGE_LIMITS)
    small = {"width": 4, "latent_size": 3, "code_size": 6, "hidden_size": 5}
    video = SVGLP(
        (8, 8, 1), num_context=2, network="dcgan", action_size=2, seed=0, **small
    )
    sv.export_saved_model(video, folder / "video", **VIDEO_LIMITS)


def _ask(path, results):
    """All bad requests, with good ones before and after them."""
    import tensorflow as tf

    from soaking.served_requests import bad_answers

    number, wrong = bad_answers(tf.saved_model.load(path))
    problems = [": ".join(map(str, row)) for row in wrong]
    results.write_text(json.dumps([None] * (number - len(problems)) + problems))


def bad_requests(ground):
    """A process for each model, which must answer all of them and live."""
    models = ground.new_folder()
    child = Child(lambda: _export(models), models / "log")
    if child.wait() != 0:
        yield [f"No model was exported: {child.text[-500:]}"]
        return
    while True:
        for name in ("image", "video"):
            folder = ground.new_folder()
            results = folder / "results"
            work = functools.partial(_ask, models / name, results)
            child = Child(work, folder / "log")
            if (code := child.wait()) == 0:
                yield json.loads(results.read_text())
            else:
                child.kill()
                yield [f"the process with model {name} ended with {code}"]
