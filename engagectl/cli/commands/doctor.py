"""`engagectl doctor`: one line per check, with the fix."""

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def doctor(ctx: typer.Context) -> None:
    from engagectl import api

    terminal = terminal_of(ctx.obj)
    visits = api.doctor(project_of(ctx.obj, terminal))
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
