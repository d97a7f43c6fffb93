"""Selective sync: the rules of one warehouse decide which tables and which values are fed.

A cell loads when its table is fed and its value is fed. For each question the most specific rule decides; a tie
excludes. What no rule names follows the default.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rule` is the address or glob that decided, "" when none did."""

    fed: bool
    rule: str = ""


_FED, _NOT_FED = Verdict(fed=True), Verdict(fed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules as written in `selective_sync` of a warehouse."""

    default: Literal["include", "exclude"] = "include"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def excludes_by_default(self) -> bool:
        return self.default == "exclude"

    def decide(self, addresses: Sequence[str]) -> Verdict | None:
        """Return what the most specific rule says; addresses go from the most specific kind to the least."""
        if not self.include and not self.exclude:
            return None
        for address in addresses:
            for is_exact in (True, False):
                for fed, rules in ((False, self.exclude), (True, self.include)):
                    for rule in rules:
                        if _matches(rule, address, is_exact=is_exact):
                            return Verdict(fed, rule)
        return None

    def table(self, table: str, source: str) -> Verdict | None:
        """Decide the first question, for `schema.table` and `space.source`; None when no rule names them."""
        return self.decide((f"table.{table}", f"source.{source}"))

    def source(self, source: str) -> Verdict | None:
        return self.decide((f"source.{source}",))

    def value(self, column: str, subject: str) -> Verdict:
        """Decide the second question, for `schema.table.column` and `trait.x`, `audience.x` or `journey.x`."""
        if not self.include and not self.exclude:
            return _NOT_FED if self.excludes_by_default else _FED
        asked = (*((f"column.{column}",) if column else ()), subject)
        return self.decide(asked) or (_NOT_FED if self.excludes_by_default else _FED)

    def of_undeclared(self) -> tuple[tuple[str, str], ...]:
        """Return what is said of columns that the YAML does not name, as (default, include or exclude; rule)."""
        said = [("include", rule) for rule in self.include] + [("exclude", rule) for rule in self.exclude]
        kept = [(verb, rule) for verb, rule in said if rule.partition(".")[0] in ("column", "trait")]
        return (("default", self.default), *kept) if kept or self.excludes_by_default else ()

    def attendant(self, column: str) -> Verdict:
        """Decide for an id, standard or context column: it follows its table unless a rule names it."""
        return self.decide((f"column.{column}",)) or _FED


def takes_undeclared(said: Sequence[tuple[str, str]], column: str, subject: str) -> bool:
    """Tell whether a column that sync would add is fed; one of the context (no subject) follows its table."""
    include, exclude = (tuple(rule for verb, rule in said if verb == which) for which in ("include", "exclude"))
    rules = Rules(default="exclude" if ("default", "exclude") in said else "include", include=include, exclude=exclude)
    return (rules.value(column, subject) if subject else rules.attendant(column)).fed


def _matches(rule: str, address: str, *, is_exact: bool) -> bool:
    if is_exact:
        return rule == address
    if not _GLOB.intersection(rule) or rule.partition(".")[0] != address.partition(".")[0]:
        return False
    return fnmatch.fnmatchcase(address, rule)
