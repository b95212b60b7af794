"""SIGTERM, and a second writer."""

import signal

from soaking.runs import IMAGE


def sigterm(ground):
    """Runs that the system ends at a random moment, and that then go on."""
    while True:
        seconds = ground.undisturbed(IMAGE).seconds
        folder = ground.new_folder()
        child = ground.start(IMAGE, folder)
        child.wait_for(folder / "run" / ".lock")  # the command has begun
        if child.wait(ground.rng.uniform(0.0, seconds)) is None:
            child.signal(signal.SIGTERM)
        code, text = child.wait(), child.text
        is_complete = (folder / "run" / "summary.json").exists()
        if code == 0 and (is_complete or "the same command" in text):
            yield [ground.conclude(IMAGE, folder)]
        else:
            child.kill()
            yield [f"{folder}: SIGTERM ended it with {code}: {text[-500:]}"]


def two_writers(ground):
    """Two commands at once on one folder: the second is refused, and by name."""
    while True:
        seconds = ground.undisturbed(IMAGE).seconds
        folder, beside = ground.new_folder(), ground.new_folder()
        (beside / "run").symlink_to(folder / "run")
        first = ground.start(IMAGE, folder)
        first.wait_for(folder / "run" / ".lock")
        first.wait(ground.rng.uniform(0.0, seconds / 2))
        second = ground.start(IMAGE, beside)
        code, text = second.wait(), second.text
        words = f"is being written by process {first.pid} on "
        second.kill()
        if first.wait() == 0 and code == 1 and words in text:
            yield [ground.conclude(IMAGE, folder)]
        else:
            first.kill()
            yield [f"{folder}: the second writer: {code}: {text[-500:]}"]
