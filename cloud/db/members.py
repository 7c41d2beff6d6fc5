"""Queries on members: who joined, what finds them, what they agreed to, whose guests they are, what they bought."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import bindparam, case, delete, func, insert, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.member_tables import (
    member_claims,
    member_consents,
    member_dishes,
    member_gifts,
    member_index,
    member_merges,
    member_returns,
    member_sales,
    member_stores,
    members,
)

_SLICE = 500
PHONE, TOKEN, TAIL, GIFT = "phone", "token", "tail", "gift"
"""What finds a member: the phone number, a card or tag, the last four digits; all as keyed digests. `gift` is the phone once
more, under the key of the gifts.
"""


# Made once: every fact of a member runs them, and to put one together costs as much as to run it.
_MEMBER = select(members).where(members.c.member_id == bindparam("of_member"))
_MERGED = select(members.c.merged_into).where(members.c.member_id == bindparam("of_member"))
_LAST_STORE = (
    select(member_stores.c.store)
    .where(member_stores.c.member_id == bindparam("of_member"))
    .order_by(member_stores.c.seen_ms.desc(), member_stores.c.store)
    .limit(1)
)


class MemberRow(msgspec.Struct, frozen=True):
    """A member. `by_member` is the friend who brought them; `merged_into` is set where they turned out to be another."""

    member_id: str
    joined_ms: int
    joined_day: str
    home_store: str
    place: str
    code: str = ""
    at: str = ""
    by_member: str = ""
    key_id: str = ""
    sealed: str = ""
    profiled_ms: int = 0
    merged_into: str = ""
    merged_ms: int | None = None
    left_ms: int | None = None
    staff: int = 0


class ConsentRow(msgspec.Struct, frozen=True):
    """What a member said to one purpose, once. `n` orders what was said in the same millisecond."""

    member_id: str
    purpose: str
    at_ms: int
    n: int
    given: int
    text: str
    channel: str
    store: str


class SaleRow(msgspec.Struct, frozen=True):
    """A bill of a member."""

    sale_id: str
    store: str
    member_id: str
    at_ms: int
    day: str
    hour: int
    table_no: str
    receipt_no: str
    total_fen: int


class ReturnRow(msgspec.Struct, frozen=True):
    """Money of a sale that went back."""

    refund_id: str
    sale_id: str
    store: str
    amount_fen: int
    at_ms: int


class MergeRow(msgspec.Struct, frozen=True):
    """Two members who turned out to be one."""

    merge_id: str
    loser: str
    survivor: str
    at_ms: int
    actor: str
    reason: str
    undone_ms: int | None = None


class Sums(NamedTuple):
    """What a member's bills come to, less what went back."""

    visits: int
    spent_fen: int
    first_day: str
    last_day: str
    last_store: str


# --------------------------------------------------------------------------------------------------------------- members


def insert_member(tx: Tx, row: MemberRow) -> None:
    """Keep a new member."""
    tx.run(insert(members), msgspec.structs.asdict(row))


def member(reader: Reader, member_id: str) -> MemberRow | None:
    """Find a member."""
    row = reader.row(_MEMBER, {"of_member": member_id})
    return None if row is None else MemberRow(*row)


def members_of(reader: Reader, member_ids: Sequence[str]) -> dict[str, MemberRow]:
    """Find members."""
    found: dict[str, MemberRow] = {}
    if len(member_ids) == 1:
        one = member(reader, member_ids[0])
        return {} if one is None else {one.member_id: one}
    for start in range(0, len(member_ids), _SLICE):
        query = select(members).where(members.c.member_id.in_(member_ids[start : start + _SLICE]))
        found.update({row.member_id: MemberRow(*row) for row in reader.rows(query)})
    return found


def newest(reader: Reader, limit: int, before_ms: int | None = None) -> list[MemberRow]:
    """List members who stand, the newest first."""
    query = select(members).where(members.c.merged_into == "", members.c.left_ms.is_(None))
    if before_ms is not None:
        query = query.where(members.c.joined_ms < before_ms)
    query = query.order_by(members.c.joined_ms.desc(), members.c.member_id).limit(limit)
    return [MemberRow(*row) for row in reader.rows(query)]


def count(reader: Reader) -> int:
    """Count the members who stand."""
    query = select(func.count()).select_from(members).where(members.c.merged_into == "", members.c.left_ms.is_(None))
    return int(reader.row(query)[0])


def resolve(reader: Reader, member_id: str) -> str:
    """Follow merges to the member who stands; somebody unknown is themselves."""
    seen = {member_id}
    while True:
        row = reader.row(_MERGED, {"of_member": member_id})
        if row is None or not row.merged_into or row.merged_into in seen:
            return member_id
        member_id = row.merged_into
        seen.add(member_id)


def merged_into(reader: Reader, member_id: str) -> list[str]:
    """List all members who turned out to be this one, at whatever remove."""
    found: list[str] = []
    wanted = [member_id]
    while wanted:
        rows = reader.rows(select(members.c.member_id).where(members.c.merged_into.in_(wanted)))
        wanted = [row.member_id for row in rows if row.member_id not in found and row.member_id != member_id]
        found += wanted
    return sorted(found)


def put_profile(tx: Tx, member_id: str, key_id: str, sealed: str, at_ms: int) -> None:
    """Set a member's sealed profile unless a later one is there."""
    place = members.c.member_id == member_id
    tx.run(
        update(members)
        .where(place, members.c.profiled_ms <= at_ms, members.c.left_ms.is_(None))
        .values(key_id=key_id, sealed=sealed, profiled_ms=at_ms)
    )


def set_merged(tx: Tx, loser: str, survivor: str, at_ms: int | None) -> None:
    """Say that a member is another; an empty survivor says that they are themselves again."""
    tx.run(update(members).where(members.c.member_id == loser).values(merged_into=survivor, merged_ms=at_ms))


def set_left(tx: Tx, member_id: str, at_ms: int) -> None:
    """Forget who a member is: the profile, what finds them, what they ordered; the row stays, as a pseudonym."""
    tx.run(
        update(members)
        .where(members.c.member_id == member_id)
        .values(left_ms=func.coalesce(members.c.left_ms, at_ms), key_id="", sealed="")
    )
    tx.run(delete(member_index).where(member_index.c.member_id == member_id))
    tx.run(delete(member_dishes).where(member_dishes.c.member_id == member_id))


def set_staff(tx: Tx, member_id: str, *, staff: bool) -> None:
    """Say whether a member works here."""
    tx.run(update(members).where(members.c.member_id == member_id).values(staff=int(staff)))


def left(reader: Reader) -> set[str]:
    """List the members who left."""
    return {row.member_id for row in reader.rows(select(members.c.member_id).where(members.c.left_ms.is_not(None)))}


def brought(reader: Reader, member_id: str, limit: int = 200) -> list[MemberRow]:
    """List whom a member brought."""
    query = select(members).where(members.c.by_member == member_id).order_by(members.c.joined_ms.desc()).limit(limit)
    return [MemberRow(*row) for row in reader.rows(query)]


def count_brought(reader: Reader, member_id: str) -> int:
    """Count whom a member brought."""
    return int(reader.row(select(func.count()).select_from(members).where(members.c.by_member == member_id))[0])


def joined_with(reader: Reader, code: str) -> int:
    """Count who joined with a code."""
    return int(reader.row(select(func.count()).select_from(members).where(members.c.code == code))[0])


# ------------------------------------------------------------------------------------------------------------ the index


def put_index(tx: Tx, kind: str, digest: str, member_id: str) -> None:
    """Let a digest find a member."""
    row = {"kind": kind, "digest": digest, "member_id": member_id}
    upsert(tx, member_index, row, {"member_id": member_id})


def clear_index(tx: Tx, member_id: str, kinds: Sequence[str]) -> None:
    """Let a member not be found by what was known before."""
    tx.run(delete(member_index).where(member_index.c.member_id == member_id, member_index.c.kind.in_(kinds)))


def found_by(reader: Reader, kind: str, digest: str, limit: int = 20) -> list[str]:
    """List whom a digest finds."""
    query = select(member_index.c.member_id).where(member_index.c.kind == kind, member_index.c.digest == digest)
    return [row.member_id for row in reader.rows(query.order_by(member_index.c.member_id).limit(limit))]


def digests_of(reader: Reader, member_ids: Sequence[str], kind: str) -> list[str]:
    """List what finds members."""
    query = select(member_index.c.digest).where(
        member_index.c.member_id.in_(list(member_ids)), member_index.c.kind == kind
    )
    return sorted({row.digest for row in reader.rows(query)})


def gift_of(reader: Reader, digest: str) -> str:
    """Say to whom a phone's welcome gift went; empty for nobody."""
    row = reader.row(select(member_gifts.c.member_id).where(member_gifts.c.digest == digest))
    return "" if row is None else str(row.member_id)


def note_gift(tx: Tx, digest: str, member_id: str) -> None:
    """Note to whom a phone's welcome gift went; the first holds."""
    if not gift_of(tx, digest):
        tx.run(insert(member_gifts), {"digest": digest, "member_id": member_id})


def drop_gifts(tx: Tx, before_ms: int) -> int:
    """Forget for which phones a gift was given to members who left before a time; gives how many."""
    gone = select(members.c.member_id).where(members.c.left_ms < before_ms)
    return int(tx.run(delete(member_gifts).where(member_gifts.c.member_id.in_(gone))).rowcount)


def rebind(tx: Tx, digest: str, member_id: str) -> bool:
    """Let a card find this member and nobody else; gives whether it was another's before."""
    others = [one for one in found_by(tx, TOKEN, digest) if one != member_id]
    if others:
        tx.run(delete(member_index).where(member_index.c.kind == TOKEN, member_index.c.digest == digest))
    put_index(tx, TOKEN, digest, member_id)
    return bool(others)


# ------------------------------------------------------------------------------------------------------------- consents


def insert_consent(tx: Tx, row: ConsentRow) -> None:
    """Keep what a member said; said again it is the same."""
    values = msgspec.structs.asdict(row)
    upsert(tx, member_consents, values, {"given": row.given, "text": row.text})


def consents_of(reader: Reader, member_ids: Sequence[str]) -> list[ConsentRow]:
    """List all that members said, the newest first."""
    query = select(member_consents).where(member_consents.c.member_id.in_(list(member_ids)))
    query = query.order_by(member_consents.c.at_ms.desc(), member_consents.c.n.desc(), member_consents.c.purpose)
    return [ConsentRow(*row) for row in reader.rows(query)]


# ------------------------------------------------------------------------------------------------------- whose guests


def note_guest(tx: Tx, store: str, member_id: str, at_ms: int) -> None:
    """Note that a member has to do with a store."""
    row = {"store": store, "member_id": member_id, "seen_ms": at_ms}
    later = {
        "seen_ms": lambda new: case((new.seen_ms > member_stores.c.seen_ms, new.seen_ms), else_=member_stores.c.seen_ms)
    }
    upsert(tx, member_stores, row, later)


def stores_of(reader: Reader, member_ids: Sequence[str]) -> dict[str, list[str]]:
    """List the stores that have members' cards, by member."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(member_ids), _SLICE):
        query = select(member_stores).where(member_stores.c.member_id.in_(member_ids[start : start + _SLICE]))
        for row in reader.rows(query.order_by(member_stores.c.store)):
            found.setdefault(row.member_id, []).append(row.store)
    return found


def is_guest(reader: Reader, store: str, member_ids: Sequence[str]) -> set[str]:
    """Say which of some members a store has the cards of."""
    query = select(member_stores.c.member_id).where(
        member_stores.c.store == store, member_stores.c.member_id.in_(list(member_ids))
    )
    return {row.member_id for row in reader.rows(query)}


def last_store_of(reader: Reader, member_id: str) -> str:
    """Say where a member was seen last; empty for nowhere."""
    row = reader.row(_LAST_STORE, {"of_member": member_id})
    return "" if row is None else str(row.store)


def unseen_since(reader: Reader, before_ms: int, limit: int) -> list[tuple[str, str]]:
    """List (store, member) whom a store has not seen since a time."""
    query = select(member_stores.c.store, member_stores.c.member_id).where(member_stores.c.seen_ms < before_ms)
    return [(row.store, row.member_id) for row in reader.rows(query.order_by(member_stores.c.seen_ms).limit(limit))]


def seen_since(reader: Reader, after_ms: int, limit: int) -> list[tuple[str, str]]:
    """List (store, member) whom a store saw since a time, the newest first."""
    query = select(member_stores.c.store, member_stores.c.member_id).where(member_stores.c.seen_ms >= after_ms)
    return [
        (row.store, row.member_id) for row in reader.rows(query.order_by(member_stores.c.seen_ms.desc()).limit(limit))
    ]


def drop_guest(tx: Tx, store: str, member_id: str) -> None:
    """Note that a store has nothing to do with a member any more."""
    tx.run(delete(member_stores).where(member_stores.c.store == store, member_stores.c.member_id == member_id))


# ---------------------------------------------------------------------------------------------------------------- bills


def insert_sale(tx: Tx, row: SaleRow) -> None:
    """Keep a bill of a member; told again it is the same."""
    values = msgspec.structs.asdict(row)
    upsert(tx, member_sales, values, {"store": row.store})


def insert_return(tx: Tx, row: ReturnRow) -> None:
    """Keep what went back of a sale."""
    values = msgspec.structs.asdict(row)
    upsert(tx, member_returns, values, {"amount_fen": row.amount_fen})


def sale(reader: Reader, sale_id: str) -> SaleRow | None:
    """Find a member's bill."""
    row = reader.row(select(member_sales).where(member_sales.c.sale_id == sale_id))
    return None if row is None else SaleRow(*row)


def returned_fen(reader: Reader, sale_id: str) -> int:
    """Say how much of a sale went back."""
    row = reader.row(select(func.sum(member_returns.c.amount_fen)).where(member_returns.c.sale_id == sale_id))
    return int(row[0] or 0)


def sales_of(reader: Reader, member_ids: Sequence[str], limit: int) -> list[SaleRow]:
    """List members' bills, the newest first."""
    query = select(member_sales).where(member_sales.c.member_id.in_(list(member_ids)))
    return [
        SaleRow(*row)
        for row in reader.rows(query.order_by(member_sales.c.at_ms.desc(), member_sales.c.sale_id).limit(limit))
    ]


def first_sales_after(reader: Reader, member_ids: Sequence[str], at_ms: int, limit: int = 20) -> list[SaleRow]:
    """List members' bills from a time on, the oldest first."""
    query = select(member_sales).where(member_sales.c.member_id.in_(list(member_ids)), member_sales.c.at_ms >= at_ms)
    return [
        SaleRow(*row) for row in reader.rows(query.order_by(member_sales.c.at_ms, member_sales.c.sale_id).limit(limit))
    ]


def sums_of(reader: Reader, member_ids: Sequence[str]) -> Sums:
    """Say what members' bills come to."""
    chosen = member_sales.c.member_id.in_(list(member_ids))
    visits, fen, first_day = reader.row(
        select(
            func.count(func.distinct(member_sales.c.day + member_sales.c.store)),
            func.sum(member_sales.c.total_fen),
            func.min(member_sales.c.day),
        )
        .select_from(member_sales)
        .where(chosen)
    )
    back = reader.row(
        select(func.sum(member_returns.c.amount_fen))
        .join(member_sales, member_sales.c.sale_id == member_returns.c.sale_id)
        .where(chosen)
    )[0]
    last = reader.row(
        select(member_sales.c.day, member_sales.c.store).where(chosen).order_by(member_sales.c.at_ms.desc()).limit(1)
    )
    day, store = ("", "") if last is None else (last.day, last.store)
    return Sums(int(visits or 0), int(fen or 0) - int(back or 0), first_day or "", day, store)


def usual(reader: Reader, member_ids: Sequence[str]) -> tuple[int, str]:
    """Give the hour and the table at which members come most; −1 and empty where nothing is known."""
    found: list[object] = []
    for column, nothing in ((member_sales.c.hour, None), (member_sales.c.table_no, "")):
        query = select(column, func.count()).where(member_sales.c.member_id.in_(list(member_ids)))
        if nothing is not None:
            query = query.where(column != nothing)
        row = reader.row(query.group_by(column).order_by(func.count().desc(), column).limit(1))
        found.append(None if row is None else row[0])
    hour, table = found
    return -1 if hour is None else int(str(hour)), "" if table is None else str(table)


def add_dishes(tx: Tx, member_id: str, dishes: Sequence[tuple[str, str, str, int]]) -> None:
    """Count what a member ordered: (dish id, name in Chinese, name in English, quantity)."""
    for dish_id, zh, en, qty in dishes:
        row = {"member_id": member_id, "dish_id": dish_id, "name_zh": zh, "name_en": en, "qty": qty}
        upsert(tx, member_dishes, row, {"qty": member_dishes.c.qty + qty, "name_zh": zh, "name_en": en})


def top_dishes(reader: Reader, member_ids: Sequence[str], limit: int) -> list[tuple[str, str]]:
    """Name the dishes that members order most, in Chinese and English."""
    qty = func.sum(member_dishes.c.qty)
    query = (
        select(func.max(member_dishes.c.name_zh), func.max(member_dishes.c.name_en))
        .where(member_dishes.c.member_id.in_(list(member_ids)))
        .group_by(member_dishes.c.dish_id)
        .order_by(qty.desc(), member_dishes.c.dish_id)
        .limit(limit)
    )
    return [(str(row[0]), str(row[1])) for row in reader.rows(query)]


def clear_dishes(tx: Tx, member_ids: Sequence[str]) -> None:
    """Forget what members ordered."""
    tx.run(delete(member_dishes).where(member_dishes.c.member_id.in_(list(member_ids))))


def put_claim(tx: Tx, invite_id: str, member_id: str, day: str, at_ms: int) -> bool:
    """Note a claim that waits for its receipt; the first holds. Gives whether this is it."""
    row = tx.row(select(member_claims.c.member_id).where(member_claims.c.invite_id == invite_id))
    if row is None:
        tx.run(insert(member_claims), {"invite_id": invite_id, "member_id": member_id, "day": day, "at_ms": at_ms})
        return True
    return bool(row.member_id == member_id)


def claim_waits(reader: Reader, invite_id: str) -> bool:
    """Say whether somebody claimed a receipt that its store has not told of yet."""
    return reader.row(select(member_claims.c.member_id).where(member_claims.c.invite_id == invite_id)) is not None


def take_claim(tx: Tx, invite_id: str) -> tuple[str, str] | None:
    """Take the claim that waits for a receipt: member and day."""
    row = tx.row(select(member_claims).where(member_claims.c.invite_id == invite_id))
    if row is None:
        return None
    tx.run(delete(member_claims).where(member_claims.c.invite_id == invite_id))
    return str(row.member_id), str(row.day)


# --------------------------------------------------------------------------------------------------------------- merges


def insert_merge(tx: Tx, row: MergeRow) -> None:
    """Keep a merge."""
    tx.run(insert(member_merges), msgspec.structs.asdict(row))


def merge_of(reader: Reader, merge_id: str) -> MergeRow | None:
    """Find a merge."""
    row = reader.row(select(member_merges).where(member_merges.c.merge_id == merge_id))
    return None if row is None else MergeRow(*row)


def merges_of(reader: Reader, member_id: str) -> list[MergeRow]:
    """List the merges that a member was part of, the newest first."""
    query = select(member_merges).where((member_merges.c.loser == member_id) | (member_merges.c.survivor == member_id))
    return [MergeRow(*row) for row in reader.rows(query.order_by(member_merges.c.at_ms.desc()))]


def undo_merge(tx: Tx, merge_id: str, at_ms: int) -> None:
    """Note that a merge was undone."""
    tx.run(update(member_merges).where(member_merges.c.merge_id == merge_id).values(undone_ms=at_ms))
