"""Files and folders that no reader must trust: each with what reads it.

`CASES` is name -> function of an empty folder, which puts the files there and gives
(function to call without arguments, name that the error must say).
"""

import gzip
import io
import os
import pathlib
import pickle
import socket
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tfsigmavae.data import images
from tfsigmavae.data.images.labels import load_labels
from tfsigmavae_video.data.action_plans import read_actions
from tfsigmavae_video.data.loading import load as load_clips
from tfsigmavae_video.data.record_tar import find_members
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource
from tfsigmavae_video.data.video_files import list_videos, open_video

# What a bomb unpacks to.
UNPACKED = 2**28
POSTSCRIPT = """%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 4 4
%%EndComments
showpage
"""
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def png(level=0, size=(4, 4)):
    stream = io.BytesIO()
    Image.new("L", size, level).save(stream, "PNG")
    return stream.getvalue()


def fill(folder, num=6):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num):
        (folder / f"{number}.png").write_bytes(png(number))


def zeros_compressed(num_bytes, wbits=31):
    """`num_bytes` zeros, compressed a thousandfold without ever being there."""
    packer, part = zlib.compressobj(9, zlib.DEFLATED, wbits), bytes(2**20)
    packed = [packer.compress(part) for _ in range(num_bytes // len(part))]
    packed.append(packer.compress(bytes(num_bytes % len(part))))
    return b"".join([*packed, packer.flush()])


def chunk(kind, data):
    return (
        struct.pack(">I", len(data)) + kind + data
        + struct.pack(">I", zlib.crc32(kind + data))
    )  # fmt: skip


def png_bomb(side):
    """A black square, 1 bit a pixel: of 30,000 x 30,000 some 110 kB."""
    rows = zeros_compressed(((side + 7) // 8 + 1) * side, 15)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@case
def link_to_its_own_folder(folder):
    fill(folder / "set")
    (folder / "set" / "loop").symlink_to(".")
    return lambda: images.load(folder / "set"), "loop"


@case
def two_links_to_their_own_folder(folder):
    fill(folder / "set")
    for name in ("loop", "pool"):
        (folder / "set" / name).symlink_to(".")
    return lambda: images.load(folder / "set"), "/set/"


@case
def folders_that_double_at_every_level(folder):
    """Twenty levels of two links each: a million names, no circle."""
    fill(folder / "level20", 2)
    for level in range(20):
        (folder / f"level{level}").mkdir()
        for name in "ab":
            link = folder / f"level{level}" / name
            link.symlink_to(folder / f"level{level + 1}")
    return lambda: images.load(folder / "level0"), "level"


@case
def one_picture_by_two_names(folder):
    fill(folder / "set")
    (folder / "set" / "again.png").symlink_to("0.png")
    return lambda: images.load(folder / "set"), "again.png"


@case
def one_picture_in_train_and_test(folder):
    for split in ("train", "test"):
        fill(folder / "set" / split)
    (folder / "set" / "test" / "6.png").symlink_to("../train/0.png")
    return lambda: images.load(folder / "set", "test"), "6.png"


@case
def link_to_nothing(folder):
    fill(folder)
    (folder / "a.png").symlink_to(folder / "gone.png")
    return lambda: images.load(folder), "a.png"


@case
def pipe_among_pictures(folder):
    fill(folder)
    os.mkfifo(folder / "a.png")
    return lambda: images.load(folder), "a.png"


@case
def pipe_in_place_of_digits(folder):
    os.mkfifo(folder / "train-images-idx3-ubyte")
    return lambda: images.load(folder), "train-images-idx3-ubyte"


@case
def pipe_in_place_of_labels(folder):
    pixels = np.zeros([2, 4, 4], np.uint8)
    header = struct.pack(">HBB3I", 0, 8, 3, *pixels.shape)
    (folder / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    os.mkfifo(folder / "train-labels-idx1-ubyte")
    return lambda: load_labels(folder), "train-labels-idx1-ubyte"


@case
def pipe_among_records(folder):
    (folder / "train").mkdir()
    os.mkfifo(folder / "train" / "traj_0_to_9.tfrecords")
    return lambda: SoftmotionSource(folder), "traj_0_to_9.tfrecords"


@case
def pipe_that_is_called_a_tar(folder):
    os.mkfifo(folder / "a.tar")
    return lambda: find_members(folder / "a.tar", "train"), "a.tar"


@case
def pipe_as_a_frame(folder):
    fill(folder / "video")
    (folder / "video" / "0.png").unlink()
    os.mkfifo(folder / "video" / "0.png")
    return lambda: load_clips(folder / "video"), "0.png"


@case
def pipe_as_a_video(folder):
    os.mkfifo(folder / "a.mp4")
    return lambda: load_clips(folder), "a.mp4"


@case
def device_among_pictures(folder):
    fill(folder)
    (folder / "a.png").symlink_to("/dev/zero")
    return lambda: images.load(folder), "a.png"


@case
def device_in_place_of_an_array(folder):
    (folder / "a.npy").symlink_to("/dev/zero")
    return lambda: read_actions(folder / "a.npy", 4), "a.npy"


@case
def socket_among_pictures(folder):
    fill(folder)
    here = pathlib.Path.cwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(folder)  # the whole path may be too long for a socket
        made.bind("a.png")
        os.chdir(here)
    return lambda: images.load(folder), "a.png"


@case
def postscript_called_png(folder):
    fill(folder)
    (folder / "a.png").write_text(POSTSCRIPT)
    return lambda: images.load(folder), "a.png"


@case
def postscript_as_a_frame(folder):
    fill(folder / "video")
    (folder / "video" / "0.png").write_text(POSTSCRIPT)
    return lambda: open_video(folder / "video"), "0.png"


@case
def png_bomb_in_a_folder(folder):
    fill(folder)
    (folder / "a.png").write_bytes(png_bomb(30_000))
    return lambda: images.load(folder), "a.png"


@case
def png_bomb_below_the_bound_of_pillow(folder):
    fill(folder)
    (folder / "a.png").write_bytes(png_bomb(13_000))
    return lambda: images.load(folder), "a.png"


@case
def png_bomb_as_a_video(folder):
    (folder / "a.png").write_bytes(png_bomb(13_000))
    return lambda: open_video(folder / "a.png").read([0]), "a.png"


@case
def png_bomb_as_a_frame(folder):
    fill(folder / "video")
    (folder / "video" / "0.png").write_bytes(png_bomb(13_000))
    return lambda: open_video(folder / "video"), "0.png"


@case
def zip_bomb_of_pictures(folder):
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED, True, 9) as made:
        for number in range(6):
            made.writestr(f"{number}.png", png(number))
        with made.open("bomb.png", "w") as stream:
            stream.write(png())
            for _ in range(UNPACKED // 2**20):
                stream.write(bytes(2**20))
    return lambda: images.load(folder / "a.zip"), "bomb.png"


@case
def zip_bomb_of_an_array(folder):
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, True, 9) as made:
        with made.open("x.npy", "w") as stream:
            shape = {"shape": (UNPACKED // 64**2 // 3, 64, 64, 3)}
            header = {"descr": "|u1", "fortran_order": False} | shape
            np.lib.format.write_array_header_1_0(stream, header)
            for _ in range(UNPACKED // 2**20):
                stream.write(bytes(2**20))
    return lambda: open_video(folder / "a.npz").read([0]), "a.npz"


@case
def zip_bomb_of_digits(folder):
    with zipfile.ZipFile(folder / "mnist.npz", "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("x_train.npy", "w") as stream:
            header = {"descr": "|u1", "fortran_order": False}
            header |= {"shape": (UNPACKED // 28**2, 28, 28)}
            np.lib.format.write_array_header_1_0(stream, header)
            for _ in range(UNPACKED // 2**20):
                stream.write(bytes(2**20))
    return lambda: images.load(folder), "mnist.npz"


@case
def gzip_bomb(folder):
    header = gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 1, 4, 4))
    packed = header + zeros_compressed(UNPACKED)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed)
    return lambda: images.load(folder), "train-images-idx3-ubyte.gz"


@case
def gzip_bomb_that_says_so(folder):
    sides = UNPACKED // 28**2, 28, 28
    header = gzip.compress(struct.pack(">HBB3I", 0, 8, 3, *sides))
    packed = header + zeros_compressed(UNPACKED)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed)
    return lambda: images.load(folder), "train-images-idx3-ubyte.gz"


@case
def gzip_bomb_of_labels(folder):
    pixels = np.zeros([2, 4, 4], np.uint8)
    header = struct.pack(">HBB3I", 0, 8, 3, *pixels.shape)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(header + pixels.tobytes())
    )
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(zeros_compressed(UNPACKED))
    return lambda: load_labels(folder), "train-labels-idx1-ubyte.gz"


@case
def matlab_bomb(folder):
    num = UNPACKED // 3072
    body = struct.pack("<6I", 6, 8, 9, 0, 5, 16) + struct.pack("<4i", 32, 32, 3, num)
    body += struct.pack("<I", 0x10001) + b"X\0\0\0" + struct.pack("<2I", 2, 3072 * num)
    matrix = struct.pack("<2I", 14, len(body) + 3072 * num) + body
    packer = zlib.compressobj(9)
    parts = [packer.compress(matrix)]
    parts += [packer.compress(bytes(2**20)) for _ in range(UNPACKED // 2**20)]
    packed = b"".join([*parts, packer.flush()])
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM"
    (folder / "train_32x32.mat").write_bytes(
        head + struct.pack("<2I", 15, len(packed)) + packed
    )
    return lambda: images.load(folder), "train_32x32.mat"


@case
def pickle_in_an_array(folder):
    np.save(folder / "a.npy", np.array([{}, print], object), allow_pickle=True)
    return lambda: list_videos(folder / "a.npy"), "a.npy"


@case
def pickle_in_a_table_of_actions(folder):
    np.save(folder / "a.npy", np.array([{}, print], object), allow_pickle=True)
    return lambda: read_actions(folder / "a.npy", 4), "a.npy"


def _cifar(folder, content):
    (folder / "test_batch").write_bytes(content)
    return lambda: load_labels("cifar10", "test", root=folder), "test_batch"


@case
def pickle_that_runs_code(folder):
    return _cifar(folder, b"cos\nsystem\n(S'true'\ntR.")


@case
def pickle_with_a_state_of_dtype(folder):
    """NumPy takes what it is given as the state of a dtype, and ends the process."""
    state = b"(K\x03U\x01|(K\x01K\x02tNNI-1\nI-1\nI63\ntb"
    fields = b"(U\x04datacnumpy\ndtype\nU\x02V8K\x00K\x01\x87R" + state
    return _cifar(folder, b"\x80\x02}" + fields + b"U\x06labels]u.")


@case
def pickle_whose_memo_is_huge(folder):
    return _cifar(folder, b"\x80\x02}r" + struct.pack("<I", 2**31 - 1) + b".")


@case
def pickle_that_says_it_is_long(folder):
    return _cifar(folder, b"\x80\x04\x8e" + struct.pack("<Q", 2**36) + b".")


@case
def pickle_whose_key_is_hashed_for_ever(folder):
    nested = b")" + 60 * b"2\x86"  # a pair of the pair before, twice
    return _cifar(folder, b"\x80\x02}" + nested + b"K\x00s.")


@case
def fewer_labels_than_images(folder):
    rows = np.zeros([3, 3072], np.uint8)
    return _cifar(folder, pickle.dumps({b"data": rows, b"labels": [1, 2]}))


@case
def empty_file(folder):
    fill(folder)
    (folder / "a.png").write_bytes(b"")
    return lambda: images.load(folder), "a.png"


@case
def empty_zip(folder):
    (folder / "a.zip").write_bytes(b"")
    return lambda: images.load(folder / "a.zip"), "a.zip"


@case
def names_in_no_known_letters(folder):
    (folder / "img_align_celeba").mkdir()
    (folder / "list_eval_partition.txt").write_bytes(b"\xff\xfe000001.jpg 0\n")
    return lambda: images.load("celeba", size=8, root=folder), "list_eval_partition"
