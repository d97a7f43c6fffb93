"""`engagectl quarantine list|show|replay|purge`: messages that could not be stored, why, and what becomes of them."""

from dataclasses import fields
from enum import StrEnum
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


class Action(StrEnum):
    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    PURGE = "purge"


def quarantine(
    ctx: typer.Context,
    action: Annotated[Action, typer.Argument(help="list, show one, put back, or forget.")] = Action.LIST,
    id: Annotated[str | None, typer.Argument(help="A message id or an entry, as list and show print it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Of list: at most so many of each warehouse.")] = 100,
    select: Annotated[
        list[str] | None, typer.Option(help="Of replay and purge: feeds, address or glob; may be repeated.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Of replay and purge: entries of this reason.")] = "",
    older_than: Annotated[str, typer.Option(help="Of purge: entries older than 30d, 12h.")] = "",
) -> None:
    from engagectl import api
    from engagectl.config.field import seconds
    from engagectl.errors import UsageError
    from engagectl.show.as_tree import tree
    from engagectl.show.terminal import columns

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    if action is Action.REPLAY:
        done = api.replay_quarantine(project, select=tuple(select or ()), reason=reason, entry=id or "")
        finish(ctx.obj, terminal, text=done.as_text(), data={"replay": done.as_data()})
        return
    if action is Action.PURGE:
        if not (id or select or reason or older_than):
            raise UsageError(
                "quarantine purge forgets only what it is told to",
                help="say which: an id, --older-than 30d, --reason malformed_json, --select connection.classic",
            )
        try:
            age = seconds(older_than) if older_than else None
        except ValueError:
            raise UsageError(f"--older-than {older_than} is no duration", help="for example 30d, 12h") from None
        count = api.purge_quarantine(
            project, select=tuple(select or ()), reason=reason, entry=id or "", older_than_s=age
        )
        finish(ctx.obj, terminal, text=f"{count:,} entries forgotten", data={"purged": count})
        return
    if action is Action.SHOW and id is None:
        raise UsageError("quarantine show needs a message id", help="engagectl quarantine list prints them")
    found = api.quarantine(project, limit=100_000 if action is Action.SHOW else limit)
    data = [
        {"warehouse": name, **{part.name: getattr(entry, part.name) for part in fields(entry)}} for name, entry in found
    ]
    if action is Action.SHOW:
        chosen = [one for one in data if id in (one["message_id"], one["entry"])]
        if not chosen:
            raise UsageError(f"no quarantined message {id}", help="engagectl quarantine list prints them")
        finish(ctx.obj, terminal, text="\n\n".join(tree(one) for one in chosen), data={"entries": chosen})
        return
    heads = ("warehouse", "feed", "message_id", "table", "column", "reason", "file", "line")
    text = columns(heads, [[one[name] for name in heads] for one in data]) if data else "Nothing in quarantine."
    finish(ctx.obj, terminal, text=text, data={"entries": data}, summary={"entries": len(data)})
