"""What PostgreSQL takes and Redshift refuses: the emulator of the tests refuses it, too, and so does a test of all SQL.

Each is from the "Database Developer Guide": the page is named beside it.
"""

import re

_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_NAME = re.compile(r'"(?:[^"]|"")*"')

REFUSED: dict[str, str] = {
    # "ALTER TABLE"
    r"\bADD COLUMN IF NOT EXISTS\b": "ADD COLUMN knows no IF NOT EXISTS",
    r"\bDROP COLUMN IF EXISTS\b": "DROP COLUMN knows no IF EXISTS",
    r"\bALTER TABLE\b.*\bADD (?:COLUMN )?.*,\s*ADD\b": "one column an ALTER TABLE",
    r"\bSET DATA TYPE\b": "ALTER COLUMN .. TYPE, without SET DATA",
    r"\bALTER COLUMN\b.*\bUSING\b": "ALTER COLUMN TYPE casts nothing",
    r"\bALTER COLUMN\b.*\bTYPE (?!VARCHAR\()": "only a VARCHAR changes its size",
    r"\bALTER COLUMN\b.*\b(?:SET|DROP) (?:NOT NULL|DEFAULT)\b": "neither NOT NULL nor a default is altered",
    # "Unsupported PostgreSQL features", "Features that are implemented differently"
    r"\bON CONFLICT\b": "INSERT knows no ON CONFLICT",
    r"\bRETURNING\b": "no statement returns rows that it wrote",
    r"\bCREATE (?:UNIQUE )?INDEX\b": "there are no indexes",
    r"\(\s*VALUES\s*\(": "VALUES is no table",
    r"\bARRAY\s*\[|\bANY\s*\(\s*(?:\?|\$\d)|\[\]": "there are no arrays of parameters",
    r"\bpg_(?:try_)?advisory_": "there are no advisory locks",
    r"\bCREATE TEMP\w* TABLE\b.*\bON COMMIT\b": "temporary tables last as long as their session",
    r"\bWITH NO DATA\b": "CREATE TABLE AS stores what it selects",
    r"\bfillfactor\b": "there are no storage parameters",
    r"\bTABLESPACE\b|\bINHERITS\b|\bPARTITION BY RANGE\b": "no tablespaces, inheritance or partitions",
    r"\bCOLLATE \"": "no collations of other names",
    r"\bIS (?:NOT )?DISTINCT FROM\b": "no such comparison",
    r"\bFILTER \(WHERE\b": "aggregates know no FILTER",
    r"\bLATERAL\b": "no LATERAL",
    r"\binfinity\b": "a time is never infinite",
    # "Reserved words": those of them that no statement of ours has a use for
    r"\b(?:identity|tag|open|permissions|snapshot|restore|recover|language|backup|wallet|offline|parallel|delta"
    r"|deflate|defrag|resort|luns?)\b": "a reserved word that is not quoted",
    # "Unsupported PostgreSQL data types"
    r"\bJSONB?\b(?!_)": "JSON is SUPER",
    r"\bUUID\b(?!_)": "there is no type UUID",
    r"\b(?:BYTEA|HSTORE|BIGSERIAL|CIDR|JSONPATH|TSVECTOR)\b": "no such type",
    r"\bto_regclass\b|\bto_regnamespace\b|\bjsonb_|\bset_config\(": "no such function",
}


def refusal(sql: str) -> str | None:
    """Return why Redshift refuses a statement; None where none of this is in it."""
    bare = _NAME.sub(lambda name: "x" if name[0] != '"C"' else name[0], _TEXT.sub("''", sql))
    return next((why for shape, why in REFUSED.items() if re.search(shape, bare, re.IGNORECASE | re.DOTALL)), None)
