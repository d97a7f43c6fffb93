"""`engagectl fmt`: the YAML in one layout, comments kept."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def fmt(
    ctx: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Files of the project; all of them when not said.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 when a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
) -> None:
    from engagectl import api
    from engagectl.edit.fmt import unified

    terminal = terminal_of(ctx.obj)
    found = api.fmt(Path(ctx.obj.project_dir), files=files or (), write=not check and not diff)
    changed = [one for one in found if one.changed]
    refused = [one.refused for one in found if one.refused is not None]
    for error in refused:
        terminal.complain(f"error[{error.code}]: {error.message}; {'; '.join(error.help)}")
    word = "would change" if check or diff else "changed"
    lines = [unified(one.file, one.before, one.after) for one in changed] if diff else []
    lines += [f"{word}: {one.file}" for one in changed]
    lines.append(f"{len(changed)} of {len(found)} file{'' if len(found) == 1 else 's'} {word}.")
    code = 4 if refused else 1 if check and changed else 0
    files_data = [
        {"file": one.file, "changed": one.changed, "refused": one.refused.message if one.refused else None}
        for one in found
    ]
    summary = {"files": len(found), "changed": len(changed), "refused": len(refused)}
    finish(ctx.obj, terminal, text="\n".join(lines), data={"files": files_data}, code=code, summary=summary)
