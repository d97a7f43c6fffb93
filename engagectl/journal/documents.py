"""Documents of feeds that are longer than the longest text of the warehouse: kept in parts, in `meta`.

Their own column then holds `@` and the number of parts. A JSON document never begins so.
"""

from collections.abc import Mapping

from engagectl.journal.tables import place
from engagectl.warehouses.contract import Connection

_MARK = "@"
_BYTES_PER_CHAR = 4  # at most, in UTF-8


def keep(connection: Connection, journal: str, documents: Mapping[int, str]) -> dict[int, str]:
    """Keep the documents of feeds, by number; return what their own column is to hold."""
    if connection.text_bytes is None:
        return dict(documents)
    size = connection.text_bytes // _BYTES_PER_CHAR
    parts = {
        number: [text[start : start + size] for start in range(0, len(text), size)]
        for number, text in documents.items()
        if len(text) > size and len(text.encode("utf-8", "surrogatepass")) > connection.text_bytes
    }
    meta = place(journal, "meta")
    mine = tuple(_item(number, "") for number in documents)
    stale = [item for (item,) in connection.query(f"SELECT item FROM {meta}") if str(item).startswith(mine)]
    connection.execute_many(f"DELETE FROM {meta} WHERE item = ?", [(item,) for item in stale])
    rows = [(_item(number, n), text) for number, texts in parts.items() for n, text in enumerate(texts)]
    connection.execute_many(f"INSERT INTO {meta} (item, content) VALUES (?, ?)", rows)
    return {number: f"{_MARK}{len(parts[number])}" if number in parts else text for number, text in documents.items()}


def whole(connection: Connection, journal: str, stored: Mapping[int, str]) -> dict[int, str]:
    """Return the documents of feeds, by number, from what their own column holds."""
    if not any(text.startswith(_MARK) for text in stored.values()):
        return dict(stored)
    kept = dict(connection.query(f"SELECT item, content FROM {place(journal, 'meta')}"))
    return {
        number: "".join(kept[_item(number, n)] for n in range(int(text.removeprefix(_MARK))))
        if text.startswith(_MARK)
        else text
        for number, text in stored.items()
    }


def _item(number: int, part: int | str) -> str:
    return f"feed {number} part {part}"
