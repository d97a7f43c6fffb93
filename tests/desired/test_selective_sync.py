"""The most specific rule decides; a tie excludes; no rule means the default."""

from engagectl.desired.selective_sync import Rules, Verdict


def test_an_exact_rule_beats_a_glob() -> None:
    rules = Rules(include=("table.engage_default.users",), exclude=("table.engage_default.*",))
    assert rules.table("engage_default.users", "default.main") == Verdict(True, "table.engage_default.users")
    assert rules.table("engage_default.tracks", "default.main") == Verdict(False, "table.engage_default.*")


def test_a_table_beats_its_source() -> None:
    rules = Rules(include=("table.engage_default.users",), exclude=("source.default.main",))
    assert rules.table("engage_default.users", "default.main") == Verdict(True, "table.engage_default.users")
    assert rules.table("engage_default.tracks", "default.main") == Verdict(False, "source.default.main")


def test_a_tie_excludes() -> None:
    rules = Rules(include=("trait.*",), exclude=("trait.score*",))
    assert rules.value("s.t.score_1", "trait.score_1") == Verdict(False, "trait.score*")


def test_a_column_beats_its_trait() -> None:
    rules = Rules(default="exclude", include=("column.s.users.phone",), exclude=("trait.phone",))
    assert rules.value("s.users.phone", "trait.phone").fed
    assert not rules.value("s.identifies.phone", "trait.phone").fed
    assert rules.value("s.users.email", "trait.email") == Verdict(False)
