"""`engagectl doctor`: one line per check, with the fix."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of

if TYPE_CHECKING:
    from engagectl.api import Visit
    from engagectl.config.project import Project
    from engagectl.show.terminal import Terminal


class Form(StrEnum):
    SQL = "sql"
    TERRAFORM = "terraform"


class OfRole(StrEnum):
    PLAN = "plan"
    APPLY = "apply"
    SYNC = "sync"


def doctor(
    ctx: typer.Context,
    config: Annotated[bool, typer.Option("--config", help="Show each setting and where it came from.")] = False,
    grants: Annotated[Form | None, typer.Option(help="Print the grants of the plan, apply and sync roles.")] = None,
    role: Annotated[
        list[OfRole] | None,
        typer.Option(help="Look only for what this role needs; may be repeated."),
    ] = None,
) -> None:
    from engagectl import api

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    if config:
        _config(ctx, terminal, project)
    elif grants is not None:
        text = api.grants(project, grants.value, warehouses=ctx.obj.warehouses)
        finish(ctx.obj, terminal, text=text, data={"checks": [], "grants": text})
    else:
        from engagectl.warehouses.contract import ROLES

        roles = tuple(name for name in ROLES if not role or name in role)
        _checks(ctx, terminal, api.doctor(project, roles=roles, warehouses=ctx.obj.warehouses))


def _config(ctx: typer.Context, terminal: "Terminal", project: "Project") -> None:
    from engagectl.cli.settings import settings
    from engagectl.show.terminal import columns

    found = settings(ctx.obj, project)
    text = columns(("setting", "value", "from"), [(one.name, one.value, one.source) for one in found])
    data = [{"name": one.name, "value": one.value, "source": one.source} for one in found]
    finish(ctx.obj, terminal, text=text, data={"checks": [], "settings": data})


def _checks(ctx: typer.Context, terminal: "Terminal", visits: "tuple[Visit, ...]") -> None:
    lines, data = [], []
    for visit in visits:
        for check in visit.checks:
            mark = terminal.paint("ok  ", "green") if check.ok else terminal.paint("FAIL", "red")
            lines.append(f"{mark} {visit.warehouse}: {check.name}: {check.detail}".rstrip(": "))
            if check.fix and not check.ok:
                lines.append(f"     fix: {check.fix}")
            data.append(
                {
                    "warehouse": visit.warehouse,
                    "name": check.name,
                    "ok": check.ok,
                    "detail": check.detail,
                    "fix": check.fix,
                }
            )
    bad = sum(not check.ok for visit in visits for check in visit.checks)
    finish(
        ctx.obj,
        terminal,
        text="\n".join(lines),
        styled=True,
        data={"checks": data},
        summary={"checks": len(data), "failed": bad},
        code=1 if bad else 0,
    )
