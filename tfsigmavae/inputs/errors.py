"""One way to tell of a file that cannot be read, whatever library found it out."""

import contextlib
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator

# What Python, NumPy, Pillow, zipfile and tarfile raise for damaged files. MemoryError
# and OverflowError: a size that was damaged. RuntimeError: encrypted, or packed in a
# way that is unknown. The rest stumble over a wrong type or place.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class InputError(ValueError):
    """A file cannot be read: says which, what is wrong with it, and the way out."""


@contextlib.contextmanager
def explained(
    where: str,
    what: str = "cannot be read",
    way_out: str = "Copy it again, or leave it out.",
    error: type[Exception] = InputError,
    also: tuple[type[BaseException], ...] = (),
) -> Iterator[None]:
    """Turns what a library raises for a damaged file into one error that names it.

    The `with` block holds the library's call and nothing of ours. Our own errors keep
    their words, and those of the system that name a file pass as they are: no such
    file, no right to read it.

    Args:
        where: str, the file as the message names it, with quotes.
        what: str, the rest of the sentence, before the reason.
        way_out: str, a sentence.
        error: class of the error. Defaults to `InputError`.
        also: tuple of what the library raises besides `DAMAGE`.

    Raises:
        InputError: or `error`.

    Example:
        >>> with explained("'a.npy'"):
        ...     array = np.load("a.npy", allow_pickle=False)
    """
    try:
        yield
    except InputError as cause:
        if isinstance(cause, error):
            raise
        raise error(str(cause)) from cause
    except (*DAMAGE, *also) as cause:
        is_of_system = isinstance(cause, OSError) and not isinstance(cause, also)
        if is_of_system and getattr(cause, "filename", None) is not None:
            raise
        raise error(f"{where} {what}: {reason_of(cause)}. {way_out}") from cause


def reason_of(error) -> str:
    """What an error says, in one line without a full stop; its kind, if nothing."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
    text = text or getattr(error, "strerror", None) or str(error)
    lines = text.strip().splitlines()
    return lines[0][:300].rstrip(". ") if lines else type(error).__name__
