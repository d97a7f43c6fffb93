"""Where a value of the configuration was written.

An Origin is a path into a document; the line and column are looked up only when somebody asks
(`config.locate`), because keeping them for every value is what makes YAML loading slow.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A file of the project (relative, with /) and the path of keys and positions inside its document."""

    file: str
    path: tuple[str | int, ...] = ()
    document: int = 0

    def under(self, *path: str | int) -> "Origin":
        return Origin(self.file, (*self.path, *path), self.document)


NOWHERE = Origin("")
