"""Downloads a file, from the first mirror that gives it, and checks it."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import time
import urllib.parse

from tfsigmavae.downloads.news import TransferNews
from tfsigmavae.downloads.transfer import (
    CHUNK,
    CutError,
    DiskFullError,
    DownloadError,
    Transfer,
)
from tfsigmavae.files import read_json, write_json

_LONGEST_WAIT = 60.0


def download(
    urls,
    path,
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
    if path.exists():
        _check(path, path, size, sha256, news)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    transfer = Transfer(path, size, sha256 is not None, timeout, news)
    with _alone(transfer.partial):
        _from_any(transfer, urls, retries, wait, news)
        _check(transfer.partial, path, size, sha256, news, transfer.origin)
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


def _check(file, path, size, sha256, news, origin=None):
    """Compares with what is expected, or was found the first time, and records it."""
    record_file = path.with_name(path.name + ".json")
    record = read_json(record_file) if record_file.is_file() else {}
    size, sha256 = size or record.get("size"), sha256 or record.get("sha256")
    found = file.stat().st_size
    if size not in (None, found):
        raise _another_file(file, f"{found:,} bytes, not {size:,}")
    digest = _digest(file, found, news)
    if sha256 not in (None, digest):
        raise _another_file(file, f"SHA-256 {digest}, not {sha256}")
    if not record:
        record = {"size": found, "sha256": digest, "origin": origin}
        write_json(record_file, record)


def _digest(file, size, news):
    digest = hashlib.sha256()
    news.begin(0, size, "checking")
    with open(file, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            news.add(len(chunk))
    news.end()
    return digest.hexdigest()


def _another_file(file, what):
    return DownloadError(
        f"'{file}' is not the file it should be: it has {what}. Delete it and download "
        "it again."
    )


@contextlib.contextmanager
def _alone(partial):
    """Makes the file, where it is missing, and holds it for this process."""
    with open(partial, "ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DownloadError(
                f"Another process is downloading '{partial}'. Wait for it to end."
            ) from error
        try:
            yield
        finally:
            if partial.exists() and not partial.stat().st_size:
                partial.unlink()
