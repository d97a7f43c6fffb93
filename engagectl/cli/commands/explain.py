"""`engagectl explain`: the page of an error code."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, terminal_of


def explain(ctx: typer.Context, code: Annotated[str, typer.Argument(metavar="CODE", help="Such as EC104.")]) -> None:
    from difflib import get_close_matches

    from engagectl.config import explain as pages
    from engagectl.errors import UsageError

    terminal = terminal_of(ctx.obj)
    page = pages.explain(code)
    if page is None:
        meant = get_close_matches(code.upper(), pages.codes(), 1)
        advice = f"did you mean {meant[0]}?" if meant else f"codes: {', '.join(pages.codes())}"
        raise UsageError(f"no page about {code}", help=advice)
    data = {"code": page.code, "title": page.title, "text": page.text}
    finish(ctx.obj, terminal, text=page.text, data=data)
