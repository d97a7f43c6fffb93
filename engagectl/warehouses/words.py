"""Names as SQL writes them where each engine may fold them: bare, unless some engine reserves the word."""

import re
from functools import lru_cache

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = """
account all alter analyse analyze and anti any array as asc asof asymmetric at authorization between binary both by
case cast check collate collation column columns concurrently connect connection constraint create cross current
current_catalog current_date current_role current_schema current_time current_timestamp current_user database default
deferrable delete desc describe distinct do drop else end except exists false fetch following for foreign freeze from
full generated glob grant group gscluster having ilike in increment initially inner insert intersect into is isnull
issue join lambda lateral leading left like limit localtime localtimestamp map minus natural not notnull null of
offset on only or order organization outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify
references regexp returning revoke right rlike row rows sample schema select semi session_user set show similar some
start struct summarize symmetric system_user table tablesample then to trailing trigger true try_cast tuple union unique
unpack unpivot update user using values variadic verbose view when whenever where window with
aes128 aes256 allowoverwrite az64 backup blanksasnull bytedict bzip2 credentials current_user_id deflate defrag delta
delta32k disable emptyasnull enable encode encrypt encryption explicit globaldict256 globaldict64k gzip identity ignore
interval language lun luns lzo lzop mostly13 mostly32 mostly8 new nulls off offline oid old open parallel partition
percent permissions raw readratio recover rejectlog resort respect restore snapshot sysdate system tag tdes text255
text32k timestamp top truncatecolumns wallet without
"""
RESERVED = frozenset(_RESERVED.split())
"""Words that name nothing unless they are quoted: those of duckdb_keywords() (2.0; it has all of PostgreSQL's), and of
Snowflake's "Reserved & limited keywords", and from `aes128` on those that only Redshift's "Reserved words" has.
"""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=4096)
def word(name: str) -> str:
    """Return a name as SQL writes it: bare where it can be, else quoted."""
    if _PLAIN.fullmatch(name) and name not in RESERVED:
        return name
    return quoted(name)
