"""Whether a warehouse loads objects itself, and by what. Apart from how: most syncs need no more than this."""

from engagectl.config.project import Project
from engagectl.warehouses.contract import Connection, Loader
from engagectl.warehouses.landing import Landing, Source
from engagectl.warehouses.registry import warehouse


def open_landing(project: Project, name: str, connection: Connection, loader: Loader) -> Landing | None:
    """Return what loads objects without the client, where the YAML says that a warehouse reaches some."""
    spec = project.spec.warehouses[name]
    make = warehouse(spec.type).landing
    if make is None or not spec.landings:
        return None
    return make(connection, loader, [Source(url, stage) for url, stage in spec.landings])
