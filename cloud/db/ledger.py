"""The book of value: reads what it says, writes journals, and proves it. Whoever writes holds its head first."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, and_, bindparam, case, delete, func, insert, literal, select, update

from cloud.db.engine import Reader, Tx, insert_many, upsert
from cloud.db.member_tables import (
    booked_lanes,
    ledger_balances,
    ledger_conflicts,
    ledger_draws,
    ledger_entries,
    ledger_head,
    ledger_journals,
    ledger_lots,
    ledger_rests,
    ledger_risks,
    ledger_spends,
    ledger_waiting,
)
from cloud.domain.booking import EARNED, TAKEN_BACK, Conflict, Risk
from cloud.domain.posting import EarningSeen, OpenRisk, SpendSeen
from sync.contract import ledger
from sync.contract.ledger import Journal, Lot

_HEAD = 1
_SLICE = 500
SHOWN_MAX = 500


class By(NamedTuple):
    """Who writes a journal, where and why: an account of HQ, `system`, or `store:<id>` with the fact's ingest id."""

    actor: str
    at_ms: int
    store: str = ""
    reason: str = ""
    ingest_id: int | None = None


class JournalRow(msgspec.Struct, frozen=True):
    """A journal as it is kept."""

    id: int
    idem: str
    kind: str
    ref: str
    day: str
    reverses: str
    store: str
    actor: str
    reason: str
    at_ms: int
    ingest_id: int | None


class Line(NamedTuple):
    """One change of an account, with its journal: what a member's history is made of."""

    journal: JournalRow
    account: str
    amount: int


class ConflictRow(msgspec.Struct, frozen=True):
    """What the book could not take as it was told."""

    ingest_id: int
    n: int
    kind: str
    store: str
    member_id: str
    ref: str
    qty: int
    at_ms: int


class RiskRow(msgspec.Struct, frozen=True):
    """What a store gave without a grant."""

    post_id: str
    store: str
    member_id: str
    qty: int
    open: int
    cause: str
    approved_by: str
    at_ms: int


# --------------------------------------------------------------------------------------------------------------- writing


def hold(tx: Tx) -> int:
    """Take the book's turn until the commit; gives the number of the last journal."""
    row = tx.row(_HOLD)
    assert row is not None, "the step that makes the book makes its head"
    return int(row.last)


def write(tx: Tx, journal: Journal, by: By) -> bool:
    """Write a journal; the caller holds the book.

    Returns:
        Whether it was new: the second with the same `idem` is the first one told again.

    Raises:
        LedgerError: it breaks a law of the book.
    """
    ledger.check(journal)
    if knows(tx, journal.idem):
        return False
    number = hold(tx) + 1
    tx.run(update(ledger_head).where(ledger_head.c.id == _HEAD).values(last=number))
    insert_many(
        tx,
        ledger_entries,
        [
            {
                "journal_id": number,
                "n": n,
                "account": account,
                "unit": ledger.unit_of(account),
                "amount": amount,
                "lots": int(ledger.keeps_lots(account)),
            }
            for n, (account, amount) in enumerate(journal.entries)
        ],
    )
    insert_many(tx, ledger_lots, [{**lot._asdict(), "journal_id": number} for lot in journal.lots])
    insert_many(
        tx,
        ledger_draws,
        [{"journal_id": number, "n": n, **draw._asdict()} for n, draw in enumerate(journal.draws)],
    )
    row = JournalRow(
        number,
        journal.idem,
        journal.kind,
        journal.ref,
        journal.day,
        journal.reverses,
        by.store,
        by.actor,
        by.reason,
        by.at_ms,
        by.ingest_id,
    )
    tx.run(insert(ledger_journals), msgspec.structs.asdict(row))
    return True


def open_risk(tx: Tx, risk: Risk, store: str, at_ms: int) -> None:
    """Note what a store gave without a grant."""
    row = RiskRow(risk.post_id, store, risk.member_id, risk.qty, risk.open, risk.cause, risk.approved_by, at_ms)
    tx.run(insert(ledger_risks), msgspec.structs.asdict(row))


def recover(tx: Tx, found: Iterable[tuple[str, int]]) -> None:
    """Note what was found of risks."""
    for post_id, qty in found:
        tx.run(update(ledger_risks).where(ledger_risks.c.post_id == post_id).values(open=ledger_risks.c.open - qty))


def note_spend(tx: Tx, post_id: str, store: str, member_id: str, journal: Journal, still_open: int) -> None:
    """Note where a spend came from, so that a refund finds it."""
    parts = [(draw.account, draw.lot_id, draw.qty) for draw in journal.draws]
    parts += [("", "", still_open)] if still_open else []
    insert_many(
        tx,
        ledger_spends,
        [
            {
                "post_id": post_id,
                "n": n,
                "ref": journal.ref,
                "store": store,
                "member_id": member_id,
                "account": account,
                "lot_id": lot_id,
                "qty": qty,
                "back": 0,
            }
            for n, (account, lot_id, qty) in enumerate(parts)
        ],
    )


def note_back(tx: Tx, ref: str, backs: Iterable[tuple[str, str, int]]) -> None:
    """Note what came back of a spend."""
    for account, lot_id, wanted in backs:
        left = wanted
        query = select(ledger_spends).where(
            ledger_spends.c.ref == ref, ledger_spends.c.account == account, ledger_spends.c.lot_id == lot_id
        )
        for row in tx.rows(query.order_by(ledger_spends.c.post_id, ledger_spends.c.n)):
            part = min(left, row.qty - row.back)
            if part:
                place = and_(ledger_spends.c.post_id == row.post_id, ledger_spends.c.n == row.n)
                tx.run(update(ledger_spends).where(place).values(back=row.back + part))
                left -= part
        assert not left, "the booking gives no more back than the spends have"


def note_conflicts(tx: Tx, ingest_id: int, store: str, at_ms: int, conflicts: Sequence[Conflict]) -> None:
    """Note what the book could not take as it was told; a fact that waited may add to what it said before."""
    last = tx.row(select(func.max(ledger_conflicts.c.n)).where(ledger_conflicts.c.ingest_id == ingest_id))
    first = 0 if last is None or last[0] is None else int(last[0]) + 1
    rows = [
        ConflictRow(ingest_id, first + n, one.kind, store, one.member_id, one.ref[:80], one.qty, at_ms)
        for n, one in enumerate(conflicts)
    ]
    insert_many(tx, ledger_conflicts, [msgspec.structs.asdict(row) for row in rows])


def wait(tx: Tx, ingest_id: int, waits_for: str) -> None:
    """Note that a fact waits for another."""
    row = {"ingest_id": ingest_id, "waits_for": waits_for}
    upsert(tx, ledger_waiting, row, {"waits_for": waits_for})


def take_waiting(tx: Tx, names: Sequence[str]) -> list[int]:
    """Take the facts that wait for one of these, in order of arrival."""
    if not names:
        return []
    query = select(ledger_waiting.c.ingest_id).where(ledger_waiting.c.waits_for.in_(names))
    found = [int(row.ingest_id) for row in tx.rows(query.order_by(ledger_waiting.c.ingest_id))]
    for one in found:
        tx.run(delete(ledger_waiting).where(ledger_waiting.c.ingest_id == one))
    return found


def set_booked(tx: Tx, ingest_id: int, lanes: dict[tuple[str, int], int]) -> None:
    """Move the booker's cursor, and say up to where each store's lane is booked."""
    tx.run(update(ledger_head).where(ledger_head.c.id == _HEAD).values(booked=ingest_id))
    rows = [{"store": store, "epoch": epoch, "seq": seq} for (store, epoch), seq in sorted(lanes.items())]
    upsert(tx, booked_lanes, rows, {"seq": lambda new: new.seq})


# --------------------------------------------------------------------------------------------------------------- reading


def booked(reader: Reader) -> int:
    """Give the ingest id up to which facts are booked."""
    row = reader.row(select(ledger_head.c.booked).where(ledger_head.c.id == _HEAD))
    return 0 if row is None else int(row.booked)


def booked_places(reader: Reader, stores: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Give the newest (epoch, seq) of lane 0 that is booked of stores; a store that told nothing yet is left out."""
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(stores), _SLICE):
        query = select(booked_lanes).where(booked_lanes.c.store.in_(stores[start : start + _SLICE]))
        for row in reader.rows(query.order_by(booked_lanes.c.epoch)):
            found[row.store] = int(row.epoch), int(row.seq)
    return found


_KNOWS = select(literal(1)).where(ledger_journals.c.idem == bindparam("idem"))
_LOTS: Select[Any] = (
    select(
        ledger_lots.c.lot_id,
        ledger_lots.c.account,
        ledger_rests.c.rest,
        ledger_lots.c.from_day,
        ledger_lots.c.last_day,
        ledger_lots.c.source,
    )
    .join(
        ledger_rests,
        and_(ledger_rests.c.account == ledger_lots.c.account, ledger_rests.c.lot_id == ledger_lots.c.lot_id),
    )
    .where(ledger_lots.c.account == bindparam("of_account"))
)
_FILLED = _LOTS.where(ledger_rests.c.rest > 0).order_by(ledger_lots.c.lot_id)
_ONE_LOT = _LOTS.where(ledger_lots.c.lot_id == bindparam("of_lot"))
_OPEN_RISKS = (
    select(ledger_risks.c.post_id, ledger_risks.c.store, ledger_risks.c.open)
    .where(ledger_risks.c.member_id == bindparam("of_member"), ledger_risks.c.open > 0)
    .order_by(ledger_risks.c.at_ms, ledger_risks.c.post_id)
)
_HOLD = select(ledger_head.c.last).where(ledger_head.c.id == _HEAD).with_for_update()
_BALANCE = select(ledger_balances.c.balance).where(ledger_balances.c.account == bindparam("of_account"))


def knows(reader: Reader, idem: str) -> bool:
    """Say whether there is a journal of this name."""
    return reader.row(_KNOWS, {"idem": idem}) is not None


def lots(reader: Reader, account: str) -> list[Lot]:
    """List an account's lots that hold something."""
    return [Lot(*row) for row in reader.rows(_FILLED, {"of_account": account})]


def lots_as_made(reader: Reader, account: str) -> list[Lot]:
    """List an account's lots as they came in, `left` being the whole of each."""
    query = select(
        ledger_lots.c.lot_id,
        ledger_lots.c.account,
        ledger_lots.c.qty,
        ledger_lots.c.from_day,
        ledger_lots.c.last_day,
        ledger_lots.c.source,
    ).where(ledger_lots.c.account == account)
    return [Lot(*row) for row in reader.rows(query.order_by(ledger_lots.c.lot_id))]


def lot(reader: Reader, account: str, lot_id: str) -> Lot | None:
    """Find a lot, empty or not."""
    row = reader.row(_ONE_LOT, {"of_account": account, "of_lot": lot_id})
    return None if row is None else Lot(*row)


def balance(reader: Reader, account: str) -> int:
    """Give an account's balance."""
    row = reader.row(_BALANCE, {"of_account": account})
    return 0 if row is None else int(row.balance)


def balances_like(reader: Reader, start: str) -> dict[str, int]:
    """Give the balances of the accounts whose names begin alike, such as `risk:`."""
    query = select(ledger_balances.c.account, ledger_balances.c.balance).where(
        ledger_balances.c.account.startswith(start, autoescape=True)
    )
    return {row.account: int(row.balance) for row in reader.rows(query.order_by(ledger_balances.c.account))}


def sums_by_kind(reader: Reader) -> dict[str, int]:
    """Sum what lies with members, in grants and in receipts, and what members owe."""
    account = ledger_balances.c.account
    head, tail = func.substr(account, 1, 2), func.substr(account, func.length(account) - 6)
    kind = case(
        (head == "g:", "grants"),
        (head == "e:", "escrows"),
        (and_(head == "m:", tail == ":points"), "members"),
        (and_(head == "m:", account.endswith(f":{ledger.MEMBER_DEBT}")), "debts"),
        else_="",
    )
    query = select(kind, func.sum(ledger_balances.c.balance)).group_by(kind)
    found = {row[0]: int(row[1]) for row in reader.rows(query)}
    return {name: found.get(name, 0) for name in ("members", "grants", "escrows", "debts")}


def ends_by_month(reader: Reader) -> dict[str, int]:
    """Sum what is left of all lots by the month in which they end; empty = never."""
    month = func.substr(ledger_rests.c.last_day, 1, 7)
    query = select(month, func.sum(ledger_rests.c.rest)).where(ledger_rests.c.rest > 0).group_by(month)
    return {row[0]: int(row[1]) for row in reader.rows(query.order_by(month))}


def open_risks(reader: Reader, member_id: str) -> list[OpenRisk]:
    """List what stores gave a member without a grant and was not found yet, the oldest first."""
    return [OpenRisk(*row) for row in reader.rows(_OPEN_RISKS, {"of_member": member_id})]


def move_risks(tx: Tx, loser: str, survivor: str) -> None:
    """Let a member's open risks be another's."""
    tx.run(update(ledger_risks).where(ledger_risks.c.member_id == loser).values(member_id=survivor))


def earning(reader: Reader, ref: str) -> EarningSeen | None:
    """Find what a sale earned: to whom, how much, and what was taken back of it."""
    query = (
        select(ledger_journals, ledger_entries.c.amount)
        .join(ledger_entries, ledger_entries.c.journal_id == ledger_journals.c.id)
        .where(
            ledger_journals.c.ref == ref,
            ledger_journals.c.kind.in_((EARNED, TAKEN_BACK)),
            ledger_entries.c.account == ledger.ISSUED,
        )
        .order_by(ledger_journals.c.id)
    )
    rows = reader.rows(query)
    first = next((row for row in rows if row.kind == EARNED), None)
    if first is None:
        return None
    whose = _whose(first.reason)
    return EarningSeen(
        whose.member_id,
        whose.invite_id,
        -sum(int(row.amount) for row in rows if row.kind == EARNED),
        sum(int(row.amount) for row in rows if row.kind == TAKEN_BACK),
        first.day,
        whose.rules,
    )


def escrow(reader: Reader, invite_id: str) -> EarningSeen | None:
    """Find what a receipt holds, or held."""
    query = select(ledger_lots.c.source).where(ledger_lots.c.account == ledger.escrow_account(invite_id)).limit(1)
    row = reader.row(query)
    return None if row is None else earning(reader, row.source)


def spend(reader: Reader, ref: str) -> SpendSeen | None:
    """Find what was spent on a sale and has not come back."""
    rows = reader.rows(
        select(ledger_spends).where(ledger_spends.c.ref == ref).order_by(ledger_spends.c.post_id, ledger_spends.c.n)
    )
    if not rows:
        return None
    drawn: dict[tuple[str, str], int] = {}
    risk = 0
    for row in rows:
        left = int(row.qty - row.back)
        if row.account:
            drawn[row.account, row.lot_id] = drawn.get((row.account, row.lot_id), 0) + left
        else:
            risk += left
    posts = sorted({row.post_id for row in rows})
    risks = reader.rows(
        select(ledger_risks.c.post_id, ledger_risks.c.store, ledger_risks.c.open)
        .where(ledger_risks.c.post_id.in_(posts))
        .order_by(ledger_risks.c.post_id)
    )
    return SpendSeen(rows[0].member_id, drawn, risk, tuple(OpenRisk(*row) for row in risks))


def claimed_by(reader: Reader, invite_id: str) -> str:
    """Say who claimed a receipt's points; empty for nobody."""
    row = reader.row(select(ledger_journals.c.ref).where(ledger_journals.c.idem == f"claim:{invite_id}"))
    return "" if row is None else str(row.ref).removeprefix("member:")


def journal_of(reader: Reader, idem: str) -> JournalRow | None:
    """Find a journal by its name."""
    row = reader.row(select(ledger_journals).where(ledger_journals.c.idem == idem))
    return None if row is None else JournalRow(*row)


def lot_sums_of(reader: Reader, idem: str) -> dict[str, int]:
    """Say how much of each lot a journal took out of accounts that keep lots."""
    query = (
        select(ledger_draws.c.lot_id, func.sum(ledger_draws.c.qty))
        .join(ledger_journals, ledger_journals.c.id == ledger_draws.c.journal_id)
        .where(ledger_journals.c.idem == idem, ledger_draws.c.qty > 0)
        .group_by(ledger_draws.c.lot_id)
    )
    return {row[0]: int(row[1]) for row in reader.rows(query)}


def given_by(reader: Reader, idem: str) -> int:
    """Say how much a journal issued."""
    query = (
        select(func.sum(ledger_entries.c.amount))
        .join(ledger_journals, ledger_journals.c.id == ledger_entries.c.journal_id)
        .where(ledger_journals.c.idem == idem, ledger_entries.c.account == ledger.ISSUED)
    )
    row = reader.row(query)
    return 0 if row is None or row[0] is None else -int(row[0])


def ending(reader: Reader, before_day: str, limit: int) -> list[Lot]:
    """List lots of members whose last day is over and that hold something. Grants are the stores' until they give them back."""
    query = (
        select(ledger_rests.c.account, ledger_rests.c.lot_id)
        .where(
            ledger_rests.c.rest > 0,
            ledger_rests.c.last_day != "",
            ledger_rests.c.last_day < before_day,
            ledger_rests.c.account.startswith("m:"),
        )
        .order_by(ledger_rests.c.last_day)
        .limit(limit)
    )
    found = [lot(reader, row.account, row.lot_id) for row in reader.rows(query)]
    return [one for one in found if one is not None]


def old_escrows(reader: Reader, before_ms: int, limit: int) -> list[str]:
    """List receipts that were made before a time and still hold points, by invite id."""
    query = (
        select(ledger_rests.c.account)
        .join(
            ledger_lots,
            and_(ledger_rests.c.account == ledger_lots.c.account, ledger_rests.c.lot_id == ledger_lots.c.lot_id),
        )
        .join(ledger_journals, ledger_journals.c.id == ledger_lots.c.journal_id)
        .where(
            ledger_rests.c.rest > 0,
            ledger_rests.c.account.startswith("e:"),
            ledger_journals.c.at_ms < before_ms,
        )
        .order_by(ledger_journals.c.id)
        .limit(limit)
    )
    return [str(row.account).removeprefix("e:") for row in reader.rows(query)]


def history(reader: Reader, member_ids: Sequence[str], limit: int, before: int | None = None) -> list[Line]:
    """List what changed members' own accounts, newest first; `before` is a journal's number."""
    accounts = [
        ledger.member_account(one, name)
        for one in member_ids
        for name in (ledger.MEMBER_POINTS, ledger.MEMBER_DEBT, ledger.MEMBER_GROWTH)
    ]
    query = (
        select(ledger_journals, ledger_entries.c.account, ledger_entries.c.amount)
        .join(ledger_entries, ledger_entries.c.journal_id == ledger_journals.c.id)
        .where(ledger_entries.c.account.in_(accounts))
    )
    if before is not None:
        query = query.where(ledger_journals.c.id < before)
    query = query.order_by(ledger_journals.c.id.desc(), ledger_entries.c.n).limit(limit)
    return [Line(JournalRow(*row[:-2]), row.account, int(row.amount)) for row in reader.rows(query)]


def conflicts(reader: Reader, limit: int = SHOWN_MAX, member_id: str = "") -> list[ConflictRow]:
    """List conflicts, newest first."""
    query = select(ledger_conflicts).order_by(ledger_conflicts.c.ingest_id.desc(), ledger_conflicts.c.n)
    if member_id:
        query = query.where(ledger_conflicts.c.member_id == member_id)
    return [ConflictRow(*row) for row in reader.rows(query.limit(limit))]


def risks(reader: Reader, limit: int = SHOWN_MAX, *, store: str = "", only_open: bool = False) -> list[RiskRow]:
    """List what stores gave without a grant, newest first, each with its cause."""
    query = select(ledger_risks).order_by(ledger_risks.c.at_ms.desc(), ledger_risks.c.post_id).limit(limit)
    if store:
        query = query.where(ledger_risks.c.store == store)
    if only_open:
        query = query.where(ledger_risks.c.open > 0)
    return [RiskRow(*row) for row in reader.rows(query)]


def waiting(reader: Reader) -> int:
    """Count the facts that wait for others."""
    return int(reader.row(select(func.count()).select_from(ledger_waiting))[0])


def last(reader: Reader) -> int:
    """Give the number of the last journal."""
    row = reader.row(select(ledger_head.c.last).where(ledger_head.c.id == _HEAD))
    return 0 if row is None else int(row.last)


def count_entries(reader: Reader, upto: int | None = None) -> int:
    """Count the entries; of the journals up to one, or of all."""
    query = select(func.count()).select_from(ledger_entries)
    if upto is not None:
        query = query.where(ledger_entries.c.journal_id <= upto)
    return int(reader.row(query)[0])


class _Whose(NamedTuple):
    member_id: str
    invite_id: str
    rules: int


def whose(member_id: str, invite_id: str, rules: int) -> str:
    """Write into an earning's journal to whom it was told to go, and by which rules."""
    return f"{member_id}|{invite_id}|{rules}"


def _whose(text: str) -> _Whose:
    member_id, invite_id, rules = text.split("|")
    return _Whose(member_id, invite_id, int(rules))
