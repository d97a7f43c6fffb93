"""`engagectl unlock`: free a lock whose holder is gone."""

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def unlock(ctx: typer.Context) -> None:
    from engagectl import api

    terminal = terminal_of(ctx.obj)
    freed = api.unlock(project_of(ctx.obj, terminal), warehouses=ctx.obj.warehouses)
    lines = [f"{name}: freed; it was held by {holder}" if holder else f"{name}: not locked" for name, holder in freed]
    data = [{"warehouse": name, "holder": str(holder or "")} for name, holder in freed]
    held = sum(holder is not None for _, holder in freed)
    finish(ctx.obj, terminal, text="\n".join(lines), data={"locks": data}, summary={"freed": held})
