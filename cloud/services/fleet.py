"""The fleet: how every store is, the one that needs a person first; and what the hub itself needs a person for.

A store that is away is shown as it was when it was last heard, with that time beside it, and never as zero. What a store says
of its own day stands beside what has arrived of the same day, so that nobody takes the one for the other.
"""

from collections import defaultdict
from collections.abc import Callable

import msgspec

from cloud.db import alarms, backup, drills, journal, presence, proofs, sales
from cloud.db.alarms import AlarmRow
from cloud.db.engine import HubDatabase, Reader
from cloud.db.journal import LaneMarks, LaneRow
from cloud.db.presence import PresenceRow
from cloud.services.reports import Reports
from cloud.services.versions import StoreVersions, Versions
from cloud.services.views import LaneWaiting, StoreView
from sync.contract.operations import ALARM_CODES
from sync.contract.words import Name
from sync.node.disk import Room
from sync.node.ports import Clock

CLOCK_OFF_MS = 120_000
"""As the node itself says it: beyond this the clock is wrong (protocol §5.12)."""
WAITING_WORTH_A_LOOK = 25
"""Facts waiting at a connected store; fewer are a sale or two on their way."""
HANDING_OVER_MS = 600_000
"""So long after its last fact a replaced computer counts as still handing over."""
BACKUP_LATE = 5
"""A backup older than so many of its spans was missed."""
STUCK_MS = 60_000
DRILL_OVERDUE = "drill.overdue"
DRILL_OLD_MS = 35 * 86_400_000
"""As the node itself says it: a drill a month, and some days for a machine that was off (ux-security §10.9)."""
STRANGER_MS = 86_400_000
"""So long a message under a key that nobody knows is worth a look."""
STRANGERS = frozenset({"unknown_key", "unknown_store", "foreign"})


class SaidDay(msgspec.Struct, frozen=True, kw_only=True):
    """A store's own word on a business day, and what has arrived of that day."""

    day: str
    sales: int
    amount_fen: int
    arrived_sales: int
    arrived_amount_fen: int


class StoreAlarm(msgspec.Struct, frozen=True):
    """An open alarm of a store; `since_ms` is None while only its heartbeat told of it, or for a drill that never was."""

    code: str
    detail: str
    since_ms: int | None


class Lagging(msgspec.Struct, frozen=True):
    """A stream of which the store lacks steps."""

    stream: str
    held: int
    head: int


class FleetStore(msgspec.Struct, frozen=True, kw_only=True):
    """A store of the fleet.

    `state` is `online`, `away`, `never` or `refused` (see `refusal`). Figures of a store that is not `online` are those of
    `as_of_ms`. `handing_over` are replaced epochs whose facts still come. `need` orders the page: 0 is the worst.
    """

    id: str
    name: Name
    epoch: int
    state: str
    need: int
    as_of_ms: int | None
    data_as_of_ms: int | None
    refusal: str | None
    refused_ms: int | None
    waiting: LaneWaiting | None
    oldest_waiting_ms: int | None
    said: SaidDay | None
    clock_offset_ms: int | None
    clock_off: bool
    disk_free_mb: int | None
    behind: tuple[Lagging, ...]
    handing_over: tuple[int, ...]
    alarms: tuple[StoreAlarm, ...]
    chain_ok: bool
    fork_seq: int | None
    late: int
    parked: int
    quarantined: int


class HubAlarm(msgspec.Struct, frozen=True):
    """What the hub itself needs a person for, `n` messages or facts.

    `code` is `stranger`, `backup_overdue`, `drill_overdue`, `projector_stuck`, `booker_stuck`, `book_broken` or `disk_red`; a
    drill that never was has no `since_ms`.
    """

    code: str
    since_ms: int | None
    n: int = 0


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Every store, the one that needs a person first, and the hub's own alarms."""

    now_ms: int
    stores: tuple[FleetStore, ...]
    alarms: tuple[HubAlarm, ...]


class _Known(msgspec.Struct, frozen=True):
    """What the tables say besides the reports: by store where not said otherwise."""

    heard: dict[str, PresenceRow]
    alarms: dict[str, list[AlarmRow]]
    lanes: list[LaneRow]
    marks: list[LaneMarks]
    days: dict[str, dict[str, tuple[int, int]]]
    """By business day and store: sales, fen."""
    drill_due: dict[str, int | None]
    """Stores whose drill is overdue, each with when the last one held."""


class Fleets:
    """Answers what the fleet page, the attention list and the figures ask. Any thread may use it.

    Args:
        database: the hub's database.
        reports: what is known of stores already.
        versions: which store has which version.
        clock: the hub's.
        backup_minutes: how often a backup is due.
        room: how much the disk under the facts has.
    """

    def __init__(
        self,
        database: HubDatabase,
        reports: Reports,
        versions: Versions,
        *,
        clock: Clock,
        backup_minutes: int,
        room: Callable[[], Room] = lambda: Room.OK,
    ) -> None:
        self._database = database
        self._reports = reports
        self._versions = versions
        self._clock = clock
        self._backup_minutes = backup_minutes
        self._room = room

    def fleet(self, views: tuple[StoreView, ...] | None = None) -> Fleet:
        """Tell of every store.

        Args:
            views: the reports' own list, where the caller has it already.
        """
        now_ms = self._clock.now_ms()
        lagging = {one.store: one for one in self._versions.of_stores()}
        held = self._reports.stores() if views is None else views
        with self._database.read() as reader:
            known = _known(reader, now_ms)
            own = self._hub_alarms(reader, now_ms)
        found = [_store(view, lagging.get(view.id), known, now_ms) for view in held]
        return Fleet(now_ms=now_ms, stores=tuple(sorted(found, key=_order)), alarms=own)

    def hub_alarms(self) -> tuple[HubAlarm, ...]:
        """Tell what the hub itself needs a person for."""
        with self._database.read() as reader:
            return self._hub_alarms(reader, self._clock.now_ms())

    def _hub_alarms(self, reader: Reader, now_ms: int) -> tuple[HubAlarm, ...]:
        found: list[HubAlarm] = []
        if self._room() is Room.RED:
            found.append(HubAlarm("disk_red", None))
        strange = [
            row
            for row in presence.all_refusals(reader)
            if row.reason in STRANGERS and now_ms - row.last_ms < STRANGER_MS
        ]
        if strange:
            found.append(HubAlarm("stranger", max(row.last_ms for row in strange), sum(row.count for row in strange)))
        first = next(iter(journal.facts_after(reader, sales.cursor(reader), 1)), None)
        if first is not None and now_ms - first.received_ms > STUCK_MS:
            lag = backup.last_id(reader) - sales.cursor(reader)
            found.append(HubAlarm("projector_stuck", first.received_ms, lag))
        waits_ms = proofs.oldest_unbooked_ms(reader)
        if waits_ms is not None and now_ms - waits_ms > STUCK_MS:
            found.append(HubAlarm("booker_stuck", waits_ms))
        proof = proofs.last_proof(reader)
        if proof is not None and not proof.ok:
            found.append(HubAlarm("book_broken", proof.at_ms))
        newest = backup.newest_backup(reader)
        oldest_ms = newest.made_ms if newest is not None else _first_fact_ms(reader)
        if oldest_ms is not None and now_ms - oldest_ms > BACKUP_LATE * self._backup_minutes * 60_000:
            found.append(HubAlarm("backup_overdue", None if newest is None else newest.made_ms))
        held_ms = backup.last_held_drill_ms(reader)
        since_ms = held_ms if held_ms is not None else _first_fact_ms(reader)
        if since_ms is not None and now_ms - since_ms > DRILL_OLD_MS:
            found.append(HubAlarm("drill_overdue", held_ms))
        return tuple(found)


def _first_fact_ms(reader: Reader) -> int | None:
    """A hub without facts has nothing to lose yet."""
    return next((row.received_ms for row in journal.facts_after(reader, 0, 1)), None)


def _known(reader: Reader, now_ms: int) -> _Known:
    heard = presence.all_presence(reader)
    by_store: defaultdict[str, list[AlarmRow]] = defaultdict(list)
    for row in alarms.all_open(reader):
        by_store[row.store].append(row)
    days = {
        day: {store: (one.sales, one.amount_fen) for store, one in sales.sums(reader, day).items()}
        for day in {row.day for row in heard.values() if row.day}
    }
    return _Known(
        heard, dict(by_store), journal.all_lanes(reader), journal.all_marks(reader), days, _drill_due(reader, now_ms)
    )


def _drill_due(reader: Reader, now_ms: int) -> dict[str, int | None]:
    """A store that is younger than the span owes none; one that is away cannot say so itself."""
    held = drills.held_by_store(reader)
    return {
        store: held.get(store)
        for store, since_ms in drills.selling_since(reader).items()
        if now_ms - held.get(store, since_ms) > DRILL_OLD_MS
    }


def _store(view: StoreView, versions: StoreVersions | None, known: _Known, now_ms: int) -> FleetStore:
    heard = known.heard.get(view.id)
    refusal = None if heard is None else heard.refusal
    offset_ms = None if heard is None else heard.clock_offset_ms
    off = offset_ms is not None and abs(offset_ms) >= CLOCK_OFF_MS
    open_now = _alarms(view, heard, known)
    behind = tuple(
        Lagging(one.stream, one.held or 0, one.head) for one in (versions.streams if versions else ()) if one.behind
    )
    # Who is refused is heard, and has no session all the same.
    state = "refused" if refusal and view.state != "never" else view.state
    return FleetStore(
        id=view.id,
        name=view.name,
        epoch=view.epoch,
        state=state,
        need=_need(view, state, urgent=bool(open_now) or off, behind=bool(behind)),
        as_of_ms=view.last_seen_ms,
        data_as_of_ms=view.data_as_of_ms,
        refusal=refusal,
        refused_ms=None if heard is None else heard.refused_ms,
        waiting=view.waiting,
        oldest_waiting_ms=None if heard is None else heard.oldest_waiting_ms,
        said=_said(heard, known),
        clock_offset_ms=offset_ms,
        clock_off=off,
        disk_free_mb=None if heard is None else heard.disk_free_mb,
        behind=behind,
        handing_over=_handing_over(view, known, now_ms),
        alarms=open_now,
        chain_ok=view.chain_ok,
        fork_seq=view.fork_seq,
        late=view.late,
        parked=view.parked,
        quarantined=view.quarantined,
    )


def _said(heard: PresenceRow | None, known: _Known) -> SaidDay | None:
    if heard is None or not heard.day or heard.day_sales is None or heard.day_amount_fen is None:
        return None
    arrived = known.days[heard.day].get(heard.store, (0, 0))
    return SaidDay(
        day=heard.day,
        sales=heard.day_sales,
        amount_fen=heard.day_amount_fen,
        arrived_sales=arrived[0],
        arrived_amount_fen=arrived[1],
    )


def _alarms(view: StoreView, heard: PresenceRow | None, known: _Known) -> tuple[StoreAlarm, ...]:
    """The facts' word, and what a heartbeat told before its fact came; a heartbeat that tells no more is not the fact's end."""
    found = {row.code: StoreAlarm(row.code, row.detail, row.at_ms) for row in known.alarms.get(view.id, [])}
    if view.id in known.drill_due:
        found.setdefault(DRILL_OVERDUE, StoreAlarm(DRILL_OVERDUE, "", known.drill_due[view.id]))
    for code in (heard.alarms or "").split() if heard is not None else ():
        found.setdefault(code, StoreAlarm(code, "", None))
    rank = {code: at for at, code in enumerate(ALARM_CODES)}
    return tuple(sorted(found.values(), key=lambda alarm: (rank.get(alarm.code, len(rank)), alarm.code)))


def _handing_over(view: StoreView, known: _Known, now_ms: int) -> tuple[int, ...]:
    late = {(mark.epoch, mark.lane) for mark in known.marks if mark.store == view.id and mark.late_seq is not None}
    moving = {
        lane.epoch
        for lane in known.lanes
        if lane.store == view.id
        and lane.epoch < view.epoch
        and (lane.epoch, lane.lane) in late
        and now_ms - lane.updated_ms < HANDING_OVER_MS
    }
    return tuple(sorted(moving))


def _need(view: StoreView, state: str, *, urgent: bool, behind: bool) -> int:
    """Say how much a store needs a person: refused or forked, alarms, away, catching up, not yet seen, well."""
    waiting = 0 if view.waiting is None else view.waiting.trade + view.waiting.operations
    if state == "refused" or not view.chain_ok:
        return 0
    if urgent:
        return 1
    if state == "away":
        return 2
    if waiting >= WAITING_WORTH_A_LOOK or behind or view.parked or view.late:
        return 3
    return 4 if state == "never" else 5


def _order(store: FleetStore) -> tuple[int, int, str]:
    waiting = 0 if store.waiting is None else store.waiting.trade + store.waiting.operations
    return store.need, -waiting, store.id
