"""What is raised of files that are no videos."""

from tfsigmavae.inputs import InputError


class VideoError(InputError):
    """A file is no video that can be read: says which, what is wrong, the way out."""
