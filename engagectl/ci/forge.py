"""What GitHub and GitLab have in common for us, and which of the two a job runs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engagectl.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    number: int
    title: str
    body: str
    is_open: bool


class Forge(Protocol):
    """A code host, seen from one job. Numbers are of pull or merge requests, and of issues."""

    def requests(self) -> tuple[int, ...]:
        """Return the request that the job is about, or those that its commit was merged by."""
        ...

    def comments(self, request: int) -> tuple[Comment, ...]: ...
    def add_comment(self, request: int, body: str) -> None: ...
    def change_comment(self, request: int, comment: Comment, body: str) -> None: ...
    def issues(self, label: str) -> tuple[Issue, ...]: ...
    def open_issue(self, title: str, body: str, *, label: str) -> Issue: ...
    def change_issue(self, issue: Issue, *, body: str, is_open: bool) -> None: ...


def forge_of(env: Mapping[str, str]) -> Forge:
    """Return the host whose variables the job has. Raises UsageError where there are none."""
    if env.get("GITHUB_REPOSITORY"):
        from engagectl.ci.github import GitHub

        return GitHub.of(env)
    if env.get("CI_PROJECT_ID"):
        from engagectl.ci.gitlab import GitLab

        return GitLab.of(env)
    raise UsageError(
        "engagectl ci runs in a job of GitHub or GitLab",
        help="it reads GITHUB_REPOSITORY or CI_PROJECT_ID, and a token",
    )


def token_of(env: Mapping[str, str], *names: str) -> str:
    """Return the first token that is set. Raises UsageError that names them all."""
    for name in names:
        if env.get(name):
            return env[name]
    raise UsageError(f"no token: none of {', '.join(names)} is set")


def post(forge: Forge, request: int, body: str, *, marker: str, is_new: bool) -> str:
    """Write a comment under its marker: over the one of an earlier run, or a new one; return what was done."""
    hidden = f"<!-- engagectl:{marker} -->"
    text = body if body.startswith(hidden) else f"{hidden}\n{body}"
    earlier = [one for one in forge.comments(request) if one.body.startswith(hidden)]
    if earlier and not is_new:
        forge.change_comment(request, earlier[-1], text)
        return "updated"
    forge.add_comment(request, text)
    return "added"


def keep_issue(forge: Forge, *, name: str, title: str, body: str, label: str, is_open: bool) -> str:
    """Keep one issue in step: open, update, close when clean, reopen later; return what was done."""
    hidden = f"<!-- engagectl:{name} -->"
    text = f"{hidden}\n{body}"
    mine = [one for one in forge.issues(label) if one.body.startswith(hidden)]
    there = next((one for one in mine if one.is_open), mine[0] if mine else None)
    if there is None:
        if not is_open:
            return "nothing to do"
        return f"opened #{forge.open_issue(title, text, label=label).number}"
    if not there.is_open and not is_open:
        return "nothing to do"
    if there.is_open and is_open and there.body == text:
        return f"#{there.number} is as it should be"
    forge.change_issue(there, body=text, is_open=is_open)
    if there.is_open:
        return f"{'updated' if is_open else 'closed'} #{there.number}"
    return f"reopened #{there.number}"
