"""Rules about how a connection is secured."""

from collections.abc import Iterator

from engagectl.config.check.facts import report
from engagectl.config.project import Project
from engagectl.config.warehouse import PostgresSpec, RedshiftSpec, is_local_host
from engagectl.errors import Diagnostic

_UNVERIFIED = ("disable", "allow", "prefer", "require")


def servers_elsewhere_are_verified(project: Project) -> Iterator[Diagnostic]:
    """Judge what the YAML says; what a dsn holds is a secret, and what a reference names is taken for elsewhere."""
    for this, spec in project.spec.warehouses.items():
        if not isinstance(spec, PostgresSpec | RedshiftSpec) or spec.sslmode not in _UNVERIFIED:
            continue
        if spec.host is None or (isinstance(spec.host, str) and is_local_host(spec.host)):
            continue
        at = project.origin("warehouses", this).under("sslmode")
        message = f"warehouses.{this} does not check who the server is: whoever sits between can read and change all"
        advice = "leave sslmode out (verify-full); PGSSLROOTCERT or ~/.postgresql/root.crt names your own authority"
        yield report(project, "EC414", "warning", message, at, advice)
