"""`engagectl ci comment|issue|fetch-plan`: what a job of GitHub or GitLab does with a plan or a report."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagectl.cli.flags import Invocation
from engagectl.cli.outcome import finish, project_of, terminal_of

if TYPE_CHECKING:
    from engagectl.ci.forge import Forge


class Action(StrEnum):
    COMMENT = "comment"
    ISSUE = "issue"
    FETCH_PLAN = "fetch-plan"


class OnePer(StrEnum):
    TARGET = "target"
    OWNER = "owner"


def ci(
    ctx: typer.Context,
    action: Annotated[Action, typer.Argument(help="comment, issue, or fetch-plan.")],
    body_file: Annotated[Path | None, typer.Option(help="Of comment: a file of Markdown.")] = None,
    marker: Annotated[str, typer.Option(help="Of comment: names it, so that the next run finds it.")] = "plan",
    new_comment: Annotated[bool, typer.Option("--new-comment", help="Of comment: leave the earlier one.")] = False,
    label: Annotated[str, typer.Option(help="Of issue: the label by which it is found again.")] = "engage-drift",
    one_per: Annotated[OnePer, typer.Option(help="Of issue: one per target, or one per owner.")] = OnePer.TARGET,
    since_applied: Annotated[
        bool, typer.Option("--since-applied", help="Of fetch-plan: of all requests merged since the last apply.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Of fetch-plan: the folder to write plans to.")] = Path("approved"),
    artifact: Annotated[
        str, typer.Option(help="Of fetch-plan: what the artifact is named, before the commit.")
    ] = "engage-plan-",
) -> None:
    """Use the global flag --report to name the JSON document that apply, sync or drift wrote: here it is read."""
    from engagectl.ci.forge import forge_of

    document = Path(ctx.obj.report) if ctx.obj.report else None
    ctx.obj.report = None
    forge = forge_of(os.environ)
    match action:
        case Action.COMMENT:
            _comment(ctx.obj, forge, _body(body_file, document), marker=marker, is_new=new_comment)
        case Action.ISSUE:
            _issue(ctx.obj, forge, _read(document), label=label, one_per=one_per)
        case Action.FETCH_PLAN:
            _fetch(ctx.obj, forge, out=out, prefix=artifact, since_applied=since_applied)


def _comment(state: Invocation, forge: "Forge", body: str, *, marker: str, is_new: bool) -> None:
    from engagectl.ci.forge import post

    done = [
        {"request": number, "done": post(forge, number, body, marker=marker, is_new=is_new)}
        for number in forge.requests()
    ]
    lines = [f"#{one['request']}: comment {one['done']}" for one in done] or ["No request to comment on."]
    finish(state, terminal_of(state), text="\n".join(lines), data={"comments": done}, summary={"comments": len(done)})


def _issue(state: Invocation, forge: "Forge", document: dict[str, Any], *, label: str, one_per: OnePer) -> None:
    from engagectl.ci.forge import keep_issue
    from engagectl.errors import UsageError
    from engagectl.show.as_markdown_report import drifted, owners, report_markdown

    if not document.get("schema", "").startswith("engagectl/drift/") or "warehouses" not in document:
        raise UsageError("ci issue needs the document of a drift", help="engagectl drift --report drift.json")
    about = f"{document['project']} {document['target']}".strip()
    names: list[str | None] = [None]
    if one_per is OnePer.OWNER:
        head = f"<!-- engagectl:drift:{about}:"
        told = [one.body.split("\n")[0] for one in forge.issues(label)]
        known = {line.removeprefix(head).removesuffix(" -->") for line in told if line.startswith(head)}
        names = [*sorted({*owners(document), *known})]
    done = []
    for owner in names:
        suffix = "" if owner is None else f":{owner}"
        done.append(
            keep_issue(
                forge,
                name=f"drift:{about}{suffix}",
                title=f"engagectl drift: {about}" + (f" ({owner or 'no owner'})" if owner is not None else ""),
                body=report_markdown(document, owner=owner),
                label=label,
                is_open=drifted(document, owner=owner) > 0,
            )
        )
    finish(state, terminal_of(state), text="\n".join(done), data={"issues": done}, summary={"issues": len(done)})


def _fetch(state: Invocation, forge: "Forge", *, out: Path, prefix: str, since_applied: bool) -> None:
    from engagectl import api
    from engagectl.ci.github import GitHub
    from engagectl.errors import UsageError
    from engagectl.planfile import write_plan

    if not isinstance(forge, GitHub):
        raise UsageError("fetch-plan reads GitHub's artifacts", help="on GitLab, pass the plan as a job's artifact")
    terminal = terminal_of(state)
    project = project_of(state, terminal)
    commit = api.last_applied_commit(project, warehouses=state.warehouses) if since_applied else ""
    merged = forge.merged_since(commit) if commit else forge.merged_by_commit()
    out.mkdir(parents=True, exist_ok=True)
    fetched, without = [], []
    for one in merged:
        content = forge.plan_of(one, prefix=prefix)
        if content is None:
            without.append(one.number)
            continue
        place = out / f"{one.number}.json"
        place.touch(mode=0o600)
        place.write_bytes(content)
        fetched.append(one.number)
    if not fetched:
        write_plan(api.empty_plan(project), out / "nothing.json")
    lines = [f"#{number}: its plan is {out / f'{number}.json'}" for number in fetched]
    lines += [f"#{number}: has no plan, and approves nothing" for number in without]
    lines += [] if fetched else [f"Nothing is approved; {out / 'nothing.json'} is an empty plan."]
    data = {"since": commit, "fetched": fetched, "without": without}
    finish(state, terminal, text="\n".join(lines), data=data, summary={"fetched": len(fetched)})


def _body(body_file: Path | None, document: Path | None) -> str:
    from engagectl.errors import UsageError
    from engagectl.show.as_markdown_report import report_markdown

    if (body_file is None) == (document is None):
        raise UsageError("ci comment needs --body-file or --report, one of them")
    if body_file is not None:
        return body_file.read_text(encoding="utf-8")
    return report_markdown(_read(document))


def _read(document: Path | None) -> dict[str, Any]:
    from engagectl.errors import UsageError

    if document is None:
        raise UsageError("--report FILE is needed", help="write it with --report FILE of apply, sync or drift")
    try:
        found = json.loads(document.read_bytes())
    except ValueError:
        raise UsageError(f"{document} is no JSON document of engagectl") from None
    if not isinstance(found, dict):
        raise UsageError(f"{document} is no JSON document of engagectl")
    return found
