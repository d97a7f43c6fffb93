"""A peer: json.loads and executemany, as a first script does it. Usage: FILE duckdb|postgres PLACE"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

FIELDS = ("messageId", "type", "userId", "anonymousId", "event", "timestamp", "receivedAt")
BATCH = 10_000


def rows(file: Path) -> Iterator[tuple[object, ...]]:
    with file.open("rb") as lines:
        for line in lines:
            message = json.loads(line)
            body = message.get("traits") or message.get("properties")
            yield (*map(message.get, FIELDS), json.dumps(body, ensure_ascii=False))


def main(file: str, engine: str, place: str) -> None:
    found = rows(Path(file))
    if engine == "duckdb":
        import duckdb

        with duckdb.connect(place, config={"threads": 2}) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.execute("BEGIN")
            while batch := list(islice(found, BATCH)):
                database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", batch)
            database.execute("COMMIT")
        return
    import psycopg

    with psycopg.connect(place) as connection, connection.cursor() as cursor:
        while batch := list(islice(found, BATCH)):
            cursor.executemany("INSERT INTO messages VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", batch)


main(*sys.argv[1:])
