"""Every error a user can meet. The type answers: what should the caller do?

EngagectlError
├── UsageError          64  the command line itself is wrong
├── ConfigError          3  fix the YAML (holds diagnostics, all at once), or a missing secret
├── RefusedError         4  a guard said no: nothing was done
│   ├── LockHeld             somebody else is working; names the holder
│   ├── StalePlan            the approved plan is not what would run now
│   ├── EditedPlan           the plan file is not what we wrote
│   ├── UnusableSnapshot     the catalog snapshot is not ours, of another project, or too old
│   └── NothingApplied       sync, drift: no apply has recorded a state yet
├── ConnectError         1  the warehouse cannot be reached or opened
├── TransientError       1  the same again may work
├── StatementError       1  the warehouse refused a statement of ours
│   └── ValueRefused         and it was for a value, or a row, that it does not take
├── FailedError          1  nothing committed, for a reason said in the message
├── PartlyDoneError      5  some of it is done and safe; run it again
├── Interrupted        130  asked to stop
└── InternalError        1  our bug: please report
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file of the project. Lines and columns count from 1, in code points; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem of the configuration, or one finding of a rule.

    `message` never holds a secret. `help` are lines that say what is allowed or what to do; `related` are other
    places that matter ("first defined here").
    """

    code: str
    severity: Severity
    message: str
    place: Place | None = None
    label: str = ""
    help: tuple[str, ...] = ()
    related: tuple[tuple[Place, str], ...] = ()


class EngagectlError(Exception):
    """The root: a code for `engagectl explain`, one sentence, and what to do."""

    exit_code = 1
    default_code = "EC900"

    def __init__(
        self, message: str, *, code: str = "", help: tuple[str, ...] | str = (), place: Place | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.help = (help,) if isinstance(help, str) else tuple(help)
        self.place = place

    def diagnostic(self) -> Diagnostic:
        return Diagnostic(code=self.code, severity="error", message=self.message, place=self.place, help=self.help)

    def every_diagnostic(self) -> tuple[Diagnostic, ...]:
        """Return what is to be shown: one diagnostic, or all those that the error stands for."""
        return (self.diagnostic(),)


class UsageError(EngagectlError):
    exit_code = 64
    default_code = "EC064"


class ConfigError(EngagectlError):
    """One or many problems of the configuration, reported together."""

    exit_code = 3
    default_code = "EC100"

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = sum(d.severity == "error" for d in diagnostics)
        super().__init__(f"{errors} error{'' if errors == 1 else 's'} in the configuration")
        self.diagnostics = diagnostics

    def every_diagnostic(self) -> tuple[Diagnostic, ...]:
        return self.diagnostics


class RefusedError(EngagectlError):
    """A guard said no. `found` are the findings behind it, each with its own place."""

    exit_code = 4
    default_code = "EC600"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        help: tuple[str, ...] | str = (),
        place: Place | None = None,
        found: tuple[Diagnostic, ...] = (),
    ) -> None:
        super().__init__(message, code=code, help=help, place=place)
        self.found = found

    def every_diagnostic(self) -> tuple[Diagnostic, ...]:
        return self.found or (self.diagnostic(),)


class LockHeld(RefusedError):  # noqa: N818  the names say the problem
    default_code = "EC510"


class StalePlan(RefusedError):  # noqa: N818
    default_code = "EC611"


class EditedPlan(RefusedError):  # noqa: N818
    default_code = "EC612"


class UnusableSnapshot(RefusedError):  # noqa: N818
    default_code = "EC618"


class NothingApplied(RefusedError):  # noqa: N818
    default_code = "EC701"


class ConnectError(EngagectlError):
    default_code = "EC500"


class TransientError(EngagectlError):
    default_code = "EC520"


class StatementError(EngagectlError):
    """The warehouse refused a statement. `sql` is what was sent; values were bound and are not in it."""

    default_code = "EC530"

    def __init__(self, message: str, *, sql: str = "", sqlstate: str = "", help: tuple[str, ...] | str = ()) -> None:
        super().__init__(message, help=help)
        self.sql = sql
        self.sqlstate = sqlstate


class ValueRefused(StatementError):  # noqa: N818
    """The warehouse refused a statement for a value, or a row, that it does not take; without it, it may run."""

    @property
    def reason(self) -> str:
        """What the quarantine says of a message that is refused so."""
        return f"refused_{self.sqlstate}" if self.sqlstate else "refused"


class FailedError(EngagectlError):
    default_code = "EC620"


class PartlyDoneError(EngagectlError):
    exit_code = 5
    default_code = "EC621"


class Interrupted(EngagectlError):  # noqa: N818
    exit_code = 130
    default_code = "EC130"


class InternalError(EngagectlError):
    default_code = "EC900"
