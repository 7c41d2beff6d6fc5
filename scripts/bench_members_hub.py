"""What `bench members` measures the hub against: members and a book of entries, laid straight into the tables past the services."""

from typing import Any

import msgspec
from sqlalchemy import update

from cloud.db import ledger as book
from cloud.db import member_tables as tables
from cloud.db import members as member_rows
from cloud.db.engine import HubDatabase, insert_many
from cloud.services.members import people
from cloud.services.members.shared import Shared
from scripts.bench_guests import member_of, phone_of
from sync.contract import ledger

SLICE = 20_000
PARTS = 3
"""Entries of a journal in the book that is proven: issued, kept, spent."""


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
