"""A plan with one text in every place that data or YAML can reach, and the texts that would do harm there."""

from typing import Any

from hypothesis import strategies as st

from engagectl.errors import Place
from engagectl.model.address import Address
from engagectl.model.change import AddColumn, ChangeSetting, CreateTable, DropColumn, SetComment, WidenColumn
from engagectl.model.column_type import Decimal, Text
from engagectl.model.plan import Finding, Noted, Plan, Step, WarehousePlan
from engagectl.model.schema import Column, Table, TableName

HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="`|@<>!-[]()#*_~\n\r\\& ab/:.", max_size=40),
    st.sampled_from(
        [
            "@everyone",
            "<img src=x onerror=alert(1)>",
            "![x](http://evil)",
            "[x](http://evil)",
            "```\n</details>",
            "| a | b |",
            "::set-env name=x::y",
            "-->",
            "https://evil.example",
            "\u202e",
            "`",
            "``",
            " ",
        ]
    ),
)


def plan(text: str, *, steps: int = 1) -> Plan:
    """Return a plan with the text in every place that data or YAML can reach."""
    table = TableName(text, text)
    before, after = Column(name=text, type=Text(max_chars=3)), Column(name=text, type=Text())
    changes: list[Any] = [
        CreateTable(table=Table(name=table, columns=(before, Column(name=text, type=Text(), fed_by=(text,))))),
        AddColumn(table=table, column=after),
        WidenColumn(table=table, before=before, column=after),
        SetComment(table=table, column=text, before=text, comment=text),
        ChangeSetting(subject=Address("connection", text), setting=text, before=text, after=text),
        DropColumn(table=table, column=text, type=Decimal(18, 2), reason=text),
    ]
    made = tuple(
        Step(
            id=str(number),
            address=Address("column", text, "local"),
            change=change,
            statements=(f"ALTER {text}",),
            hazards=("DATA_LOSS",) if isinstance(change, DropColumn) else ("TABLE_REWRITE",),
            rows=number,
            place=Place(text, 3, 4),
            owner=text,
            fed_by=(text,),
        )
        for number in range(steps)
        for change in changes
    )
    finding = Finding(
        code="EC304", severity="info", message=text, address=Address("a", text), place=Place(text, 1, 1), help=(text,)
    )
    refusal = Finding(code="EC605", severity="error", message=text, address=Address("a", text), refuses=True)
    noted = tuple(
        Noted(kind=kind, address=Address("table", text), detail=text, rows=3)  # type: ignore[arg-type]  # words of NOTED
        for kind in ("retained", "unmanaged", "segment", "added_by_sync", "found", "retired")
    )
    part = WarehousePlan(warehouse="local", type="duckdb", steps=made, findings=(finding, refusal), noted=noted)
    return Plan(
        project=text,
        target=text,
        warehouses=(part,),
        fingerprint="f" * 64,
        created_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-08T00:00:00Z",
        engagectl="0.1.0",
        commit=text,
    )
