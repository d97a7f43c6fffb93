"""Apply as on an engine where DDL is in no transaction: the real engine, whose DDL commits what is open and itself."""

import dataclasses
import uuid
from datetime import UTC, datetime

from engagectl import api
from engagectl.apply.run import Run
from engagectl.config.project import Project
from engagectl.planner import make_plan
from engagectl.warehouses.registry import warehouse
from tests.apply.plug import Plug

_NEVER = 1 << 60


def apply_without_transactions(project: Project) -> None:
    with api.connected(project, command="test", read_only=False) as connections:
        plan = make_plan(project, connections=connections, now=datetime.now(UTC))
        for part in plan.warehouses:
            record = warehouse(part.type)
            capabilities = dataclasses.replace(record.capabilities, ddl_in_transaction=False)
            Run(
                plan=plan,
                part=part,
                connection=Plug(connections[part.warehouse], _NEVER),  # type: ignore[arg-type]  # no lock is asked of it
                record=dataclasses.replace(record, capabilities=capabilities),
                journal=project.spec.journal_schema,
                apply_id=uuid.uuid4().hex,
            ).go()
