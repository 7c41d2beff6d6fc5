"""HQ publishes a menu or a price list: judged against what holds on the day, told as a diff, written as steps (§5.7).

Undo is to publish the content of an earlier number again: a publication is never changed and never taken back.
"""

import hashlib
from collections.abc import Callable
from datetime import date, tzinfo

import msgspec

from cloud.db import publications as table
from cloud.db import stores
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.db.publications import PublicationRow
from cloud.services import audit, publish_files, streams
from cloud.services.publish_diff import price_changes
from cloud.services.publish_files import Priced
from sync.contract import menu as menus
from sync.contract import publications, sheets, times
from sync.contract import streams as contract
from sync.contract.menu import Menu
from sync.contract.menu_changes import Change, menu_changes, too_big
from sync.contract.menu_table import Carte
from sync.contract.publications import Head, Part, PriceList
from sync.contract.sheets import File, Mistake, UnreadableFile
from sync.node import tables
from sync.node.ports import Clock

NOW = "now"
WHATS = (contract.MENU, contract.PRICES)
DUE_KEPT = 5
"""Publications of the past that stay in a stream: more than a store with a wrong clock could need. The table keeps all."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks to be published.

    Attributes:
        what: `menu` or `prices`.
        file: the content; None with `version`.
        version: the number whose content is published again; 0 with a file.
        effective_from: `now`, or a business day after today.
        stores: for whom; none = the tenant-wide stream.
        dry_run: say what would change, and write nothing.
        allow_big_changes: prices may change by more than half.
        allow_free: a dish of a menu may cost nothing.
        by: who asks, for the audit log.
    """

    what: str
    file: File | None = None
    version: int = 0
    effective_from: str = NOW
    stores: tuple[str, ...] = ()
    dry_run: bool = False
    allow_big_changes: bool = False
    allow_free: bool = False
    by: str = "cli"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication changes in one stream; `number` is 0 where nothing was written."""

    stream: str
    number: int
    effective_from: str
    changes: tuple[Change, ...]
    replaces: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order: either every stream was published (or would be), or nothing was, and these are the mistakes."""

    ok: bool
    dry_run: bool
    published: tuple[Published, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


class Publisher:
    """Publishes. Any thread may use it."""

    def __init__(
        self,
        database: HubDatabase,
        *,
        clock: Clock,
        zone: tzinfo,
        cutoff_minutes: int,
        on_stream: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._cutoff_minutes = cutoff_minutes
        self._on_stream = on_stream or (lambda: None)

    def publish(self, order: Order) -> Outcome:
        """Carry out an order, all of it or nothing."""
        try:
            if order.dry_run:
                with self._database.read() as reader:
                    plans = self._plan(reader, order)
                return Outcome(ok=True, dry_run=True, published=tuple(plan.told for plan in plans))
            with self._database.write() as tx:
                plans = self._plan(tx, order)
                told = tuple(self._write(tx, order, plan) for plan in plans)
        except UnreadableFile as error:
            return Outcome(ok=False, dry_run=order.dry_run, mistakes=tuple(error.mistakes))
        if any(one.number for one in told):
            self._on_stream()
        return Outcome(ok=True, dry_run=False, published=told)

    def today(self) -> str:
        """Name the hub's business day."""
        return times.business_day(self._clock.now_ms(), self._zone, self._cutoff_minutes)

    def in_force(self, reader: Reader, what: str, store: str, day: str) -> PublicationRow | None:
        """Find what holds for a store on a day (or, without a store, for all): its own publication before the tenant's."""
        own = None if not store else _in_force(reader, contract.own(what, store), day)
        return own or _in_force(reader, what, day)

    # ----------------------------------------------------------------------------------------------------- judging

    def _plan(self, reader: Reader, order: Order) -> list["_Plan"]:
        day = self._day(order)
        if order.what not in WHATS:
            raise _refused(f"{order.what!r} is nothing to publish", f"say {' or '.join(WHATS)}")
        unknown = [store for store in order.stores if stores.store_by_id(reader, store) is None]
        if unknown:
            raise _refused(f"there is no store {', '.join(unknown)}", "name stores as `enrol-store` made them")
        plans: list[_Plan] = []
        mistakes: list[Mistake] = []
        for store in dict.fromkeys(order.stores or ("",)):
            try:
                plans.append(self._plan_one(reader, order, store, day))
            except UnreadableFile as error:
                mistakes += error.mistakes
        if mistakes:
            # What is wrong with the file itself is found again for each store, and told once.
            raise UnreadableFile(sorted(dict.fromkeys(mistakes), key=lambda one: one.line))
        return plans

    def _plan_one(self, reader: Reader, order: Order, store: str, day: str) -> "_Plan":
        stream = contract.own(order.what, store) if store else order.what
        held_menu = self._menu(reader, store, day)
        mistakes: list[Mistake] = []
        if order.what == contract.MENU:
            made = self._new_menu(reader, order, stream, held_menu)
            mistakes += made.mistakes
            changes = menu_changes(held_menu, made.menu)
            if not order.allow_free:
                mistakes += _free(made)
            document = msgspec.json.encode(msgspec.structs.replace(made.menu, version=0))
            lines, unread = made.lines, made.unpriced
        else:
            given = self._new_prices(reader, order, stream)
            mistakes += given.mistakes
            if held_menu is None:
                none = _mistake("no menu was published that prices could be laid over", "publish a menu first")
                raise UnreadableFile([*mistakes, none])
            mistakes += _unknown_codes(given, held_menu, store)
            changes = price_changes(held_menu, self._lists(reader, store, day, ""), self._lists(reader, store, day, stream),
                                    PriceList(prices=given.prices))  # fmt: skip
            document = msgspec.json.encode(PriceList(prices=dict(sorted(given.prices.items()))))
            lines = given.lines
            # A dish goes back to the menu's price only where the list does not name it: not where its line is misread.
            unread = {change.code for change in changes if change.code not in given.prices} if given.mistakes else set()
        if not order.allow_big_changes:
            mistakes += [
                _too_big(change, lines.get(change.code, 0), store)
                for change in changes
                if too_big(change) and change.code not in unread
            ]
        if mistakes:
            raise UnreadableFile(mistakes)
        held = _in_force(reader, stream, day)
        sha256 = hashlib.sha256(document).hexdigest()
        told = Published(
            stream=stream,
            number=0,
            effective_from=order.effective_from,
            changes=tuple(changes),
            replaces=0 if held is None else held.number,
        )
        return _Plan(told, document, sha256, day, same=held is not None and held.sha256 == sha256)

    def _day(self, order: Order) -> str:
        today = self.today()
        if order.effective_from == NOW:
            return today
        try:
            day = date.fromisoformat(order.effective_from).isoformat()
        except ValueError:
            day = ""
        if day != order.effective_from:
            raise _refused(f"{order.effective_from!r} is no day", "write it like 2026-12-01, or `now`")
        if day <= today:
            raise _refused(f"{day} has begun already (today is {today})", "name a later day, or `now`")
        return day

    def _menu(self, reader: Reader, store: str, day: str) -> Menu | None:
        row = self.in_force(reader, contract.MENU, store, day)
        return None if row is None else menus.checked(row.document)

    def _lists(self, reader: Reader, store: str, day: str, without: str) -> list[PriceList]:
        """Give the price lists that lie over a store's menu on a day, but for one stream's."""
        wanted = [contract.PRICES]
        if store:
            own_menu = _in_force(reader, contract.own(contract.MENU, store), day) is not None
            wanted = [*([] if own_menu else wanted), contract.own(contract.PRICES, store)]
        rows = [_in_force(reader, stream, day) for stream in wanted if stream != without]
        return [publications.read_prices(row.document) for row in rows if row is not None]

    def _new_menu(self, reader: Reader, order: Order, stream: str, held: Menu | None) -> Carte:
        if order.file is None:
            return Carte(menus.checked(_again(reader, order, stream).document))
        return tables.read_menu(order.file, held)

    @staticmethod
    def _new_prices(reader: Reader, order: Order, stream: str) -> Priced:
        if order.file is None:
            return Priced(publications.read_prices(_again(reader, order, stream).document).prices)
        return publish_files.read_prices(order.file)

    # ----------------------------------------------------------------------------------------------------- writing

    def _write(self, tx: Tx, order: Order, plan: "_Plan") -> Published:
        if plan.same:
            return plan.told
        now_ms, stream = self._clock.now_ms(), plan.told.stream
        number = table.last_number(tx, stream) + 1
        parts = publications.split(plan.document)
        head = Head(
            number=number,
            effective_from=plan.day,
            at_once=order.effective_from == NOW,
            parts=len(parts),
            sha256=plan.sha256,
            published_ms=now_ms,
        )
        for place, text in enumerate(parts):
            key = publications.part_key(number, place)
            streams.append(tx, stream, op="put", key=key, value=msgspec.json.encode(Part(text)))
        streams.append(tx, stream, op="put", key=publications.head_key(number), value=msgspec.json.encode(head))
        row = PublicationRow(
            stream=stream,
            number=number,
            effective_from=head.effective_from,
            at_once=int(head.at_once),
            sha256=head.sha256,
            document=plan.document,
            published_ms=now_ms,
            published_by=order.by,
            again=order.version or None,
        )
        table.insert_publication(tx, row)
        self._drop_past(tx, stream)
        audit.record(
            tx,
            at_ms=now_ms,
            actor=order.by,
            action=f"{order.what}.published",
            target=f"{stream}#{number}",
            detail={"effective_from": order.effective_from, "changes": len(plan.told.changes), "sha256": plan.sha256},
        )
        return msgspec.structs.replace(plan.told, number=number)

    def _drop_past(self, tx: Tx, stream: str) -> None:
        """Take publications out of the stream that no store can need any more."""
        heads = [_head(row) for row in table.publications_of(tx, stream)]
        due = [head for head in heads if head.at_once or head.effective_from <= self.today()]
        due.sort(key=lambda head: (head.effective_from, head.number))
        past = {str(head.number) for head in due[:-DUE_KEPT]}
        for key in sorted(streams.state_at_head(tx, stream)):
            if key.partition("/")[0] in past:
                streams.append(tx, stream, op="remove", key=key, value=b"")


class _Plan(msgspec.Struct, frozen=True):
    told: Published
    document: bytes
    sha256: str
    day: str
    same: bool


def _in_force(reader: Reader, stream: str, day: str) -> PublicationRow | None:
    rows = {row.number: row for row in table.publications_of(reader, stream)}
    held = publications.in_force([_head(row) for row in rows.values()], day)
    return None if held is None else rows[held.number]


def _head(row: PublicationRow) -> Head:
    return Head(
        number=row.number,
        effective_from=row.effective_from,
        at_once=bool(row.at_once),
        parts=0,
        sha256=row.sha256,
        published_ms=row.published_ms,
    )


def _again(reader: Reader, order: Order, stream: str) -> PublicationRow:
    row = table.publication(reader, stream, order.version)
    if row is None:
        last = table.last_number(reader, stream)
        remedy = f"there are 1 to {last}" if last else "nothing was published there yet"
        raise _refused(f"{stream} has no number {order.version}", remedy)
    return row


def _free(made: Carte) -> list[Mistake]:
    return [
        Mistake(line=0, column=dish.code, wrong="the dish costs nothing", remedy="write a price, or give --allow-free")
        for dish in made.menu.dishes
        if dish.price_fen <= 0 and dish.code not in made.unpriced
    ]


def _unknown_codes(given: Priced, menu: Menu, store: str) -> list[Mistake]:
    known = {dish.code for dish in menu.dishes}
    return [
        Mistake(
            line=given.lines.get(code, 0),
            column="code",
            wrong=f"the menu of that day{_at(store)} has no dish {code}",
            remedy="mend the code, or publish the menu that has it first",
        )
        for code in dict.fromkeys([*given.lines, *given.prices])
        if code not in known
    ]


def _too_big(change: Change, line: int, store: str) -> Mistake:
    return Mistake(
        line=line,
        column="price",
        wrong=f"{change.code} goes from {change.old} to {change.new}{_at(store)}, by more than half",
        remedy="check the amount; give --allow-big-changes if it is meant",
    )


def _at(store: str) -> str:
    return f" at {store}" if store else ""


def _mistake(wrong: str, remedy: str) -> Mistake:
    return Mistake(line=0, column="", wrong=wrong, remedy=remedy)


def _refused(wrong: str, remedy: str) -> UnreadableFile:
    return UnreadableFile([_mistake(wrong, remedy)])


def as_text(outcome: Outcome) -> str:
    """Write what came of an order for people: a line for each change, with the old and the new."""
    if not outcome.ok:
        return sheets.as_text(outcome.mistakes)
    lines: list[str] = []
    for one in outcome.published:
        lines += [f"{change.what:7} {change.code:8} {change.name}: {_change(change)}" for change in one.changes]
        lines.append(_summary(one, dry_run=outcome.dry_run))
    return "\n".join(lines)


def _change(change: Change) -> str:
    if change.what == "changed":
        return f"{change.field} {change.old} → {change.new}"
    return change.new or change.old


def _summary(one: Published, *, dry_run: bool) -> str:
    if dry_run:
        return f"{one.stream}: {len(one.changes)} changes from {one.effective_from}; nothing was written (dry run)"
    if not one.number:
        return f"{one.stream}: number {one.replaces} says the same already; nothing was written"
    undo = f"; undo: publish --version {one.replaces} of the same" if one.replaces else ""
    return f"{one.stream}: number {one.number} published, {len(one.changes)} changes, from {one.effective_from}{undo}"
