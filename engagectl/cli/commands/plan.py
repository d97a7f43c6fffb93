"""`engagectl plan`: what apply would do, without doing it."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of, variables_of, write_file


def plan(
    ctx: typer.Context,
    select: Annotated[
        list[str] | None, typer.Option(help="Address, glob, owner:NAME, changed:REF; repeatable.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Compare with an empty warehouse.")] = False,
    base: Annotated[str | None, typer.Option(help="Compare with the YAML at a git revision.")] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="Plan from the file that `drift --snapshot` wrote; nothing is connected to.")
    ] = None,
    trusted_base: Annotated[
        str | None, typer.Option(help="Refuse to connect elsewhere than the YAML at this git revision does.")
    ] = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Show the SQL of each step, and every column of a new table (as -v does).")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Begin the lines of changes with +, - or !, for hosts that colour a diff.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the plan to a file, for `engagectl apply FILE`.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the plan as Markdown, for a pull request.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the plan as one HTML file.")] = None,
    markdown_limit: Annotated[int, typer.Option(min=1_000, help="At most so many characters of Markdown.")] = 60_000,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there are changes.")
    ] = False,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.as_json import plan_json
    from engagectl.show.as_text import plan_diff, plan_text

    apart = [("--offline", offline), ("--base", base is not None), ("--catalog", catalog is not None)]
    said = [flag for flag, is_said in apart if is_said]
    if len(said) > 1:
        raise UsageError(f"{' and '.join(said)} exclude each other")
    if out is not None and said:
        raise UsageError("--out needs a plan against the warehouse", help=f"leave out {said[0]}")
    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    if trusted_base is not None:
        api.refuse_untrusted(
            project,
            trusted_base,
            variables=variables_of(ctx.obj),
            var_files=tuple(Path(name) for name in ctx.obj.var_file),
        )
    made = api.make_plan(
        project, select=select or (), offline=offline, base=base, catalog=catalog, warehouses=ctx.obj.warehouses
    )
    if out is not None:
        from engagectl.planfile import write_plan

        write_plan(made, out)
        terminal.story(f"wrote {out}; next: engagectl apply {out}")
    if markdown is not None:
        from engagectl.show.as_markdown import plan_markdown

        write_file(markdown, plan_markdown(made, limit=markdown_limit))
    if html is not None:
        from engagectl.show.as_html import plan_html

        write_file(html, plan_html(made))
    code = 4 if made.refused else 2 if detailed_exitcode and made.steps else 0
    every = bool(ctx.obj.verbose)
    if diff:
        text = plan_diff(made, width=terminal.width, sql=sql, every_column=every)
    else:
        text = plan_text(made, colour=terminal.colour, width=terminal.width, sql=sql, every_column=every)
    data = plan_json(made)
    finish(ctx.obj, terminal, text=text, styled=True, data=data, summary=data["summary"], code=code)
