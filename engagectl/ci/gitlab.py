"""GitLab's REST API, as far as a job needs it (docs.gitlab.com/api: notes, issues, commits)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from engagectl.ci.forge import Comment, Issue, token_of
from engagectl.ci.http import Api


@dataclass(frozen=True, slots=True)
class GitLab:
    api: Api
    project: str
    request: int | None
    commit: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "GitLab":
        # a job's own token may not write notes: docs.gitlab.com/ci/jobs/ci_job_token
        token = token_of(env, "ENGAGECTL_GITLAB_TOKEN", "GITLAB_TOKEN")
        api = Api(env.get("CI_API_V4_URL") or "https://gitlab.com/api/v4", {"PRIVATE-TOKEN": token})
        request = env.get("CI_MERGE_REQUEST_IID", "")
        number = int(request) if request.isdecimal() else None
        return cls(api, env["CI_PROJECT_ID"], number, env.get("CI_COMMIT_SHA", ""))

    @property
    def _root(self) -> str:
        return f"/projects/{quote(self.project, safe='')}"

    def requests(self) -> tuple[int, ...]:
        if self.request is not None:
            return (self.request,)
        if not self.commit:
            return ()
        found = self.api.get(f"{self._root}/repository/commits/{quote(self.commit)}/merge_requests")
        return tuple(one["iid"] for one in found if one.get("state") == "merged")

    def comments(self, request: int) -> tuple[Comment, ...]:
        return tuple(
            Comment(id=str(one["id"]), body=one.get("body") or "")
            for one in self.api.pages(f"{self._root}/merge_requests/{request}/notes", sort="asc")
            if not one.get("system")
        )

    def add_comment(self, request: int, body: str) -> None:
        self.api.send("POST", f"{self._root}/merge_requests/{request}/notes", {"body": body})

    def change_comment(self, request: int, comment: Comment, body: str) -> None:
        self.api.send("PUT", f"{self._root}/merge_requests/{request}/notes/{comment.id}", {"body": body})

    def issues(self, label: str) -> tuple[Issue, ...]:
        return tuple(
            Issue(
                number=one["iid"],
                title=one["title"],
                body=one.get("description") or "",
                is_open=one["state"] == "opened",
            )
            for one in self.api.pages(f"{self._root}/issues", labels=label, scope="all")
        )

    def open_issue(self, title: str, body: str, *, label: str) -> Issue:
        made = self.api.send("POST", f"{self._root}/issues", {"title": title, "description": body, "labels": label})
        return Issue(number=made["iid"], title=title, body=body, is_open=True)

    def change_issue(self, issue: Issue, *, body: str, is_open: bool) -> None:
        event = {} if issue.is_open == is_open else {"state_event": "reopen" if is_open else "close"}
        self.api.send("PUT", f"{self._root}/issues/{issue.number}", {"description": body, **event})
