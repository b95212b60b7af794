"""Downloads a data set of the papers into a folder that `load_clips` opens."""

import pathlib

from tfsigmavae.checks import check_choice
from tfsigmavae.downloads import DownloadError, download
from tfsigmavae.files import whole
from tfsigmavae.inputs import CheckedZip, explained
from tfsigmavae_video.data.origins import ORIGINS


def fetch(name: str, folder, url: str | None = None, **options) -> list:
    """Downloads the files of a data set, or goes on with it, and checks them.

    Files that are there are checked, not downloaded. Zip files are unpacked into a
    folder of their name beside them, and may be deleted afterwards.

    Args:
        name: "bair" (32 GB, one tar that is read as it is), "kth", "mnist" or
            "fashion_mnist".
        folder: where to put the files; made where it is missing.
        url: another place to get them from: the address of the folder that holds the
            files, or, of a single file, its own. Defaults to `None`: the known places.
        **options: see `tfsigmavae.downloads.download`.

    Returns:
        list of paths of the files and folders.

    Raises:
        DownloadError: see `download`.
        ValueError: on an unknown name.
    """
    check_choice("name", name, tuple(ORIGINS))
    origin, folder = ORIGINS[name], pathlib.Path(folder)
    places = origin["places"] if url is None else [url]
    made = []
    for file, facts in origin["files"].items():
        urls = [_join(place, file) for place in places]
        made.append(_fetch_file(urls, folder / file, *facts, **options))
    return made


def _join(place, file):
    return place if place.endswith(f"/{file}") else f"{place.rstrip('/')}/{file}"


def _fetch_file(urls, path, size, sha256, **options):
    if path.suffix != ".zip":
        return download(urls, path, size, sha256, **options)
    unpacked = path.with_suffix("")
    if not unpacked.is_dir():
        _unpack(download(urls, path, size, sha256, **options), unpacked)
    return unpacked


def _unpack(file, folder):
    way_out = "Delete it and download it again."
    with explained(f"'{file}'", "is no zip file", way_out, DownloadError):
        with CheckedZip(file) as archive, whole(folder) as partial:
            archive.extractall(partial)
