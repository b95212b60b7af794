"""One attempt after another at getting the rest of a file by HTTP."""

import errno
import http.client
import math
import os
import re
import shutil
import urllib.error
import urllib.request

from tfsigmavae.downloads.answer import check_is_file, content_length, mark
from tfsigmavae.downloads.errors import CutError, DiskFullError, DownloadError
from tfsigmavae.files import read_json, write_json
from tfsigmavae.version import __version__

CHUNK = 1 << 20  # bytes
# What a server may mend by itself.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_CUT = (http.client.HTTPException, TimeoutError, ConnectionError)
_NOTES = {"url", "size", "etag", "last_modified"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Transfer:
    """A file on its way: what is there, and attempts at getting the rest.

    Args:
        path: `pathlib.Path` of the file; what is there of it lies in `path.partial`,
            which must exist, and its origin in `path.partial.json`.
        size: bytes that the file must have, or `None`.
        is_checked: whether its SHA-256 is known, so that parts of several mirrors may
            be put together.
        timeout: seconds to wait for the server to say something.
        news: `TransferNews`.
    """

    def __init__(self, path, size, is_checked, timeout, news):
        self.partial = path.with_name(path.name + ".partial")
        self.origin_file = path.with_name(path.name + ".partial.json")
        self._path, self._size, self._is_checked = path, size, is_checked
        self._timeout, self._news = timeout, news
        self.origin = self._kept_origin()
        self.furthest = self.num_bytes()

    def num_bytes(self) -> int:
        """How many bytes are there."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def attempt(self, url) -> None:
        """Gets the rest of the file.

        Raises:
            CutError: if the connection broke.
            DownloadError: if this URL will not give the file.
        """
        first = self.num_bytes() if self._is_beginning_of(url) else 0
        if first and first == self.origin.get("size"):
            return
        try:
            with self._open(url, first) as response:
                # Before anything that is there is given up for it.
                check_is_file(url, response, self._path)
                first, size = self._checked_range(url, response, first)
                size = self._checked_size(url, first, size)
                self.origin = {"url": url, "size": size, **mark(response)}
                write_json(self.origin_file, self.origin)
                self._receive(url, response, first, size)
        except urllib.error.HTTPError as error:
            self._refused(url, error, first)
        except urllib.error.URLError as error:
            raise CutError(f"no connection: {error.reason}") from error
        except _CUT as error:
            raise CutError(_in_words(error)) from error

    def _kept_origin(self):
        """Where the beginning is from; {} if nothing or nonsense tells it."""
        if not self.origin_file.is_file():
            return {}
        try:
            origin = read_json(self.origin_file)
        except ValueError:
            origin = None
        if isinstance(origin, dict) and origin.keys() >= _NOTES:
            return origin
        self._news.tell(f"'{self.origin_file}' is damaged: beginning again")
        return {}

    def _is_beginning_of(self, url):
        # From another mirror only where the checksum will tell.
        return bool(self.origin) and (self.origin["url"] == url or self._is_checked)

    def _open(self, url, first):
        agent = f"tfsigmavae/{__version__}"
        headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
        if first:
            headers["Range"] = f"bytes={first}-"
            known = self.origin["etag"] or self.origin["last_modified"]
            # A weak mark (W/"...") does not promise the same bytes.
            if known and self.origin["url"] == url and not known.startswith("W/"):
                headers["If-Range"] = known
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.urlopen(request, timeout=self._timeout)

    def _refused(self, url, error, first):
        """Raises what an answer that is no file means."""
        error.close()
        if error.code == 416 and first:  # there are no such bytes
            self._begin_again()
            raise CutError("the file on the server is another one now") from error
        if error.code in _PASSING:
            raise CutError(f"the server says {error.code}") from error
        raise DownloadError(
            f"'{url}' cannot be had: the server says {error.code} {error.reason}. Name "
            "another place (`--url`)."
        ) from error

    def _checked_range(self, url, response, first):
        """The first byte that comes, and the size of the whole file if it is told."""
        length = content_length(url, response)
        if response.status != 206:
            if first:
                is_new = self._has_changed(url, response)
                why = "is another one now" if is_new else "cannot be resumed there"
                self._news.tell(f"the file {why}: beginning again")
                self.furthest = 0 if is_new else self.furthest
            return 0, length
        told = response.headers.get("Content-Range", "")
        match = _CONTENT_RANGE.match(told)
        if match is None or int(match[1]) != first:
            raise DownloadError(
                f"'{url}' was asked for the bytes from {first} on and sent '{told}': a "
                "fault of the server or a proxy. Name another place (`--url`), or "
                f"delete '{self.partial}' to begin again."
            )
        total = None if match[2] == "*" else int(match[2])
        if not first:  # all of it, though no part was asked for
            return first, total
        known = self._size or self.origin["size"]
        is_same_size = None in (total, known) or total == known
        if not is_same_size or self._has_changed(url, response):
            self._begin_again()
            raise CutError("the file on the server is another one now")
        return first, total or known

    def _has_changed(self, url, response):
        same_place = self.origin.get("url") == url
        new = mark(response)
        return same_place and any(new[key] != self.origin[key] for key in new)

    def _begin_again(self):
        os.truncate(self.partial, 0)
        self.furthest = 0

    def _checked_size(self, url, first, size):
        if None not in (self._size, size) and self._size != size:
            raise DownloadError(
                f"'{url}' has {size:,} bytes, and the file has {self._size:,}: it is "
                "another one, or a page in its place. Name another place (`--url`)."
            )
        room = shutil.disk_usage(self.partial.parent).free
        if size is not None and size - first > room:
            raise self._disk_full(f"{size - first:,} more bytes")
        return self._size if size is None else size

    def _receive(self, url, response, first, size):
        with open(self.partial, "r+b", buffering=0) as stream:
            stream.truncate(first)
            stream.seek(first)
            self._news.begin(first, size)
            left = math.inf if size is None else size - first
            try:
                while chunk := response.read(min(CHUNK, left)):
                    self._write(stream, chunk)
                    self._news.add(len(chunk))
                    left -= len(chunk)
            finally:
                self._news.end()
            if left == 0 and response.read(1):
                stream.truncate(first)  # who knows which of them are the file's
                raise DownloadError(
                    f"'{url}' sends more than the {size:,} bytes of the file: a fault "
                    "of the server or a proxy. Name another place (`--url`)."
                )
        if size is not None and left:
            raise CutError(f"cut after {self.num_bytes():,} of {size:,} bytes")
        self.origin["size"] = self.num_bytes()

    def _write(self, stream, chunk):
        left = memoryview(chunk)
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._disk_full("more room") from error

    def _disk_full(self, needed):
        room = shutil.disk_usage(self.partial.parent).free
        return DiskFullError(
            f"The disk is full: '{self.partial}' needs {needed}, and {room:,} bytes "
            "are free. Make room and run the same again: it goes on from here."
        )


def _in_words(error):
    if isinstance(error, TimeoutError):
        return "the server has fallen silent"
    return f"the connection broke ({error or type(error).__name__})"
