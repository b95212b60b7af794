"""Sound files of every reader, small, and ways to damage them.

`SUBJECTS` is name -> `Subject`: where its bytes lie in a folder, what reads them, and
how damaged content is packed, so that checksums are right and readers go on.
"""

import dataclasses
import functools
import gzip
import io
import json
import pathlib
import pickle
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from PIL import Image

from tfsigmavae.data import images
from tfsigmavae.data.images.labels import load_labels
from tfsigmavae_video.data.action_plans import read_actions
from tfsigmavae_video.data.folder import side_cars
from tfsigmavae_video.data.kth_sequences import read_sequences
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource
from tfsigmavae_video.data.video_files import list_videos, open_video

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, [4, 8, 8, 3], dtype=np.uint8)
DIGITS = RNG.integers(0, 256, [3, 4, 4], dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A kind of file.

    Attributes:
        place: where it lies, relative to a folder.
        content: bytes to damage.
        read: function of the folder, which reads it.
        packed: function, damaged content -> bytes of the file. Defaults to the content.
        around: dict of place -> bytes of the files around it.
    """

    place: str
    content: bytes
    read: Callable
    packed: Callable = bytes
    around: dict = dataclasses.field(default_factory=dict)

    def write(self, folder: pathlib.Path, content: bytes) -> pathlib.Path:
        for place, data in {**self.around, self.place: self.packed(content)}.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.place


def saved(save, *args, **options):
    """The bytes that `save(file, ...)` writes."""
    file = io.BytesIO()
    save(file, *args, **options)
    return file.getvalue()


def picture(format, **options):
    first, *others = [Image.fromarray(frame) for frame in FRAMES]
    if options:
        options |= {"append_images": others, "duration": 50}
    return saved(first.save, format, **options)


def zipped(name, content, packing=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr(name, content)
        archive.writestr("train/1.png", picture("PNG"))
        archive.writestr("test/1.png", picture("PNG"))
    return file.getvalue()


def with_png_checksums(content):
    """Right checksums, as far as what is left looks like chunks."""
    made, place = content[:8], 8
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        part = content[place + 4 : place + 8 + size]
        made += content[place : place + 4] + part
        made += struct.pack(">I", zlib.crc32(part))
        place += 12 + size
    return made + content[place:]


def record(content):
    """One record with right checksums."""
    size = struct.pack("<Q", len(content))
    return size + _masked(size) + content + _masked(content)


def _masked(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = [_entry(value) for value in range(256)]


def example():
    features = {}
    for time in range(2):
        pixels = tf.train.BytesList(value=[FRAMES[time].tobytes()])
        action = tf.train.FloatList(value=[0.0, 1.0, 2.0, 3.0])
        features[f"{time}/image_aux1/encoded"] = tf.train.Feature(bytes_list=pixels)
        features[f"{time}/action"] = tf.train.Feature(float_list=action)
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString(deterministic=True)


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("set/train/a.tfrecords", "set/test/b.tfrecords"):
            info = tarfile.TarInfo(name)
            info.size = len(record(example()))
            archive.addfile(info, io.BytesIO(record(example())))
    return file.getvalue()


def matlab(compressed):
    import scipy.io

    arrays = {"X": RNG.integers(0, 256, [4, 4, 3, 3], np.uint8)}
    arrays["y"] = np.array([[1], [2], [10]], np.uint8)
    return saved(scipy.io.savemat, arrays, do_compression=compressed)


def cifar(protocol):
    rows = RNG.integers(0, 256, [2, 3072], dtype=np.uint8)
    if protocol > 2:
        return pickle.dumps({b"labels": [1, 9], b"data": rows}, protocol)
    # As Python 2 and its NumPy wrote it, whose text was bytes.
    return (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01"
        b"\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", rows.size)
        + rows.tobytes()
        + b"tbU\x06labels](K\x01K\x09eu."
    )


def video(suffix, **options):
    from written_videos import moving_frames, write_video

    frames = moving_frames(4, 16, 16)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"a.{suffix}"
        return write_video(path, frames, **options).read_bytes()


def read_video(place, folder):
    for found in list_videos(folder / place):
        with open_video(*found) as opened:
            opened.read(range(min(opened.num_frames, 4)))


def read_records(folder, place=""):
    source = SoftmotionSource(folder / place, frame_shape=(8, 8, 3), with_actions=True)
    source(0, 0, min(2, source.num_frames[0]))


def read_labelled(split, folder):
    images.load(folder, split)
    load_labels(folder, split)


def _subjects():
    idx = struct.pack(">HBB3I", 0, 8, 3, *DIGITS.shape) + DIGITS.tobytes()
    idx1 = struct.pack(">HBBI", 0, 8, 1, 3) + b"\1\2\3"
    png = picture("PNG")
    other = {f"{split}/1.png": png for split in ("train", "test")}
    read_train = functools.partial(read_labelled, "train")
    read_cifar = functools.partial(read_labelled, "test")
    read_pictures = functools.partial(images.load, size=8)
    names, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    yield "idx", Subject(names, idx, read_train, around={labels: idx1})
    yield "labels", Subject(labels, idx1, read_train, around={names: idx})
    packed = {f"{labels}.gz": gzip.compress(idx1)}
    gz = f"{names}.gz"
    yield "gzip", Subject(gz, gzip.compress(idx), read_train, around=packed)
    yield "in gzip", Subject(gz, idx, read_train, gzip.compress, packed)
    arrays = {"x_train": DIGITS, "y_train": np.arange(3)}
    npz = saved(np.savez, **arrays)
    yield "npz", Subject("mnist.npz", npz, read_train)
    npz = saved(np.savez_compressed, **arrays)
    yield "npz compressed", Subject("mnist.npz", npz, read_train)
    binary = b"".join(b"\1" + bytes(range(256)) * 12 for _ in range(2))
    yield "cifar binary", Subject("test_batch.bin", binary, read_cifar)
    for protocol in (2, 4):
        name = f"cifar pickle {protocol}"
        yield name, Subject("test_batch", cifar(protocol), read_cifar)
    for compressed in (True, False):
        name = f"matlab{' compressed' * compressed}"
        yield name, Subject("train_32x32.mat", matlab(compressed), read_train)
    celeba = b"".join(b"%06d.png %d\n" % (n, n % 3) for n in range(6))
    yield (
        "celeba",
        Subject(
            "list_eval_partition.txt",
            celeba,
            functools.partial(images.load, size=8, crop=(0, 0, 8, 8)),
            around={f"img_align_celeba/{n:06}.png": png for n in range(6)},
        ),
    )
    yield "png", Subject("train/a.png", png, read_pictures, around=other)
    yield (
        "png with checksums",
        Subject("train/a.png", png, read_pictures, with_png_checksums, other),
    )
    for format in ("BMP", "GIF", "JPEG", "PPM", "TIFF", "WEBP"):
        yield (
            format.lower(),
            Subject("train/a.png", picture(format), read_pictures, around=other),
        )

    def read_zip(folder):
        images.load(folder / "a.zip", size=8)

    whole = zipped("train/0.png", png, zipfile.ZIP_DEFLATED)
    yield "zip", Subject("a.zip", whole, read_zip)
    yield (
        "in zip",
        Subject("a.zip", png, read_zip, functools.partial(zipped, "train/0.png")),
    )
    several = {"save_all": True}
    clips = {
        "npy": saved(np.save, FRAMES),
        "npz": saved(np.savez_compressed, FRAMES),
        "gif": picture("GIF", **several),
        "png": picture("PNG", **several),
        "webp": picture("WEBP", **several),
        "mp4": video("mp4"),
        "avi": video("avi", codec="mpeg4"),
        "mkv": video("mkv"),
    }
    for suffix, data in clips.items():
        place = f"a.{suffix}"
        read = functools.partial(read_video, place)
        yield f"{suffix} video", Subject(place, data, read)
    read = functools.partial(read_video, "clip")
    around = {f"clip/{n}.png": png for n in range(1, 3)}
    yield "frames", Subject("clip/0.png", png, read, around=around)
    yield "record", Subject("train/a.tfrecords", record(example()), read_records)
    yield (
        "record with checksums",
        Subject("train/a.tfrecords", example(), read_records, record),
    )
    yield (
        "tar",
        Subject("a.tar", tarred(), functools.partial(read_records, place="a.tar")),
    )
    told = json.dumps({"is_held_out": True, "fps": {"train": 10.0}}).encode()
    around = {"train/a.tfrecords": record(example())}
    yield "told", Subject("dataset.json", told, read_records, around=around)
    kth = b"person01_boxing_d1  frames  1-95, 96-185\nperson01_boxing_d2 frames 1-9\n"
    yield (
        "kth",
        Subject("s.txt", kth, lambda folder: read_sequences(folder / "s.txt")),
    )
    table = b"dx,dy\n" + b"0.5,1.25\n" * 4
    rows = RNG.normal(size=[4, 2]).astype(np.float32)
    for suffix, data in {"csv": table, "npy": saved(np.save, rows)}.items():

        def read(folder, place=f"a.{suffix}"):
            side_cars.read_actions(folder / place, 4)
            read_actions(folder / place, 2)

        yield f"{suffix} actions", Subject(f"a.{suffix}", data, read)


SUBJECTS = dict(_subjects())
HEADERS = [subject.content[:16] for subject in SUBJECTS.values()]
EXTREMES = [
    bytes(4),
    b"\xff" * 4,
    b"\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
    b"\0\0\1\0",
]


def damaged(content: bytes, changes) -> bytes:
    """Applies changes, each (kind, place from 0 to 1, a number, bytes)."""
    for kind, share, number, data in changes:
        place = int(share * len(content))
        if kind == "flip" and content:
            place = min(place, len(content) - 1)
            byte = bytes([content[place] ^ 1 << number % 8])
            content = content[:place] + byte + content[place + 1 :]
        elif kind == "cut":
            content = content[:place]
        elif kind == "leave out":
            content = content[:place] + content[place + number + 1 :]
        elif kind == "insert":
            content = content[:place] + data + content[place:]
        elif kind == "repeat":
            content = (
                content[:place] + content[place : place + number] + content[place:]
            )
        elif kind == "header":
            header = HEADERS[number % len(HEADERS)]
            content = header + content[len(header) :]
        elif kind == "extreme":
            content = content[:place] + EXTREMES[number % 4] + content[place + 4 :]
    return content


KINDS = ("flip", "flip", "cut", "leave out", "insert", "repeat", "header", "extreme")
