"""`engagectl compare`: two schemas row by row, such as those of two loaders that run side by side."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of

_STAMPS = ["uuid_ts", "loaded_at", "uuid"]


def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help="A schema.")],
    second: Annotated[str, typer.Argument(help="Another schema of the same warehouse.")],
    key: Annotated[list[str] | None, typer.Option(help="Column that names a row (id); may be repeated.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help=f"Column not to compare ({', '.join(_STAMPS)}).")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when they differ.")
    ] = False,
) -> None:
    from engagectl import api
    from engagectl.show.as_comparison import comparison_data, comparison_text

    terminal = terminal_of(ctx.obj)
    found = api.compare(
        project_of(ctx.obj, terminal),
        first,
        second,
        key=key or ("id",),
        ignore=ignore if ignore is not None else _STAMPS,
        warehouses=ctx.obj.warehouses,
    )
    summary = {
        "tables": len(found.tables),
        "missing": sum(one.missing for one in found.tables),
        "extra": sum(one.extra for one in found.tables),
        "unequal": sum(one.unequal for one in found.tables),
    }
    code = 2 if detailed_exitcode and found.differs else 0
    finish(ctx.obj, terminal, text=comparison_text(found), data=comparison_data(found), code=code, summary=summary)
