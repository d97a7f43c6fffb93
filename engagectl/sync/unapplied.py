"""How many changes of the YAML wait for an apply. A plan tells; what it found to be none is not planned again."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

from engagectl import __version__
from engagectl.config.project import Project
from engagectl.errors import EngagectlError, StatementError
from engagectl.journal.applied import digests
from engagectl.journal.ownership import ownership_rows
from engagectl.journal.tables import read_meta, write_meta
from engagectl.model.schema import State
from engagectl.warehouses.contract import Connection


def unapplied(
    project: Project, name: str, connection: Connection, actual: State, now: datetime, *, remembers: bool
) -> int:
    """Return how many changes are not applied yet, as plan counts them; 0 where it cannot be told.

    `actual` is what the catalog says of the feeds' schemas. Where nothing waits, the journal remembers of what that
    was said, and is asked first: to make a plan takes longer than to load a small file.
    """
    journal = project.spec.journal_schema
    item = f"nothing waits for an apply: {project.spec.project}, {project.target}"
    stands_on = _digest(project, connection, actual)
    if read_meta(connection, journal, item) == stands_on:
        return 0
    from engagectl import planner

    try:
        changes = len(planner.make_plan(project, connections={name: connection}, now=now).steps)
    except EngagectlError:
        return 0
    if not changes and remembers:
        with contextlib.suppress(StatementError):  # the role may not write here: it is planned again next time
            write_meta(connection, journal, item, stands_on)
    return changes


def _digest(project: Project, connection: Connection, actual: State) -> str:
    """Return the digest of all that the changes of a plan follow from."""
    journal = project.spec.journal_schema
    facts = [
        __version__,
        project.digest,
        sorted(project.variables.items()),
        sorted(project.key_checks.items()),
        digests(connection, journal),
        ownership_rows(connection, journal),
        list(_shape(actual)),
    ]
    return hashlib.sha256(json.dumps(facts, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def _shape(actual: State) -> Iterator[object]:
    yield actual.schemas
    for table in actual.tables:
        yield str(table.name), table.kind, table.description, table.dependents
        for column in table.columns:
            yield column.name, repr(column.type), column.description, column.required, column.has_default
