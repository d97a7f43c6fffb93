"""Hostile names: created and read back equal, in every place where a name stands."""

import random

from engagectl.model.change import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    RenameColumn,
    RenameTable,
    SetComment,
)
from engagectl.model.column_type import Text
from engagectl.model.schema import Column, Table, TableName
from engagectl.render import render
from engagectl.warehouses.contract import Connection, Warehouse

PIECES = (
    *(
        '"',
        "'",
        "`",
        ";",
        "--",
        "/*",
        "*/",
        "\\",
        "%",
        "%s",
        "?",
        "$1",
        "$$",
        "{{",
        "}}",
        "{% x %}",
        "\n",
        "\t",
        " ",
        ".",
    ),
    *(
        "select",
        "drop table users",
        "null",
        "é",
        "名",
        "😀",
        "\u202e",
        "(",
        ")",
        "[",
        "]",
        "a",
        "z",
        "_",
        "0",
        "1e5",
        ",",
    ),
)


def hostile(count: int, *, seed: int) -> list[str]:
    pick = random.Random(seed)  # noqa: S311  names, not secrets
    names: set[str] = set()
    while len(names) < count:
        name = "".join(pick.choices(PIECES, k=pick.randint(1, 6)))
        if name.strip() and len(name.encode()) <= 50:
            names.add(name)
    return sorted(names)


def run(engine: Warehouse, session: Connection, change: Change) -> None:
    for sql in render(change, engine):
        session.execute(sql)


def test_500_hostile_column_names_are_read_back_equal(engine: Warehouse, session: Connection) -> None:
    names = hostile(500, seed=1)
    table = TableName('s"; --', "t'%?")
    run(engine, session, CreateSchema(schema=table.schema))
    run(
        engine,
        session,
        CreateTable(table=Table(name=table, columns=tuple(Column(name=name, type=Text()) for name in names))),
    )
    found = engine.catalog(session, [table.schema]).find(table)
    assert found is not None
    assert [column.name for column in found.columns] == names


def test_hostile_tables_go_through_their_whole_life(engine: Warehouse, session: Connection) -> None:
    for number, name in enumerate(hostile(40, seed=2)):
        schema, table = f"{name}{number}", TableName(f"{name}{number}", name)
        other = TableName(schema, f"{name}~")
        run(engine, session, CreateSchema(schema=schema))
        run(engine, session, CreateTable(table=Table(name=table, columns=(Column(name="a", type=Text()),))))
        run(engine, session, AddColumn(table=table, column=Column(name=name + "b", type=Text(), description=name)))
        run(engine, session, SetComment(table=table, column="", before=None, comment=name))
        run(engine, session, RenameColumn(table=table, before=name + "b", column=name + "c"))
        run(engine, session, DropColumn(table=table, column="a", type=Text(), reason="x"))
        run(engine, session, RenameTable(before=table, table=other))
        state = engine.catalog(session, [schema])
        assert state.tables == (
            Table(name=other, columns=(Column(name=name + "c", type=Text(), description=name),), description=name),
        )
        run(engine, session, DropTable(table=other, reason="x"))
        assert engine.catalog(session, [schema]).tables == ()
