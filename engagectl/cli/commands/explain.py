"""`engagectl explain`: the page of an error code."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def explain(ctx: typer.Context, code: Annotated[str, typer.Argument(metavar="CODE", help="Such as EC104.")]) -> None:
    from engagectl.config import explain as pages
    from engagectl.errors import UsageError

    terminal = terminal_of(ctx.obj)
    page = pages.explain(code)
    if page is None:
        raise UsageError(f"no page about {code}", help=f"codes: {', '.join(pages.codes())}")
    data = {"code": page.code, "title": page.title, "text": page.text}
    finish(ctx.obj, terminal, text=page.text, data=data)
