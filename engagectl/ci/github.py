"""GitHub's REST API, as far as a job needs it (docs.github.com/rest: issues, commits, actions artifacts)."""

import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from engagectl.ci.forge import Comment, Issue, token_of
from engagectl.ci.http import Api
from engagectl.errors import FailedError, UsageError

_VERSION = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
MAX_PLAN_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A pull request that was merged; `head` is the commit that its plan was made of."""

    number: int
    head: str


@dataclass(frozen=True, slots=True)
class GitHub:
    api: Api
    repository: str
    event: Mapping[str, object]
    commit: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "GitHub":
        token = token_of(env, "GITHUB_TOKEN", "GH_TOKEN")
        api = Api(
            env.get("GITHUB_API_URL") or "https://api.github.com", {"Authorization": f"Bearer {token}", **_VERSION}
        )
        event: object = {}
        if env.get("GITHUB_EVENT_PATH"):
            try:
                event = json.loads(Path(env["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                raise UsageError("the file that GITHUB_EVENT_PATH names cannot be read as JSON") from None
        return cls(api, env["GITHUB_REPOSITORY"], event if isinstance(event, dict) else {}, env.get("GITHUB_SHA", ""))

    @property
    def _root(self) -> str:
        return f"/repos/{quote(self.repository)}"

    def requests(self) -> tuple[int, ...]:
        request = self.event.get("pull_request")
        if isinstance(request, dict) and isinstance(request.get("number"), int):
            return (request["number"],)
        return tuple(one.number for one in self.merged_by_commit())

    def comments(self, request: int) -> tuple[Comment, ...]:
        return tuple(
            Comment(id=str(one["id"]), body=one.get("body") or "")
            for one in self.api.pages(f"{self._root}/issues/{request}/comments")
        )

    def add_comment(self, request: int, body: str) -> None:
        self.api.send("POST", f"{self._root}/issues/{request}/comments", {"body": body})

    def change_comment(self, request: int, comment: Comment, body: str) -> None:  # noqa: ARG002  GitLab needs both
        self.api.send("PATCH", f"{self._root}/issues/comments/{comment.id}", {"body": body})

    def issues(self, label: str) -> tuple[Issue, ...]:
        return tuple(
            Issue(number=one["number"], title=one["title"], body=one.get("body") or "", is_open=one["state"] == "open")
            for one in self.api.pages(f"{self._root}/issues", labels=label, state="all")
            if "pull_request" not in one  # the endpoint lists pull requests too
        )

    def open_issue(self, title: str, body: str, *, label: str) -> Issue:
        made = self.api.send("POST", f"{self._root}/issues", {"title": title, "body": body, "labels": [label]})
        return Issue(number=made["number"], title=title, body=body, is_open=True)

    def change_issue(self, issue: Issue, *, body: str, is_open: bool) -> None:
        state = {"state": "open" if is_open else "closed"}
        self.api.send("PATCH", f"{self._root}/issues/{issue.number}", {"body": body, **state})

    def merged_since(self, commit: str) -> tuple[Merged, ...]:
        """Return the pull requests merged after a commit, in order. Works with squash, rebase and merge commits."""
        found: dict[int, Merged] = {}
        path = f"{self._root}/compare/{quote(commit)}...{quote(self.commit)}"
        for one in self.api.pages(path, key="commits"):
            for merged in self._merged_by(one["sha"]):
                found.setdefault(merged.number, merged)
        return tuple(found.values())

    def merged_by_commit(self) -> tuple[Merged, ...]:
        """Return the pull requests that the job's own commit was merged by."""
        return self._merged_by(self.commit) if self.commit else ()

    def _merged_by(self, commit: str) -> tuple[Merged, ...]:
        return tuple(
            Merged(number=one["number"], head=one["head"]["sha"])
            for one in self.api.get(f"{self._root}/commits/{quote(commit)}/pulls")
            if one.get("merged_at")
        )

    def plan_of(self, merged: Merged, *, prefix: str) -> bytes | None:
        """Return the plan file of the newest artifact that a pull request's last commit made, None without one."""
        name = f"{prefix}{merged.head}"
        made = self.api.pages(f"{self._root}/actions/artifacts", key="artifacts", name=name)
        living = [one for one in made if one["name"] == name and not one.get("expired")]
        if not living:
            return None
        newest = max(living, key=lambda one: (one.get("created_at") or "", one["id"]))
        content = self.api.download(f"{self._root}/actions/artifacts/{newest['id']}/zip")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entry = archive.getinfo("plan.json")
                if entry.file_size > MAX_PLAN_BYTES:
                    raise FailedError(f"the plan of pull request {merged.number} is too large", code="EC740")
                return archive.read(entry)
        except (zipfile.BadZipFile, KeyError):
            return None
        except (RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, EOFError, OSError):
            # encrypted, packed in a way of its own, or broken inside
            raise FailedError(f"the plan of pull request {merged.number} cannot be unpacked", code="EC740") from None
