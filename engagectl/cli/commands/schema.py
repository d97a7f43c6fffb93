"""`engagectl schema`: the JSON Schema of the YAML, of a command's JSON document, or of a catalog snapshot."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def schema(
    ctx: typer.Context,
    document: Annotated[
        str | None,
        typer.Argument(
            metavar="[COMMAND]", help="Of what this command prints with --json, or `snapshot`; else the YAML."
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write that of the YAML to .engagectl/engagectl.schema.json of the project.")
    ] = False,
) -> None:
    import json

    from engagectl.errors import UsageError

    terminal = terminal_of(ctx.obj)
    if document == "snapshot" and not write:
        from engagectl.snapshot import snapshot_schema

        text = json.dumps(snapshot_schema(), indent=2) + "\n"
    elif document is not None:
        from engagectl.show.documents import DOCUMENTS, document_schema_text

        if document not in DOCUMENTS or write:
            raise UsageError(
                f"no document {document} to describe", help=f"commands: {', '.join(DOCUMENTS)}; or snapshot"
            )
        text = document_schema_text(document)
    else:
        from engagectl.config.json_schema import schema_text

        text = schema_text()
    if write:
        from engagectl.config.files import find_root

        place = find_root(Path(ctx.obj.project_dir)) / ".engagectl" / "engagectl.schema.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
        finish(ctx.obj, terminal, text=f"wrote {place}", data={"file": str(place)})
        return
    finish(ctx.obj, terminal, text=text, data={"json_schema": json.loads(text)})
