"""The library: the functions that the command line calls, each doing one whole job.

A project is opened once and handed on. Connections are opened here, read-only where nothing is written, and closed
before the function returns. Every function raises EngagectlError subclasses and nothing else that a user could cause.
"""

from engagectl.api.adoption import compare, disown, draft_of, draft_yaml, import_yaml, inspect, inspect_files
from engagectl.api.connections import connected, holder_name
from engagectl.api.loads import erase, happened, history, purge_quarantine, quarantine, replay_quarantine, status, sync
from engagectl.api.plans import apply_plan, drift, empty_plan, last_applied_commit, make_plan, snapshot, sql
from engagectl.api.projects import fmt, open_project, refuse_untrusted, show, validate
from engagectl.api.revisions import path_in_repository
from engagectl.api.visits import Visit, doctor, grants, unlock

__all__ = [
    "Visit",
    "apply_plan",
    "compare",
    "connected",
    "disown",
    "doctor",
    "draft_of",
    "draft_yaml",
    "drift",
    "empty_plan",
    "erase",
    "fmt",
    "grants",
    "happened",
    "history",
    "holder_name",
    "import_yaml",
    "inspect",
    "inspect_files",
    "last_applied_commit",
    "make_plan",
    "open_project",
    "path_in_repository",
    "purge_quarantine",
    "quarantine",
    "refuse_untrusted",
    "replay_quarantine",
    "show",
    "snapshot",
    "sql",
    "status",
    "sync",
    "unlock",
    "validate",
]
