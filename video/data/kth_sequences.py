"""The sequence file of KTH: which frames of each video show the person."""

import re

from tfsigmavae.inputs import read_bytes

# person01_boxing_d1    frames    1-95, 96-185, 186-245, 246-360
_LINE = re.compile(r"(person\d\d_[a-z]+_d\d)\s+(.*)")
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")


def read_sequences(file) -> dict:
    """Reads `00sequences.txt`.

    Lines that begin with no video's name are its words about persons and splits. One
    video, person13_handclapping_d3, was never published: "*missing*" stands in place of
    its frames. Ranges may overlap and come in any order; they are given as they stand.

    Args:
        file: path.

    Returns:
        dict, name of a video such as "person01_boxing_d1" -> list of (first, end):
        numbers of frames counted from 0, `end` being the first frame after.

    Raises:
        ValueError: if a line is not understood, or there are none of videos.
    """
    sequences = {}
    # Nothing in it but the words at the top needs an encoding.
    lines = read_bytes(file).decode("latin-1").splitlines()
    for number, line in enumerate(lines, start=1):
        if not (match := _LINE.fullmatch(line.strip())):
            continue
        name, rest = match.groups()
        if rest == "*missing*":
            continue
        sequences[name] = _ranges(rest, f"Line {number} of '{file}'")
    if not sequences:
        raise ValueError(
            f"'{file}' tells the frames of no video. It must have lines such as "
            "'person01_boxing_d1  frames  1-95, 96-185'; copy it again."
        )
    return sequences


def _ranges(text, where):
    ranges = [(int(first) - 1, int(last)) for first, last in _RANGE.findall(text)]
    rest = _RANGE.sub("", text).replace(",", " ").split()
    if rest != ["frames"] or not ranges or any(not 0 <= a < b for a, b in ranges):
        raise ValueError(
            f"{where} must read 'person01_boxing_d1  frames  1-95, 96-185', with "
            f"frames counted from 1; it ends with '{text}'."
        )
    return ranges
