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
    of_base: float | None

    @classmethod
    def of(cls, name: str, taken: Sequence[Measured], *, messages: int | None, base_s: float | None) -> "Row":
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
            of_base=median(cpu) / base_s if base_s is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """What a work must not pass, and what was seen, both in the unit that `what` names."""

    work: str
    what: str
    must: float
    seen: float


HEAD = (
    "| | CPU s: median (min to max) | client + server | wall s | peak MB | CPU µs a message | times | runs |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def written(
    rows: Mapping[str, Sequence[Row]], bars: Sequence[Bar], facts: Sequence[str], command: str, failed: Sequence[str]
) -> str:
    parts = [f"Command: `{command}`\n\nMachine: {'; '.join(facts)}.\n"]
    for title, each in rows.items():
        parts.append(f"### {title}\n\n{HEAD}" + "".join(map(_line, each)))
    if bars:
        parts.append("### The bars\n\n| work | | bar | seen |\n|---|---|---|---|\n" + "".join(map(_bar, bars)))
    parts += [f"Does not count: {text}.\n" for text in failed]
    return "\n".join(parts)


def _bar(bar: Bar) -> str:
    met = "" if bar.seen <= bar.must else " (missed)"
    return f"| {bar.work} | {bar.what} | {bar.must:g} | {bar.seen:.3g}{met} |\n"


def _line(row: Row) -> str:
    middle, least, most = row.cpu_s
    per = "" if row.us_per_message is None else f"{row.us_per_message:.1f}"
    of = "" if row.of_base is None else f"{row.of_base:.2f}"
    return (
        f"| {row.name} | {middle:.2f} ({least:.2f} to {most:.2f}) | {row.client_s:.2f} + {row.server_s:.2f}"
        f" | {row.wall_s:.2f} | {row.peak_mb:.0f} | {per} | {of} | {row.runs} |\n"
    )
