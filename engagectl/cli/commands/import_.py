"""`engagectl import`: YAML for what a warehouse holds and nobody declares."""

from typing import Annotated

import typer

from engagectl.cli.direct import DSN_ENV, HOST, direct_project, root_file
from engagectl.cli.outcome import finish, project_of, terminal_of


def import_(
    ctx: typer.Context,
    schema: Annotated[list[str] | None, typer.Option(help="Schemas, such as 'engage_%'; may be repeated.")] = None,
    undeclared: Annotated[bool, typer.Option("--undeclared", help="What sync met undeclared, or added.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the files; without it their diff is shown.")] = False,
    path: Annotated[str | None, typer.Option(help="DuckDB: the file.")] = None,
    host: Annotated[str | None, typer.Option(help=HOST)] = None,
    port: Annotated[int | None, typer.Option(help="PostgreSQL: port.")] = None,
    database: Annotated[str | None, typer.Option(help="PostgreSQL: database.")] = None,
    user: Annotated[str | None, typer.Option(help="PostgreSQL: user.")] = None,
    sslmode: Annotated[str | None, typer.Option(help="PostgreSQL: verify-full unless the host is local.")] = None,
    dsn_env: Annotated[str | None, typer.Option(help=DSN_ENV)] = None,
) -> None:
    from engagectl import api
    from engagectl.config.files import ROOT_FILE
    from engagectl.edit.fmt import unified
    from engagectl.errors import UsageError

    terminal = terminal_of(ctx.obj)
    fields: dict[str, object] = {"path": path, "host": host, "port": port, "database": database, "user": user}
    fields |= {"sslmode": sslmode, "dsn_env": dsn_env}
    direct = direct_project(ctx.obj, **fields)
    if direct is not None and (direct.root / ROOT_FILE).exists():
        raise UsageError("there is a project here already", help="-w ID names one of its warehouses")
    project = direct or project_of(ctx.obj, terminal)
    new_root = root_file(direct, **fields) if direct is not None else None
    found = api.import_yaml(
        project,
        schemas=schema or (),
        undeclared=undeclared,
        write=write,
        warehouses=ctx.obj.warehouses,
        root_file=new_root,
    )
    lines: list[str] = []
    for one in found:
        if not write:
            lines += [unified(name, one.before[name], data) for name, data in one.after.items()]
        lines += [f"note: {note}" for note in one.notes]
        lines += [f"{'wrote' if write else 'would write'}: {name}" for name in one.after]
    resources = [resource for one in found for resource in one.resources]
    if not resources:
        lines.append("Nothing to import: the YAML names all that is there.")
    elif write:
        lines.append(f"{len(resources)} resources.\nNext: engagectl plan")
    else:
        lines.append(
            f"{len(resources)} resources; nothing was written.\n"
            "Next: the same command with --write, then engagectl plan"
        )
    files = [{"file": name, "text": text.decode()} for one in found for name, text in one.after.items()]
    data = {
        "written": write,
        "files": files,
        "resources": resources,
        "notes": [note for one in found for note in one.notes],
    }
    summary = {"resources": len(resources), "files": len(files)}
    finish(ctx.obj, terminal, text="\n".join(lines), data=data, summary=summary)
