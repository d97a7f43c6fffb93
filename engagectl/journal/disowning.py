"""Giving up what is ours: the rows of ownership go, the table or column stays."""

import os
from collections.abc import Iterator

from engagectl.errors import RefusedError, UsageError
from engagectl.journal.ownership import forget, read_owned
from engagectl.journal.tables import has_journal
from engagectl.model.address import Address, column_address, parse_address, table_address
from engagectl.model.schema import State, TableName
from engagectl.warehouses.contract import Connection, Holder


def parse(text: str) -> Address:
    """Return the address of a table or column. Raises UsageError for any other."""
    try:
        address = parse_address(text)
    except ValueError:
        address = Address("", "")
    if (address.kind, address.name.count(".")) not in (("table", 1), ("column", 2)):
        raise UsageError(f"{text} is no table or column", help="write table.SCHEMA.TABLE or column.SCHEMA.TABLE.COLUMN")
    return address


def disown(
    connection: Connection,
    journal: str,
    address: Address,
    *,
    declared: State,
    project: str,
    timeout_s: float,
    host: str,
) -> list[str]:
    """Forget that a table with its columns, or a column, is this project's. Returns what was given up."""
    schema, table, *rest = address.name.split(".")
    name, column = TableName(schema, table), "".join(rest)
    wanted = declared.find(name)
    if wanted is not None and (not column or wanted.find(column) is not None):
        raise RefusedError(
            f"{address} is still declared: the next apply would take it again",
            code="EC605",
            help="remove its declaration first, then disown it",
        )
    if not has_journal(connection, journal):
        return []
    connection.lock(journal, timeout_s=timeout_s, holder=Holder(command="engagectl disown", host=host, pid=os.getpid()))
    connection.begin()
    try:
        given_up = list(_ours(connection, journal, name, column, project))
        if given_up:
            forget(connection, journal, name, column)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return given_up


def _ours(connection: Connection, journal: str, name: TableName, column: str, project: str) -> Iterator[str]:
    for row in read_owned(connection, journal):
        if (row.schema, row.table, row.project) != (name.schema, name.table, project):
            continue
        if column and row.column != column:
            continue
        address = column_address(name.schema, name.table, row.column) if row.column else table_address(*row.key[:2])
        yield f"{connection.warehouse}/{address}"
