"""What every use case of the node is given: its file, clock, ids, keys, who it is, and the menu in force."""

import threading
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

import msgspec

from edge.db import journal
from edge.domain.device_rows import DeviceRows
from edge.domain.pricing import Catalogue
from edge.services.care.clock_watch import ClockWatch
from edge.services.commit_times import CommitTimes
from edge.services.copies.archive import Archives
from edge.services.hub.enrolment import Enrolment
from edge.services.intake.desk import IntakeDesk
from edge.services.members.desk import MemberDesk
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.people.presence import Presence
from edge.settings import EdgeSettings, StoreSettings
from sync.contract import house
from sync.contract.times import business_day, not_before
from sync.engine.questions import Questions
from sync.node.archives import MemoryArchives
from sync.node.database import Storage
from sync.node.disk import DiskWatch
from sync.node.keys import Identity
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock, IdSource

VERSION = "0.1.0"
GRACE_MS = 10 * 60_000
"""For so long after a new menu came into force a basket of the one before is settled by its own prices."""
_IDLE = {"": "training_mode", "replacing": "being_replaced", "restored": "needs_new_epoch"}
FENCED = "fenced_epoch"
"""The counter under which the file remembers the last epoch that was replaced."""
REVOKED = "revoked_epoch"
"""The counter under which it remembers the last epoch whose key was revoked."""


class MenuShelf:
    """The menu in force; swapped as a whole, so a basket is priced by one version.

    A basket that was shown under the version before is settled by that version for `GRACE_MS` after the swap: its guest was
    told that price. Later it is priced anew, and the till asks first.
    """

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self._held: tuple[Catalogue | None, tuple[tuple[Catalogue, int], ...]] = (catalogue, ())

    @property
    def catalogue(self) -> Catalogue | None:
        """The menu in force; None before the first import."""
        return self._held[0]

    def put(self, catalogue: Catalogue, at_ms: int = 0) -> None:
        """Bring a menu into force at a wall time."""
        before, older = self._held
        kept = tuple((one, gone_ms) for one, gone_ms in older if 0 <= at_ms - gone_ms <= GRACE_MS)
        self._held = (catalogue, kept if before is None else (*kept, (before, at_ms)))

    def of_version(self, version: int | None, now_ms: int) -> Catalogue | None:
        """Give the menu that settles a basket of a version: its own within the grace, else the one in force."""
        now, older = self._held
        for one, gone_ms in older:
            if one.menu.version == version and 0 <= now_ms - gone_ms <= GRACE_MS:
                return one
        return now


class Rules:
    """Settings of HQ over those of the file; swapped as a whole."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._house: dict[str, Any] = {}
        self._here: EdgeSettings | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What HQ set, by name; every value is sound (`sync.contract.steering`)."""
        return self._values

    def put(self, values: dict[str, Any]) -> None:
        """Let what HQ set hold from now on."""
        self._values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        self._house = house.said(values)

    def put_here(self, settings: EdgeSettings | None) -> None:
        """Let the settings of the file with what the store set over them stand in for those of the start; None = nothing was set."""
        self._here = settings

    def over(self, settings: StoreSettings) -> StoreSettings:
        """Lay what HQ set over the settings of the file and of the store itself."""
        settings = settings if self._here is None else self._here.store
        known = {key: value for key, value in self._values.items() if key in StoreSettings.__struct_fields__}
        return msgspec.structs.replace(settings, **known) if known else settings

    def over_house(self, rules: house.Rules) -> house.Rules:
        """Lay what HQ set over the rules of the house in the file and of the store itself."""
        rules = rules if self._here is None else self._here.house
        return msgspec.structs.replace(rules, **self._house) if self._house else rules


class Signal:
    """Something changed that a waiting thread or a screen wants to know of; setting it never blocks."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def notify(self) -> None:
        """Say that something changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until the count has passed `seen`, at most so long; gives the count."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > seen, timeout_s)
            return self._count


class Fence:
    """Up to which epoch the hub's signed word took this file's right to sell; it only ever rises, and the file remembers it."""

    def __init__(self, counter: str = FENCED) -> None:
        self._counter = counter
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """The last epoch that was replaced or revoked; 0 for none."""
        return self._epoch

    def load(self, db: Storage) -> None:
        """Take what the file remembers."""
        with db.read() as reader:
            self._epoch = journal.counter(reader, self._counter)

    def put(self, db: Storage, epoch: int) -> None:
        """Remember that an epoch was replaced or revoked."""
        if epoch > self._epoch:
            db.write(lambda tx: journal.set_counter(tx, self._counter, epoch))
            self._epoch = epoch


@dataclass(frozen=True)
class Node:
    """The node as the use cases see it. Built once in `edge.wiring`."""

    settings: EdgeSettings
    db: Storage
    clock: Clock
    chance: Chance
    ids: IdSource
    identity: Identity
    enrolment: Enrolment | None
    vault: Vault
    zone: tzinfo
    devices: DeviceRows = field(default_factory=DeviceRows)
    """The devices of the settings, and the rows that cannot be used."""
    recovery: str = ""
    """Why an enrolled node sells nothing yet: `replacing` or `restored` (edge.services.hub.recovery). Then it has no enrolment here."""
    laid_aside: Enrolment | None = None
    """The grant of a node that sells nothing yet: no epoch to sell under, but what its facts and the hub's words are under."""
    shelf: MenuShelf = field(default_factory=MenuShelf)
    rules: Rules = field(default_factory=Rules)
    """What HQ set; use cases read `store_rules`."""
    disk: DiskWatch | None = None
    """How much room there is; None = nobody watches it, as in a simulation."""
    clock_watch: ClockWatch | None = None
    """Notices a wall clock that was set or is wrong; None = nobody looks."""
    commits: CommitTimes = field(default_factory=CommitTimes)
    """How long the last commits took."""
    printing: Signal = field(default_factory=Signal)
    """A slip was queued, or a person mended something."""
    committed: Signal = field(default_factory=Signal)
    """Facts were committed that the hub does not have yet."""
    changed: Signal = field(default_factory=Signal)
    """Something that the state bar shows may have changed."""
    questions: Questions = field(default_factory=Questions)
    """Asks HQ online; a thread that asks waits at most two seconds, and silence is *unknown*."""
    steered: Signal = field(default_factory=Signal)
    """Something came down from HQ that may have to come into force or to be done."""
    archives: Archives = field(default_factory=lambda: Archives(MemoryArchives()))
    """Facts of sealed days that left the table."""
    fence: Fence = field(default_factory=Fence)
    """The last epoch that the hub said was replaced."""
    revocation: Fence = field(default_factory=lambda: Fence(REVOKED))
    """The last epoch whose key the hub said was revoked."""
    gateway: GatewayDesk = field(default_factory=GatewayDesk)
    """Where guests' payment codes are charged."""
    members: MemberDesk = field(default_factory=MemberDesk)
    """The keys of members."""
    intake: IntakeDesk = field(default_factory=IntakeDesk)
    """The takeaway platforms that orders come from."""
    presence: Presence = field(default_factory=Presence)
    """When each session was last at work."""
    practice: bool = False
    """It is a world of its own to learn in (`edge.services.practice`): nothing of it counts, and every slip says so."""

    @property
    def training(self) -> bool:
        """Without an epoch from the hub nothing that is sold here counts (DESIGN §4)."""
        return self.enrolment is None

    @property
    def granted(self) -> Enrolment | None:
        """Whose facts lie here, whether or not anything may be sold: what a proof of the journal asks."""
        return self.laid_aside if self.enrolment is None else self.enrolment

    @property
    def idle_code(self) -> str:
        """Why nothing counts that is done at a node without an epoch: the code of a refusal. Asked only while `training`."""
        return _IDLE[self.recovery]

    @property
    def store_rules(self) -> StoreSettings:
        """What the store is told to be: the settings of the file, and over them those of HQ."""
        return self.rules.over(self.settings.store)

    @property
    def house(self) -> house.Rules:
        """What the house charges beside its dishes, its taxes and rounding: the file's, and over them those of HQ."""
        return self.rules.over_house(self.settings.house)

    @property
    def keep_days(self) -> int:
        """For how many business days facts stay in the table: what HQ set (`retention_days`), else the file."""
        return int(self.rules.values.get("retention_days", self.settings.journal.keep_days))

    @property
    def fenced(self) -> bool:
        """The hub gave this store to another computer: nothing new may be sold here (DESIGN §4)."""
        return self.enrolment is not None and self.fence.epoch >= self.enrolment.epoch

    @property
    def revoked(self) -> bool:
        """The hub said, signed, that this node's key counts no longer: what is sold here would be sold for nobody."""
        return self.enrolment is not None and self.revocation.epoch >= self.enrolment.epoch

    def recall(self) -> None:
        """Take what the file remembers of the hub's word on this node's right to sell; called once at the start."""
        self.fence.load(self.db)
        self.revocation.load(self.db)

    def place(self) -> journal.Place:
        """Where facts of this instant belong.

        Raises:
            AssertionError: the node is not enrolled; callers ask `training` first.
        """
        assert self.enrolment is not None
        now_ms = self.clock.now_ms()
        return journal.Place(
            store=self.enrolment.store,
            epoch=self.enrolment.epoch,
            at_ms=now_ms,
            day=self._day(now_ms),
        )

    def today(self) -> str:
        """Name the business day of now: none before the last that something was booked on, unless the hub's clock says so too."""
        return self._day(self.clock.now_ms())

    def held_day(self) -> str:
        """Name the business day that is held against a clock that says an earlier one; empty while the clock rules."""
        now_ms = self.clock.now_ms()
        day = self._day(now_ms)
        return "" if day == business_day(now_ms, self.zone, self.store_rules.cutoff_minutes) else day

    def _day(self, now_ms: int) -> str:
        day = business_day(now_ms, self.zone, self.store_rules.cutoff_minutes)
        if self.clock_watch is not None and self.clock_watch.view().agrees:
            return day
        with self.db.read() as reader:
            return not_before(day, journal.last_day(reader))
