"""Messages that a warehouse does not take although each value fits its column: which they are, by trying parts.

A trial is a transaction that is rolled back. What is found goes into the quarantine, and the rest of its chunk loads;
a chunk that is refused for more than a few messages leaves its feed out, as any other refusal does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engagectl.errors import StatementError, ValueRefused
from engagectl.sync.chunk import Cells, Work, store
from engagectl.sync.stage import Stage
from engagectl.sync.transaction import Writer, widest

FEW, TRIALS = 100, 2_000
"""As many messages, and as many trials, at most for one feed and chunk. One among a million takes forty trials."""
Refusal = Callable[[Sequence[int]], str]
"""Why some lines, tried together, are not taken; "" when they are."""
_OF_THE_TABLE = "refused_23"
"""How the reasons begin that are a constraint of one table: another table may take the same message."""


@dataclass
class Doubts:
    """What a warehouse has refused of one chunk: `refused` are lines with their reasons, for each feed."""

    refused: dict[Work, dict[int, str]] = field(default_factory=dict)
    works: list[Work] = field(default_factory=list)  # of which some line is refused, and it is not known yet which
    error: ValueRefused | None = None

    def begin(self, error: StatementError, works: Sequence[Work]) -> bool:
        """Doubt the lines of some feeds; False when the error is about no value, and no line can be at fault."""
        if isinstance(error, ValueRefused):
            self.error, self.works = error, list(works)
        return isinstance(error, ValueRefused)

    def find(self, writer: Writer, stage: Stage, made: Mapping[Work, Cells], others: Sequence[Work]) -> bool:
        """Find lines that are refused; False when none is refused for itself. `others` are all feeds at work: what
        identifies does not take for its values, users does not either.
        """
        is_found = False
        for work in self.works:
            lines = _find(writer, stage, work, made[work])
            is_found |= bool(lines)
            self.refused.setdefault(work, {}).update(lines)
            of_values = {line: why for line, why in lines.items() if not why.startswith(_OF_THE_TABLE)}
            for other in others:
                if other.feed.kind == "users" and _source(other) == _source(work):
                    self.refused.setdefault(other, {}).update(of_values)
        if is_found:
            self.error = None
        return is_found


def _source(work: Work) -> tuple[str, str]:
    return (work.feed.space, work.feed.source) if work.feed.kind != "activation" else ("", "")


def _find(writer: Writer, stage: Stage, work: Work, made: Cells) -> dict[int, str]:
    loading = f"SELECT line_no FROM {work.outcomes} WHERE outcome = 'load' ORDER BY 1"
    lines = [int(line) for (line,) in stage.handle.execute(loading).fetchall()]
    return narrowed(lines, lambda some: _refusal(writer, work, made, some))


def narrowed(lines: Sequence[int], refusal: Refusal) -> dict[int, str]:
    """Halve what is refused until single lines are left, each tried alone; nothing when they are more than a few."""
    doubted, found = [lines] if lines else [], dict[int, str]()
    for _ in range(TRIALS):
        if not doubted or len(found) > FEW:
            break
        some = doubted.pop()
        if why := refusal(some):
            if len(some) == 1:
                found[some[0]] = why
            else:
                half = len(some) // 2
                doubted += [some[half:], some[:half]]
    return {} if doubted else found


def _refusal(writer: Writer, work: Work, made: Cells, lines: Sequence[int]) -> str:
    writer.loader.ready(widest([work]))
    writer.connection.begin()
    try:
        store(writer.loader, work, made, between=(lines[0], lines[-1]))
        writer.loader.carry_out()
    except ValueRefused as error:
        return error.reason
    finally:
        writer.connection.rollback()
    return ""
