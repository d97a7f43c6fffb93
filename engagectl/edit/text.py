"""The text of one YAML file <-> documents that remember comments and quotes. The only import of ruamel.yaml.

ruamel is no judge of what a file says: our own loader reads before and after, and a text that would say anything else,
or lose a comment, is never handed out.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engagectl.config.load import Problem, load_yaml
from engagectl.errors import RefusedError

if TYPE_CHECKING:
    from ruamel.yaml import YAML

_COMMENT = re.compile(r"(?:^|[ \t])(#.*)$", re.MULTILINE)
_PASSES = 4  # a layout that is not stable after so many passes is not one to write
BOM = b"\xef\xbb\xbf"


def rewritten(raw: bytes, edit: Callable[[list[Any]], None] | None = None, *, file: str) -> bytes:
    """Return the file in our layout; with `edit`, after it has changed the documents in place.

    Line ends stay as most of the file has them. Raises RefusedError where the result would say anything else (without
    `edit`), lose a comment or not be stable; the file must be one that our loader reads.
    """
    crlf = raw.count(b"\r\n") * 2 > raw.count(b"\n")
    text = raw.removeprefix(BOM).decode("utf-8").replace("\r\n", "\n")
    before = said_by(raw)
    if edit is None and all(document is None for document in before):
        return raw  # nothing but comments: there is no layout to set
    documents = _read(text, file)
    if edit is not None:
        edit(documents)
    result = _stable(_write(documents), file)
    if edit is None and repr(said_by(result.encode())) != repr(before):
        raise _refused(file, "what it says would change")
    lost = _comments(text) - _comments(result)
    if lost:
        raise _refused(file, "a comment would be lost: comments inside [..] and {..} have no place of their own")
    data = (result.replace("\n", "\r\n") if crlf else result).encode()
    return BOM + data if raw.startswith(BOM) else data


def said_by(raw: bytes) -> list[Any]:
    """Return the documents as our loader reads them. Raises RefusedError when it cannot."""
    try:
        return load_yaml(raw)[0]
    except Problem as problem:
        raise RefusedError(problem.message, code="EC024", help="correct the file first") from None


def new_text(document: Any) -> str:
    """Return the text of a file that says only this."""
    return _stable(_write([document]), "the new file")


def _stable(text: str, file: str) -> str:
    for _ in range(_PASSES):
        again = _write(_read(text, file))
        if again == text:
            return text
        text = again
    raise _refused(file, "its layout does not settle")


def _comments(text: str) -> Counter[str]:
    return Counter(found.rstrip() for found in _COMMENT.findall(text))


def _refused(file: str, why: str) -> RefusedError:
    return RefusedError(f"{file} is left as it is: {why}", code="EC024", help="change its layout by hand")


def _yaml() -> "YAML":
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # lines are never folded: a diff shows what changed and nothing else
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.emitter.brace_single_entry_mapping_in_flow_sequence = True  # [{a: b}], never the short form [a: b]
    return yaml


def _read(text: str, file: str) -> list[Any]:
    from ruamel.yaml.error import YAMLError

    try:
        return list(_yaml().load_all(text))
    except (YAMLError, ValueError, NotImplementedError, RecursionError):
        raise _refused(file, "its layout cannot be kept") from None


def _write(documents: Sequence[Any]) -> str:
    stream = io.StringIO()
    _yaml().dump_all(documents, stream)
    return stream.getvalue()
