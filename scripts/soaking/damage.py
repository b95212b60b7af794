"""Checkpoints whose last one is damaged."""

import shutil

import numpy as np

from soaking.runs import IMAGE


def _truncated(path, rng):
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(1, len(content))])


def _flipped(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def _empty(path, rng):
    path.write_bytes(b"")


def _foreign(path, rng):
    path.write_bytes(b"\x89PNG\r\n" + rng.bytes(1000))


def _of_another_kind(path, rng):
    np.savez(path, a=np.zeros(3))


KINDS = [_truncated, _flipped, _empty, _foreign, _of_another_kind]


def damaged_newest_checkpoint(ground):
    """Kinds of damage in turn; the run goes on from the checkpoint before, and ends."""
    killed = ground.new_folder()
    saved = "after the rename of state-000000004.npz"
    child = ground.start(IMAGE, killed, [saved])
    child.wait()
    while True:
        for damage in KINDS:
            folder = ground.new_folder()
            shutil.copytree(killed, folder, dirs_exist_ok=True)
            (folder / "log").unlink()
            before, newest = sorted((folder / "run" / "checkpoint").glob("state-*"))
            damage(newest, ground.rng)
            child = ground.start(IMAGE, folder)
            code, text = child.wait(), child.text
            words = [f"'{newest}' is ", f"from the checkpoint before, '{before}'"]
            if code != 0 or not all(word in text for word in words):
                child.kill()
                yield [f"{folder}: {damage.__name__}, {code}: {text[-500:]}"]
            else:
                yield [ground.conclude(IMAGE, folder)]
