"""The first page of help, from the registry and the flags alone: it is shown without importing Typer."""

from engagectl.cli.flags import help_text
from engagectl.cli.registry import COMMANDS

ABOUT = "Plan, review and load Engage audiences, computed traits and journeys into\nyour warehouse, from YAML."


def front_page() -> str:
    """Return what `engagectl --help` prints: the commands by group, in the order of the registry, and the flags."""
    indented = ABOUT.replace("\n", "\n  ")
    parts = [
        f"Usage: engagectl [OPTIONS] COMMAND [ARGS]...\n\n  {indented}\n",
        "Options:\n  -h, --help  Show this message and exit.\n",
    ]
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, (_, text, group) in COMMANDS.items():
        groups.setdefault(group, []).append((name, text))
    for group, lines in groups.items():
        width = max(len(name) for name, _ in lines)
        parts.append("\n".join([f"{group}:", *(f"  {name:<{width}}  {text}" for name, text in lines)]) + "\n")
    return "\n".join([*parts, help_text()])
