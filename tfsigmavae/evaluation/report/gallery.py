"""Pictures by group."""

from tfsigmavae.evaluation.report.blocks import Gallery, Section


def section(pictures) -> Section | None:
    """The pictures, those of a group together under its name."""
    groups = {}
    for picture in pictures:
        groups.setdefault(picture.group, []).append(picture)
    blocks = [Gallery(title, found) for title, found in groups.items()]
    return Section("pictures", "Pictures", blocks) if blocks else None
