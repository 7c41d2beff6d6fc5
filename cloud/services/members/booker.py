"""The booker: reads facts behind its own cursor in order of arrival and writes the book (the projector's frame, another purpose).

What it writes is never rebuilt: it is append-only, and HQ's own deeds stand between the facts. Its cursor therefore lies with the
book, and travels in its backup. No fact is refused; one that cannot be booked is a conflict with a name.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from cloud.db import journal, members, sales
from cloud.db import ledger as rows
from cloud.db.engine import Turn, Tx
from cloud.db.journal import FactRow
from cloud.db.ledger import By
from cloud.db.members import MemberRow, ReturnRow, SaleRow
from cloud.domain import booking, reading
from cloud.domain.booking import At, Conflict, Outcome
from cloud.domain.reading import Parked, Place
from cloud.services.members import cards, centre, erase, grants, merge, people, recognise, referral
from cloud.services.members.shared import LedgerBook, Shared, distinct
from sync.contract import member_doors, times
from sync.contract import members as facts
from sync.contract.facts import Fact, Lane
from sync.contract.member_doors import MemberDoorGiven
from sync.contract.members import (
    CardBound,
    GrantReleased,
    InviteClaimed,
    MemberConsented,
    MemberJoined,
    MemberLeft,
    MemberProfiled,
    MemberSeen,
    PointsEarned,
    PointsReversed,
    PointsSpent,
    ReferralBound,
)
from sync.contract.refunds import SALE_REFUNDED, SaleRefunded
from sync.contract.trade import SALE_PAID, SalePaid

BATCH_FACTS = 500
BATCH_BOOKED = 128
"""Facts of members in one transaction: on SQLite a store's acknowledgement waits for it, and so does a till's question."""
FAILED = "booking_failed"
_KINDS = frozenset({*facts.KINDS, *member_doors.KINDS, SALE_PAID, SALE_REFUNDED})
_NAMES_MEMBER = b'"member_id":'
_WAITS_MAX = 1_000
"""Facts that one fact may set free; behind them the next run goes on."""

log = logging.getLogger(__name__)


@dataclass
class _Run:
    """What a run of facts brings about besides the journals."""

    touched: dict[str, None] = field(default_factory=dict)
    visits: dict[tuple[str, str], None] = field(default_factory=dict)
    lanes: dict[tuple[str, int], int] = field(default_factory=dict)
    conflicts: int = 0
    booked: int = 0

    def touch(self, *member_ids: str) -> None:
        self.touched.update(dict.fromkeys(one for one in member_ids if one))


@dataclass(frozen=True)
class _Place:
    """A fact in hand."""

    row: FactRow
    fact: Fact
    by: By

    @property
    def at(self) -> At:
        return At(self.row.store, self.row.epoch, self.fact.day)

    @property
    def at_ms(self) -> int:
        # A clock that is ahead must not make somebody the youngest member for years to come.
        return min(self.fact.at_ms, self.row.received_ms)


class Booker:
    """Keeps the book in step with the facts. Any thread and process may call it; one works at a time."""

    def __init__(self, shared: Shared, on_change: Callable[[], None] | None = None) -> None:
        self._shared = shared
        self._database = shared.database
        self._on_change = on_change or (lambda: None)
        self._turn = threading.Lock()

    def run_once(self, limit: int = BATCH_FACTS) -> int:
        """Book at most `limit` facts in one transaction.

        Returns:
            How many were looked at; 0 when the book is in step.
        """
        with self._turn:
            with self._database.read() as reader:
                if not journal.facts_after(reader, rows.booked(reader), 1):
                    return 0
            with self._database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                found = journal.facts_after(tx, rows.booked(tx), limit)
                if not found:
                    return 0
                run = _Run()
                for taken, row in enumerate(found, start=1):
                    self._take(tx, run, row)
                    if run.booked >= BATCH_BOOKED:
                        found = found[:taken]
                        break
                rows.set_booked(tx, found[-1].ingest_id, run.lanes)
                self._follow(tx, run)
        if run.conflicts:
            log.warning("booker.conflicts", extra={"count": run.conflicts})
        if run.touched or run.visits:
            self._shared.on_stream()
            self._on_change()
        return len(found)

    def catch_up(self) -> int:
        """Book everything there is; gives how many facts that was."""
        total = 0
        while taken := self.run_once():
            total += taken
        return total

    def _follow(self, tx: Tx, run: _Run) -> None:
        """Let stores that saw a guest spend, then tell all stores what changed."""
        for store, member_id in run.visits:
            # Facts of a store that was cut off come late: what is free goes to where the guest was last.
            if members.last_store_of(tx, member_id) == store:
                grants.on_visit(tx, self._shared, store, member_id)
        cards.publish(tx, self._shared, run.touched)

    def _take(self, tx: Tx, run: _Run, row: FactRow) -> None:
        if row.lane == Lane.TRADE:
            run.lanes[row.store, row.epoch] = row.seq
        if row.kind not in _KINDS or (row.kind == SALE_PAID and _NAMES_MEMBER not in row.raw):
            return
        run.booked += 1
        before = dict(run.touched), dict(run.visits)
        try:
            with tx.attempt():
                self._book(tx, run, row)
        except sales.UNAVAILABLE:
            raise
        except Exception:
            log.exception("booker.fact_failed", extra={"store_id": row.store, "ingest_id": row.ingest_id})
            run.touched, run.visits = before
            run.conflicts += 1
            rows.note_conflicts(tx, row.ingest_id, row.store, row.received_ms, [Conflict(FAILED, "", row.kind)])

    def _book(self, tx: Tx, run: _Run, row: FactRow) -> None:
        place = Place(row.store, row.epoch, row.lane, row.seq, repeats=row.fact_id is None)
        fact = reading.sound(row.raw, place)
        body = None if isinstance(fact, Parked) else reading.member_body(fact)
        if body is None or isinstance(fact, Parked):
            return
        by = By(f"store:{row.store}", row.received_ms, row.store, fact.actor or "", row.ingest_id)
        here = _Place(row, fact, by)
        outcome = self._outcome(tx, run, here, body)
        self._write(tx, run, here, body, outcome)
        for waiting in rows.take_waiting(tx, outcome.settles)[:_WAITS_MAX]:
            for one in journal.facts_of(tx, [waiting]):
                self._book(tx, run, one)

    def _outcome(self, tx: Tx, run: _Run, here: _Place, body: msgspec.Struct) -> Outcome:
        book = LedgerBook(tx, self._shared)
        match body:
            case PointsEarned():
                return booking.earned(book, here.at, body)
            case PointsSpent():
                return booking.spent(book, here.at, body)
            case PointsReversed():
                return booking.reversed_(book, here.at, body)
            case InviteClaimed():
                held = book.escrow(body.invite_id)
                rules = self._shared.rulebook.of(tx, held.rules if held is not None else 0)
                return booking.claimed(book, here.at, body, rules.claim_days)
            case GrantReleased():
                return booking.released(book, here.at, body)
            case _:
                return Outcome(conflicts=tuple(self._note(tx, run, here, body)))

    def _write(self, tx: Tx, run: _Run, here: _Place, body: msgspec.Struct, outcome: Outcome) -> None:
        if outcome.waits_for:
            rows.wait(tx, here.row.ingest_id, outcome.waits_for)
            return
        by = here.by
        if isinstance(body, PointsEarned):
            by = by._replace(reason=rows.whose(body.member_id, body.invite_id, body.rules))
        for one in outcome.journals:
            rows.write(tx, one, by)
        rows.recover(tx, outcome.recovered)
        if isinstance(body, PointsSpent) and outcome.journals:
            if outcome.risk is not None:
                rows.open_risk(tx, outcome.risk, here.row.store, here.at_ms)
            still = 0 if outcome.risk is None else outcome.risk.open
            who = members.resolve(tx, body.member_id)
            rows.note_spend(tx, body.post_id, here.row.store, who, outcome.journals[0], still)
        if isinstance(body, PointsReversed) and outcome.backs:
            rows.note_back(tx, f"sale:{body.sale_id}", outcome.backs)
        if outcome.closes:
            grants.close(tx, self._shared, outcome.closes, grants.RELEASED)
        conflicts = list(outcome.conflicts)
        conflicts += self._behind_points(tx, run, here, body, outcome)
        if conflicts:
            run.conflicts += len(conflicts)
            rows.note_conflicts(tx, here.row.ingest_id, here.row.store, here.at_ms, conflicts)
        run.touch(*outcome.touches)

    def _behind_points(self, tx: Tx, run: _Run, here: _Place, body: msgspec.Struct, outcome: Outcome) -> list[Conflict]:
        """Do what follows from points that were booked."""
        match body:
            case PointsEarned(by="welcome") if outcome.journals:
                return recognise.settle_welcome(tx, self._shared, body.member_id, here.by)
            case PointsEarned(invite_id=invite_id) if invite_id and outcome.journals:
                return self._claim_of_hub(tx, run, here, invite_id)
            case PointsEarned() | InviteClaimed():
                self._see(tx, run, here, body.member_id)
            case PointsSpent():
                # Whoever just spent needs no new grant: what is free may be wanted elsewhere by now.
                self._see(tx, run, here, body.member_id, spends=False)
            case PointsReversed():
                for one in outcome.touches:
                    grants.recall_for_debt(tx, one)
            case _:
                pass
        return []

    def _claim_of_hub(self, tx: Tx, run: _Run, here: _Place, invite_id: str) -> list[Conflict]:
        """Give a receipt's points to whoever claimed them on the hub's own page before the store told of them."""
        claim = members.take_claim(tx, invite_id)
        if claim is None:
            return []
        member_id, day = claim
        return claim_here(tx, self._shared, invite_id, member_id, day, here.by, run.touch)

    def _see(self, tx: Tx, run: _Run, here: _Place, member_id: str, *, spends: bool = True) -> None:
        if not member_id:
            return
        who = members.resolve(tx, member_id)
        for one in distinct((member_id, who)):
            members.note_guest(tx, here.row.store, one, here.at_ms)
        if spends:
            run.visits[here.row.store, who] = None
        run.touch(who, member_id)

    # ------------------------------------------------------------------------------------------------ facts of people

    def _note(self, tx: Tx, run: _Run, here: _Place, body: msgspec.Struct) -> list[Conflict]:
        """Take in a fact that moves no points by itself."""
        shared = self._shared
        match body:
            case MemberJoined():
                return self._joined(tx, run, here, body)
            case MemberProfiled():
                members.put_profile(tx, body.member_id, body.key_id, body.sealed, here.at_ms)
                found = recognise.reindex(tx, shared, body.member_id, here.by)
                merge.carry(tx, shared, body.member_id, here.at_ms)
                run.touch(body.member_id)
                return found
            case MemberConsented():
                people.note_consents(
                    tx,
                    body.member_id,
                    body.consents,
                    store=here.row.store,
                    at_ms=here.at_ms,
                    number=here.row.ingest_id,
                )
                run.touch(body.member_id)
            case MemberSeen():
                self._see(tx, run, here, body.member_id)
            case MemberLeft():
                run.touch(*erase.leave(tx, shared, body.member_id, here.by))
            case CardBound():
                rebound = members.rebind(tx, body.token, body.member_id)
                self._see(tx, run, here, body.member_id)
                return [Conflict("card_of_another", body.member_id, "")] if rebound else []
            case ReferralBound():
                referral.bind(tx, shared, body.friend, body.referrer, body.flags, here.row.store, here.at_ms)
                run.touch(body.referrer)
            case MemberDoorGiven():
                centre.keep_slip(tx, body, here.row.store, here.row.received_ms)
            case SalePaid():
                self._sold(tx, run, here, body)
            case SaleRefunded():
                returned = ReturnRow(body.refund_id, body.sale_id, here.row.store, body.amount_fen, here.at_ms)
                members.insert_return(tx, returned)
                referral.on_refund(tx, shared, body.sale_id, here.by)
                sale = members.sale(tx, body.sale_id)
                run.touch("" if sale is None else sale.member_id)
            case _:
                pass
        return []

    def _joined(self, tx: Tx, run: _Run, here: _Place, body: MemberJoined) -> list[Conflict]:
        if members.member(tx, body.member_id) is not None:
            return [Conflict("joined_twice", body.member_id, "")]
        origin = body.origin
        row = MemberRow(
            body.member_id,
            here.at_ms,
            here.fact.day,
            here.row.store,
            origin.place,
            origin.code[:64],
            origin.at[:64],
            origin.by_member,
            body.key_id,
            body.sealed,
            here.at_ms,
        )
        members.insert_member(tx, row)
        people.note_consents(
            tx, body.member_id, body.consents, store=here.row.store, at_ms=here.at_ms, number=here.row.ingest_id
        )
        if self._shared.keys.is_forgotten(body.member_id):
            erase.leave(tx, self._shared, body.member_id, here.by)
            return []
        found = recognise.reindex(tx, self._shared, body.member_id, here.by)
        self._see(tx, run, here, body.member_id)
        run.touch(origin.by_member)
        # The friend's referral, bill or points may have come before.
        referral.look(tx, self._shared, body.member_id)
        return found

    def _sold(self, tx: Tx, run: _Run, here: _Place, sale: SalePaid) -> None:
        if not sale.member_id:
            return
        row = SaleRow(
            sale.sale_id,
            here.row.store,
            sale.member_id,
            here.at_ms,
            here.fact.day,
            times.local_hour(here.fact.at_ms, self._shared.zone),
            sale.table[:32],
            sale.receipt_no,
            sale.total_fen,
        )
        members.insert_sale(tx, row)
        who = members.resolve(tx, sale.member_id)
        if "profiling" in cards.consents_now(tx, [who, *members.merged_into(tx, who)]):
            counted: defaultdict[tuple[str, str, str], int] = defaultdict(int)
            for line in sale.lines:
                counted[line.dish_id, line.name.zh, line.name.en] += line.qty
            members.add_dishes(tx, who, [(*dish, qty) for dish, qty in counted.items()])
        self._see(tx, run, here, sale.member_id, spends=False)
        referral.on_sale(tx, self._shared, who)


def claim_here(
    tx: Tx,
    shared: Shared,
    invite_id: str,
    member_id: str,
    day: str,
    by: By,
    touch: Callable[[str], None] = lambda _: None,
) -> list[Conflict]:
    """Give a receipt's points to a member who claimed them at the hub; the caller holds the book.

    Returns:
        What stood against it: they were claimed before, refunded, or it is too late.
    """
    book = LedgerBook(tx, shared)
    held = book.escrow(invite_id)
    rules = shared.rulebook.of(tx, held.rules if held is not None else 0)
    body = InviteClaimed(invite_id=invite_id, member_id=member_id, sale_store="")
    outcome = booking.claimed(book, At("", 0, day), body, rules.claim_days)
    if outcome.waits_for:
        first = members.put_claim(tx, invite_id, member_id, day, by.at_ms)
        return [] if first else [Conflict("claimed_twice", member_id, invite_id)]
    for journal_ in outcome.journals:
        rows.write(tx, journal_, by)
    rows.recover(tx, outcome.recovered)
    for one in outcome.touches:
        touch(one)
    return list(outcome.conflicts)
