"""What goes wrong in the simulated world: death between any two steps, weather on the links, and the plan of a run."""

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cloud.db.engine import HubDatabase, Turn, Tx
from sync.engine.memory import CLEAN, PARTITION, FaultPlan
from sync.node.database import OperationalError, Reader, Row, Storage
from sync.node.database import Tx as StoreTx

T = TypeVar("T")


class Killed(BaseException):
    """The process ends here. Not an `Exception`: no part of the product may catch it and go on."""


class DiskRefused(OperationalError):  # type: ignore[misc, valid-type] # the driver has no types
    """The disk is full, does not write, or is busy: what the driver raises, by a name that no real trouble has."""


class Doom:
    """Counts the steps of a process (statements, commits, messages handed over) and ends it at the chosen one.

    Instead of its end it may meet a disk that refuses: then only statements and commits count.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self._trouble = ""

    def arm(self, steps: int, trouble: str = "") -> None:
        """Let the process die at its `steps`-th step from now, 1 or more, or let the disk refuse then with a sentence."""
        self._left, self._trouble = steps, trouble

    def disarm(self) -> None:
        """Let it live."""
        self._left = None

    def step(self, where: str) -> None:
        """Note a step.

        Raises:
            Killed: this was the last one.
            DiskRefused: the disk does not take this one.
        """
        if self._left is None or (self._trouble and where.endswith("publish")):
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            if self._trouble:
                raise DiskRefused(self._trouble)
            raise Killed(where)


class Pause:
    """A process that stands still between two transactions, as a suspended machine does, while the world goes on."""

    def __init__(self) -> None:
        self._for_ms = 0
        self.sleep: Callable[[int], None] = lambda _: None
        """Lets so much time pass for everybody else; the world's."""

    def arm(self, for_ms: int) -> None:
        """Let it stand still at its next transaction."""
        self._for_ms = for_ms

    def point(self) -> None:
        """Stand still here, if it is time to."""
        for_ms, self._for_ms = self._for_ms, 0
        if for_ms:
            self.sleep(for_ms)


class _MortalStoreTx:
    """A store's transaction whose process may die before each statement."""

    def __init__(self, inner: StoreTx, doom: Doom) -> None:
        self._inner = inner
        self._doom = doom

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self._doom.step("statement")
        return self._inner.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._doom.step("statement")
        self._inner.executemany(sql, parameters)


class MortalStorage:
    """A store's file as its process sees it; what was not committed when the process dies never was."""

    def __init__(self, disk: Storage, doom: Doom, on_commit: Callable[[], None]) -> None:
        self._disk = disk
        self._doom = doom
        self._on_commit = on_commit

    def write(self, work: Callable[[StoreTx], T]) -> T:
        """Run work in one transaction, or die in it, or die behind its commit before anybody is told."""

        def mortal(tx: StoreTx) -> T:
            result = work(_MortalStoreTx(tx, self._doom))
            self._doom.step("before the commit")
            return result

        result = self._disk.write(mortal)
        self._on_commit()
        self._doom.step("after the commit")
        return result

    def read(self) -> contextlib.AbstractContextManager[Reader]:
        """Lend the connection."""
        return self._disk.read()


@dataclass(frozen=True)
class _MortalTx(Tx):
    """A hub's transaction whose process may die before each statement."""

    doom: Doom

    def run(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on as it came
        self.doom.step("statement")
        return super().run(*arguments, **named)


class MortalHubDatabase(HubDatabase):
    """The hub's database as its process sees it."""

    def __init__(
        self, inner: HubDatabase, doom: Doom, on_commit: Callable[[], None], pause: Pause | None = None
    ) -> None:
        super().__init__(inner.engine)
        self._pause = pause or Pause()
        self._doom = doom
        self._on_commit = on_commit

    @contextlib.contextmanager
    def write(self, turn: Turn = Turn.ALONE, *, patient: bool = False) -> Iterator[Tx]:
        """Open a transaction; see `MortalStorage.write`."""
        if turn is Turn.INGEST:
            self._pause.point()
        with super().write(turn, patient=patient) as tx:
            yield _MortalTx(tx.connection, self._doom)
            self._doom.step("before the commit")
        self._on_commit()
        self._doom.step("after the commit")


@dataclass(frozen=True)
class Event:
    """Something that befalls the world at a time; `who` is `hub`, a store's id or empty, `amount` as the kind needs."""

    at_ms: int
    kind: str
    who: str = ""
    amount: int = 0
    up: FaultPlan = CLEAN
    down: FaultPlan = CLEAN


def weather(dice: random.Random) -> tuple[FaultPlan, FaultPlan]:
    """Draw what the two directions of a link do to messages from now on."""
    kind = dice.choice(["clean", "clean", "lossy", "storm", "storm", "filthy", "deaf", "mute"])
    if kind == "deaf":
        return CLEAN, PARTITION
    if kind == "mute":
        return PARTITION, CLEAN
    return _plan(dice, kind), _plan(dice, kind)


def _plan(dice: random.Random, kind: str) -> FaultPlan:
    if kind == "clean":
        return FaultPlan(delay_ms_max=dice.choice([0, 20, 80]))
    return FaultPlan(
        loss=dice.uniform(0, 0.4 if kind == "lossy" else 0.1),
        duplicate=dice.uniform(0, 0.4 if kind == "storm" else 0.1),
        duplicate_delay_ms_max=dice.choice([500, 5_000, 30_000]),
        reorder=dice.uniform(0, 0.4 if kind == "storm" else 0.1),
        reorder_delay_ms_max=dice.choice([200, 2_000, 10_000]),
        delay_ms_max=dice.choice([0, 50, 400, 2_000]),
        corrupt=dice.uniform(0, 0.25) if kind == "filthy" else 0.0,
    )


OUTAGES_MS = (20 * 60_000, 5 * 3_600_000, 3 * 86_400_000, 45 * 86_400_000)
"""The last is longer than the hub keeps the steps of a stream."""
TROUBLES = ("disk I/O error", "database or disk is full", "database is locked")


def plan_of_events(
    seed: str,
    parties: Sequence[str],
    stores: Sequence[str],
    last_ms: int,
    *,
    workers: Sequence[str] = (),
    powered: Sequence[str] = (),
) -> list[Event]:
    """Draw everything that befalls a run, each kind from its own seed, so that a new kind leaves the others alone.

    Args:
        seed: the world's.
        parties: everybody with a link and a life.
        stores: those of them that are stores.
        last_ms: nothing happens later.
        workers: the hub's processes, where there is more than one.
        powered: stores whose disk forgets what was not synced when the power goes.
    """
    events: list[Event] = []

    def spread(kind: str, mean_ms: int, draw: Callable[[random.Random], Event]) -> None:
        dice = random.Random(f"{seed}/events/{kind}")
        at_ms = int(dice.expovariate(1 / mean_ms))
        while at_ms < last_ms:
            drawn = draw(dice)
            events.append(Event(at_ms, kind, drawn.who, drawn.amount, drawn.up, drawn.down))
            at_ms += 1 + int(dice.expovariate(1 / mean_ms))

    def of(dice: random.Random, whom: Sequence[str], amount: int = 0) -> Event:
        return Event(0, "", dice.choice(whom), amount)

    def turn(dice: random.Random) -> Event:
        up, down = weather(dice)
        return Event(0, "", dice.choice(parties), 0, up, down)

    def clock_step_ms(dice: random.Random) -> int:
        return dice.choice([-1, 1]) * dice.choice([1_500, 3_600_000, 90_000_000, 31_536_000_000])

    spread("weather", 5_000, turn)
    spread("doom", 4_000, lambda dice: of(dice, parties, int(dice.expovariate(1 / 25)) + 1))
    spread("kill", 25_000, lambda dice: of(dice, parties))
    spread("cut", 25_000, lambda dice: of(dice, parties, dice.randint(200, 20_000)))
    spread("broker_kill", 35_000, lambda dice: Event(0, "", "", dice.randint(500, 15_000)))
    spread("broker_wipe", 50_000, lambda _: Event(0, ""))
    spread("wall_step", 20_000, lambda dice: of(dice, parties, clock_step_ms(dice)))
    spread("rename", 12_000, lambda dice: of(dice, stores))
    spread("burst", 18_000, lambda dice: of(dice, stores, dice.randint(5, 40)))
    spread("hub_snapshot", 20_000, lambda _: Event(0, ""))
    spread("hub_restore", 90_000, lambda _: Event(0, ""))
    spread("store_snapshot", 15_000, lambda dice: of(dice, stores))
    spread("store_rollback", 50_000, lambda dice: of(dice, stores, dice.randint(0, 30)))
    spread("replace", 90_000, lambda dice: of(dice, stores, dice.randint(5_000, 40_000)))
    spread("enrol_anew", 90_000, lambda dice: of(dice, stores))
    spread("compact", 20_000, lambda dice: of(dice, stores))
    spread("publish", 10_000, lambda dice: of(dice, stores, dice.getrandbits(16)))
    spread("poison", 40_000, lambda dice: of(dice, stores, dice.randint(0, 1)))
    spread("disk_refuses", 30_000, lambda dice: of(dice, stores, dice.randint(1, 60)))
    spread("takeover", 60_000, lambda dice: of(dice, parties, dice.randint(200, 8_000)))
    spread("old_head", 40_000, lambda _: Event(0, ""))
    spread("swizzle", 60_000, lambda dice: Event(0, "", "", dice.getrandbits(30)))
    spread("stall", 50_000, lambda dice: of(dice, parties, dice.randint(2_000, 12_000)))
    spread("freeze", 60_000, lambda dice: of(dice, parties, dice.randint(5_000, 40_000)))
    spread("boot_1970", 90_000, lambda dice: of(dice, stores, dice.randint(5_000, 40_000)))
    spread("deploy", 60_000, lambda dice: of(dice, workers or ("hub",)))
    if workers:
        spread("pause", 25_000, lambda dice: of(dice, workers, dice.randint(16_000, 30_000)))
    if powered:
        spread("power_cut", 8_000, lambda dice: of(dice, powered, dice.getrandbits(30)))
    rare = random.Random(f"{seed}/events/rare")
    if rare.random() < 0.1:  # noqa: PLR2004 - an outage is long in one world of ten: it is told in hours or weeks
        events.append(Event(int(last_ms * rare.uniform(0.3, 0.8)), "outage", "", rare.choice(OUTAGES_MS)))
    if rare.random() < 0.07:  # noqa: PLR2004 - and one hub of fourteen lets nobody catch up for hours
        events.append(Event(int(last_ms * rare.uniform(0.2, 0.8)), "starve", "", 3_600_000 * rare.randint(1, 3)))
    return sorted(events, key=lambda event: event.at_ms)
