"""The plan of the tables (pure): what holds together in one, and a first one for a store that has drawn none."""

import re
from collections import Counter
from typing import Final

from sync.contract import limits
from sync.contract.orders import Area, FloorDrawn, Table
from sync.contract.words import Name, has_control

AREAS_MAX: Final = 12
TABLES_MAX: Final = 200
"""Of all areas: the plan is one fact, and facts are small."""
SEATS_MAX: Final = 60
GRID_MAX: Final = 60
TABLE_CHARS_MAX: Final = 12
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def mistakes(areas: tuple[Area, ...]) -> list[str]:
    """List what is wrong with a plan, in sentences that name the table; an empty list means that it may be in force."""
    tables = [table for area in areas for table in area.tables]
    if not tables or len(areas) > AREAS_MAX or len(tables) > TABLES_MAX:
        return [f"a plan has 1 to {TABLES_MAX} tables in at most {AREAS_MAX} areas"]
    found = _repeated("area", [area.id for area in areas])
    found += _repeated("table", [table.id for table in tables])
    # A name is what a waiter calls out and what stands on the docket.
    found += _repeated("table name", [table.name for table in tables])
    for area in areas:
        found += _area_mistakes(area)
    return found


def first_plan() -> FloorDrawn:
    """Give the plan of a store that has drawn none: twelve tables in a hall and two rooms, to be redrawn."""
    hall = tuple(
        Table(
            id=f"t{number}",
            name=f"A{number}",
            seats=4,
            x=1 + 4 * ((number - 1) % 4),
            y=1 + 4 * ((number - 1) // 4),
            width=3,
            height=3,
        )
        for number in range(1, 13)
    )
    rooms = tuple(
        Table(id=f"r{number}", name=f"V{number}", seats=10, x=1 + 7 * (number - 1), y=1, width=5, height=5, round=True)
        for number in (1, 2)
    )
    return FloorDrawn(
        version=0,
        areas=(
            Area(id="hall", name=Name("大厅", "Hall"), tables=hall, columns=18, rows=14),
            Area(id="rooms", name=Name("包间", "Rooms"), tables=rooms, columns=18, rows=8),
        ),
    )


def _area_mistakes(area: Area) -> list[str]:
    where = f"area {area.id[:32]!r}"
    found: list[str] = []
    if _ID.fullmatch(area.id) is None:
        found.append(f"{where}: an id is up to 32 letters, digits, dashes")
    names = (area.name.zh, area.name.en)
    if any(not text.strip() or len(text) > limits.NAME_CHARS_MAX or has_control(text) for text in names):
        found.append(f"{where}: it needs a name in both languages, of at most {limits.NAME_CHARS_MAX} characters")
    if not (1 <= area.columns <= GRID_MAX and 1 <= area.rows <= GRID_MAX):
        return [*found, f"{where}: its grid is 1 to {GRID_MAX} cells wide and high"]
    cells: dict[tuple[int, int], str] = {}
    for table in area.tables:
        wrong = _table_mistakes(area, table)
        found += wrong
        if wrong:
            continue
        for cell in ((table.x + dx, table.y + dy) for dx in range(table.width) for dy in range(table.height)):
            if cell in cells:
                found.append(f"table {table.name!r} stands on table {cells[cell]!r}")
                break
            cells[cell] = table.name
    return found


def _table_mistakes(area: Area, table: Table) -> list[str]:
    where = f"table {table.name[:32]!r}"
    found: list[str] = []
    if _ID.fullmatch(table.id) is None:
        found.append(f"{where}: an id is up to 32 letters, digits, dashes")
    if not table.name.strip() or len(table.name) > TABLE_CHARS_MAX or has_control(table.name):
        found.append(f"{where}: a table needs a name of at most {TABLE_CHARS_MAX} characters")
    if not 1 <= table.seats <= SEATS_MAX:
        found.append(f"{where}: it has 1 to {SEATS_MAX} seats")
    if not 0 <= table.minimum_fen <= limits.PRICE_FEN_MAX:
        found.append(f"{where}: the minimum lies outside 0 to {limits.PRICE_FEN_MAX} fen")
    inside = (
        table.width >= 1
        and table.height >= 1
        and table.x >= 0
        and table.y >= 0
        and table.x + table.width <= area.columns
        and table.y + table.height <= area.rows
    )
    if not inside:
        found.append(f"{where}: it stands outside the {area.columns} × {area.rows} cells of its area")
    return found


def _repeated(what: str, keys: list[str]) -> list[str]:
    return [f"{what} {key[:32]!r} stands twice" for key, count in Counter(keys).items() if count > 1]
