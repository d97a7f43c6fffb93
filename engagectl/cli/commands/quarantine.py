"""`engagectl quarantine list|show`: messages that could not be stored, and why."""

from dataclasses import fields
from enum import StrEnum
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


class Action(StrEnum):
    LIST = "list"
    SHOW = "show"


def quarantine(
    ctx: typer.Context,
    action: Annotated[Action, typer.Argument(help="list, or show one.")] = Action.LIST,
    id: Annotated[str | None, typer.Argument(help="Of show: the message id, as list prints it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many of each warehouse.")] = 100,
) -> None:
    from engagectl import api
    from engagectl.errors import UsageError
    from engagectl.show.as_tree import tree
    from engagectl.show.terminal import columns

    if action is Action.SHOW and id is None:
        raise UsageError("quarantine show needs a message id", help="engagectl quarantine list prints them")
    terminal = terminal_of(ctx.obj)
    found = api.quarantine(project_of(ctx.obj, terminal), limit=100_000 if action is Action.SHOW else limit)
    data = [
        {"warehouse": name, **{part.name: getattr(entry, part.name) for part in fields(entry)}} for name, entry in found
    ]
    if action is Action.SHOW:
        chosen = [one for one in data if one["message_id"] == id]
        if not chosen:
            raise UsageError(f"no quarantined message {id}", help="engagectl quarantine list prints them")
        finish(ctx.obj, terminal, text="\n\n".join(tree(one) for one in chosen), data={"entries": chosen})
        return
    heads = ("warehouse", "feed", "message_id", "table", "column", "reason", "file", "line")
    text = columns(heads, [[one[name] for name in heads] for one in data]) if data else "Nothing in quarantine."
    finish(ctx.obj, terminal, text=text, data={"entries": data}, summary={"entries": len(data)})
