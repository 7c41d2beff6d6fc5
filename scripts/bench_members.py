"""`bench members`: what members cost at the till, and how long it takes to find one and to prove the book.

What is measured, each by the product's own code on files (`synchronous=FULL`):

* earning: a sale is paid for with members off, and for a member with members on, in turn; the difference of the p95 is what it adds;
* the hub's look-up of a phone number among a million members, and the node's among fifty thousand, with all that a till is shown;
* a signed code from paper, taken apart and verified;
* the nightly proof of a book of a million entries, with lots and draws.

Members and entries are laid straight into the tables, by the triggers that guard them.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import update

from cloud.db import ledger as book
from cloud.db import member_tables as tables
from cloud.db import members as member_rows
from cloud.db.engine import HubDatabase, insert_many
from cloud.services.members import cards, people, proof
from cloud.services.members.shared import Shared
from edge.db import members as node_members
from edge.services.members import find, indexing
from edge.services.money.settle_sale import Settled, settle_sale
from scripts.bench_figures import percentile
from sync.contract import codes, ledger
from sync.node import keys
from tests.kit.member_tills import Till, World
from tests.kit.nodes import AT_TILL_1, sell_command

EARN_ADDED_P95_MS_MAX = 3.0
HUB_LOOKUP_P95_MS_MAX = 20.0
NODE_LOOKUP_P95_MS_MAX = 5.0
VERIFY_CODE_MS_MAX = 0.3
PROOF_S_MAX = 60.0
MEMBERS = 1_000_000
AT_NODE = 50_000
ENTRIES = 1_000_000
SALES = 400
LOOKUPS = 500
CODES = 500
SLICE = 20_000
PARTS = 3
"""Entries of a journal in the book that is proven: issued, kept, spent."""
WARM_UP = 20


@dataclass(frozen=True)
class Found:
    """The figures under the keys of the command table (DESIGN §14)."""

    earn_added_p95_ms: float
    hub_lookup_p95_ms: float
    node_lookup_p95_ms: float
    verify_code_ms: float
    proof_s: float
    members: int
    entries: int

    @property
    def ok(self) -> bool:
        """Whether every bar is kept."""
        return (
            self.earn_added_p95_ms <= EARN_ADDED_P95_MS_MAX
            and self.hub_lookup_p95_ms <= HUB_LOOKUP_P95_MS_MAX
            and self.node_lookup_p95_ms <= NODE_LOOKUP_P95_MS_MAX
            and self.verify_code_ms <= VERIFY_CODE_MS_MAX
            and self.proof_s <= PROOF_S_MAX
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="bench members", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--at-node", type=int, default=AT_NODE)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--sales", type=int, default=SALES)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-members-") as folder:
        found = run(Path(folder), asked.members, asked.at_node, asked.entries, asked.sales)
    told = {"ok": found.ok, **asdict(found)}
    print(json.dumps(told) if asked.as_json else "\n".join(f"{name}: {value}" for name, value in told.items()))
    sys.exit(0 if found.ok else 1)


def run(folder: Path, members: int, at_node: int, entries: int, sales: int) -> Found:
    """Measure everything in a folder."""
    world = World(folder)
    try:
        till = world.till("near")
        _say(f"paying {sales} times with members and without")
        added = earn_added_p95_ms(till, sales)
        _say(f"{at_node} members at the node")
        fill_node(till, at_node)
        at_till = node_lookup_p95_ms(till)
        code = verify_code_ms(till)
        _say(f"{members} members at the hub")
        fill_hub(world.hub.shared, members)
        at_hub = hub_lookup_p95_ms(world.hub.shared, members)
        _say(f"a book of {entries} entries")
        fill_book(world.database, entries)
        took_s, proven = prove(world.database)
    finally:
        world.close()
    return Found(added, at_hub, at_till, code, took_s, members, proven)


# ----------------------------------------------------------------------------------------------------------- at the till


def earn_added_p95_ms(till: Till, sales: int) -> float:
    """Pay in turn with members off, and for a member; gives what the second costs more, at the p95."""
    member = till.join(_phone(1)).member_id
    on = till.node
    plain = msgspec.structs.replace(on.settings, store=msgspec.structs.replace(on.settings.store, members=False))
    off = replace(on, settings=plain)
    took: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * (sales + WARM_UP)):
        with_member = bool(number % 2)
        command = sell_command(10_000_000 + number)
        if with_member:
            command = msgspec.structs.replace(command, member_id=member)
        node = on if with_member else off
        before = time.perf_counter()
        done = settle_sale(node, AT_TILL_1, command)
        took[with_member].append((time.perf_counter() - before) * 1_000)
        if not isinstance(done, Settled):
            raise SystemExit(f"a sale was refused: {done}")
    return round(percentile(took[True][WARM_UP:], 95) - percentile(took[False][WARM_UP:], 95), 3)


def fill_node(till: Till, count: int) -> None:
    """Let a node know so many phone numbers."""
    node = till.node

    def work(tx: Any) -> None:  # noqa: ANN401 - a transaction of the node
        for number in range(2, count):
            digest = indexing.by_phone(node, _phone(number))
            node_members.index(tx, _member(number), [(node_members.PHONE, digest)])

    node.db.write(work)


def node_lookup_p95_ms(till: Till) -> float:
    """Find the member who joined here by phone, as a till does."""
    found = _timed(lambda: find.find(till.node, _phone(1)), LOOKUPS)
    result = find.find(till.node, _phone(1))
    if result is None or len(result.member_ids) != 1:
        raise SystemExit("the node does not find its own member")
    return round(percentile(found, 95), 3)


def verify_code_ms(till: Till) -> float:
    """Take a code from paper apart and verify it: the mean."""
    invite = till.kit.invite("0" * 32)
    public = till.kit.identity.public.signing

    def check() -> None:
        apart = codes.take_apart(invite.code)
        if apart is None or not keys.verified(public, apart.signed, apart.signature):
            raise SystemExit("a code of our own does not hold")

    took = _timed(check, CODES)
    return round(sum(took) / len(took), 4)


# ------------------------------------------------------------------------------------------------------------- at the hub


def fill_hub(shared: Shared, count: int) -> None:
    """Lay members and their index straight into the tables."""
    for start in range(0, count, SLICE):
        numbers = range(start, min(count, start + SLICE))
        rows = [member_rows.MemberRow(_member(number), number, "2026-01-01", "near", "till") for number in numbers]
        found = [
            {"kind": member_rows.PHONE, "digest": people.phone_digest(shared, _phone(number)), "member_id": _member(number)}
            for number in numbers
        ]  # fmt: skip
        with shared.database.write() as tx:
            insert_many(tx, tables.members, [msgspec.structs.asdict(row) for row in rows])
            insert_many(tx, tables.member_index, found)


def hub_lookup_p95_ms(shared: Shared, count: int) -> float:
    """Find members by phone at the hub, with the card that a till is sent."""
    dice = random.Random(1)

    def look() -> None:
        with shared.database.read() as reader:
            found = people.find_phone(reader, shared, _phone(dice.randrange(2, count)))
            row = None if found is None else member_rows.member(reader, found)
            if row is None:
                raise SystemExit("the hub does not find a member")
            cards.card_of(reader, shared, row, "near", (1, 1))

    return round(percentile(_timed(look, LOOKUPS), 95), 3)


def fill_book(database: HubDatabase, entries: int) -> None:
    """Write journals that earn a hundred points and spend thirty of them, past the services and through the triggers."""
    journals = -(-entries // PARTS)
    with database.read() as reader:
        first = book.booked(reader) + 1_000_000
    for start in range(0, journals, SLICE):
        numbers = range(first + start, first + min(journals, start + SLICE))
        accounts = {n: ledger.member_account(_member(n % 200_000), ledger.MEMBER_POINTS) for n in numbers}
        with database.write() as tx:
            insert_many(tx, tables.ledger_entries, [row for n in numbers for row in _entries(n, accounts[n])])
            insert_many(tx, tables.ledger_lots, [_lot(n, accounts[n]) for n in numbers])
            insert_many(tx, tables.ledger_draws, [_draw(n, accounts[n]) for n in numbers])
            insert_many(tx, tables.ledger_journals, [_journal(n) for n in numbers])
            tx.run(update(tables.ledger_head).values(last=numbers[-1]))


def prove(database: HubDatabase) -> tuple[float, int]:
    """Prove the book as the night does; gives the seconds and the entries."""
    before = time.perf_counter()
    with database.read() as reader:
        found = proof.prove(reader)
    if not found.ok:
        raise SystemExit(f"the book does not hold: {found.wrongs[0]}")
    return round(time.perf_counter() - before, 2), found.entries


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


def _timed(work: Callable[[], object], count: int) -> list[float]:
    took = []
    for _ in range(count + WARM_UP):
        before = time.perf_counter()
        work()
        took.append((time.perf_counter() - before) * 1_000)
    return took[WARM_UP:]


def _phone(number: int) -> str:
    return f"+8613{number:09d}"


def _member(number: int) -> str:
    return hashlib.sha256(f"member {number}".encode()).hexdigest()[:32]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
