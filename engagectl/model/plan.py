"""What a plan is: ordered steps with their SQL, findings, and what is only reported. How it is made: planner."""

from dataclasses import dataclass, field
from typing import Literal

from engagectl.errors import Place, Severity
from engagectl.model.address import Address
from engagectl.model.change import Change, Hazard
from engagectl.model.feed import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says about a change, a feed or an object. `refuses` findings stop apply (exit 4). `owner` is the YAML
    owner of what drifted.
    """

    code: str
    severity: Severity
    message: str
    address: Address
    place: Place | None = None
    help: tuple[str, ...] = ()
    refuses: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of one object: the unit of approval. `id` is a sha256 over what approval compares (kind, address,
    before, after, hazards, SQL); `precondition` is a digest of what the change stands on in the catalog and no more.
    `rows` are the rows touched, None when unknown. Statements hold no values and no secrets.
    """

    id: str
    address: Address
    change: Change
    statements: tuple[str, ...]
    hazards: tuple[Hazard, ...] = ()
    precondition: str = ""
    rows: int | None = None
    place: Place | None = None
    owner: str = ""
    fed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An object that plan lists apart: retained (ours, no longer declared), unmanaged (not ours), segment (Segment's),
    added_by_sync, found (a type taken as it is), layout (kept as it is, the YAML says another), schema (an
    activation's, where Segment's own would not go), landing (how a feed is loaded whose objects the warehouse reaches).
    """

    kind: Literal[
        "retained", "unmanaged", "segment", "added_by_sync", "found", "retired", "layout", "schema", "landing"
    ]
    address: Address
    detail: str = ""
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehousePlan:
    """`feeds` is the applied state that apply would record. `creates_journal` is shown as one line, not counted.

    `followed` are renames and drops that an interrupted apply made and did not journal; `database_id` is the journal's.
    `queries` and `rows_read` (rows that came back) are what it cost to make.
    """

    warehouse: str
    type: str
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    noted: tuple[Noted, ...] = ()
    feeds: tuple[Feed, ...] = ()
    followed: tuple[Change, ...] = ()
    creates_journal: bool = False
    database_id: str = ""
    delivery: str = ""
    queries: int = 0
    rows_read: int = 0


Mode = Literal["warehouse", "offline", "base", "catalog"]
"""What a plan was compared with: the warehouse, nothing, the YAML at a git revision, a catalog snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`taken_at` is when the snapshot of a plan from one was taken, "" otherwise.
    `fingerprint` names it: sha256 over the steps, free of times, rows and paths. Times are RFC 3339 UTC.
    """

    project: str
    target: str
    warehouses: tuple[WarehousePlan, ...]
    fingerprint: str
    created_at: str
    expires_at: str
    engagectl: str
    commit: str = ""
    config_digest: str = ""
    mode: Mode = "warehouse"
    taken_at: str = ""
    base: str = ""
    selected: tuple[str, ...] = ()
    protected: bool = False
    findings: tuple[Finding, ...] = field(default=())

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for warehouse in self.warehouses for step in warehouse.steps)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        return self.findings + tuple(finding for warehouse in self.warehouses for finding in warehouse.findings)

    @property
    def refused(self) -> bool:
        return any(finding.refuses for finding in self.all_findings)
