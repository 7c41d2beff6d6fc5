"""What people and programs ask of the hub: stores, sales, totals, takings, and what was refused or parked. Reads only."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from cloud.db import journal, presence, sales, stores
from cloud.db.engine import HubDatabase, Reader
from cloud.db.journal import FactRow, LaneMarks, LaneRow
from cloud.db.presence import PresenceRow
from cloud.db.sales import InviteRow, SaleRow, StoreSum, TakingRow
from cloud.db.stores import StoreRow
from cloud.services import verify
from cloud.services.ingest import HARMLESS
from cloud.services.views import (
    ChainView,
    HourTaking,
    InviteView,
    LaneVerified,
    LaneWaiting,
    LineView,
    LinkView,
    ModifierView,
    ParkedFactView,
    ParkedView,
    PathStep,
    QuarantineRow,
    QuarantineView,
    SaleNeighbours,
    SalesPage,
    SaleView,
    StoreTakings,
    StoreTotal,
    StoreView,
    TakingsView,
    TenderView,
    TotalsView,
)
from sync.contract import codes, facts, kinds, times, trade
from sync.contract.facts import ContractError, Lane
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.node.ports import Clock

PAGE_SALES_MAX = 500

_SALE = msgspec.json.Decoder(SalePaid)
_NAMELESS = Name("", "")


class Reports:
    """Answers questions from one consistent view each. Any thread may use it."""

    def __init__(
        self,
        database: HubDatabase,
        *,
        clock: Clock,
        zone: tzinfo,
        cutoff_minutes: int,
        away_after_ms: int,
        public_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._cutoff_minutes = cutoff_minutes
        self._away_after_ms = away_after_ms
        self._public_url = public_url

    # ------------------------------------------------------------------------------------------------------- stores

    def business_day_now(self) -> str:
        """Name the business day of this moment."""
        return self._day_of(self._clock.now_ms())

    def store_name(self, store: str) -> Name | None:
        """Give a store's name."""
        with self._database.read() as reader:
            held = stores.store_by_id(reader, store)
        return None if held is None else Name(held.name_zh, held.name_en)

    def stores(self) -> tuple[StoreView, ...]:
        """List every store with how it is and how far it is verified."""
        day, now_ms = self.business_day_now(), self._clock.now_ms()
        with self._database.read() as reader:
            heard = presence.all_presence(reader)
            lanes = journal.all_lanes(reader)
            overall, today = sales.sums(reader, None), sales.sums(reader, day)
            parked = sales.count_parked(reader)
            refused: defaultdict[str, int] = defaultdict(int)
            for row in presence.all_refusals(reader):
                refused[row.store] += 0 if row.reason in HARMLESS else row.count
            late = _count_late(lanes, journal.all_marks(reader))
            held = stores.all_stores(reader)
        return tuple(
            self._store_view(
                row,
                heard.get(row.store),
                [lane for lane in lanes if lane.store == row.store],
                overall.get(row.store, StoreSum(row.store, 0, 0)),
                today.get(row.store, StoreSum(row.store, 0, 0)),
                day=day,
                now_ms=now_ms,
                quarantined=refused[row.store],
                parked=parked.get(row.store, 0),
                late=late[row.store],
            )
            for row in held
        )

    def _store_view(
        self,
        store: StoreRow,
        heard: PresenceRow | None,
        lanes: list[LaneRow],
        overall: StoreSum,
        today: StoreSum,
        *,
        day: str,
        now_ms: int,
        quarantined: int,
        parked: int,
        late: int,
    ) -> StoreView:
        verified = {lane.lane: lane.seq for lane in lanes if lane.epoch == store.epoch}
        # A fork stops the epoch that has it; the store of now, under a new one, is taken in again.
        forks = [lane.fork_seq for lane in lanes if lane.epoch == store.epoch and lane.fork_seq is not None]
        waiting = None
        if heard is not None and heard.waiting_trade is not None and heard.waiting_operations is not None:
            waiting = LaneWaiting(heard.waiting_trade, heard.waiting_operations)
        return StoreView(
            id=store.store,
            name=Name(store.name_zh, store.name_en),
            epoch=store.epoch,
            state=self._state(heard, now_ms),
            last_seen_ms=None if heard is None else heard.last_seen_ms,
            data_as_of_ms=None if heard is None else heard.data_as_of_ms,
            waiting=waiting,
            verified=LaneVerified(verified.get(Lane.TRADE, 0), verified.get(Lane.OPERATIONS, 0)),
            chain_ok=not forks and all(lane.bad_seq is None for lane in lanes),
            fork_seq=next(iter(forks), None),
            late=late,
            sales=overall.sales,
            amount_fen=overall.amount_fen,
            day=day,
            day_sales=today.sales,
            day_amount_fen=today.amount_fen,
            quarantined=quarantined,
            parked=parked,
        )

    def _state(self, heard: PresenceRow | None, now_ms: int) -> str:
        if heard is None:
            return "never"
        if heard.left_ms is not None or now_ms - heard.last_seen_ms > self._away_after_ms:
            return "away"
        return "online"

    # -------------------------------------------------------------------------------------------------------- sales

    def sales(self, *, store: str | None = None, day: str | None = None, after: int = 0, limit: int = 100) -> SalesPage:
        """List sales in order of arrival.

        Args:
            store: only of this store.
            day: only of this business day.
            after: the `n` of the last sale seen; 0 from the beginning.
            limit: sales at most, 1 to 500.
        """
        size = max(1, min(limit, PAGE_SALES_MAX))
        with self._database.read() as reader:
            rows = sales.list_sales(reader, store=store, day=day, after=after, limit=size + 1)
            views = self._views(reader, rows[:size])
        return SalesPage(views, views[-1].n if len(rows) > size else None)

    def recent_sales(
        self,
        *,
        store: str | None = None,
        day: str | None = None,
        before: int | None = None,
        limit: int = 50,
        find: str | None = None,
    ) -> tuple[SaleView, ...]:
        """List sales newest first.

        Args:
            store: only of this store.
            day: only of this business day.
            before: the `n` of the last sale of the page before.
            limit: sales at most, 1 to 500.
            find: only those whose receipt number has this part.
        """
        size = max(1, min(limit, PAGE_SALES_MAX))
        with self._database.read() as reader:
            rows = sales.recent_sales(reader, store=store, day=day, before=before, limit=size, find=find)
            return self._views(reader, rows)

    def sale(self, store: str, sale_id: str) -> SaleView | None:
        """Find a sale."""
        with self._database.read() as reader:
            row = sales.sale_by_id(reader, store, sale_id)
            return None if row is None else self._views(reader, [row])[0]

    def neighbours(self, store: str, sale_id: str) -> SaleNeighbours:
        """Find the sales before and after one, in the store's own order."""
        with self._database.read() as reader:
            row = sales.sale_by_id(reader, store, sale_id)
            if row is None:
                return SaleNeighbours(None, None)
            return SaleNeighbours(
                sales.sale_beside(reader, row, forward=False), sales.sale_beside(reader, row, forward=True)
            )

    def path(self, store: str, sale_id: str) -> tuple[PathStep, ...]:
        """Tell what happened to a sale, in time: at the store, on paper, at the hub."""
        with self._database.read() as reader:
            row = sales.sale_by_id(reader, store, sale_id)
            if row is None:
                return ()
            invite = sales.invites_of(reader, store, [sale_id]).get(sale_id)
            slips = sales.prints_of(reader, store, sale_id)
        steps = [PathStep(at_ms=row.at_ms, step="paid")]
        if invite is not None:
            steps.append(PathStep(at_ms=invite.at_ms, step="invite_issued"))
        steps += [PathStep(at_ms=slip.at_ms, step=slip.outcome, copy=slip.copy, reason=slip.reason) for slip in slips]
        steps.append(PathStep(at_ms=row.stored_ms, step="stored"))
        return tuple(sorted(steps, key=lambda step: step.at_ms))

    def chain(self, store: str, sale_id: str, *, whole: bool = False) -> ChainView | None:
        """Prove a sale's place in its lane by hashing the stored bytes again, now.

        Args:
            store: the sale's store.
            sale_id: the sale.
            whole: from the lane's beginning; without it from where the hourly check left off, so that a look costs little.
        """
        with self._database.read() as reader:
            sale = sales.sale_by_id(reader, store, sale_id)
            if sale is None:
                return None
            lane = journal.lane_of(reader, store, sale.epoch, Lane.TRADE)
            row = journal.fact_at(reader, store, sale.epoch, Lane.TRADE, sale.seq)
            key = stores.key_of(reader, store, sale.epoch)
            if lane is None or row is None or key is None:
                return None
            before = journal.fact_at(reader, store, sale.epoch, Lane.TRADE, sale.seq - 1)
            after = journal.fact_at(reader, store, sale.epoch, Lane.TRADE, sale.seq + 1)
            if whole:
                bad, reached = verify.first_bad_seq(reader, lane), lane.seq
            else:
                bad, reached = verify.first_bad_since_check(reader, lane)
            start = facts.genesis(store, sale.epoch, Lane.TRADE) if before is None else before.chain
            return ChainView(
                store=store,
                epoch=sale.epoch,
                lane=int(Lane.TRADE),
                previous=None if before is None else _link_before(reader, before),
                this=_link(row, start),
                next=None if after is None else _link(after, row.chain),
                links_ok=_hashes_on(start, row) and (after is None or _hashes_on(row.chain, after)),
                lane_ok=bad is None and lane.fork_seq is None,
                lane_seq=reached,
                key_id=key.key_id.hex(),
                sums_ok=_sums_ok(row, sale),
                number_once=len(sales.standing_receipt_nos(reader, store, [sale.receipt_no])) == 1
                and not _number_parked(reader, sale),
            )

    def _views(self, reader: Reader, rows: list[SaleRow]) -> tuple[SaleView, ...]:
        names = {row.store: Name(row.name_zh, row.name_en) for row in stores.all_stores(reader)}
        by_store: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            by_store[row.store].append(row.sale_id)
        invites = {store: sales.invites_of(reader, store, sale_ids) for store, sale_ids in by_store.items()}
        return tuple(
            self._view(row, names.get(row.store, _NAMELESS), invites[row.store].get(row.sale_id)) for row in rows
        )

    def _view(self, row: SaleRow, name: Name, invite: InviteRow | None) -> SaleView:
        sale = _SALE.decode(row.body)
        return SaleView(
            n=row.ingest_id,
            sale_id=row.sale_id,
            store=row.store,
            store_name=name,
            till=row.till,
            receipt_no=row.receipt_no,
            business_day=row.day,
            hour=row.hour,
            total_fen=row.total_fen,
            received_fen=sum(tender.received_fen for tender in sale.tenders),
            change_fen=sum(tender.change_fen for tender in sale.tenders),
            currency=row.currency,
            locale=row.locale,
            saved_ms=row.at_ms,
            stored_ms=row.stored_ms,
            epoch=row.epoch,
            lane=int(Lane.TRADE),
            seq=row.seq,
            lines=tuple(_line(line) for line in sale.lines),
            tenders=tuple(
                TenderView(
                    kind=tender.kind,
                    received_fen=tender.received_fen,
                    change_fen=tender.change_fen,
                    amount_fen=tender.amount_fen,
                )
                for tender in sale.tenders
            ),
            invite=None if invite is None else self._invite(invite),
            adjustments=sale.adjustments,
            taxes=sale.taxes,
            tip_fen=sale.tip_fen,
            table=sale.table,
            part=sale.part,
        )

    def _invite(self, invite: InviteRow) -> InviteView:
        return InviteView(
            invite_id=invite.invite_id,
            code=invite.code,
            short=invite.short,
            url=codes.url(self._public_url, invite.code),
            expires_day=invite.expires_day,
        )

    # ------------------------------------------------------------------------------------------------------- sums

    def totals(self, day: str | None = None) -> TotalsView:
        """Sum the sales by store, of a business day or of all; a store without sales stands with 0."""
        with self._database.read() as reader:
            sums = sales.sums(reader, day)
            held = stores.all_stores(reader)
        rows = tuple(
            StoreTotal(
                row.store,
                Name(row.name_zh, row.name_en),
                sums[row.store].sales if row.store in sums else 0,
                sums[row.store].amount_fen if row.store in sums else 0,
            )
            for row in held
        )
        return TotalsView(
            day=day, stores=rows, sales=sum(row.sales for row in rows), amount_fen=sum(row.amount_fen for row in rows)
        )

    def takings(self, day: str) -> TakingsView:
        """Give the takings of a business day per store and hour, hours in the order of that day."""
        with self._database.read() as reader:
            rows = sales.takings_of(reader, day)
            held = stores.all_stores(reader)
            known = self._known(reader, day)
        by_store: defaultdict[str, list[TakingRow]] = defaultdict(list)
        for row in rows:
            by_store[row.store].append(row)
        views = tuple(
            StoreTakings(
                id=store.store,
                name=Name(store.name_zh, store.name_en),
                known=bool(by_store[store.store]) or store.store in known,
                hours=self._hours(by_store[store.store]),
                sales=sum(row.sales for row in by_store[store.store]),
                amount_fen=sum(row.amount_fen for row in by_store[store.store]),
            )
            for store in held
        )
        return TakingsView(
            day=day,
            known=any(view.known for view in views),
            stores=views,
            hours=self._hours(rows),
            sales=sum(view.sales for view in views),
            amount_fen=sum(view.amount_fen for view in views),
        )

    def _known(self, reader: Reader, day: str) -> set[str]:
        """Name the stores of which it is known that a day without sales was one: enrolled by then, and heard since."""
        enrolled, sold = stores.first_enrolled(reader), sales.first_days(reader)
        return {
            store
            for store, heard in presence.all_presence(reader).items()
            if heard.data_as_of_ms is not None
            and day <= self._day_of(heard.data_as_of_ms)
            and ((store in enrolled and self._day_of(enrolled[store]) <= day) or (store in sold and sold[store] <= day))
        }

    def _day_of(self, at_ms: int) -> str:
        return times.business_day(at_ms, self._zone, self._cutoff_minutes)

    def days(self) -> tuple[str, ...]:
        """List the business days that have sales, newest first."""
        with self._database.read() as reader:
            return tuple(sales.days(reader))

    def _hours(self, rows: Iterable[TakingRow]) -> tuple[HourTaking, ...]:
        sums: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for row in rows:
            count, amount_fen = sums[row.hour]
            sums[row.hour] = (count + row.sales, amount_fen + row.amount_fen)
        # A business day begins at its cut-off: 01:00 belongs to its end.
        first = self._cutoff_minutes // 60
        return tuple(HourTaking(hour, *sums[hour]) for hour in sorted(sums, key=lambda hour: (hour - first) % 24))

    # --------------------------------------------------------------------------------------------------- quarantine

    def parked_fact(self, n: int) -> ParkedFactView | None:
        """Give a parked fact with its text; None where no such fact is parked."""
        with self._database.read() as reader:
            row = next(iter(sales.parked_facts(reader, n - 1, 1, [n])), None)
            if row is None:
                return None
            reason = sales.park_reasons(reader, [n])[n]
        text = row.raw.decode("utf-8", errors="backslashreplace")
        return ParkedFactView(
            n=n, store=row.store, epoch=row.epoch, lane=row.lane, seq=row.seq, kind=row.kind, reason=reason,
            received_ms=row.received_ms, text=text,
        )  # fmt: skip

    def quarantine(self, parked_limit: int = 100) -> QuarantineView:
        """Tell what was refused unread and what is stored without being understood."""
        with self._database.read() as reader:
            refused = presence.all_refusals(reader)
            parked_total = sum(sales.count_parked(reader).values())
            parked = sales.list_parked(reader, parked_limit)
        return QuarantineView(
            total=sum(row.count for row in refused if row.reason not in HARMLESS),
            reasons=tuple(
                QuarantineRow(
                    reason=row.reason,
                    store=row.store,
                    count=row.count,
                    first_ms=row.first_ms,
                    last_ms=row.last_ms,
                    harmless=row.reason in HARMLESS,
                )
                for row in refused
            ),
            parked_total=parked_total,
            parked=tuple(
                ParkedView(
                    n=row.ingest_id,
                    store=row.store,
                    epoch=row.epoch,
                    lane=row.lane,
                    seq=row.seq,
                    kind=row.kind,
                    reason=row.reason,
                    at_ms=row.at_ms,
                )
                for row in parked
            ),
        )


def _count_late(lanes: list[LaneRow], marks: list[LaneMarks]) -> Counter[str]:
    """Count the facts of each store that came after their epoch was replaced."""
    reached = {(lane.store, lane.epoch, lane.lane): lane.seq for lane in lanes}
    late: Counter[str] = Counter()
    for mark in marks:
        if mark.late_seq is not None:
            late[mark.store] += max(0, reached.get((mark.store, mark.epoch, mark.lane), 0) - mark.late_seq + 1)
    return late


def _line(line: trade.SoldLine) -> LineView:
    return LineView(
        dish_id=line.dish_id,
        code=line.code,
        name=line.name,
        qty=line.qty,
        unit_fen=line.unit_fen,
        modifiers=tuple(ModifierView(one.id, one.name, one.price_fen) for one in line.modifiers),
        note=line.note,
        amount_fen=line.amount_fen,
        weight_g=line.weight_g,
        per_g=line.per_g,
    )


def _link(row: FactRow, before: bytes) -> LinkView:
    return LinkView(seq=row.seq, kind=row.kind, before=before.hex(), this=facts.link(before, row.raw).hex())


def _link_before(reader: Reader, row: FactRow) -> LinkView:
    earlier = journal.fact_at(reader, row.store, row.epoch, row.lane, row.seq - 1)
    return _link(row, facts.genesis(row.store, row.epoch, row.lane) if earlier is None else earlier.chain)


def _hashes_on(before: bytes, row: FactRow) -> bool:
    return facts.link(before, row.raw) == row.chain


def _sums_ok(row: FactRow, sale: SaleRow) -> bool:
    """Say whether the fact adds up and the table says what the fact says."""
    try:
        body = kinds.read(facts.decode(row.raw))
    except ContractError:
        return False
    return (
        isinstance(body, SalePaid)
        and (body.sale_id, body.receipt_no, body.total_fen) == (sale.sale_id, sale.receipt_no, sale.total_fen)
        and body == _SALE.decode(sale.body)
    )


def _number_parked(reader: Reader, sale: SaleRow) -> bool:
    """Say whether another sale of the store claimed this number or id and was parked for it."""
    for row in sales.parked_for(reader, sale.store, ("sale_id_twice", "receipt_no_twice")):
        try:
            body = kinds.read(facts.decode(row))
        except ContractError:
            continue
        if isinstance(body, SalePaid) and sale.receipt_no == body.receipt_no:
            return True
    return False
