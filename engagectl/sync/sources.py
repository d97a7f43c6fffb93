"""Which files a source reads. Inputs are not applied: the YAML says what they are today."""

from dataclasses import dataclass, field

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.sync.inputs import InputFile, Unreadable, input_files


def source_files(project: Project, space: str, source: str, *, odd: list[str] | None = None) -> tuple[InputFile, ...]:
    """Return the files of a source's input, by key; none when the YAML names no input for it any more. `odd` gets what
    was named and is no file. Raises Unreadable where a store cannot be listed.
    """
    spec = project.spec.spaces.get(space)
    given = spec.sources[source].input if spec is not None and source in spec.sources else None
    if given is None:
        return ()
    found = given if isinstance(given, InputSpec) else project.spec.inputs.get(given)
    return input_files(found, root=project.root, odd=odd) if found is not None else ()


@dataclass
class Listing:
    """The files of each source, listed once for all its feeds; a store that does not answer is asked once, too."""

    project: Project
    _found: dict[tuple[str, str], tuple[InputFile, ...] | Unreadable] = field(default_factory=dict)

    def files(self, space: str, source: str) -> tuple[InputFile, ...]:
        if (space, source) not in self._found:
            try:
                self._found[space, source] = source_files(self.project, space, source)
            except Unreadable as error:
                self._found[space, source] = error
        found = self._found[space, source]
        if isinstance(found, Unreadable):
            raise found
        return found
