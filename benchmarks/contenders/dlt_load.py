"""A peer: dlt with its documented faster file format for the warehouse. Usage: FILE duckdb|postgres PLACE PIPELINES"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt

BATCH = 10_000


@dlt.resource(name="messages", write_disposition="append")
def messages(file: Path) -> Iterator[list[dict[str, Any]]]:
    batch = []
    with file.open("rb") as lines:
        for line in lines:
            batch.append(json.loads(line))
            if len(batch) == BATCH:
                yield batch
                batch = []
    yield batch


def socket(dsn: str) -> dict[str, object]:
    """Return the credentials of a server on a socket of this machine: dlt takes no DSN without a host."""
    parts = urlsplit(dsn)
    said = parse_qs(parts.query)
    return {
        "database": parts.path.removeprefix("/"),
        "username": parts.username or "postgres",
        "password": "unused",
        "host": "localhost",  # the query says better
        "query": {"host": said["host"][0]},
        "port": int(said.get("port", ["5432"])[0]),
    }


def main(file: str, engine: str, place: str, pipelines: str) -> None:
    destination = dlt.destinations.duckdb(place) if engine == "duckdb" else dlt.destinations.postgres(socket(place))
    pipeline = dlt.pipeline("bench", pipelines_dir=pipelines, destination=destination, dataset_name="loaded")
    done = pipeline.run(messages(Path(file)), loader_file_format="parquet" if engine == "duckdb" else "csv")
    done.raise_on_failed_jobs()


main(*sys.argv[1:])
