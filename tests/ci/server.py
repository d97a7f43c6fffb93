"""A code host on this machine: the endpoints that we call, in the shapes of GitHub's and GitLab's own documentation."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ghs_canary0123456789"


@dataclass
class Repository:
    """What the host keeps. `blobs` are served by a second server, which must never see the token."""

    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    store: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    fail_with: int = 0


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def store_of(repository: Repository) -> type[BaseHTTPRequestHandler]:
    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "Authorization" in self.headers or "PRIVATE-TOKEN" in self.headers:
                repository.leaked.append(self.path)
            content = repository.blobs.get(self.path, b"")
            self.send_response(200 if content else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            """Keep the tests' output clean."""

    return Store


def github_of(repository: Repository) -> type[BaseHTTPRequestHandler]:
    """Return GitHub's endpoints: docs.github.com/rest."""

    class Handler(_Json):
        keeps = repository
        sign_in = ("Authorization", f"Bearer {TOKEN}")

        def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
            if (found := re.fullmatch(r"/repos/acme/data/issues/(\d+)/comments", path)) is not None:
                comments = repository.comments.setdefault(int(found[1]), [])
                if method == "POST":
                    one = {"id": 1000 + sum(map(len, repository.comments.values())), "body": body["body"]}
                    comments.append(one)
                    return 201, one
                return 200, paged(comments, query)
            if (found := re.fullmatch(r"/repos/acme/data/issues/comments/(\d+)", path)) is not None:
                (one,) = [c for all_of in repository.comments.values() for c in all_of if c["id"] == int(found[1])]
                one["body"] = body["body"]
                return 200, one
            if path == "/repos/acme/data/issues":
                if method == "POST":
                    labels = [{"name": name} for name in body["labels"]]
                    issue = {"number": len(repository.issues) + 1, "state": "open", **body, "labels": labels}
                    repository.issues.append(issue)
                    return 201, issue
                wanted = [i for i in repository.issues if query["labels"] in [one["name"] for one in i["labels"]]]
                return 200, paged(wanted, query)
            if (found := re.fullmatch(r"/repos/acme/data/issues/(\d+)", path)) is not None and method == "PATCH":
                (issue,) = [i for i in repository.issues if i["number"] == int(found[1])]
                issue.update(body)
                return 200, issue
            if (found := re.fullmatch(r"/repos/acme/data/commits/(\w+)/pulls", path)) is not None:
                return 200, repository.pulls.get(found[1], [])
            if (found := re.fullmatch(r"/repos/acme/data/compare/(\w+)\.\.\.(\w+)", path)) is not None:
                first, last = (
                    next(n for n, c in enumerate(repository.commits) if c.startswith(g)) for g in found.groups()
                )
                upto = repository.commits[first + 1 : last + 1]
                return 200, {"total_commits": len(upto), "commits": paged([{"sha": sha} for sha in upto], query)}
            if path == "/repos/acme/data/actions/artifacts":
                named = [one for one in repository.artifacts if one["name"] == query["name"]]
                return 200, {"total_count": len(named), "artifacts": paged(named, query)}
            if (found := re.fullmatch(r"/repos/acme/data/actions/artifacts/(\d+)/zip", path)) is not None:
                return 302, f"{repository.store}/{found[1]}.zip"
            return 404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}

    return Handler


def gitlab_of(repository: Repository) -> type[BaseHTTPRequestHandler]:
    """Return GitLab's endpoints: docs.gitlab.com/api."""

    class Handler(_Json):
        keeps = repository
        sign_in = ("PRIVATE-TOKEN", TOKEN)

        def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
            if (found := re.fullmatch(r"/projects/7/merge_requests/(\d+)/notes", path)) is not None:
                notes = repository.comments.setdefault(int(found[1]), [])
                if method == "POST":
                    notes.append({"id": 300 + len(notes), "body": body["body"], "system": False})
                    return 201, notes[-1]
                return 200, paged(notes, query)
            if (found := re.fullmatch(r"/projects/7/merge_requests/(\d+)/notes/(\d+)", path)) is not None:
                (note,) = [one for one in repository.comments[int(found[1])] if one["id"] == int(found[2])]
                note["body"] = body["body"]
                return 200, note
            if path == "/projects/7/issues":
                if method == "POST":
                    issue = {"iid": len(repository.issues) + 1, "state": "opened", **body, "labels": [body["labels"]]}
                    repository.issues.append(issue)
                    return 201, issue
                return 200, paged([one for one in repository.issues if query["labels"] in one["labels"]], query)
            if (found := re.fullmatch(r"/projects/7/issues/(\d+)", path)) is not None:
                (issue,) = [one for one in repository.issues if one["iid"] == int(found[1])]
                issue["description"] = body["description"]
                issue["state"] = {"close": "closed", "reopen": "opened"}.get(body.get("state_event"), issue["state"])
                return 200, issue
            return 404, {"message": "404 Not found"}

    return Handler


def paged(items: list[Any], query: dict[str, str]) -> list[Any]:
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    return items[(page - 1) * size : page * size]


class _Json(BaseHTTPRequestHandler):
    keeps: Repository
    sign_in: tuple[str, str]

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        raise NotImplementedError

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.keeps.calls.append((self.command, path))
        name, value = self.sign_in
        if self.keeps.fail_with:
            status, content = self.keeps.fail_with, {"message": "Resource not accessible by integration"}
        elif self.headers.get(name) != value:
            status, content = 401, {"message": "Bad credentials"}
        else:
            status, content = self.answer(self.command, path, query, body)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", content)
            self.end_headers()
            return
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815  the names that http.server calls

    def log_message(self, *words: object) -> None:
        """Keep the tests' output clean."""
