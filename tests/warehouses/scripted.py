"""A server that answers BigQuery's client as a test has written it: in the shapes of the discovery document."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engagectl.warehouses.bigquery.connect import connect
from engagectl.warehouses.bigquery.connection import BigQueryConnection

Answer = tuple[int, dict[str, Any]]


def refused(code: int, reason: str, message: str) -> Answer:
    return code, {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


def job(
    *, rows: list[list[Any]] | None = None, error: tuple[str, str] | None = None, changed: int = 0
) -> dict[str, Any]:
    told: dict[str, Any] = {"state": "DONE"}
    if error is not None:
        told["errorResult"] = {"reason": error[0], "message": error[1]}
        told["errors"] = [told["errorResult"]]
    return {"status": told, "rows": rows or [], "changed": changed}


class Scripted:
    """Answers requests: jobs by the first word of the script that their SQL holds, others by their path.

    What is left of a list of answers is given one by one, the last one again and again.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, list[dict[str, Any]]] = {"SESSION_USER": [job(rows=[["me@p.iam.gserviceaccount.com"]])]}
        self.paths: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.ran: dict[str, dict[str, Any]] = {}
        self.url = ""
        self.loaded = 1  # rows that each load brings
        self.etags: list[str | None] = []  # of each PATCH, its If-Match

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.asked.append((method, path, body))
        if path.startswith("/upload/"):
            return 200, {"Location": f"{self.url}/put/{body['jobReference']['jobId']}"}
        if path.startswith("/put/"):
            self.ran[path.rpartition("/")[2]] = done = job(rows=[["1"]] * self.loaded)
            return self._look("jobs", path.rpartition("/")[2], done | {"configuration": {"load": {}}})
        if method == "DELETE":
            return 204, {}
        if method == "POST" and path.endswith("/tables"):
            return 200, body
        if method == "POST" and path.endswith("/jobs"):
            return self._insert(body)
        if found := re.search(r"/(jobs|queries)/([^/?]+)", path):
            return self._look(found[1], found[2], self.ran[found[2]])
        for part, answers in self.paths.items():
            if re.search(part, path):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return refused(404, "notFound", f"Not found: {path}")

    def _insert(self, body: dict[str, Any]) -> Answer:
        sql, name = body["configuration"]["query"]["query"], body["jobReference"]["jobId"]
        answers = next(answers for word, answers in self.jobs.items() if word in sql)
        self.ran[name] = answers.pop(0) if len(answers) > 1 else answers[0]
        return self._look("jobs", name, self.ran[name] | {"configuration": body["configuration"]})

    def _look(self, kind: str, name: str, done: dict[str, Any]) -> Answer:
        told = {
            "jobReference": {"projectId": "p", "jobId": name, "location": "EU"},
            "status": done["status"],
            "configuration": done.get("configuration", {"query": {"query": ""}}),
            "statistics": {
                "query": {"numDmlAffectedRows": str(done["changed"])},
                "load": {"outputRows": str(len(done["rows"]))},
                "sessionInfo": {"sessionId": "s1"},
            },
        }
        if kind == "jobs":
            return 200, told
        fields = [{"name": f"f{n}", "type": "STRING"} for n, _ in enumerate(done["rows"][0] if done["rows"] else [])]
        rows = [{"f": [{"v": value} for value in row]} for row in done["rows"]]
        return 200, told | {
            "jobComplete": True,
            "schema": {"fields": fields},
            "rows": rows,
            "totalRows": str(len(rows)),
        }


class serving:  # noqa: N801  reads as the verb that it is
    def __enter__(self) -> Scripted:
        scripted = Scripted()

        class Handler(BaseHTTPRequestHandler):
            def do(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(size)
                body = {} if self.command == "PUT" else json.loads(sent or b"{}")
                if self.command == "PATCH":
                    scripted.etags.append(self.headers.get("If-Match"))
                code, told = scripted.answer(self.command, self.path.partition("?")[0], body)
                data = json.dumps(told).encode() if code != 204 else b""
                self.send_response(code)
                if "Location" in told:
                    self.send_header("Location", told["Location"])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815  the names that http.server calls

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        scripted.url = f"http://127.0.0.1:{self.server.server_port}"
        return scripted

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def opened(script: Scripted, *, read_only: bool = False, **more: str) -> BigQueryConnection:
    return connect(
        None,
        "bq",
        secrets={"project": "p", "location": "EU", "host": script.url, **more},
        root=Path(),
        read_only=read_only,
        lock_timeout_s=1.0,
        command="apply",
        target="prod",
        commit="0123456789abcdef",
    )
