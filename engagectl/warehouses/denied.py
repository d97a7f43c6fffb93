"""Which grants a session lacks, once the engine has refused a statement of it: by name, as `doctor` finds them."""

from engagectl.errors import EngagectlError, StatementError
from engagectl.warehouses.contract import Connection, Needs, Warehouse

_STATES = ("42", "02")
"""Classes of SQLSTATE that engines give to what is not granted; some say that it is not there."""


def grants_lacking(
    error: EngagectlError, connection: Connection, record: Warehouse, journal: str, needs: Needs
) -> tuple[str, ...]:
    """Return the statements that give what is lacking, a line for each role; nothing when it is not for a grant, or
    grants cannot be read.
    """
    if not isinstance(error, StatementError) or error.sqlstate[:2] not in _STATES:
        return ()
    try:
        checks = record.doctor(connection, journal, needs)
    except EngagectlError:
        return ()
    roles = {f"{role} role" for role in needs.roles}
    return tuple(check.fix for check in checks if check.name in roles and not check.ok and check.fix)
