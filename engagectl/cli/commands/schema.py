"""`engagectl schema`: the JSON Schema of the YAML."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def schema(
    ctx: typer.Context,
    write: Annotated[
        bool, typer.Option("--write", help="Write it to .engagectl/engagectl.schema.json of the project.")
    ] = False,
) -> None:
    from engagectl.config.json_schema import schema_text

    terminal = terminal_of(ctx.obj)
    text = schema_text()
    if write:
        from engagectl.config.project import find_root

        place = find_root(Path(ctx.obj.project_dir)) / ".engagectl" / "engagectl.schema.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
        text = f"wrote {place}"
        finish(ctx.obj, terminal, text=text, data={"file": str(place)})
        return
    terminal.result(text)  # it is JSON already: --json changes nothing
