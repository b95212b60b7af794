"""Folders and zips of pictures: splits, order, crop, size, kinds, errors."""

import hashlib
import io
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfsigmavae.data import images
from tfsigmavae.data.images import stacking


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(file, pixels, **options):
    """Writes uint8 `[H, W]` or `[H, W, C]`; lossless unless the suffix is .jpg."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **options)


def fill(folder, names):
    """One-coloured pictures; name number i has the value i."""
    for number, name in enumerate(names):
        save(folder / name, np.full((4, 4, 3), number, np.uint8))


def zipped(folder, file):
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file


def numbers(loaded):
    return loaded[:, 0, 0, 0].tolist()


NAMES = [f"{kind}/{number:02}.png" for kind in ("cat", "dog") for number in range(20)]


def test_a_share_is_held_out_by_the_names_alone(tmp_path):
    fill(tmp_path / "pictures", NAMES)
    source = tmp_path / "pictures"
    by_digest = sorted(
        NAMES, key=lambda name: hashlib.sha256(name.encode()).hexdigest()
    )
    expected = [NAMES.index(name) for name in by_digest]
    test = numbers(images.load(source, "test", test_share=0.25))
    train = numbers(images.load(source, "train", test_share=0.25))
    assert test == expected[:10] and train == expected[10:]
    assert numbers(images.load(source, "test")) == expected[:4]
    # A zip of the same files has the same splits in the same order.
    archive = zipped(source, tmp_path / "pictures.zip")
    assert numbers(images.load(archive, "test", test_share=0.25)) == test
    assert numbers(images.load(str(archive), test_share=0.25)) == train
    # A new picture moves no more than one of the others.
    save(source / "cat" / "new.png", np.full((4, 4, 3), 99, np.uint8))
    grown = set(numbers(images.load(source, "test", test_share=0.25)))
    assert len(grown - {99} ^ set(test)) <= 1


def test_the_first_pictures_are_of_all_classes(tmp_path):
    fill(tmp_path, NAMES)
    first = numbers(images.load(tmp_path, "train"))[:8]
    assert 0 < sum(number < 20 for number in first) < 8


@pytest.mark.parametrize("above", ["", "dataset/"])
@pytest.mark.parametrize("held", ["test", "val"])
def test_folders_named_like_splits_are_the_splits(tmp_path, above, held):
    source = tmp_path / "pictures"
    parts = {"train": range(12), held: range(12, 17)}
    fill(source, [f"{above}train/{n % 2}/{n}.png" for n in range(12)])
    for number in parts[held]:
        file = source / f"{above}{held}" / f"{number}.png"
        save(file, np.full((4, 4, 3), number, np.uint8))
    for place in (source, zipped(source, tmp_path / "pictures.zip")):
        for split, expected in parts.items():
            assert sorted(numbers(images.load(place, split))) == [*expected]
        with pytest.raises(ValueError, match=f"'x'.*has the folders .*'{held}'"):
            images.load(place, "x")


def test_splits_are_known_by_other_spellings(tmp_path):
    names = [f"Training/{n}.png" for n in range(4)]
    fill(tmp_path, [*names, "TEST/4.png", "TEST/5.png"])
    assert sorted(numbers(images.load(tmp_path, "train"))) == [*range(4)]
    assert sorted(numbers(images.load(tmp_path, "test"))) == [4, 5]


def test_a_held_out_split_without_its_training_images_is_refused(tmp_path):
    fill(tmp_path, [f"{kind}/{n}.png" for kind in ("a", "test") for n in range(4)])
    with pytest.raises(ValueError, match="look like held-out splits, and no folder"):
        images.load(tmp_path, "train")


def test_a_class_called_train_is_not_a_split(tmp_path):
    fill(tmp_path, [f"{kind}/{n}.png" for kind in ("bus", "train") for n in range(10)])
    parts = [numbers(images.load(tmp_path, split)) for split in ("train", "test")]
    assert sorted(sum(parts, [])) == [*range(20)] and len(parts[1]) == 2


def test_hidden_files_and_other_files_are_left_out(tmp_path):
    source = tmp_path / "pictures"
    fill(source, NAMES[:4])
    for name in (".hidden.png", "cat/.dir/a.png", "__MACOSX/cat/._00.png", "notes.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"not a picture")
    for place in (source, zipped(source, tmp_path / "pictures.zip")):
        assert len(images.load(place, "train", test_share=0.5)) == 2


def load_one(folder, **options):
    """The one picture in `folder/train`."""
    (folder / "test").mkdir(exist_ok=True)
    (file,) = folder.glob("train/picture.*")
    shutil.copy(file, folder / "test")
    (image,) = images.load(folder, "train", **options)
    return image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "PNG"])
def test_lossless_pictures_keep_their_pixels(tmp_path, suffix):
    pixels = noise(5, 7, 3)
    save(tmp_path / "train" / f"picture.{suffix}", pixels)
    np.testing.assert_array_equal(load_one(tmp_path), pixels)


def test_webp_and_jpeg_pictures(tmp_path):
    pixels = noise(8, 8, 3)
    save(tmp_path / "train" / "picture.webp", pixels, lossless=True)
    np.testing.assert_array_equal(load_one(tmp_path), pixels)
    (tmp_path / "train" / "picture.webp").unlink()
    save(tmp_path / "train" / "picture.jpeg", pixels, quality=90)
    data = (tmp_path / "train" / "picture.jpeg").read_bytes()
    expected = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE")
    np.testing.assert_array_equal(load_one(tmp_path), expected)


def test_grey_palette_and_bilevel_pictures_lose_nothing(tmp_path):
    file = tmp_path / "train" / "picture.png"
    grey = noise(5, 7)
    save(file, grey)
    np.testing.assert_array_equal(load_one(tmp_path), grey[..., None])
    bits = grey > 127
    save(file, bits)
    np.testing.assert_array_equal(load_one(tmp_path), 255 * bits[..., None])
    colours = noise(4, 3)
    picture = Image.frombytes("P", (7, 5), (grey % 4).tobytes())
    picture.putpalette(colours.tobytes())
    picture.save(file)
    np.testing.assert_array_equal(load_one(tmp_path), colours[grey % 4])
    opaque = np.dstack([noise(5, 7, 3), np.full([5, 7], 255, np.uint8)])
    save(file, opaque)
    np.testing.assert_array_equal(load_one(tmp_path), opaque[..., :3])


def test_pictures_are_turned_as_their_exif_says(tmp_path):
    pixels = noise(5, 7, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    save(tmp_path / "train" / "picture.png", pixels, exif=exif)
    np.testing.assert_array_equal(load_one(tmp_path), np.rot90(pixels, -1))


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.fromarray(noise(5, 7, 4)), "is partly transparent"),
        (Image.fromarray(noise(5, 7).astype(np.uint16)), "mode 'I"),
        (Image.fromarray(noise(5, 7, 4)).convert("CMYK"), "mode 'CMYK'"),
    ],
)
def test_kinds_that_would_lose_something_are_errors(tmp_path, picture, words):
    suffix = "tif" if picture.mode == "CMYK" else "png"
    (tmp_path / "train").mkdir()
    picture.save(tmp_path / "train" / f"picture.{suffix}")
    with pytest.raises(
        ValueError, match=f"'train/picture.{suffix}' of '{tmp_path}'.*{words}"
    ):
        load_one(tmp_path)


def test_crops_cut_out_what_they_say(tmp_path):
    pixels = np.zeros([9, 14, 3], np.uint8)
    pixels[2:6, 3:8] = noise(4, 5, 3)
    save(tmp_path / "train" / "picture.png", pixels)
    np.testing.assert_array_equal(
        load_one(tmp_path, crop=(3, 2, 8, 6)), pixels[2:6, 3:8]
    )
    # (14 - 9) // 2 = 2 columns are left out at the left, 3 at the right.
    np.testing.assert_array_equal(load_one(tmp_path, crop="square"), pixels[:, 2:11])
    save(tmp_path / "train" / "picture.png", pixels.transpose(1, 0, 2))
    np.testing.assert_array_equal(
        load_one(tmp_path, crop="square"), pixels.transpose(1, 0, 2)[2:11]
    )
    with pytest.raises(
        ValueError, match="reaches beyond 'train/picture.png'.*9 wide.*14 high"
    ):
        load_one(tmp_path, crop=(3, 2, 10, 6))


@pytest.mark.parametrize(("old", "new"), [(32, 28), (32, 16), (16, 32), (28, 28)])
def test_sizes_are_those_of_an_antialiased_bilinear_filter(tmp_path, old, new):
    pixels = noise(old, old, 3)
    save(tmp_path / "train" / "picture.png", pixels)
    expected = tf.image.resize(pixels[None], [new, new], "bilinear", antialias=True)[0]
    loaded = load_one(tmp_path, size=new)
    assert loaded.shape == (new, new, 3) and loaded.dtype == np.uint8
    # Half a level for rounding once; Pillow rounds rows and columns one by one.
    assert np.max(np.abs(loaded - expected)) <= 1.01


def test_size_does_not_distort_unless_asked_to(tmp_path):
    save(tmp_path / "train" / "picture.png", noise(6, 12, 3))
    with pytest.raises(ValueError, match='12 wide and 6 high.*crop="square"'):
        load_one(tmp_path, size=4)
    assert load_one(tmp_path, size=(4, 5)).shape == (4, 5, 3)
    assert load_one(tmp_path, size=4, crop="square").shape == (4, 4, 3)


def test_channels_turn_pictures_grey_or_into_rgb(tmp_path):
    pixels = noise(5, 7, 3)
    save(tmp_path / "train" / "picture.png", pixels)
    grey = load_one(tmp_path, channels=1)
    # The luma of ITU-R 601, within one level of rounding.
    expected = pixels @ np.array([0.299, 0.587, 0.114])
    assert grey.shape == (5, 7, 1) and np.max(np.abs(grey[..., 0] - expected)) <= 1
    save(tmp_path / "train" / "picture.png", pixels[..., 0])
    rgb = load_one(tmp_path, channels=3)
    np.testing.assert_array_equal(rgb, np.repeat(pixels[..., :1], 3, -1))


def test_images_that_differ_are_an_error_with_a_way_out(tmp_path):
    save(tmp_path / "a.png", noise(8, 8, 3))
    save(tmp_path / "b.png", noise(6, 6, 3))
    save(tmp_path / "c.png", noise(8, 8))
    save(tmp_path / "d.png", noise(8, 8, 3))
    options = {"split": "train", "test_share": 0.25}
    with pytest.raises(ValueError, match="agree in shape.*`size`.*`channels`"):
        images.load(tmp_path, **options)
    assert images.load(tmp_path, size=4, channels=3, **options).shape == (3, 4, 4, 3)


def test_broken_pictures_are_named(tmp_path):
    source = tmp_path / "pictures"
    fill(source, NAMES[:5])
    broken = source / "cat" / "03.png"
    whole = broken.read_bytes()
    for data in (b"", b"text", whole[: len(whole) // 2]):
        broken.write_bytes(data)
        with pytest.raises(ValueError, match="'cat/03.png' of .*cannot be decoded"):
            for split in ("train", "test"):
                images.load(source, split, test_share=0.5)
    broken.write_bytes(whole)
    archive = zipped(source, tmp_path / "pictures.zip")
    # A stored member: one wrong byte of its pixels fails its checksum.
    data = bytearray(archive.read_bytes())
    data[data.index(whole) + len(whole) // 2] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ValueError, match="'cat/03.png' of .*cannot be decoded"):
        for split in ("train", "test"):
            images.load(archive, split, test_share=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "`size` must be a positive int"),
        ({"size": (4, 4, 3)}, "`size`"),
        ({"size": 2.5}, "`size`"),
        ({"crop": "center"}, "`crop` must be"),
        ({"crop": (4, 0, 4, 8)}, "`crop` must be"),
        ({"crop": (-1, 0, 4, 8)}, "`crop` must be"),
        ({"channels": 4}, "`channels` must be 1 or 3"),
        ({"test_share": 0.0}, "`test_share` must lie between 0 and 1"),
        ({"test_share": 0.05}, "`test_share` 0.05 of the 5 images.*split empty"),
        ({"split": "val"}, "Unknown split 'val'.*no splits of its own"),
    ],
)
def test_wrong_options_are_errors(tmp_path, options, words):
    fill(tmp_path, NAMES[:5])
    with pytest.raises(ValueError, match=words):
        images.load(tmp_path, **{"test_share": 0.4, **options})


def test_many_images_keep_their_order_and_are_counted(capsys):
    num_images = 2 * stacking._WINDOW + 100
    pixels = np.arange(num_images, dtype=np.uint32).view(np.uint8).reshape(-1, 1, 4)
    stacked = stacking.stack_in_threads(
        lambda i: pixels[i][None], range(num_images), True
    )
    np.testing.assert_array_equal(stacked[:, 0], pixels)
    counted = capsys.readouterr().err
    assert counted.startswith("\r1000/4196 images\r2000/4196")
    assert counted.endswith("\r4196/4196 images\n")
    stacking.stack_in_threads(lambda i: pixels[i][None], range(1000), False)
    assert capsys.readouterr().err == ""


@pytest.fixture(scope="module")
def cifar_jpegs(shared_data):
    path = shared_data("cifar10_jpeg_train10k.zip")
    return path, {s: images.load(path, s, test_share=0.2) for s in ("train", "test")}


def test_real_pictures_are_split_and_complete(cifar_jpegs):
    path, splits = cifar_jpegs
    assert splits["train"].shape == (8000, 32, 32, 3)
    assert splits["test"].shape == (2000, 32, 32, 3)
    digests = {
        split: {hashlib.sha256(image).digest() for image in loaded}
        for split, loaded in splits.items()
    }
    assert not digests["train"] & digests["test"]
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        first = archive.read(names[0])
    assert len(names) == 10000
    pixels = np.asarray(Image.open(io.BytesIO(first)))
    assert (
        hashlib.sha256(pixels.tobytes()).digest() in digests["train"] | digests["test"]
    )


def test_real_pictures_have_the_means_of_cifar10(cifar_jpegs):
    for loaded in cifar_jpegs[1].values():
        means = loaded.mean(axis=(0, 1, 2)) / 255
        # Published for the training images. The standard deviation of the mean of an
        # image is about 0.12: 0.003 for the mean of 2000, three of them.
        np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=0.009)
