"""Downloads a file, from the first mirror that gives it, and checks it."""

import contextlib
import hashlib
import os
import pathlib
import time
import urllib.parse
from collections.abc import Sequence

from tfsigmavae.downloads.errors import CutError, DiskFullError, DownloadError
from tfsigmavae.downloads.news import TransferNews
from tfsigmavae.downloads.transfer import CHUNK, Transfer
from tfsigmavae.files import read_json, write_json
from tfsigmavae.locks import hold
from tfsigmavae.typing import PathLike

_LONGEST_WAIT = 60.0


def download(
    urls: str | Sequence[str],
    path: PathLike,
    size: int | None = None,
    sha256: str | None = None,
    retries: int = 5,
    wait: float = 1.0,
    timeout: float = 60.0,
    progress: bool | None = None,
) -> pathlib.Path:
    """Downloads a file, or goes on with it, and checks it.

    What has come lies in `path.partial` until all is there; the next call asks the
    server for the rest. The SHA-256 of the whole file is written to `path.json` the
    first time. A file that is there already is checked against it, and nothing is
    downloaded.

    Args:
        urls: one URL (http or https), or a list: the next one is tried where one fails.
        path: of the file to make.
        size: its bytes, where known. Defaults to `None`: what the server says.
        sha256: its SHA-256 in hex, where known. Defaults to `None`.
        retries: int >= 0, attempts after one that has brought nothing new. Defaults to
            `5`.
        wait: seconds before the first of them; doubled each time, at most a minute.
            Defaults to `1.0`.
        timeout: seconds to wait for the server to say something. Defaults to `60.0`.
        progress: whether to show rate and time left on one line of stderr. By default,
            if it is a terminal; otherwise a line now and then. `False` for nothing.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        DownloadError: if no URL gave the file, another process is downloading it, the
            disk is full, or it is not the file that was expected. What has come stays,
            and the same call goes on with it.
        ValueError: if a URL is of another kind.

    Example:
        >>> download("http://localhost:8000/clips.tar", "data/clips.tar")
        PosixPath('data/clips.tar')
    """
    path = pathlib.Path(path)
    urls = [urls] if isinstance(urls, str) else list(urls)
    for url in urls:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"A URL must begin with http:// or https://, got '{url}'.")
    news = TransferNews(path.name, progress)
    if path.is_dir():
        raise DownloadError(f"'{path}' is a folder. Name the file to make in it.")
    sha256 = sha256 and sha256.strip().lower()
    if path.exists():
        _check_kept(path, size, sha256, news)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_name(path.name + ".partial")):
        if path.exists():  # made by another process a moment ago
            _check_kept(path, size, sha256, news)
            return path
        transfer = Transfer(path, size, sha256 is not None, timeout, news)
        _from_any(transfer, urls, retries, wait, news)
        digest = _check(transfer.partial, size, sha256, news)
        # A record of an earlier file, which was deleted, says nothing of this one.
        _record(path, transfer.num_bytes(), digest, transfer.origin)
        os.replace(transfer.partial, path)
        transfer.origin_file.unlink(missing_ok=True)
    return path


def _from_any(transfer, urls, retries, wait, news):
    problems = []
    for url in urls:
        try:
            return _insist(transfer, url, retries, wait, news)
        except DiskFullError:
            raise
        except DownloadError as error:
            problems.append(str(error))
    raise DownloadError(" ".join(problems))


def _insist(transfer, url, retries, wait, news):
    """Tries again while attempts bring something new, and a few times more."""
    failures = 0
    while True:
        try:
            return transfer.attempt(url)
        except CutError as error:
            is_new = transfer.num_bytes() > transfer.furthest
            transfer.furthest = max(transfer.furthest, transfer.num_bytes())
            failures = 0 if is_new else failures + 1
            if failures > retries:
                raise DownloadError(
                    f"'{url}' failed {failures} times in a row ({error}). What has "
                    "come is kept: run the same again later, or name another place "
                    "(`--url`)."
                ) from error
            pause = min(wait * 2 ** max(failures - 1, 0), _LONGEST_WAIT)
            news.tell(f"{error}; trying again in {pause:.3g} s")
            time.sleep(pause)


def _check_kept(path, size, sha256, news):
    """Compares a file that is there with what is expected, or was found at first."""
    record_file = _record_file(path)
    if not record_file.is_file():
        _record(path, path.stat().st_size, _check(path, size, sha256, news), None)
        return
    try:
        record = read_json(record_file)
        known = record["size"], record["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(
            f"'{record_file}' is damaged. Delete it: it is made anew."
        ) from error
    told_by = record_file if size is sha256 is None else None
    _check(path, size or known[0], sha256 or known[1], news, told_by)


def _check(file, size, sha256, news, record_file=None):
    """Compares with what is expected; returns the SHA-256 that was found."""
    found = file.stat().st_size
    if size not in (None, found):
        raise _another_file(file, f"{found:,} bytes, not {size:,}", record_file)
    digest = _digest(file, found, news)
    if sha256 not in (None, digest):
        raise _another_file(file, f"SHA-256 {digest}, not {sha256}", record_file)
    return digest


def _record_file(path):
    return path.with_name(path.name + ".json")


def _record(path, size, digest, origin):
    write_json(_record_file(path), {"size": size, "sha256": digest, "origin": origin})


def _digest(file, size, news):
    digest = hashlib.sha256()
    news.begin(0, size, "checking")
    with open(file, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            news.add(len(chunk))
    news.end()
    return digest.hexdigest()


def _another_file(file, what, record_file):
    known = f" (as '{record_file.name}' says)" if record_file else ""
    return DownloadError(
        f"'{file}' is not the file it should be: it has {what}{known}. Delete it and "
        "download it again."
    )


@contextlib.contextmanager
def _alone(partial):
    """Makes the file, where it is missing, and holds it for this process."""
    busy = DownloadError(
        f"Another process is downloading '{partial}'. Wait for it to end."
    )
    with hold(partial, busy):
        try:
            yield
        finally:
            if partial.exists() and not partial.stat().st_size:
                partial.unlink()
