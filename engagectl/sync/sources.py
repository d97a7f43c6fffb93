"""Which files a source reads. Inputs are not applied: the YAML says what they are today."""

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.sync.inputs import InputFile, input_files


def source_files(project: Project, space: str, source: str) -> tuple[InputFile, ...]:
    """Return the files of a source's input, by key; none when the YAML names no input for it any more."""
    spec = project.spec.spaces.get(space)
    given = spec.sources[source].input if spec is not None and source in spec.sources else None
    if given is None:
        return ()
    found = given if isinstance(given, InputSpec) else project.spec.inputs.get(given)
    return input_files(found, root=project.root) if found is not None else ()
