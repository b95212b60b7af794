"""What files hold, in a line: a copy of them is the same."""

import hashlib
import pathlib

# As much is read whole. Of more, blocks of each file, which are a few MB of most data.
_MOST_BYTES = 2**30
_BLOCK, _NUM_BLOCKS = 2**12, 16


def contents_digest(files) -> str:
    """SHA-256 of names, sizes and bytes, wherever the files lie and however old.

    Of more than 1 GB in all, 16 blocks of 4 KB spread over each file stand for its
    bytes: a change between them that keeps the size is not seen.

    Args:
        files: paths of files, or of folders whose files are meant.
    """
    parts = [part for file in files for part in _parts(pathlib.Path(file))]
    sizes = [part.stat().st_size for part in parts]
    is_small = sum(sizes) <= _MOST_BYTES
    digest = hashlib.sha256()
    for part, size in zip(parts, sizes, strict=True):
        digest.update(f"{part.name} {size}\n".encode(errors="surrogateescape"))
        with open(part, "rb") as stream:
            if is_small or size <= _BLOCK * _NUM_BLOCKS:
                while block := stream.read(2**20):
                    digest.update(block)
                continue
            for number in range(_NUM_BLOCKS):
                stream.seek(number * (size - _BLOCK) // (_NUM_BLOCKS - 1))
                digest.update(stream.read(_BLOCK))
    return digest.hexdigest()


def _parts(file):
    return sorted(file.iterdir()) if file.is_dir() else [file]
