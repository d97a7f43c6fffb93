"""Sessions that nobody ended: a process that is killed within a transaction leaves it open.

What it has changed stays its own until the session ends, which may take a day ("Sessions"), and others who change the
same tables wait for it ("Multi-statement transactions", concurrency). So the id of a session is kept in the journal,
and whoever finds the journal's lock free ends the session of the one before.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engagectl.warehouses.words import word

Run = Callable[..., list[tuple[Any, ...]]]
"""Run a statement of no transaction, with its parameters; raises what the client does."""

_ITEM = "bigquery_session"


def keep(run: Run, journal: str, session: str) -> None:
    """Write the session's id down, over that of the one before."""
    if not run(f"SELECT 1 FROM {word(journal)}.meta WHERE item = ?", (_ITEM,)):
        run(f"INSERT INTO {word(journal)}.meta (item, content) VALUES (?, ?)", (_ITEM, session))
    else:
        run(f"UPDATE {word(journal)}.meta SET content = ? WHERE item = ?", (session, _ITEM))


def end(run: Run, has_table: Callable[[str, str], bool], journal: str) -> None:
    """End the session of the one before, if there is one and it lives; its transaction is rolled back with it."""
    from google.api_core.exceptions import GoogleAPICallError

    if not has_table(journal, "meta"):
        return
    rows: Sequence[tuple[Any, ...]] = run(f"SELECT content FROM {word(journal)}.meta WHERE item = ?", (_ITEM,))
    for (session,) in rows:
        try:
            run("CALL BQ.ABORT_SESSION(?)", (session,))
        except GoogleAPICallError:  # it has ended: so it is with each that was closed
            continue
