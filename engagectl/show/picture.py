"""Entity-relationship pictures: where each table stands, and the lines between them. Pure geometry, drawn as SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engagectl.show.dictionary import KEYS, Described, Dictionary, Entry

WIDTH, HEAD, ROW, GAP_X, GAP_Y, EDGE, LANE = 240, 34, 22, 64, 20, 20, 7
_ROWS, _TALL, _SQUARE, _MOST = 7, 560, 240, 36
_PADDING, _NAME_PX, _TYPE_PX = 12, 7.3, 6.7  # a character of 12 and of 11 pixels


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a box. `full` is its text uncut."""

    name: str
    type: str
    full: str
    is_key: bool
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    table: Described
    title: str
    x: int
    y: int
    height: int
    lines: tuple[Line, ...]

    def at(self, column: str) -> int:
        """Return the height of a column's row, of the head where it has none."""
        found = next((line.y for line in self.lines if line.full == column), HEAD // 2)
        return self.y + found


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The tables of one space in one warehouse. `paths` are SVG paths; `left_out` are tables without room."""

    warehouse: str
    space: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    left_out: int


def pictures(book: Dictionary) -> tuple[Picture, ...]:
    """Return a picture per space and warehouse: users first, then the classic tables, then those of activations."""
    spaces: dict[tuple[str, str], list[Described]] = {}
    for schema in book.schemas:
        for table in schema.tables:
            spaces.setdefault((schema.warehouse, table.space or schema.name), []).append(table)
    return tuple(_picture(warehouse, space, tables) for (warehouse, space), tables in spaces.items())


def _picture(warehouse: str, space: str, tables: Sequence[Described]) -> Picture:
    shown = [*(t for t in tables if t.role == "users"), *(t for t in tables if t.role != "users")][:_MOST]
    tall = max(_TALL, int(_SQUARE * len(shown) ** 0.5))
    columns = [
        *_stacked((one for one in shown if one.role == "users"), tall),
        *_stacked((one for one in shown if one.role not in ("users", "activation")), tall),
        *_stacked((one for one in shown if one.role == "activation"), tall),
    ]
    boxes: list[Box] = []
    for number, column in enumerate(columns):
        y = EDGE
        for table in column:
            box = _box(table, x=EDGE + number * (WIDTH + GAP_X), y=y)
            boxes.append(box)
            y += box.height + GAP_Y
    return Picture(
        warehouse=warehouse,
        space=space,
        width=2 * EDGE + len(columns) * (WIDTH + GAP_X) - GAP_X,
        height=max((box.y + box.height for box in boxes), default=0) + EDGE,
        boxes=tuple(boxes),
        paths=tuple(_paths(boxes)),
        left_out=len(tables) - len(shown),
    )


def _stacked(tables: Iterable[Described], tall: int) -> list[list[Described]]:
    """Return the tables in columns of bounded height."""
    columns: list[list[Described]] = []
    room = 0
    for table in tables:
        height = HEAD + ROW * len(_chosen(table)) + GAP_Y
        if not columns or height > room:
            columns.append([])
            room = tall
        columns[-1].append(table)
        room -= height
    return columns


def _chosen(table: Described) -> list[Entry]:
    """Return the columns that a box shows: its keys, then what is declared."""
    keys = [one for one in table.columns if one.name in ("id", "user_id")]
    declared = [one for one in table.columns if one.sources and one.name not in KEYS]
    return [*keys, *declared][:_ROWS]


def _box(table: Described, *, x: int, y: int) -> Box:
    lines = [_line(one, HEAD + ROW * n + ROW // 2) for n, one in enumerate(_chosen(table))]
    more = len(table.columns) - len(lines)
    if more:
        lines.append(Line(f"{more} more", "", "", is_key=False, y=HEAD + ROW * len(lines) + ROW // 2))
    return Box(
        table=table,
        title=_cut(table.name.table, 26),
        x=x,
        y=y,
        height=HEAD + ROW * len(lines) + 4,
        lines=tuple(lines),
    )


def _line(one: Entry, y: int) -> Line:
    type_ = _cut(one.type, 14)
    room = WIDTH - 3 * _PADDING - _TYPE_PX * len(type_)
    return Line(_cut(one.name, int(room / _NAME_PX)), type_, one.name, is_key=one.name in KEYS, y=y)


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _paths(boxes: Sequence[Box]) -> Iterable[str]:
    """Yield a line from each `user_id` to the `id` of users, and from each event's `id` to that of tracks."""
    users = next((box for box in boxes if box.table.role == "users"), None)
    tracks = next((box for box in boxes if box.table.role == "tracks"), None)
    for box in boxes:
        if users is not None and box is not users and box.table.find("user_id") is not None:
            yield _path(users, users.at("id"), box, box.at("user_id"))
        if tracks is not None and box.table.role == "event":
            yield _path(tracks, tracks.at("id"), box, box.at("id"))


def _path(start: Box, y1: int, end: Box, y2: int) -> str:
    """Return a curve to the next column or within one; further away the line goes over the top of all boxes."""
    x1, x2 = start.x + WIDTH, end.x
    if x2 < x1:
        return f"M{x1} {y1}C{x1 + 30} {y1} {x1 + 30} {y2} {x1} {y2}"
    if x2 - x1 <= GAP_X:
        bend = GAP_X // 2
        return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return f"M{x1} {y1}h16V{LANE}H{x2 - 16}V{y2}h16"
