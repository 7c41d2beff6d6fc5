"""Queries on live codes: the codes, how often they were opened, and where members came from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, case, func, insert, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.member_tables import members
from cloud.db.schema import live_codes, live_scans, live_scans_told


class LiveRow(msgspec.Struct, frozen=True):
    """A code; `target` is JSON, `stopped_ms` None while it holds."""

    code_id: str
    store: str
    place: str
    at: str
    label_zh: str
    label_en: str
    code: str
    target: bytes
    stopped_ms: int | None
    made_ms: int
    made_by: str
    changed_ms: int


class TollRow(msgspec.Struct, frozen=True):
    """So many scans of a code in a store's network on a day."""

    code_id: str
    store: str
    day: str
    scans: int


class OriginRow(msgspec.Struct, frozen=True):
    """So many members whose first touch was this one, joined at one store."""

    store: str
    place: str
    code: str
    at: str
    friend: bool
    joins: int


def insert_code(tx: Tx, row: LiveRow) -> None:
    """Keep a new code."""
    tx.run(insert(live_codes), msgspec.structs.asdict(row))


def put_target(tx: Tx, code_id: str, target: bytes, at_ms: int) -> None:
    """Let a code lead elsewhere."""
    tx.run(update(live_codes).where(live_codes.c.code_id == code_id).values(target=target, changed_ms=at_ms))


def stop(tx: Tx, code_id: str, at_ms: int) -> None:
    """Let a code hold no more."""
    tx.run(update(live_codes).where(live_codes.c.code_id == code_id).values(stopped_ms=at_ms, changed_ms=at_ms))


def one(reader: Reader, code_id: str) -> LiveRow | None:
    """Find a code."""
    row = reader.row(select(live_codes).where(live_codes.c.code_id == code_id))
    return None if row is None else LiveRow(*row)


def several(reader: Reader, code_ids: Sequence[str]) -> list[LiveRow]:
    """Find codes, in the order of the page."""
    query = select(live_codes).where(live_codes.c.code_id.in_(list(code_ids)))
    return [LiveRow(*row) for row in reader.rows(query.order_by(*_ORDER))]


def ats_of(reader: Reader, store: str, place: str) -> frozenset[str]:
    """Name the tables, tills or people of a store that have a code which holds; a door may have several."""
    one = live_codes.c
    query = select(one.at).where(one.store == store, one.place == place, one.stopped_ms.is_(None), one.at != "")
    return frozenset(row.at for row in reader.rows(query))


def listed(reader: Reader, *, store: str = "", place: str = "", limit: int = 2_000) -> list[LiveRow]:
    """List codes by store and place; stopped ones are among them, behind the others."""
    query = select(live_codes)
    if store:
        query = query.where(live_codes.c.store == store)
    if place:
        query = query.where(live_codes.c.place == place)
    return [LiveRow(*row) for row in reader.rows(query.order_by(*_ORDER).limit(limit))]


def count(reader: Reader, store: str) -> int:
    """Count a store's codes."""
    row = reader.row(select(func.count()).select_from(live_codes).where(live_codes.c.store == store))
    return int(row[0])


def add_scan(tx: Tx, code_id: str, day: str) -> None:
    """Count one opening on the hub's own page."""
    row = {"code_id": code_id, "day": day, "scans": 1}
    upsert(tx, live_scans, row, {"scans": lambda new: live_scans.c.scans + new.scans})


def add_told(tx: Tx, rows: Iterable[TollRow]) -> None:
    """Count what stores told."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in rows:
        sums[row.code_id, row.store, row.day] += row.scans
    told = [{"code_id": key[0], "store": key[1], "day": key[2], "scans": scans} for key, scans in sorted(sums.items())]
    upsert(tx, live_scans_told, told, {"scans": lambda new: live_scans_told.c.scans + new.scans})


def scans(reader: Reader, first_day: str = "", last_day: str = "9999") -> dict[str, int]:
    """Give how often each code was opened, at the hub and in shops' networks together."""
    found: dict[str, int] = defaultdict(int)
    for table in (live_scans, live_scans_told):
        within = table.c.day.between(first_day, last_day)
        query = select(table.c.code_id, func.sum(table.c.scans)).where(within).group_by(table.c.code_id)
        for code_id, total in reader.rows(query):
            found[code_id] += int(total)
    return dict(found)


def joins(reader: Reader) -> dict[str, int]:
    """Give how many joined by each live code: whoever did, merged or gone since."""
    query = select(members.c.code, func.count()).where(members.c.code.in_(select(live_codes.c.code_id)))
    return {code_id: int(total) for code_id, total in reader.rows(query.group_by(members.c.code))}


def origins(reader: Reader, first_day: str = "", last_day: str = "9999") -> list[OriginRow]:
    """Say where members came from who joined within days: each person once, by their first touch.

    Somebody who joined twice and was made one member came by what brought them first, whichever of both was kept. Codes of
    receipts are left out: each is another.
    """
    found: dict[_Touch, int] = defaultdict(int)
    alone = (members.c.merged_into == "") & members.c.member_id.not_in(select(members.c.merged_into))
    within = members.c.joined_day.between(first_day, last_day)
    query = _touches(func.count()).where(alone, within)
    for *touch, total in reader.rows(query.group_by("home", "place_of", "live", "at_of", "friend")):
        found[_Touch(*touch)] += int(total)
    for touch, day in _first_touches(reader):
        if first_day <= day <= last_day:
            found[touch] += 1
    return [OriginRow(*touch[:-1], bool(touch.friend), n) for touch, n in sorted(found.items(), key=_most_first)]


class _Touch(NamedTuple):
    store: str
    place: str
    code: str
    at: str
    friend: int


def _touches(*more: ColumnElement[Any]) -> Select[Any]:
    """Read of members by what they came: the code only where it is a live one, for those of receipts are each another."""
    return select(
        members.c.home_store.label("home"),
        members.c.place.label("place_of"),
        func.coalesce(live_codes.c.code_id, "").label("live"),
        members.c.at.label("at_of"),
        case((members.c.by_member != "", 1), else_=0).label("friend"),
        *more,
    ).select_from(members.outerjoin(live_codes, members.c.code == live_codes.c.code_id))


def _first_touches(reader: Reader) -> list[tuple[_Touch, str]]:
    """Give the first touch, and its day, of everybody who is made of several."""
    gone = select(members.c.merged_into).where(members.c.merged_into != "")
    query = _touches(members.c.member_id, members.c.merged_into, members.c.joined_ms, members.c.joined_day)
    rows = reader.rows(query.where((members.c.merged_into != "") | members.c.member_id.in_(gone)))
    into = {row.member_id: row.merged_into for row in rows}
    first: dict[str, tuple[int, str, _Touch, str]] = {}
    for row in rows:
        who = row.member_id
        while into.get(who):
            who = into[who]
        touch = (row.joined_ms, row.member_id, _Touch(*row[:5]), row.joined_day)
        first[who] = min(first.get(who, touch), touch)
    return [(touch, day) for _, _, touch, day in first.values()]


def _most_first(pair: tuple[_Touch, int]) -> tuple[int, _Touch]:
    return -pair[1], pair[0]


_ORDER = (
    live_codes.c.stopped_ms.is_not(None),
    live_codes.c.store,
    live_codes.c.place,
    live_codes.c.at,
    live_codes.c.made_ms,
    live_codes.c.code_id,
)
