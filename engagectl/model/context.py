"""The paths under `context` that have columns of their own in classic tables."""

from engagectl.model.names import stored_name

KNOWN_CONTEXT: tuple[str, ...] = (
    *(f"personas.{part}" for part in ("computation_class", "computation_id", "computation_key", "computation_run_id")),
    *(f"personas.{part}" for part in ("event_emitter_id", "namespace", "space_id")),
    "traits.email",
    "ip",
    "locale",
    "timezone",
    "userAgent",
    "library.name",
    "library.version",
    *(f"page.{part}" for part in ("path", "referrer", "search", "title", "url")),
    *(f"campaign.{part}" for part in ("name", "source", "medium", "term", "content")),
    *(f"app.{part}" for part in ("name", "version", "build", "namespace")),
    "os.name",
    "os.version",
)
MOBILE_CONTEXT: tuple[str, ...] = ("device.id", "device.advertisingId", "device.type", "device.adTrackingEnabled")


def context_name(path: str) -> str:
    """Return the column of a path without its `context_` in front."""
    return "_".join(stored_name(part) for part in path.split("."))
