"""Every key of the YAML stands in an example, and the example that has them all validates and plans."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from engagectl import api
from engagectl.config.field import Spec
from engagectl.config.project import load_project
from tests.cli.inside import run

EXAMPLES = Path(__file__).parents[2] / "examples"
TARGETS = ("dev", "prod", "clouds")
# references are resolved when a project is loaded; options of the cloud warehouses are described with those
ELSEWHERE = {("VarRef", "$var"), *((kind, key) for kind in ("Snowflake", "Bigquery", "Databricks", "Redshift")
             for key in ("compute", "layout"))}  # fmt: skip


def _keys(kind: type[BaseModel], name: str) -> tuple[str, str]:
    """Name a key by the class that declares it: what all warehouses share is needed once."""
    home = next(one for one in kind.__mro__ if name in one.__dict__.get("__annotations__", {}))
    return home.__name__.removesuffix("Spec"), kind.model_fields[name].alias or name


def _written(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield _keys(type(value), name)
            yield from _written(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _written(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _written(item)


def _kinds(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("engagectl."):
            yield one
            yield from _kinds(one)


def test_every_key_is_in_an_example() -> None:
    there = {key for target in TARGETS for key in _written(load_project(EXAMPLES / "every_key", target=target).spec)}
    asked = {_keys(kind, name) for kind in _kinds(Spec) for name in kind.model_fields}
    assert asked - there - ELSEWHERE == SPARE
    assert "{$var: " in (EXAMPLES / "every_key/engagectl.yaml").read_text()


# what one kind of warehouse has beside another way to say the same
SPARE = {("Redshift", "dsn"), ("Snowflake", "user"), ("Databricks", "user")}


@pytest.mark.parametrize("target", TARGETS)
def test_the_example_validates_without_an_error(target: str) -> None:
    assert {one.severity for one in api.validate(EXAMPLES / "every_key", target=target)} <= {"info"}


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_the_example_plans_offline(target: str) -> None:
    done = run("-C", str(EXAMPLES / "every_key"), "-t", target, "plan", "--offline")
    assert done.code == 0, done.err
    assert "table.engage_crm.users" in done.out
