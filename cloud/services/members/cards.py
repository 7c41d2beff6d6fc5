"""Tells stores of their guests: each member's card in the stream of every store that has to do with them (membership.md §6.12)."""

from collections.abc import Iterable

import msgspec

from cloud.db import grants as grant_rows
from cloud.db import ledger as rows
from cloud.db import members
from cloud.db.engine import Reader, Tx
from cloud.db.members import ConsentRow, MemberRow
from cloud.services import streams
from cloud.services.members.shared import Shared, distinct, everybody
from sync.contract import ledger, times
from sync.contract import streams as names
from sync.contract.ledger import Lot
from sync.contract.member_cards import GivenConsent, Habits, MemberCard
from sync.contract.members import Purpose
from sync.contract.words import Name

DISHES_SHOWN = 6
_NOWHERE = (0, 0)


def publish(tx: Tx, shared: Shared, member_ids: Iterable[str]) -> int:
    """Put the cards of members, as they are now, into the streams of their stores; those of members who left are taken out.

    A member who turned out to be another gets a card only when named here: it says nothing but who they are now.

    Returns:
        How many steps that were.
    """
    named = set(member_ids)
    wanted = distinct(members.resolve(tx, one) for one in sorted(named))
    whole = distinct(one for member_id in wanted for one in everybody(tx, member_id))
    held = members.members_of(tx, whole)
    where = members.stores_of(tx, whole)
    places = rows.booked_places(tx, distinct(store for stores in where.values() for store in stores))
    steps = 0
    for member_id in whole:
        row = held.get(member_id)
        if row is None or (row.merged_into and row.left_ms is None and member_id not in named):
            continue
        for store in where.get(member_id, ()):
            if row.left_ms is not None:
                remove(tx, store, member_id)
            else:
                card = card_of(tx, shared, row, store, places.get(store, _NOWHERE))
                streams.append(
                    tx, names.own(names.MEMBERS, store), op="put", key=member_id, value=msgspec.json.encode(card)
                )
            steps += 1
    return steps


def remove(tx: Tx, store: str, member_id: str) -> None:
    """Tell a store to forget a member."""
    streams.append(tx, names.own(names.MEMBERS, store), op="remove", key=member_id, value=b"")
    members.drop_guest(tx, store, member_id)


def knows(reader: Reader, row: MemberRow, store: str) -> bool:
    """Say whether a store may know who a member is: they told it themselves, or agreed that our stores share it (§5.2)."""
    whole = everybody(reader, row.member_id)
    return _knows(reader, row, whole, members.consents_of(reader, whole), store)


def _knows(reader: Reader, row: MemberRow, whole: list[str], said: list[ConsentRow], store: str) -> bool:
    if store == row.home_store or "sharing" in holding(said):
        return True
    if any(one.store == store and one.purpose == "membership" and one.given for one in said):
        return True
    others = members.members_of(reader, whole[1:])
    return any(one.home_store == store for one in others.values())


def card_of(reader: Reader, shared: Shared, row: MemberRow, store: str, place: tuple[int, int]) -> MemberCard:
    """Write a member's card for a store; without the profile where the store may not know who they are.

    Args:
        reader: where to read.
        shared: the day, and what is agreed on.
        row: the member.
        store: whose card it is.
        place: the (epoch, seq) of the store's lane 0 up to which it is booked.
    """
    epoch, seq = place
    if row.merged_into:
        return MemberCard(
            member_id=row.member_id,
            joined_day=row.joined_day,
            home_store=row.home_store,
            points=0,
            booked_epoch=epoch,
            booked_seq=seq,
            merged_into=members.resolve(reader, row.member_id),
        )
    whole = everybody(reader, row.member_id)
    day = shared.day()
    lots = all_lots(reader, whole)
    ends = sorted({lot.last_day for lot in lots if lot.last_day and not lot.ended(day)})
    said = members.consents_of(reader, whole)
    consents = holding(said)
    known = _knows(reader, row, whole, said, store)
    return MemberCard(
        member_id=row.member_id,
        joined_day=row.joined_day,
        home_store=row.home_store,
        points=sum(lot.left for lot in lots),
        booked_epoch=epoch,
        booked_seq=seq,
        pending=sum(lot.left for lot in lots if lot.from_day > day),
        debt=max(0, -rows.balance(reader, ledger.member_account(row.member_id, ledger.MEMBER_DEBT))),
        ends_day=ends[0] if ends else "",
        ends_points=sum(lot.left for lot in lots if ends and lot.last_day == ends[0]),
        growth=rows.balance(reader, ledger.member_account(row.member_id, ledger.MEMBER_GROWTH)),
        key_id=row.key_id if known else "",
        sealed=row.sealed if known else "",
        consents=tuple(consents.values()),
        tokens=tuple(members.digests_of(reader, whole, members.TOKEN)),
        brought=members.count_brought(reader, row.member_id),
        staff=bool(row.staff),
        habits=habits_of(reader, whole) if "profiling" in consents else None,
    )


def all_lots(reader: Reader, whole: list[str]) -> list[Lot]:
    """List all lots of a member (and of those who turned out to be them): their own, and what is put aside for stores."""
    accounts = [ledger.member_account(one, ledger.MEMBER_POINTS) for one in whole]
    accounts += [ledger.grant_account(grant.grant_id) for grant in grant_rows.standing_of(reader, whole)]
    return [lot for account in accounts for lot in rows.lots(reader, account)]


def consents_now(reader: Reader, whole: list[str]) -> dict[Purpose, GivenConsent]:
    """Give what a member agrees to now, by purpose: the last word counts."""
    return holding(members.consents_of(reader, whole))


def holding(said: list[ConsentRow]) -> dict[Purpose, GivenConsent]:
    """Give what holds of all that was said, the newest first."""
    last: dict[str, GivenConsent | None] = {}
    for row in said:
        if row.purpose not in last:
            given = msgspec.convert({"purpose": row.purpose, "text": row.text, "at_ms": row.at_ms}, GivenConsent)
            last[row.purpose] = given if row.given else None
    found = sorted((one for one in last.values() if one is not None), key=lambda one: one.purpose)
    return {one.purpose: one for one in found}


def habits_of(reader: Reader, whole: list[str]) -> Habits:
    """Say what a member's bills come to."""
    sums = members.sums_of(reader, whole)
    hour, table = members.usual(reader, whole)
    between = -1
    if sums.visits > 1:
        between = (times.epoch_day(sums.last_day) - times.epoch_day(sums.first_day)) // (sums.visits - 1)
    return Habits(
        visits=sums.visits,
        last_day=sums.last_day,
        last_store=sums.last_store,
        spent_fen=sums.spent_fen,
        interval_days=between,
        hour=hour,
        table=table,
        dishes=tuple(Name(zh, en) for zh, en in members.top_dishes(reader, whole, DISHES_SHOWN)),
    )
