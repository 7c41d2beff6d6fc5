"""Answers stores' online questions about members (`sync.contract.member_asks`), in the transaction of the ingest.

Every answer that changes something takes the book's turn first, so that two stores are never given the same points.
"""

import base64

import msgspec

from cloud.db import ledger as rows
from cloud.db import members
from cloud.db.engine import Reader, Tx
from cloud.db.ledger import By
from cloud.db.members import MemberRow
from cloud.services.members import cards, centre, grants, people, recognise
from cloud.services.members.grants import Short
from cloud.services.members.shared import Shared
from cloud.services.questions import DONE, REFUSED, Handler, Verdict
from sync.contract import member_asks as asks
from sync.contract.facts import ContractError
from sync.contract.member_asks import (
    AskGrant,
    AskIndexKey,
    AskKeys,
    Find,
    Found,
    GiveKey,
    Granted,
    IndexKey,
    Keys,
    MemberKey,
    Taken,
)
from sync.contract.member_cards import PHONE, MemberCard
from sync.node import member_seal

FORGOTTEN, OTHER_KEY, NOBODY, TOO_MANY = "forgotten", "other_key", "nobody", "too_many"
HOUR_MS = 3_600_000
FINDS_PER_HOUR = 1_200
_NO_FACT = 0


class Pace:
    """Counts a store's look-ups: a till asks for guests, a thief for a list of phone numbers."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._counts: dict[str, tuple[int, int]] = {}

    def allows(self, store: str) -> bool:
        """Count a look-up; gives whether it is one of those that a till may make within the hour."""
        hour = self._shared.clock.now_ms() // HOUR_MS
        held = self._counts.get(store, (hour, 0))
        count = held[1] + 1 if held[0] == hour else 1
        self._counts[store] = hour, count
        return count <= FINDS_PER_HOUR


def handlers(shared: Shared) -> dict[str, Handler]:
    """Give the questions about members."""
    pace = Pace(shared)
    return {
        asks.KEY: lambda tx, store, _epoch, body: _ringing(shared, _key(tx, shared, store, body)),
        asks.KEYS: lambda tx, store, _epoch, body: _keys(tx, shared, store, body),
        asks.INDEX_KEY: lambda _tx, store, _epoch, body: _index_key(shared, store, body),
        asks.FIND: lambda tx, store, _epoch, body: (
            _ringing(shared, _find(tx, shared, store, body)) if pace.allows(store) else _refused(TOO_MANY)
        ),
        asks.GRANT_ASK: lambda tx, store, _epoch, body: _ringing(shared, _grant(tx, shared, store, body)),
    }


def _ringing(shared: Shared, verdict: Verdict) -> Verdict:
    """Tell the stores that their streams have something new: other stores, too, whose grants were asked back or whose member is another's part.

    The thread that answers publishes the doorbell behind its commit, so nobody is called to what is not there yet.
    """
    shared.on_stream()
    return verdict


def _key(tx: Tx, shared: Shared, store: str, raw: bytes) -> Verdict:
    given = msgspec.json.decode(raw, type=GiveKey).key
    key = base64.b64decode(given.key)
    if given.key_id != member_seal.key_id(key):
        raise ContractError("bad_body")
    rows.hold(tx)
    if shared.keys.is_forgotten(given.member_id):
        return _refused(FORGOTTEN)
    row = members.member(tx, given.member_id)
    if (row is not None and row.key_id not in {"", given.key_id}) or not shared.keys.put(
        given.member_id, given.key_id, key
    ):
        return _refused(OTHER_KEY)
    now_ms = shared.clock.now_ms()
    by = By(f"store:{store}", now_ms, store)
    rows.note_conflicts(tx, _NO_FACT, store, now_ms, recognise.reindex(tx, shared, given.member_id, by))
    cards.publish(tx, shared, [given.member_id])
    stands = members.resolve(tx, given.member_id)
    return _done(Taken(merged_into="" if stands == given.member_id else stands))


def _keys(tx: Reader, shared: Shared, store: str, raw: bytes) -> Verdict:
    wanted = msgspec.json.decode(raw, type=AskKeys).member_ids
    guests = members.is_guest(tx, store, wanted)
    held = members.members_of(tx, wanted)
    found = []
    for member_id in wanted:
        row = held.get(member_id)
        if member_id in guests and row is not None and cards.knows(tx, row, store):
            key = _told(shared, member_id)
            found += [key] if key is not None else []
    forgotten = tuple(one for one in wanted if shared.keys.is_forgotten(one))
    return _done(Keys(keys=tuple(found), forgotten=forgotten))


def _index_key(shared: Shared, store: str, raw: bytes) -> Verdict:
    msgspec.json.decode(raw, type=AskIndexKey)
    phone = member_seal.store_index_key(shared.secrets.phones, store)
    return _done(IndexKey(phone=_text(phone), token=_text(shared.secrets.tokens)))


def _find(tx: Tx, shared: Shared, store: str, raw: bytes) -> Verdict:
    wanted = msgspec.json.decode(raw, type=Find)
    row = _wanted(tx, shared, wanted)
    if row is None:
        return _done(Found())
    rows.hold(tx)
    members.note_guest(tx, store, row.member_id, shared.clock.now_ms())
    grants.on_visit(tx, shared, store, row.member_id)
    cards.publish(tx, shared, [row.member_id])
    card = _card(tx, shared, row, store)
    key = _told(shared, row.member_id) if card.sealed else None
    return _done(Found(card=card, grants=tuple(grants.standing_at(tx, row.member_id, store)), key=key))


def _grant(tx: Tx, shared: Shared, store: str, raw: bytes) -> Verdict:
    wanted = msgspec.json.decode(raw, type=AskGrant)
    row = members.member(tx, members.resolve(tx, wanted.member_id))
    if row is None or row.left_ms is not None:
        return _refused(NOBODY)
    rows.hold(tx)
    members.note_guest(tx, store, row.member_id, shared.clock.now_ms())
    try:
        grant = grants.ask(tx, shared, store, row.member_id, wanted.points)
    except Short as error:
        return _refused(error.reason)
    return _done(Granted(grant=grant, card=_card(tx, shared, row, store)))


def _wanted(reader: Reader, shared: Shared, wanted: Find) -> MemberRow | None:
    given = [one for one in (wanted.phone, wanted.token, wanted.member_id, wanted.code) if one]
    if len(given) != 1 or (wanted.phone and PHONE.fullmatch(wanted.phone) is None):
        raise ContractError("bad_body")
    member_id: str | None = wanted.member_id
    if wanted.phone:
        member_id = people.find_phone(reader, shared, wanted.phone)
    elif wanted.token:
        found = members.found_by(reader, members.TOKEN, wanted.token)
        member_id = found[0] if found else None
    elif wanted.code:
        member_id = centre.of_code(shared, wanted.code)
    row = None if member_id is None else members.member(reader, members.resolve(reader, member_id))
    return None if row is None or row.left_ms is not None else row


def _card(reader: Reader, shared: Shared, row: MemberRow, store: str) -> MemberCard:
    place = rows.booked_places(reader, [store]).get(store, (0, 0))
    return cards.card_of(reader, shared, row, store, place)


def _told(shared: Shared, member_id: str) -> MemberKey | None:
    held = shared.keys.get(member_id)
    return None if held is None else MemberKey(member_id=member_id, key_id=held.key_id, key=_text(held.key))


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")


def _done(body: msgspec.Struct) -> Verdict:
    return Verdict(DONE, msgspec.json.encode(body))


def _refused(reason: str) -> Verdict:
    return Verdict(REFUSED, msgspec.json.encode({"reason": reason}))
