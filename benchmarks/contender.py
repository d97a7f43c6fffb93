"""Who is measured: what each needs before its time begins, the command that is timed, and what it must have loaded."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import psycopg
from house import write_project
from reference import Expected

Engine = Literal["duckdb", "postgres"]
HERE = Path(__file__).parent
ENGAGECTL = Path(sys.executable).parent / "engagectl"
DSN_VARIABLE = "ENGAGECTL_BENCH_DSN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its own folder, the file of messages, and the database: a path or a DSN."""

    folder: Path
    file: Path
    engine: Engine
    place: str

    def query(self, sql: str) -> list[tuple[object, ...]]:
        if self.engine == "duckdb":
            with duckdb.connect(self.place, read_only=True) as database:
                return database.execute(sql).fetchall()
        with psycopg.connect(self.place) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, sql: str) -> None:
        if self.engine == "duckdb":
            with duckdb.connect(self.place) as database:
                database.execute(sql)
            return
        with psycopg.connect(self.place) as connection:
            connection.execute(sql.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """`most` is the number of messages beyond which it takes too long to be worth a run."""

    name: str
    role: Literal["engagectl", "limit", "peer"]
    prepare: Callable[[Run], None]
    command: Callable[[Run], Sequence[str | Path]]
    check: Callable[[Run, Expected], None]
    most: int | None = None


class WrongRowsError(Exception):
    """A contender did not load what the reference says."""


def same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongRowsError(f"{what}: {found!r}, the reference says {wanted!r}")


def contenders(engine: Engine, peers: Path | None) -> list[Contender]:
    """Return engagectl, the limits and the peers of an engine; `peers` is the Python that has dlt."""
    found = [engagectl(feeds=2)]
    if engine == "duckdb":
        found.append(
            Contender(
                name="read_json + insert",
                role="limit",
                prepare=_nothing,
                command=lambda run: [sys.executable, HERE / "contenders/read_json.py", run.file, run.place],
                check=_check_read_json,
            )
        )
    else:
        found += [_raw_copy(key=True), _raw_copy(key=False)]
    found.append(
        Contender(
            name="executemany",
            role="peer",
            prepare=_messages_table,
            command=lambda run: [sys.executable, HERE / "contenders/executemany.py", run.file, engine, run.place],
            check=_check_executemany,
            most=10_000 if engine == "duckdb" else 100_000,
        )
    )
    if peers is not None:
        found.append(
            Contender(
                name=f"dlt, {'parquet' if engine == 'duckdb' else 'csv'}",
                role="peer",
                prepare=_nothing,
                command=lambda run: [
                    *(peers, HERE / "contenders/dlt_load.py", run.file, engine, run.place, run.folder / "pipelines"),
                ],
                check=_check_dlt,
                most=100_000,
            )
        )
    return found


def engagectl(*, feeds: int, options: Sequence[str] = (), name: str = "engagectl sync") -> Contender:
    def prepare(run: Run) -> None:
        prepare_project(run, feeds=feeds)

    def check(run: Run, wanted: Expected) -> None:
        check_tables(run, wanted)

    return Contender(
        name=name,
        role="engagectl",
        prepare=prepare,
        command=lambda _: [ENGAGECTL, "sync", *options],
        check=check,
    )


def prepare_project(run: Run, *, feeds: int) -> None:
    warehouse = "{type: duckdb, path: ./bench.duckdb}"
    if run.engine == "postgres":
        warehouse = f"{{type: postgres, dsn: {{$env: {DSN_VARIABLE}}}}}"
    write_project(run.folder, warehouse=warehouse, feeds=feeds)
    link(run.file, run.folder)
    applied = subprocess.run(
        [ENGAGECTL, "apply", "--yes"],
        cwd=run.folder,
        env=environment(run),
        capture_output=True,
        text=True,
        check=False,
    )
    if applied.returncode != 0:
        raise WrongRowsError(f"apply ended with {applied.returncode}: {applied.stdout[-500:]}{applied.stderr[-500:]}")


def link(file: Path, folder: Path) -> None:
    (folder / "data" / file.name).symlink_to(file)


def environment(run: Run) -> dict[str, str]:
    """Return what a command needs in its environment, and no more: a shell's settings would change the figures."""
    found = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(run.folder)}
    return found | ({DSN_VARIABLE: run.place} if run.engine == "postgres" else {})


def check_tables(run: Run, wanted: Expected) -> None:
    """Compare the rows of every table that is there, and aggregates of values, with the reference."""
    schemas = {"users": "engage_default", "identifies": "engage_default", "tracks": "engage_default"}
    present = run.query(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema IN ('engage_default', 'default') ORDER BY 1, 2"
    )
    for schema, table in present:
        ((found,),) = run.query(f'SELECT count(*) FROM "{schema}"."{table}"')
        rows = wanted.rows[str(table)]
        if str(table).removesuffix("_members") != table and schema == "default":
            rows = wanted.rows.get(str(table), 0) + wanted.facts.get(
                f"{str(table).removesuffix('_members')}.left_out", 0
            )
        same(f"rows of {schema}.{table}", found, rows)
    for name in schemas:
        facts = {key.partition(".")[2]: value for key, value in wanted.facts.items() if key.startswith(name + ".")}
        for column, value in facts.items():
            ((found,),) = run.query(f'SELECT {_AGGREGATES[column]} FROM "engage_default"."{name}"')
            same(f"{column} of {name}", int(str(found)), value)


_AGGREGATES = {
    "vip": "CAST(count(*) FILTER (WHERE vip) AS BIGINT)",
    "ltv": "CAST(coalesce(sum(ltv), 0) * 100 AS BIGINT)",
    "city": "count(city)",
    "orders_count": "CAST(coalesce(sum(orders_count), 0) AS BIGINT)",
}


def _nothing(_: Run) -> None:
    """Make nothing: the contender makes its own tables."""


def _check_read_json(run: Run, wanted: Expected) -> None:
    ((lines, messages),) = run.query("SELECT count(*), count(DISTINCT messageId) FROM messages")
    same("lines", lines, wanted.lines)
    same("messages", messages, wanted.messages)
    ((cents,),) = run.query(
        "SELECT CAST(sum(round(ltv * 100)) AS BIGINT) FROM (SELECT any_value(coalesce(CAST(traits ->> 'ltv' AS DOUBLE),"
        " CAST(properties ->> 'ltv' AS DOUBLE))) AS ltv FROM messages GROUP BY messageId)"
    )
    same("cents", cents, wanted.cents)


def _messages_table(run: Run) -> None:
    run.execute(
        "CREATE TABLE messages (id text, type text, user_id text, anonymous_id text, event text,"
        ' "timestamp" timestamptz, received_at timestamptz, body text)'
    )


def _check_executemany(run: Run, wanted: Expected) -> None:
    ((lines, messages),) = run.query("SELECT count(*), count(DISTINCT id) FROM messages")
    same("lines", lines, wanted.lines)
    same("messages", messages, wanted.messages)


def _check_dlt(run: Run, wanted: Expected) -> None:
    ((lines, messages),) = run.query("SELECT count(*), count(DISTINCT message_id) FROM loaded.messages")
    same("lines", lines, wanted.lines)
    same("messages", messages, wanted.messages)
    ((cents,),) = run.query(
        "SELECT CAST(sum(round(CAST(ltv * 100 AS numeric(18, 4)))) AS BIGINT) FROM (SELECT"
        " max(coalesce(traits__ltv, properties__ltv)) AS ltv FROM loaded.messages GROUP BY message_id) AS each"
    )
    same("cents", cents, wanted.cents)


def _raw_copy(*, key: bool) -> Contender:
    def prepare(run: Run) -> None:
        _csv_of(run.file)
        run.execute(
            f"CREATE TABLE messages (id text{' PRIMARY KEY' if key else ''}, type text, user_id text, anonymous_id"
            ' text, event text, original_timestamp timestamptz, "timestamp" timestamptz, sent_at timestamptz,'
            " received_at timestamptz, context text, integrations text, body text)"
        )

    def check(run: Run, wanted: Expected) -> None:
        ((messages,),) = run.query("SELECT count(*) FROM messages")
        same("messages", messages, wanted.messages)
        ((cents,),) = run.query(
            "SELECT CAST(sum(round((body::json ->> 'ltv')::numeric * 100)) AS BIGINT) FROM messages"
            " WHERE body LIKE '%\"ltv\"%'"
        )
        same("cents", cents, wanted.cents)

    return Contender(
        name=f"raw COPY, {'text key' if key else 'no key'}",
        role="limit",
        prepare=prepare,
        command=lambda run: [sys.executable, HERE / "contenders/raw_copy.py", _csv_of(run.file), run.place],
        check=check,
    )


def _csv_of(file: Path) -> Path:
    """Write the messages, each once, as the CSV that raw COPY is given; once for each file."""
    made = file.with_suffix(".csv")
    if made.exists() and made.stat().st_mtime >= file.stat().st_mtime:
        return made
    fields = (
        "messageId",
        "type",
        "userId",
        "anonymousId",
        "event",
        "originalTimestamp",
        "timestamp",
        "sentAt",
        "receivedAt",
    )
    seen: set[str] = set()
    unfinished = made.with_suffix(".unfinished")
    with file.open("rb") as lines, unfinished.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        for line in lines:
            message = json.loads(line)
            if message["messageId"] in seen:
                continue
            seen.add(message["messageId"])
            body = message.get("traits") or message.get("properties")
            parts = (message["context"], message["integrations"], body)
            rows.writerow([*map(message.get, fields), *(json.dumps(part, ensure_ascii=False) for part in parts)])
    shutil.move(unfinished, made)
    return made
