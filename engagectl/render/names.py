"""Names as SQL: quoted, folded as the warehouse folds them, refused where it would cut them."""

from functools import lru_cache

from engagectl.errors import RefusedError
from engagectl.model.names import fit
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Warehouse
from engagectl.warehouses.letters import turned


def ident(warehouse: Warehouse, name: str) -> str:
    """Quote a name. Raises RefusedError for one that this warehouse would refuse or silently cut."""
    limit = warehouse.limits.identifier_bytes
    if not name or "\0" in name:
        raise RefusedError(f"{name!r} cannot be the name of anything in {warehouse.title}", code="EC412")
    if limit is not None and len(name.encode("utf-8", "surrogatepass")) > limit:
        raise RefusedError(
            f"the name {name!r} is longer than the {limit} bytes that {warehouse.title} keeps",
            code="EC412",
            help="give it a shorter name",
        )
    return _quoted(warehouse.dialect, turned(name) if warehouse.capabilities.case == "upper" else name)


def table_sql(warehouse: Warehouse, name: TableName) -> str:
    """Write a table's name with its schema."""
    return f"{ident(warehouse, name.schema)}.{ident(warehouse, name.table)}"


def beside(name: str, warehouse: Warehouse) -> str:
    """Name the column that is filled while another one still has the name."""
    return fit(f"{name}__rebuilt", name, identifier_bytes=warehouse.limits.identifier_bytes or 255)


@lru_cache(maxsize=65_536)
def _quoted(dialect: str, name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
