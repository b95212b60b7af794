"""Files of other people: what may be read, how much of it, and what errors say.

One policy for all readers, stated once:

- Only regular files are read, and folders. A link counts as what it leads to; a folder
  that lies within itself is refused, and so is a file that would count twice. Pipes,
  sockets and devices are refused before they are opened: they would never end.
- A compressed file may unpack to `MAX_UNPACKED` bytes, and to more where that is at
  most `MAX_RATIO` times its own size. Refused is what says, or turns out, to be larger,
  before it is unpacked.
- A picture is of one of `FORMATS` and has at most `MAX_PIXELS` pixels; what its name
  ends in counts for nothing. Its head is read and nothing more where it is refused.
- Whatever a library raises for a damaged file becomes an `InputError` that names the
  file and the way out.
"""

from tfsigmavae.inputs.errors import DAMAGE, InputError, explained
from tfsigmavae.inputs.pictures import FORMATS, MAX_PIXELS, open_picture
from tfsigmavae.inputs.regular import check_regular, is_there, read_bytes, walk
from tfsigmavae.inputs.unpacking import (
    MAX_RATIO,
    MAX_UNPACKED,
    CheckedZip,
    check_unpacked,
    inflated,
    read_array,
    read_arrays,
    read_gzip,
)

__all__ = [
    "DAMAGE",
    "FORMATS",
    "MAX_PIXELS",
    "MAX_RATIO",
    "MAX_UNPACKED",
    "CheckedZip",
    "InputError",
    "check_regular",
    "check_unpacked",
    "explained",
    "inflated",
    "is_there",
    "open_picture",
    "read_array",
    "read_arrays",
    "read_bytes",
    "read_gzip",
    "walk",
]
