"""`engagectl inspect`: what is there, who fills it, what is odd. Read-only; no project is needed."""

import shlex
import sys
from typing import Annotated

import typer

from engagectl.cli.direct import DSN_ENV, HOST, direct_project
from engagectl.cli.outcome import finish, project_of, terminal_of


def inspect(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(help="Files of messages to look at, instead; paths, globs or object URLs.")
    ] = None,
    schema: Annotated[list[str] | None, typer.Option(help="Schemas, such as 'engage_%'; may be repeated.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="At most about so many rows of each table are read.")] = 100_000,
    path: Annotated[str | None, typer.Option(help="DuckDB: the file.")] = None,
    host: Annotated[str | None, typer.Option(help=HOST)] = None,
    port: Annotated[int | None, typer.Option(help="PostgreSQL: port.")] = None,
    database: Annotated[str | None, typer.Option(help="PostgreSQL: database.")] = None,
    user: Annotated[str | None, typer.Option(help="PostgreSQL: user.")] = None,
    sslmode: Annotated[str | None, typer.Option(help="PostgreSQL: verify-full unless the host is local.")] = None,
    dsn_env: Annotated[str | None, typer.Option(help=DSN_ENV)] = None,
) -> None:
    if files:
        _files(ctx, files, rows)
        return
    from engagectl import api
    from engagectl.show.as_inspection import inspection_data, inspection_text

    terminal = terminal_of(ctx.obj)
    direct = direct_project(
        ctx.obj,
        path=path,
        host=host,
        port=port,
        database=database,
        user=user,
        sslmode=sslmode,
        dsn_env=dsn_env,
    )
    project = direct or project_of(ctx.obj, terminal)
    found = api.inspect(project, schemas=schema or (), rows=rows, warehouses=ctx.obj.warehouses)
    following = _following(is_direct=direct is not None) if any(one.schemas for one in found) else ()
    texts = [inspection_text(one, following=following if one is found[-1] else ()) for one in found]
    data = {"warehouses": [inspection_data(one, following=following) for one in found]}
    summary = {
        "schemas": sum(len(one.schemas) for one in found),
        "tables": sum(len(one.facts) for one in found),
        "computations": sum(len(one.computations) for one in found),
        "oddities": sum(len(one.oddities) for one in found),
    }
    finish(ctx.obj, terminal, text="\n\n".join(texts), data=data, summary=summary)


def _files(ctx: typer.Context, files: list[str], rows: int) -> None:
    from engagectl import api
    from engagectl.errors import RefusedError
    from engagectl.show.as_file_facts import file_facts_data, file_facts_text

    terminal = terminal_of(ctx.obj)
    found = api.inspect_files(files, rows=rows)
    summary = {"files": len(found), "lines": sum(one.lines for one in found), "bad": sum(one.bad for one in found)}
    text = file_facts_text(found)
    data: dict[str, object] = {"files": file_facts_data(found)}
    try:
        draft = api.draft_of(found, files)
    except RefusedError as error:
        text += "\n\n" + "\n".join([f"no YAML: {error.message}", *error.help])
    else:
        yaml = f"{draft.inputs_text}\n{draft.resources_text}"
        notes = [f"note: {note}" for note in draft.notes]
        named = " ".join(f"--from {shlex.quote(file)}" for file in files)
        following = f"Next: engagectl init {named} MY_PROJECT    (writes this YAML)"
        text += "\n\n" + "\n".join([yaml, *notes, following])
        data |= {"yaml": yaml, "notes": draft.notes}
    finish(ctx.obj, terminal, text=text, data=data, summary=summary)


def _following(*, is_direct: bool) -> tuple[str, ...]:
    """Return the next two commands; a warehouse that was named by flags is named so again."""
    if not is_direct:
        return ("engagectl import            (the YAML, as a diff; --write writes it)", "engagectl plan")
    words = [word for word in sys.argv[1:] if word not in ("inspect", "--json")]
    return (f"engagectl import --write {shlex.join(words)}", "engagectl plan")
