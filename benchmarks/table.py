"""Measurements -> Markdown tables: medians, with min and max where they matter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from measure import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    runs: int
    client_s: float
    server_s: float
    cpu_s: tuple[float, float, float]
    wall_s: float
    peak_mb: float
    us_per_message: float | None
    of_limit: float | None

    @classmethod
    def of(cls, name: str, taken: Sequence[Measured], *, messages: int | None, limit_s: float | None) -> "Row":
        cpu = [one.cpu_s for one in taken]
        return cls(
            name=name,
            runs=len(taken),
            client_s=median(one.client_s for one in taken),
            server_s=median(one.server_s for one in taken),
            cpu_s=(median(cpu), min(cpu), max(cpu)),
            wall_s=median(one.wall_s for one in taken),
            peak_mb=max(one.peak_mb for one in taken),
            us_per_message=median(cpu) * 1e6 / messages if messages is not None else None,
            of_limit=median(cpu) / limit_s if limit_s is not None else None,
        )


HEAD = (
    "| | CPU s: median (min to max) | client + server | wall s | peak MB | CPU µs a message | of the limit | runs |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def written(rows: Mapping[str, Sequence[Row]], facts: Sequence[str], command: str, failed: Sequence[str]) -> str:
    parts = [f"Command: `{command}`\n\nMachine: {'; '.join(facts)}.\n"]
    for title, each in rows.items():
        parts.append(f"### {title}\n\n{HEAD}" + "".join(map(_line, each)))
    parts += [f"Does not count: {text}.\n" for text in failed]
    return "\n".join(parts)


def _line(row: Row) -> str:
    middle, least, most = row.cpu_s
    per = "" if row.us_per_message is None else f"{row.us_per_message:.1f}"
    of = "" if row.of_limit is None else f"{row.of_limit:.2f}"
    return (
        f"| {row.name} | {middle:.2f} ({least:.2f} to {most:.2f}) | {row.client_s:.2f} + {row.server_s:.2f}"
        f" | {row.wall_s:.2f} | {row.peak_mb:.0f} | {per} | {of} | {row.runs} |\n"
    )
