"""What `bench members` measures against: members, their points and a book of entries, laid straight into the tables past the services."""

import hashlib
from typing import Any

import msgspec
from sqlalchemy import update

from cloud.db import ledger as book
from cloud.db import member_tables as tables
from cloud.db import members as member_rows
from cloud.db.engine import HubDatabase, insert_many
from cloud.services.members import people
from cloud.services.members.shared import Shared
from edge.db import members as node_members
from edge.services.members import desk, indexing, known
from edge.services.node import Node
from sync.contract import ledger
from sync.contract.member_cards import MemberCard, Profile
from sync.contract.members import PointsEarned
from sync.node import member_seal

POSTS_A_MEMBER = 3
"""Earnings behind a store for each of its members; of five, three are held by receipts."""
PROFILED = 200
"""So many members of the node have a name and a number that can be read; look-ups are for them."""
SLICE = 20_000
PARTS = 3
"""Entries of a journal in the book that is proven: issued, kept, spent."""


# ---------------------------------------------------------------------------------------------------------- at the node


def fill_node(node: Node, count: int) -> None:
    """Let a node have so many cards; the first members have a name and a number that can be read with their keys."""
    stream, cards_of = known.cards_stream(node), []
    for number in range(count):
        member_id, sealed, key_id = member_of(number), "", ""
        if number < PROFILED:
            key = member_seal.make_key(node.chance)
            key_id = member_seal.key_id(key)
            sealed = member_seal.seal(Profile(name=f"王{number}", phone=phone_of(number)), member_id, key, node.chance)
            desk.keys_of(node).put(member_id, key_id, key)
        card = MemberCard(
            member_id=member_id,
            joined_day="2026-01-01",
            home_store="near",
            points=number % 5_000,
            # Facts of the past are counted; those of the run are not.
            booked_epoch=0,
            booked_seq=POSTS_A_MEMBER * count,
            key_id=key_id,
            sealed=sealed,
        )
        cards_of.append((stream, member_id, msgspec.json.encode(card)))

    def work(tx: Any) -> None:  # noqa: ANN401 - a transaction of the node
        tx.executemany("INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?)", cards_of)
        for number in range(count):
            node_members.index(tx, member_of(number), [(node_members.PHONE, indexing.by_phone(node, phone_of(number)))])

    node.db.write(work)


def fill_past(node: Node, members: int) -> None:
    """Lay what years of bills earned straight into the node's table: three of five are held by receipts, two are a member's."""
    rows = []
    for number in range(POSTS_A_MEMBER * members):
        own = member_of(number % members) if number % 5 > 2 else ""  # noqa: PLR2004 - two of five
        post_id = f"{number:032x}"
        invite_id = "" if own else f"{number:032x}"
        body = PointsEarned(
            post_id=post_id,
            idem=f"sale:{post_id}",
            by="sale",
            ref=f"sale:{post_id}",
            points=88,
            from_day="2026-01-01",
            last_day="2027-12-31",
            member_id=own,
            invite_id=invite_id,
            base_fen=8_800,
            multiplier_bp=10_000,
            rules=1,
        )
        doc = msgspec.json.encode(body).decode()
        rows.append((post_id, -number, 0, number, "2026-01-01", 0, own, invite_id, f"sale:{post_id}", 88, doc))
    node.db.write(
        lambda tx: tx.executemany(
            "INSERT INTO member_posts (post_id, kind, n, epoch, seq, day, at_ms, member_id, invite_id, by_what, ref, points, doc)"
            " VALUES (?, 'earned', ?, ?, ?, ?, ?, ?, ?, 'sale', ?, ?, ?)",
            rows,
        )
    )


# ------------------------------------------------------------------------------------------------------------- at the hub


def fill_hub(shared: Shared, count: int) -> None:
    """Lay members and their index straight into the tables."""
    for start in range(0, count, SLICE):
        numbers = range(start, min(count, start + SLICE))
        rows = [member_rows.MemberRow(member_of(number), number, "2026-01-01", "near", "till") for number in numbers]
        found = [
            {"kind": member_rows.PHONE, "digest": people.phone_digest(shared, phone_of(number)), "member_id": member_of(number)}
            for number in numbers
        ]  # fmt: skip
        with shared.database.write() as tx:
            insert_many(tx, tables.members, [msgspec.structs.asdict(row) for row in rows])
            insert_many(tx, tables.member_index, found)


def fill_book(database: HubDatabase, entries: int) -> None:
    """Write journals that earn a hundred points and spend thirty of them, past the services and through the triggers."""
    journals = -(-entries // PARTS)
    with database.read() as reader:
        first = book.booked(reader) + 1_000_000
    for start in range(0, journals, SLICE):
        numbers = range(first + start, first + min(journals, start + SLICE))
        accounts = {n: ledger.member_account(member_of(n % 200_000), ledger.MEMBER_POINTS) for n in numbers}
        with database.write() as tx:
            insert_many(tx, tables.ledger_entries, [row for n in numbers for row in _entries(n, accounts[n])])
            insert_many(tx, tables.ledger_lots, [_lot(n, accounts[n]) for n in numbers])
            insert_many(tx, tables.ledger_draws, [_draw(n, accounts[n]) for n in numbers])
            insert_many(tx, tables.ledger_journals, [_journal(n) for n in numbers])
            tx.run(update(tables.ledger_head).values(last=numbers[-1]))


def _entries(number: int, account: str) -> list[dict[str, Any]]:
    parts = ((ledger.ISSUED, -100, 0), (account, 70, 1), (ledger.REDEEMED, 30, 0))
    return [
        {"journal_id": number, "n": n, "account": name, "unit": ledger.POINTS, "amount": amount, "lots": lots}
        for n, (name, amount, lots) in enumerate(parts)
    ]


def _lot(number: int, account: str) -> dict[str, Any]:
    row = {"account": account, "lot_id": f"{number:032x}", "journal_id": number, "qty": 100}
    return {**row, "from_day": "2026-01-01", "last_day": "2027-01-31", "source": f"sale:{number}"}


def _draw(number: int, account: str) -> dict[str, Any]:
    return {"journal_id": number, "n": 0, "account": account, "lot_id": f"{number:032x}", "qty": 30}


def _journal(number: int) -> dict[str, Any]:
    row = book.JournalRow(
        number, f"bench:{number}", "points.earned", f"sale:{number}", "2026-01-01", "", "near", "bench", "||0", number, None
    )  # fmt: skip
    return msgspec.structs.asdict(row)


def phone_of(number: int) -> str:
    """Give the phone number of a made-up member."""
    return f"+8613{number:09d}"


def member_of(number: int) -> str:
    """Give the id of a made-up member."""
    return hashlib.sha256(f"member {number}".encode()).hexdigest()[:32]
