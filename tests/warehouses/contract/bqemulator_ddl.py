"""Starts bqemulator with what it lacks of BigQuery's DDL. Run by its own Python, with the emulator's own arguments.

The emulator keeps a catalog beside the tables, and does not bring the two together: after ALTER TABLE its tables.get
tells the old columns, and after CREATE TABLE neither sizes nor descriptions nor layout. Here both are done as
BigQuery's manual says, and what the manual refuses is refused: "Data definition language", "Modifying table schemas",
"Multi-statement transactions".
"""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import bqemulator.api.routes.jobs as jobs
import bqemulator.api.routes.tables as rest
import bqemulator.catalog.memory_repository as memory
import bqemulator.jobs.executor as executor
import bqemulator.scripting.interpreter as interpreter
from bqemulator.catalog.models import Clustering, TableFieldSchema, TableSchema, TimePartitioning
from bqemulator.cli import main
from bqemulator.domain.errors import InvalidQueryError, NotFoundError, PermissionDeniedError
from bqemulator.storage.sql_identifiers import quoted_table_ref

NAME = r"`((?:[^`\\]|\\.)*)`|([\w-]+)"
ALTER = re.compile(rf"\s*ALTER TABLE (?:{NAME})\.(?:{NAME})\s+(.*)", re.DOTALL)
OPTIONS = re.compile(r"OPTIONS\s*\(\s*description\s*=\s*('(?:[^'\\]|\\.)*'|NULL)\s*\)")
WIDER = {"INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"), "NUMERIC": ("BIGNUMERIC", "FLOAT64")}
LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
VIEW = re.compile(rf"CREATE OR REPLACE VIEW (?:{NAME})\.(?:{NAME})\s+(OPTIONS \([^\n]*\)\s+)?AS (.*)", re.DOTALL)
RIGHT = re.compile(r"(GRANT|REVOKE) `[^`]+` ON TABLE `([^`]+)`\.`([^`]+)`\.`([^`]+)` (?:TO|FROM) .*", re.DOTALL)
WRITES = re.compile(rf"(?:INSERT INTO|UPDATE|MERGE|DELETE FROM|ALTER TABLE) (?:{NAME})\.(?:{NAME})")
state = {"transaction": False, "engine": None, "views": {}, "revoked": set()}


def text(literal: str) -> str | None:
    if literal == "NULL":
        return None
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def field(definition: str) -> TableFieldSchema:
    """Read a column's definition: its name, its type with sizes, and its description."""
    described = OPTIONS.search(definition)
    plain = definition[: described.start()] if described else definition
    found = re.fullmatch(rf"(?:{NAME})\s+([A-Za-z0-9]+)(?:\s*\((\d+)(?:,\s*(\d+))?\))?(\s+NOT NULL)?", plain.strip())
    if found is None:
        raise InvalidQueryError(f"Syntax error: Unexpected column definition {plain!r}")
    quoted, bare, kind, size, scale, required = found.groups()
    kind = {"INTEGER": "INT64", "BOOLEAN": "BOOL"}.get(kind.upper(), kind.upper())
    is_text = kind in ("STRING", "BYTES")
    return TableFieldSchema(
        name=text(f"'{quoted}'") if quoted is not None else bare,
        type=LEGACY.get(kind, kind),
        mode="REQUIRED" if required else "NULLABLE",
        description=text(described[1]) if described else None,
        max_length=int(size) if size and is_text else None,
        precision=int(size) if size and not is_text else None,
        scale=int(scale) if scale else None,
    )


def items(inside: str) -> list[str]:
    """Split at the commas that are in no parentheses, text or name."""
    found, depth, start = [], 0, 0
    for token in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]", inside):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "," and depth == 0:
            found.append(inside[start : token.start()])
            start = token.end()
    return [*found, inside[start:]]


def body(sql: str) -> tuple[str, str]:
    """Return what is in the first parentheses of a CREATE TABLE, and what follows them."""
    depth, start = 0, sql.index("(")
    for token in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[()]", sql):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == ")" and depth == 0:
            return sql[start + 1 : token.start()], sql[token.end() :]
    raise InvalidQueryError("Syntax error: Unclosed parenthesis")


# --- CREATE TABLE -----------------------------------------------------------------

created = executor.sync_created_table


def sync_created_table(sql, project, ctx):
    """Keep the entry of a table that was there; tell the whole of a new one."""
    head = re.match(rf"\s*CREATE TABLE (IF NOT EXISTS )?(?:{NAME})\.(?:{NAME})\s*(\(|AS)", sql)
    if head is None:
        return created(sql, project, ctx)
    exists, q1, b1, q2, b2, form = head.groups()
    dataset, table = q1 or b1, q2 or b2
    if exists and ctx.catalog.get_table(project, dataset, table) is not None:
        return None
    created(sql, project, ctx)
    if form == "AS":
        return None
    columns, after = body(sql[head.end() - 1 :])
    partition = re.search(rf"PARTITION BY DATE\((?:{NAME})\)", after)
    cluster = re.search(r"CLUSTER BY ([^\n]+)", after)
    described = OPTIONS.search(after)
    meta = ctx.catalog.get_table(project, dataset, table)
    ctx.catalog.update_table(
        meta.model_copy(
            update={
                "schema_": TableSchema(fields=tuple(field(one.strip()) for one in items(columns))),
                "description": text(described[1]) if described else None,
                "time_partitioning": TimePartitioning(field=partition[1] or partition[2]) if partition else None,
                "clustering": Clustering(fields=tuple(re.findall(r"\w+", cluster[1]))) if cluster else None,
            }
        )
    )
    return None


# --- ALTER TABLE ------------------------------------------------------------------

run = executor._run_single_sql


async def run_single_sql(project, sql, parameters, ctx, *, caller):
    async def do(one):
        return await run(project, one, parameters, ctx, caller=caller)

    state["engine"] = ctx.engine
    plain = sql.strip()
    if state["transaction"] and re.match(r"(CREATE|ALTER|DROP)\b", plain):
        raise InvalidQueryError("DDL statements on permanent objects are not supported inside a transaction")
    found = ALTER.match(plain)
    if re.match(r"(BEGIN|COMMIT|ROLLBACK) TRANSACTION", plain):
        done = await do(sql)
        state["transaction"] = plain.startswith("BEGIN")
        return done
    if right := RIGHT.fullmatch(plain):
        (state["revoked"].discard if right[1] == "GRANT" else state["revoked"].add)((right[2], right[3], right[4]))
        return await do("SELECT 1")
    if written := WRITES.match(plain):
        check_right(project, *written.groups())
    if view := VIEW.match(plain):
        keep_view(project, view)
    if found is None:
        if plain.startswith("CREATE TABLE") and " AS SELECT" not in plain:
            return await do(stripped(plain))
        return await do(sql)
    q1, b1, q2, b2, action = found.groups()
    dataset, table = q1 or b1, q2 or b2
    meta = ctx.catalog.get_table(project, dataset, table)
    if meta is None:
        raise NotFoundError(f"Not found: Table {project}:{dataset}.{table} was not found")
    done, statements = altered(meta, action.strip())
    answer = None
    for statement in statements:
        answer = await do(f"ALTER TABLE `{dataset}`.`{table}` {statement}")
    if done.table_id != table:
        ctx.catalog.create_table(done)
        ctx.catalog.delete_table(project, dataset, table, not_found_ok=True)
    else:
        ctx.catalog.update_table(done)
    return answer if answer is not None else await do("SELECT 1")


def check_right(project, q1, b1, q2, b2):
    """Refuse to write what is not granted, in the words and the shape of "Error messages"."""
    dataset, table = q1 or b1, q2 or b2
    if (project, dataset, table) in state["revoked"]:
        place = f"{project}:{dataset}.{table}"
        raise PermissionDeniedError(
            f"Access Denied: Table {place}: User does not have permission to update table {place}, or perhaps it does"
            " not exist."
        )


@rest.router.post("/projects/{project_id}/datasets/{dataset_id}/tables/{table_id}:testIamPermissions")
async def test_iam_permissions(project_id: str, dataset_id: str, table_id: str, body: dict):
    """Tell which of the permissions are held; whoever writes no table reads it all the same."""
    lost = (project_id, dataset_id, table_id) in state["revoked"]
    return {"permissions": [one for one in body["permissions"] if not (lost and "update" in one)]}


def keep_view(project, view):
    """Remember what a view was made of, which the emulator does not tell."""
    q1, b1, q2, b2, options, query = view.groups()
    labels = dict(re.findall(r"\('([^']*)', '([^']*)'\)", options or ""))
    state["views"][project, q1 or b1, q2 or b2] = {"view": {"query": query, "useLegacySql": False}, "labels": labels}


def stripped(sql):
    """Take out what DuckDB has no place for."""
    columns, _ = body(sql)
    names = ", ".join(OPTIONS.sub("", one).strip() for one in items(columns))
    return f"{sql[: sql.index('(')]}({names})"


def altered(meta, action):
    """Return the catalog's entry after an action, and what the tables have to do for it, one statement each."""
    fields = list(meta.schema_.fields)
    by_name = {one.name.lower(): one for one in fields}
    layout = {meta.time_partitioning.field} if meta.time_partitioning else set()
    layout |= set(meta.clustering.fields) if meta.clustering else set()
    if action.startswith("ADD COLUMN"):
        statements = []
        for one in items(action):
            exists, definition = re.fullmatch(r"\s*ADD COLUMN (IF NOT EXISTS )?(.*)", one, re.DOTALL).groups()
            new = field(definition.strip())
            if new.mode == "REQUIRED":
                raise InvalidQueryError(f"Column {new.name} cannot be REQUIRED: a column that is added is NULLABLE")
            if new.name.lower() in by_name:
                if exists:
                    continue
                raise InvalidQueryError(f"Column already exists: {new.name}")
            fields.append(new)
            statements.append(f"ADD COLUMN {OPTIONS.sub('', definition)}")
        return entry(meta, fields), statements
    if found := re.fullmatch(rf"RENAME TO (?:{NAME})", action):
        return meta.model_copy(update={"table_id": found[1] or found[2]}), [action]
    if found := re.fullmatch(rf"RENAME COLUMN (?:{NAME}) TO (?:{NAME})", action):
        old, new = found[1] or found[2], found[3] or found[4]
        there(by_name, old, layout, "rename")
        return entry(meta, [one.model_copy(update={"name": new}) if one.name == old else one for one in fields]), [
            action
        ]
    if found := re.fullmatch(rf"DROP COLUMN (IF EXISTS )?(?:{NAME})", action):
        name = found[2] or found[3]
        if found[1] and name.lower() not in by_name:
            return meta, []
        there(by_name, name, layout, "drop")
        return entry(meta, [one for one in fields if one.name != name]), [action]
    if found := re.fullmatch(rf"ALTER COLUMN (?:{NAME})\s+SET OPTIONS (\(.*\))", action, re.DOTALL):
        name, options = found[1] or found[2], OPTIONS.fullmatch("OPTIONS " + found[3])
        there(by_name, name, set(), "describe")
        described = {"description": text(options[1]) or None}
        return entry(meta, [one.model_copy(update=described) if one.name == name else one for one in fields]), []
    if found := re.fullmatch(r"SET OPTIONS (\(.*\))", action, re.DOTALL):
        return meta.model_copy(update={"description": text(OPTIONS.fullmatch("OPTIONS " + found[1])[1]) or None}), []
    if found := re.fullmatch(rf"ALTER COLUMN (?:{NAME})\s+SET DATA TYPE (.*)", action, re.DOTALL):
        name, new = found[1] or found[2], field(f"x {found[3]}")
        there(by_name, name, set(), "change")
        check_wider(by_name[name.lower()], new)
        kept = {"type": new.type, "max_length": new.max_length, "precision": new.precision, "scale": new.scale}
        return (
            entry(meta, [one.model_copy(update=kept) if one.name == name else one for one in fields]),
            [] if new.type == "STRING" else [action],
        )
    raise InvalidQueryError(f"Syntax error: Unexpected action of ALTER TABLE: {action[:40]}")


def entry(meta, fields):
    return meta.model_copy(update={"schema_": TableSchema(fields=tuple(fields))})


def there(by_name, name, layout, verb):
    if name.lower() not in by_name:
        raise InvalidQueryError(f"Column not found: {name}")
    if name in layout:
        raise InvalidQueryError(f"ALTER TABLE cannot {verb} column {name}: the table is partitioned or clustered by it")


def check_wider(old, new):
    """Refuse what is no widening: "Change a column's data type"."""
    names = {legacy: name for name, legacy in LEGACY.items()}
    before, after = names.get(old.type, old.type), names.get(new.type, new.type)
    if before == after == "STRING":
        fits = new.max_length is None or (old.max_length is not None and new.max_length >= old.max_length)
    elif before == after or after in WIDER.get(before, ()):
        digits = {"INT64": (19, 0), "NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
        has = (old.precision - (old.scale or 0), old.scale or 0) if old.precision else digits.get(before, (0, 0))
        gets = (new.precision - (new.scale or 0), new.scale or 0) if new.precision else digits.get(after, (99, 99))
        fits = gets[0] >= has[0] and gets[1] >= has[1]
    else:
        fits = False
    if not fits:
        raise InvalidQueryError(
            f"ALTER TABLE ALTER COLUMN SET DATA TYPE requires that {before} is assignable to {after}"
        )


# --- transactions, tables.get -----------------------------------------------------

script = interpreter.ScriptInterpreter.run


async def run_script(self, source):
    """End a session, which the emulator does not: what it has open is rolled back."""
    if not source.lstrip().upper().startswith("CALL BQ.ABORT_SESSION"):
        return await script(self, source)
    if state["transaction"]:
        state["engine"].execute("ROLLBACK")
    state["transaction"] = False
    return SimpleNamespace(final_table=None)


to_rest, whole = rest._field_to_rest, rest._table_to_rest


def field_to_rest(one):
    sizes = {"maxLength": one.max_length, "precision": one.precision, "scale": one.scale}
    return to_rest(one) | {name: str(size) for name, size in sizes.items() if size is not None}


def table_to_rest(meta):
    """Count the rows that are there: the emulator counts what the streaming API adds."""
    told = whole(meta)
    if meta.table_type == "TABLE" and state["engine"] is not None:
        place = quoted_table_ref(meta.project_id, meta.dataset_id, meta.table_id)
        told["numRows"] = str(state["engine"].execute(f"SELECT count(*) FROM {place}").fetchone()[0])
    if meta.table_type == "VIEW":
        told |= state["views"].get((meta.project_id, meta.dataset_id, meta.table_id), {})
    return told


listed = memory.MemoryCatalogRepository.list_tables


def list_tables(self, project, dataset):
    if self.get_dataset(project, dataset) is None:
        raise NotFoundError(f"Not found: Dataset {project}:{dataset}")
    return listed(self, project, dataset)


sent, stored = jobs.execute_query_job, memory.MemoryCatalogRepository.create_table


def log(project, sql):
    """Write a statement that was sent to a file of its project, for zetasql_judge.py."""
    if folder := os.environ.get("BQEMULATOR_SQL"):
        with (Path(folder) / f"{project}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(sql) + "\n")


async def execute_query_job(project, job, sql, *args, **kwargs):
    log(project, sql)
    return await sent(project, job, sql, *args, **kwargs)


def create_table(self, meta):
    """Tell of a table that the API has made, which no statement says."""
    if meta.table_id.startswith("rows_"):
        names = {legacy: name for name, legacy in LEGACY.items()}
        columns = ", ".join(f"`{one.name}` {names.get(one.type, one.type)}" for one in meta.schema_.fields)
        log(meta.project_id, f"CREATE TABLE `{meta.dataset_id}`.`{meta.table_id}` ({columns})")
    return stored(self, meta)


jobs.execute_query_job = execute_query_job
memory.MemoryCatalogRepository.create_table = create_table
executor._run_single_sql = run_single_sql
memory.MemoryCatalogRepository.list_tables = list_tables
executor.sync_created_table = sync_created_table
interpreter.sync_created_table = sync_created_table
interpreter.ScriptInterpreter.run = run_script
rest._field_to_rest = field_to_rest
rest._table_to_rest = table_to_rest

if __name__ == "__main__":
    main()
