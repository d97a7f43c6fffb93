"""BigQuery's client against answers in the shapes of its discovery document: what no emulator answers."""

import re
from collections.abc import Iterator

import pytest

from engagectl.errors import ConnectError, LockHeld, StatementError, TransientError, ValueRefused
from engagectl.model.column_type import Decimal, Json, Native, Text, Timestamp
from engagectl.model.schema import Column, TableName
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.bigquery.load import BigQueryLoader, make_loader
from engagectl.warehouses.contract import Holder, Needs
from engagectl.warehouses.registry import warehouse
from tests.warehouses.scripted import Scripted, job, opened, refused, serving

BIGQUERY = warehouse("bigquery")


@pytest.fixture
def script() -> Iterator[Scripted]:
    with serving() as made:
        yield made


TABLE = {
    "tableReference": {"projectId": "p", "datasetId": "engage_default", "tableId": "users"},
    "type": "TABLE",
    "description": "all users",
    "numRows": "7",
    "etag": "x",
    "timePartitioning": {"type": "DAY", "field": "received_at"},
    "schema": {
        "fields": [
            {"name": "ID", "type": "STRING", "mode": "REQUIRED"},
            {"name": "tier", "type": "STRING", "mode": "NULLABLE", "maxLength": "32", "description": "the plan"},
            {"name": "mrr", "type": "NUMERIC", "precision": "18", "scale": "2"},
            {"name": "received_at", "type": "TIMESTAMP", "defaultValueExpression": "CURRENT_TIMESTAMP()"},
            {"name": "traits", "type": "JSON"},
            {"name": "tags", "type": "STRING", "mode": "REPEATED"},
            {"name": "address", "type": "RECORD", "fields": [{"name": "city", "type": "STRING"}]},
        ]
    },
}


def test_a_table_is_read_whole_from_its_metadata(script: Scripted) -> None:
    view = {"tableReference": {**TABLE["tableReference"], "tableId": "users_view"}, "type": "VIEW"}  # type: ignore[dict-item]
    script.paths = {
        "/datasets/engage_default/tables/users_view": [(200, view)],
        "/datasets/engage_default/tables/users": [(200, TABLE)],
        "/datasets/engage_default/tables": [(200, {"tables": [TABLE, view]})],
    }
    with opened(script, read_only=True) as connection:
        state = BIGQUERY.catalog(connection, ["engage_default", "not_there"])
        assert connection.queries == 4
    assert state.schemas == ("engage_default",)
    users = state.by_name[TableName("engage_default", "users")]
    assert (users.rows, users.description, users.kind) == (7, "all users", "table")
    assert users.columns == (
        Column(name="id", type=Text()),
        Column(name="tier", type=Text(32), description="the plan"),
        Column(name="mrr", type=Decimal(18, 2)),
        Column(name="received_at", type=Timestamp()),
        Column(name="traits", type=Json()),
        Column(name="tags", type=Native("ARRAY<STRING>")),
        Column(name="address", type=Native("STRUCT")),
    )
    assert (users.by_name["id"].required, users.by_name["received_at"].has_default) == (True, True)
    assert state.by_name[TableName("engage_default", "users_view")].kind == "view"


def test_every_job_is_labelled_and_has_an_id(script: Scripted) -> None:
    script.jobs["UPDATE"] = [job(changed=3)]
    with opened(script, maximum_bytes_billed="1000") as connection:
        assert connection.execute("UPDATE s.t SET a = ?", ("x",)) == 3
    sent = [body for method, _, body in script.asked if method == "POST"]
    configuration = sent[-1]["configuration"]
    assert configuration["labels"] == {"engagectl": "apply", "target": "prod", "commit": "0123456789ab"}
    assert configuration["query"]["maximumBytesBilled"] == "1000"
    assert len({body["jobReference"]["jobId"] for body in sent}) == len(sent)


def test_too_many_changes_of_a_table_at_once_are_tried_again(script: Scripted) -> None:
    busy = ("rateLimitExceeded", "Exceeded rate limits: too many table update operations for this table")
    script.jobs["ALTER"] = [job(error=busy), job()]
    with opened(script) as connection:
        connection.execute("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS a STRING")
    assert sum("ALTER" in str(body) for _, _, body in script.asked) == 2


@pytest.mark.parametrize(
    ("reason", "message", "kind", "told"),
    [
        (
            "invalidQuery",
            "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type is assignable",
            StatementError,
            "requires that",
        ),
        ("invalidQuery", "Column `a` was already deleted", StatementError, "was already deleted"),
        ("invalidQuery", "Could not cast literal 'S3CRET' to type INT64", StatementError, "(invalidQuery)"),
        ("accessDenied", "Access Denied: Table p:s.t: User does not have permission", StatementError, "Access Denied"),
        (
            "invalidQuery",
            "Transaction is aborted due to concurrent update against table p:s.t. Transaction ID: 1",
            TransientError,
            "gave the statement up",
        ),
        ("quotaExceeded", "Your table exceeded quota for imports", StatementError, "a quota is used up"),
    ],
)
def test_what_a_job_ends_in_is_told_as_ours(
    script: Scripted, reason: str, message: str, kind: type[Exception], told: str
) -> None:
    script.jobs["ALTER"] = [job(error=(reason, message))]
    with opened(script) as connection, pytest.raises(kind) as caught:
        connection.execute("ALTER TABLE s.t DROP COLUMN a")
    assert told in str(caught.value)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        ("invalidQuery", "Bad int64 value: S3CRET", "refused_22018"),
        ("invalidQuery", 'Invalid time string "S3CRET"', "refused_22007"),
        ("invalidQuery", "Invalid timestamp: 'S3CRET'", "refused_22007"),
        ("invalidQuery", "Value has length 7 which exceeds the maximum length 5", "refused_22001"),
        ("invalidQuery", "Required field id cannot be null", "refused_23502"),
        ("invalid", "Error while reading data, error message: S3CRET", "refused_22000"),
    ],
)
def test_what_is_refused_for_a_value_says_so_and_not_which(
    script: Scripted, reason: str, message: str, told: str
) -> None:
    script.jobs["INSERT"] = [job(error=(reason, message))]
    with opened(script) as connection, pytest.raises(ValueRefused) as caught:
        connection.execute("INSERT INTO s.t (a) SELECT a FROM s.u")
    assert caught.value.reason == told
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("message", ["Syntax error: Unexpected overflow", "Unrecognized name: out of range"])
def test_what_is_wrong_with_a_statement_is_no_value(script: Scripted, message: str) -> None:
    script.jobs["INSERT"] = [job(error=("invalidQuery", message))]
    with opened(script) as connection, pytest.raises(StatementError) as caught:
        connection.execute("INSERT INTO s.t (a) SELECT a FROM s.u")
    assert not isinstance(caught.value, ValueRefused)


def test_a_dataset_that_may_not_be_read_is_an_error_and_not_absent(script: Scripted) -> None:
    script.paths["/datasets/s/tables"] = [refused(403, "accessDenied", "Access Denied: Dataset p:s: Permission denied")]
    with opened(script) as connection, pytest.raises(StatementError, match="Access Denied: Dataset p:s") as caught:
        BIGQUERY.catalog(connection, ["s"])
    assert caught.value.sqlstate == "42501"


def test_who_may_not_run_jobs_is_told_so_at_once(script: Scripted) -> None:
    script.jobs["SESSION_USER"] = [job(error=("accessDenied", "Access Denied: Project p: bigquery.jobs.create"))]
    with pytest.raises(ConnectError, match="may not run jobs"):
        opened(script)


def test_doctor_tells_which_tables_lack_which_permission(script: Scripted) -> None:
    script.paths = {
        "/tables/users:testIamPermissions": [(200, {"permissions": ["bigquery.tables.get"]})],
        "/tables/meta:testIamPermissions": [(200, {"permissions": ["bigquery.tables.get"]})],
        "/datasets/engage_default/tables/users": [(200, TABLE)],
        "/datasets/engagectl/tables": [
            (200, {"tables": [{"tableReference": {"projectId": "p", "datasetId": "engagectl", "tableId": "meta"}}]})
        ],
    }
    needs = Needs(tables=(TableName("engage_default", "users"), TableName("s", "not_yet")), roles=("plan", "apply"))
    with opened(script, read_only=True) as connection:
        checks = {check.name: check for check in BIGQUERY.doctor(connection, "engagectl", needs)}
    plan, apply = checks["plan role"], checks["apply role"]
    assert not plan.ok
    assert plan.fix == (
        "GRANT `roles/bigquery.dataViewer` ON TABLE `p`.`engagectl`.`meta`"
        ' TO "serviceAccount:me@p.iam.gserviceaccount.com"'
    )
    assert "`p`.`engage_default`.`users`" in apply.fix


def test_a_reading_session_sends_nothing_that_writes(script: Scripted) -> None:
    with opened(script, read_only=True) as connection, pytest.raises(StatementError, match="only reads"):
        connection.execute("UPDATE s.t SET a = 1")


def said(script: Scripted) -> list[str]:
    """Return what was asked, in order: the statement of a job with its session, or the method and what it is about."""
    found = []
    for method, path, body in script.asked:
        if sql := body.get("configuration", {}).get("query", {}).get("query"):
            properties = body["configuration"]["query"].get("connectionProperties", [])
            found.append(" ".join([sql.split(" AS ")[0][:60], *(one["value"] for one in properties)]))
        elif method != "GET":
            found.append(f"{method} {re.sub('rows_[0-9a-f]+', 'rows', path).rpartition('/')[2][:4]}")
    return found


def loading(script: Scripted, connection: BigQueryConnection) -> BigQueryLoader:
    script.jobs |= {word: [job()] for word in ("BEGIN", "COMMIT", "ROLLBACK", "ABORT")}
    loader = make_loader(connection, "engagectl")
    loader.stage.execute("CREATE TEMP TABLE ec_rows AS SELECT 'a' AS id, 1.5::DECIMAL(9, 2) AS mrr")
    return loader


COLUMNS = (("id", Text()), ("mrr", Decimal(9, 2)))


def test_what_is_loaded_is_loaded_before_the_transaction_begins(script: Scripted) -> None:
    script.jobs["INSERT"] = [job(changed=1)]
    with opened(script) as connection:
        loader = loading(script, connection)
        connection.begin()
        assert loader.insert(TableName("s", "t"), COLUMNS, "SELECT * FROM ec_rows") == 1
        assert not any("BEGIN" in one for one in said(script))
        connection.commit()
    assert (
        said(script)[1:]
        == [
            "POST t:te",  # testIamPermissions
            "POST tabl",
            "POST jobs",
            "PUT " + said(script)[4][4:],
            "BEGIN TRANSACTION",
            "INSERT INTO `s`.`t` (`id`, `mrr`) SELECT n.c0, CAST(n.c1 s1",
            "COMMIT TRANSACTION s1",
            "DELETE rows",
            "CALL BQ.ABORT_SESSION() s1",
        ]
    )
    (made,) = [body for method, path, body in script.asked if method == "POST" and path.endswith("/tables")]
    assert [one["type"] for one in made["schema"]["fields"]] == ["STRING", "STRING"]
    assert int(made["expirationTime"]) > 0


def test_rows_that_did_not_arrive_are_an_error_and_nothing_is_committed(script: Scripted) -> None:
    script.jobs["INSERT"] = [job(changed=0)]
    with opened(script) as connection:
        loader = loading(script, connection)
        connection.begin()
        loader.insert(TableName("s", "t"), COLUMNS, "SELECT * FROM ec_rows")
        with pytest.raises(StatementError, match="1 rows were sent, and 0 were written"):
            connection.commit()
        connection.rollback()
    assert [one for one in said(script) if one.startswith(("COMMIT", "ROLLBACK"))] == ["ROLLBACK TRANSACTION s1"]


def test_a_session_that_cannot_be_told_is_left_and_another_one_is_made(script: Scripted) -> None:
    with opened(script) as connection:
        loading(script, connection)
        script.jobs |= {"UPDATE": [job(changed=1)], "ROLLBACK": [job(error=("invalidQuery", "Session has expired"))]}
        connection.begin()
        connection.execute("UPDATE s.t SET a = 1")
        connection.rollback()
        connection.begin()
        connection.execute("UPDATE s.t SET a = 1")
        connection.commit()
    begun = [body for _, _, body in script.asked if "BEGIN" in str(body)]
    assert [body["configuration"]["query"].get("createSession") for body in begun] == [True, True]


def test_whoever_finds_the_lock_free_ends_the_session_of_the_one_before(script: Scripted) -> None:
    meta = {**TABLE, "tableReference": {"projectId": "p", "datasetId": "engagectl", "tableId": "meta"}}
    script.paths["/datasets/engagectl/tables/"] = [(200, meta)]
    script.jobs |= {
        "SELECT command": [job()],
        "SELECT content": [job(rows=[["s0"]])],
        "SELECT owner": [job(rows=[["nobody", "1"]])],
        "UPDATE": [job(changed=1)],
        "ABORT": [job(error=("invalidQuery", "Session s0 has expired and is no longer available."))],
    }
    with opened(script) as connection, pytest.raises(LockHeld, match="in use by"):
        connection.lock("engagectl", timeout_s=0, holder=Holder(command="sync"))
    aborted = [body["configuration"]["query"] for _, _, body in script.asked if "ABORT" in str(body)]
    assert [one["queryParameters"][0]["parameterValue"]["value"] for one in aborted] == ["s0"]


def test_within_a_transaction_no_statement_is_tried_again(script: Scripted) -> None:
    with opened(script) as connection:
        loading(script, connection)
        script.jobs["UPDATE"] = [job(error=("rateLimitExceeded", "Exceeded rate limits")), job(changed=1)]
        connection.begin()
        with pytest.raises(TransientError):
            connection.execute("UPDATE s.t SET a = 1")
        connection.rollback()
    assert sum("UPDATE" in one for one in said(script)) == 1


def test_without_a_location_a_transaction_runs_where_the_journal_lies(script: Scripted) -> None:
    journal = {"datasetReference": {"projectId": "p", "datasetId": "engagectl"}, "location": "asia-east2"}
    script.paths["/datasets/engagectl"] = [(200, journal)]
    script.jobs["UPDATE"] = [job(changed=1)]
    with opened(script, location="") as connection:
        loading(script, connection)
        connection._find_location("engagectl")
        connection.begin()
        connection.execute("UPDATE s.t SET a = 1")
        connection.commit()
    (begun,) = [body for _, _, body in script.asked if "BEGIN" in str(body)]
    assert begun["jobReference"]["location"] == "asia-east2"


def test_a_table_that_may_not_be_written_is_told_before_anything_is_loaded(script: Scripted) -> None:
    script.paths = {":testIamPermissions": [(200, {})]}  # the answer of one who holds none of them
    with opened(script) as connection:
        loader = loading(script, connection)
        connection.begin()
        with pytest.raises(
            StatementError, match=r"Access Denied: Table p:s\.t: bigquery\.tables\.updateData"
        ) as caught:
            loader.insert(TableName("s", "t"), COLUMNS, "SELECT * FROM ec_rows")
        assert caught.value.sqlstate == "42501"
        connection.rollback()
    assert not any(path.startswith("/upload/") for _, path, _ in script.asked)


def test_a_statement_that_is_denied_is_told_by_its_table_and_as_not_granted(script: Scripted) -> None:
    message = "Access Denied: Table p:s.t: User does not have permission to update table p:s.t, or it does not exist."
    script.jobs["ALTER"] = [job(error=("accessDenied", message))]
    with opened(script) as connection, pytest.raises(StatementError, match=r"Access Denied: Table p:s\.t") as caught:
        connection.execute("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS a STRING")
    assert (caught.value.sqlstate, caught.value.help) == ("42501", ("engagectl doctor lists the missing grants",))
