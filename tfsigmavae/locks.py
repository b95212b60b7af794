"""Locks on files that die with their process."""

import errno
import fcntl
import os
import warnings

# Of file systems that have no locks, some of networks among them.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def hold(path, busy):
    """Opens a file, made where it is missing, and keeps other processes out.

    The lock ends when the file is closed, or its process ends in whatever way. On a
    file system without locks there is a warning, and no lock.

    Args:
        path: file; its folder must be there. Its content is left as it is.
        busy: exception to raise if another holds it, or a function that makes one from
            the file's content, bytes.

    Returns:
        The open file, to be closed. It is the one at `path` now: nobody renamed or
        deleted it before it was held.
    """
    while True:
        stream = open(path, "a+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(path)):
                return stream
        except FileNotFoundError:
            pass
        except BlockingIOError:
            stream.seek(0)
            content = stream.read()
            stream.close()
            raise (busy(content) if callable(busy) else busy) from None  # pyright: ignore[reportGeneralTypeIssues]
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                stream.close()
                raise
            warnings.warn(
                f"'{path}' is on a file system without locks: let only one process "
                "write there.",
                stacklevel=2,
            )
            return stream
        stream.close()
