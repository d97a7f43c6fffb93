"""A file that cannot be read: it is left out, the others load."""

from engagectl.errors import FailedError


class Unreadable(FailedError):  # noqa: N818  the names say the problem
    """A file cannot be read; others may be."""

    default_code = "EC721"
