"""Pictures by group."""

from tfsigmavae.evaluation.report.blocks import Gallery, Note, Section


def section(pictures, explanation="") -> Section | None:
    """The pictures, those of a group and a run together under its name."""
    groups = {}
    for picture in pictures:
        heading = ": ".join(filter(None, (picture.run, picture.group)))
        groups.setdefault(heading, []).append(picture)
    blocks: list = [Gallery(title, found) for title, found in groups.items()]
    if blocks and explanation:
        blocks.append(Note(explanation))
    return Section("pictures", "Pictures", blocks) if blocks else None
