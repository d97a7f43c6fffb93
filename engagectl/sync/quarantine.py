"""What a chunk could not store: messages whole, and cells. Rows for the journal, with their place in the input."""

import hashlib
from dataclasses import dataclass

from engagectl.sync.stage import Lines, Stage, line_bytes

KEPT_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """`message` is the message id, else the sha256 of the line. `table` and `column` are "" for a whole message.
    `text` is None where only its `sha256` may be kept.
    """

    message: str
    table: str = ""
    column: str = ""
    reason: str
    offset: int
    line: int
    text: str | None
    length: int
    sha256: str


def entry(
    chunk: Lines, line: int, *, message: str, reason: str, table: str = "", column: str = "", text: str, secret: bool
) -> Quarantined:
    data = text.encode("utf-8", "surrogatepass")
    return Quarantined(
        message=message,
        table=table,
        column=column,
        reason=reason,
        offset=chunk.offset + chunk.offsets[line],
        line=chunk.line + line + 1,
        text=None if secret else text.replace("\0", "\\u0000"),
        length=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def whole(stage: Stage, chunk: Lines, outcomes: str, *, secret: bool) -> list[Quarantined]:
    """Return the messages of a feed that are quarantined whole. Where the feed hashes values, only a hash is kept."""
    rows = stage.handle.execute(
        f"SELECT line_no, message_id, substr(outcome, 3) FROM {outcomes} WHERE starts_with(outcome, 'q:')"
        " ORDER BY line_no"
    ).fetchall()
    found = []
    for line, message, reason in rows:
        raw = line_bytes(chunk, line)
        readable = reason not in ("malformed_json", "not_an_object", "invalid_utf8")
        kept = raw if readable else raw[:KEPT_BYTES]
        found.append(
            entry(
                chunk,
                line,
                message=message if readable and message is not None else hashlib.sha256(raw).hexdigest(),
                reason=reason,
                text=kept.decode("utf-8", "backslashreplace"),
                secret=secret and readable,
            )
        )
    return found
