"""Templates are ours: a name that looks like one stays a name. And were one a template, it could say nothing."""

import time

import jinja2
import pytest
from sqlglot import exp, parse

from engagectl.errors import InternalError, RefusedError
from engagectl.model.change import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    WidenColumn,
)
from engagectl.model.column_type import Integer, Text
from engagectl.model.names import fit
from engagectl.model.schema import Column, Table, TableName
from engagectl.render import _environment, render
from engagectl.warehouses.contract import Warehouse
from engagectl.warehouses.registry import warehouse
from tests.threats.payloads import RESOURCES, SANDBOX, SQL

ADD = AddColumn(table=TableName("s", "t"), column=Column(name="a", type=Text()))


def named(text: str) -> list[Change]:
    """Return every kind of change with the text in every place that holds one."""
    table, described = TableName(text, text), Column(name=text, type=Text(), description=text)
    before, after = Column(name=text, type=Text(max_chars=3)), Column(name=text, type=Text())
    return [
        CreateSchema(schema=text),
        CreateTable(table=Table(name=table, columns=(described,), description=text)),
        CreateTable(table=Table(name=table, columns=(described,), family="users")),
        AddColumn(table=table, column=described),
        WidenColumn(table=table, before=before, column=after),
        RebuildColumn(table=table, before=Column(name=text, type=Integer()), column=after),
        SetComment(table=table, column=text, before=text, comment=text),
        RenameColumn(table=table, before=text, column=f"{text}~"),
        RenameTable(before=table, table=TableName(text, f"{text}~")),
        DropColumn(table=table, column=text, type=Text(), reason=text),
        DropTable(table=table, reason=text),
    ]


def test_the_lists_are_long_enough() -> None:
    assert len([text for text in SANDBOX if text.startswith(("{{", "{%"))]) >= 60
    assert len(RESOURCES) == 10


def test_a_payload_comes_out_as_a_quoted_name_or_literal(engine: Warehouse) -> None:
    short = [text for text in (*RESOURCES, *SANDBOX, *SQL) if len(text.encode()) < 60]
    assert len(short) > 150
    for number, text in enumerate(short):
        began = time.process_time()
        changes = named(text)
        for change in changes if text in RESOURCES else (changes[1], changes[number % len(changes)]):
            for sql in render(change, engine):
                (statement,) = parse(sql, dialect=engine.dialect)
                assert statement is not None
                names = {one.this for one in statement.find_all(exp.Identifier) if one.quoted}
                literals = {one.this for one in statement.find_all(exp.Literal) if one.is_string}
                index = fit(f"{text}_id_key", f"{text}_id_key", identifier_bytes=engine.limits.identifier_bytes or 255)
                assert text in names, sql
                assert names - {f"{text}~", index} <= {text, "id"}, sql
                assert literals <= {text}, sql
        assert time.process_time() - began < 2, text


def test_a_name_that_is_too_long_is_refused_and_not_cut() -> None:
    long = [text for text in (*SANDBOX, *RESOURCES, *SQL) if len(text.encode()) > 63]
    assert long
    for text in long:
        with pytest.raises(RefusedError, match="63 bytes"):
            render(CreateSchema(schema=text), warehouse("postgres"))


def test_even_a_template_of_ours_could_not_say_it(engine: Warehouse) -> None:
    for text in (one for one in SANDBOX if one.startswith(("{{", "{%"))):
        with pytest.raises((jinja2.TemplateError, InternalError, TypeError, AttributeError)):
            _environment(engine).from_string(text).render(change=ADD)


def test_the_environment_of_the_templates_is_bare(engine: Warehouse) -> None:
    environment = _environment(engine)
    assert environment.globals == {}
    assert set(environment.filters) == {
        *("ident", "table", "type", "literal", "cast", "index", "clustered", "beside", "days"),
    }
    assert environment.loader is None
    assert environment.sandboxed
    assert not environment.extensions
