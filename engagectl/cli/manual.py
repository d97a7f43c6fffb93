"""What the help of a command teaches: an example, what it reads and writes, and how it ends. Plain data, no imports."""

NOTHING = "nothing but the files that flags name"
_CODES = {
    1: "1 failed",
    2: "2 changes or drift, with --detailed-exitcode only",
    3: "3 the configuration is invalid, or a secret is missing",
    4: "4 refused, nothing was done",
    5: "5 partly done, run it again",
}
_OFFLINE, _READING, _WRITING = (3,), (1, 3, 4), (1, 3, 4, 5)

# command -> (example, what it reads, what it writes, its exit codes beside 0, 64 and 130)
MANUAL: dict[str, tuple[str, str, str, tuple[int, ...]]] = {
    "plan": (
        "plan --out plan.json",
        "the YAML, the warehouse's catalog and journal, or a snapshot of them",
        NOTHING,
        (1, 2, 3, 4),
    ),
    "apply": (
        "apply plan.json",
        "the YAML, the plan files, the warehouse",
        "tables and columns, the journal",
        _WRITING,
    ),
    "sync": (
        "sync --select activation.vip_membership",
        "the inputs, the applied state in the journal",
        "rows, checkpoints and quarantine, in one transaction a chunk",
        _WRITING,
    ),
    "drift": ("drift --detailed-exitcode", "the warehouse's catalog and journal", NOTHING, (1, 2, 3, 4)),
    "status": ("status --json", "the journal, the names and sizes of inputs", NOTHING, _READING),
    "history": ("history --syncs", "the journal", NOTHING, _READING),
    "init": (
        "init my_project --from 'data/*.jsonl.gz'",
        "the files of --from",
        "files that are not there yet; none is overwritten",
        (1,),
    ),
    "demo": ("demo --keep demo_project", "nothing", "a temporary folder, or that of --keep", (1,)),
    "inspect": (
        "inspect --warehouse postgres --schema 'engage_%'",
        "an existing warehouse, or files of messages",
        NOTHING,
        _READING,
    ),
    "import": ("import --schema engage_default", "the warehouse's catalog and journal", "YAML, with --write", _READING),
    "doctor": ("doctor -t prod", "connections, grants, versions, the clock", NOTHING, (1, 3)),
    "show": ("show activation.vip_membership", "the YAML, or a plan file", NOTHING, (3, 4)),
    "sql": ("sql table.engage_default.users", "the YAML", NOTHING, _OFFLINE),
    "graph": ("graph --format dot | dot -Tsvg", "the YAML", NOTHING, _OFFLINE),
    "docs": (
        "docs --html --out site --live",
        "the YAML; with --live the catalog and the journal",
        "files, with --out",
        _READING,
    ),
    "export": ("export dbt-sources --out models/engage", "the YAML", "a file per schema, with --out", _OFFLINE),
    "schema": ("schema --write", "nothing", ".engagectl/engagectl.schema.json, with --write", _OFFLINE),
    "explain": ("explain EC104", "nothing", "nothing", ()),
    "quarantine": ("quarantine list", "the journal", "rows that became storable, on replay; the journal", _WRITING),
    "disown": ("disown table.engage_default.users", "the journal", "ownership in the journal; no table", _READING),
    "unlock": ("unlock", "the lock in the journal", "the lock", _READING),
    "erase": (
        "erase --user u123 --dry-run",
        "the applied state",
        "deletes rows in the tables and the journal",
        _WRITING,
    ),
    "compare": (
        "compare engage_default engage_new --key id",
        "the rows of two schemas",
        NOTHING,
        (1, 2, 3, 4),
    ),
    "validate": ("validate --output-format github", "the YAML", NOTHING, _OFFLINE),
    "fmt": ("fmt --check", "the YAML", "the YAML, in one layout", (1, 3)),
    "ci": ("ci comment --body-file plan.md --marker plan:prod", "files, the code host", "comments, issues", (1, 4)),
    "completion": ("completion bash", "nothing", "nothing", ()),
    "version": ("version --json", "nothing", "nothing", ()),
}


def lesson(command: str) -> str:
    """Return the end of a command's help."""
    lines = []
    if command in MANUAL:
        example, reads, writes, codes = MANUAL[command]
        ends = ["0 done", *(_CODES[code] for code in codes), "64 the command line is wrong"]
        lines = [f"Example:  engagectl {example}", f"Reads:    {reads}", f"Writes:   {writes}"]
        lines += [f"{'Exit:' if number == 0 else '':<10}{text}" for number, text in enumerate(ends)]
        lines.append("")
    return "\b\n" + "\n".join([*lines, "Global flags (--target, --json, ...): engagectl --help"]).replace(
        "\n\n", "\n\n\b\n"
    )
