"""The simulated world: one hub, two stores, a broker and links that fail, clocks that step, all drawn from one seed.

One thread, one time. A run trades in foul weather, then everything is mended, and then both sides must come to agree
within a bound. `run` gives the same outcome and the same trace for the same seed, on any machine.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cloud.db import sales as hub_sales
from cloud.db import streams as hub_streams
from edge.db import journal, sales, streams
from edge.services import verify_journal
from scripts.sim_faults import Event, Killed, plan_of_events
from scripts.sim_hub import CREDIT, SimHub
from scripts.sim_mutants import WHOLE, Mutant
from scripts.sim_oracles import Broken, Oracle
from scripts.sim_store import SimStore
from sync.contract import facts, trade
from sync.contract.messages import STORES_STREAM
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.engine.memory import CLEAN, PARTITION, MemoryBroker
from sync.engine.uplink import RTO_MAX_MS, Phase
from sync.node.ports import ManualClock

STORES = ("qingci", "donghu")
PARTIES = ("hub", *STORES)
START_MS = 1_790_000_000_000
FOUL_MS = (60_000, 120_000)
"""How long a run trades in foul weather, drawn from here; virtual ms."""
CATCH_UP_MS_MAX = RTO_MAX_MS + 45_000
"""Within which both sides must agree once all is mended: the longest time-out, the pause of a refused store, the way."""
SALES_PER_STORE = (35, 70)
AGENDA_MAX = 5_000
STEP_MS = (5, 20, 60, 150, 250, 400)


@dataclass
class Outcome:
    """What a run came to; `violation` is empty when everything held."""

    seed: int
    facts: int
    faults: Counter[str]
    violation: str
    at_ms: int
    trace: str
    catch_up_ms: int


@dataclass
class World:
    """Everything there is."""

    seed: int
    mutant: Mutant = WHOLE
    now_ms: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    catch_up_ms: int = 0

    def __post_init__(self) -> None:
        """Found the hub and the stores, each with a clock and a seed of its own."""
        name = f"world-{self.seed}"
        self.dice = random.Random(f"{name}/order")
        self.oracle = Oracle()
        self.broker = MemoryBroker(f"{name}/broker")
        self.clocks = {party: ManualClock(START_MS) for party in PARTIES}
        self.hub = SimHub(
            name,
            self.broker,
            self.oracle,
            self.mutant.make_ingest,
            self.mutant.rules,
            self.mutant.doorbell_every_ms,
            self.clocks["hub"],
        )
        self.stores = {
            store: SimStore(name, store, self.broker, self.oracle, self.mutant.make_link, self.clocks[store])
            for store in STORES
        }
        self.sales_left = {store: self.dice.randint(*SALES_PER_STORE) for store in STORES}
        self.foul_ms = self.dice.randint(*FOUL_MS)
        self.events = plan_of_events(name, PARTIES, STORES, self.foul_ms)
        # Nobody sells or prints from here on, so that in some worlds nothing but the protocol itself speaks at the end.
        hush = random.Random(f"{name}/hush")
        self.hush_ms = self.foul_ms + hush.choice([-20_000, -5_000, 0, CATCH_UP_MS_MAX])
        if hush.random() < 0.25:  # noqa: PLR2004 - some worlds end with the hub losing what it promised
            self.hush_ms = self.foul_ms - 20_000
            self.events = [e for e in self.events if e.kind != "hub_snapshot" or e.at_ms < self.foul_ms - 40_000]
            self.events.append(Event(self.foul_ms - 500, "hub_restore", "hub"))
        self.back_at: dict[str, int] = {}
        self.mended = False
        self.names = 0
        for store in self.stores.values():
            self.hub.enrol(store, self._new_name())
            store.start()
        self.hub.start()

    # ---------------------------------------------------------------------------------------------------------- time

    def live(self) -> None:
        """Trade through foul weather, mend everything, and wait until both sides agree.

        Raises:
            Broken: something that must hold does not.
        """
        while self.now_ms < self.foul_ms:
            self._step()
            while self.events and self.events[0].at_ms <= self.now_ms:
                event = self.events.pop(0)
                try:
                    self._befall(event)
                except Killed as end:
                    self._mourn(event.who, end)
        self._mend()
        mended_ms = self.now_ms
        while (differing := self._differing()) is not None:
            left = f"{CATCH_UP_MS_MAX} ms after all was mended: {differing}"
            self.oracle.insist(self.now_ms - mended_ms <= CATCH_UP_MS_MAX, left)
            self._step()
        self.catch_up_ms = self.now_ms - mended_ms
        self._judge()

    def close(self) -> None:
        """Free the databases."""
        self.hub.close()
        for store in self.stores.values():
            store.close()

    def _step(self) -> None:
        pause_ms = self.dice.choice(STEP_MS)
        self.now_ms += pause_ms
        self.oracle.now_ms = self.now_ms
        for clock in self.clocks.values():
            clock.advance(pause_ms)
        self.broker.advance(self.now_ms)
        turns: list[tuple[str, Callable[[], None]]] = [("hub", self._hub_turn)]
        turns += [(name, lambda name=name: self._store_turn(name)) for name in STORES]  # type: ignore[misc]
        self.dice.shuffle(turns)
        for who, turn in turns:
            try:
                turn()
            except Killed as end:
                self._mourn(who, end)
        self._check_bounds()

    def _hub_turn(self) -> None:
        if self._is_back("hub"):
            self.hub.start()
        elif self.hub.alive:
            if self.mended or self.dice.random() < 0.8:  # noqa: PLR2004 - a hub that is slow now and then
                self.hub.step()
            if self.mended or self.dice.random() < 0.1:  # noqa: PLR2004 - the projector runs behind
                self.hub.project(self.dice.randint(1, 200))

    def _store_turn(self, name: str) -> None:
        store = self.stores[name]
        if self._is_back(name):
            store.start()
            return
        if not store.alive:
            return
        if store.refused_as in {"fork", "rewind"} and self.hub.alive:
            # A person reads the alarm and enrols the node anew (protocol §5.5).
            self.faults[f"refused_{store.refused_as}"] += 1
            self.oracle.insist(store.rolled_back, f"{name} was refused as {store.refused_as} without a reason")
            self._bury(name)
            self.hub.enrol(store, self._new_name())
            return
        if self.dice.random() < 0.08:  # noqa: PLR2004 - a guest now and then
            self._trade(store)
        if self.dice.random() < 0.1 and self.now_ms < self.hush_ms:  # noqa: PLR2004 - the printer takes its time
            store.print_one()
        store.tick()

    def _trade(self, store: SimStore) -> None:
        if self.mended or self.now_ms >= self.hush_ms:
            return
        if self.sales_left[store.store] > 0 or store.pending is not None:
            store.sell()
            self.sales_left[store.store] -= 1

    def _is_back(self, who: str) -> bool:
        if self.back_at.get(who, self.now_ms + 1) > self.now_ms:
            return False
        del self.back_at[who]
        return True

    def _mourn(self, who: str, end: Killed) -> None:
        self.faults[f"killed_{'hub' if who == 'hub' else 'store'}_{str(end).replace(' ', '_')}"] += 1
        self._bury(who)

    def _bury(self, who: str) -> None:
        (self.hub if who == "hub" else self.stores[who]).die()
        self.oracle.note(who, "died")
        self.back_at[who] = self.now_ms + (500 if self.mended else self.dice.randint(100, 12_000))

    # -------------------------------------------------------------------------------------------------------- disasters

    def _befall(self, event: Event) -> None:
        self.oracle.note(event.who, event.kind)
        party = self.hub if event.who == "hub" else self.stores.get(event.who)
        happened = True
        match event.kind:
            case "weather":
                assert party is not None
                self._set_weather(party, event)
                return
            case "doom":
                assert party is not None
                if party.alive:
                    party.doom.arm(event.amount)
                return
            case "kill":
                happened = self._kill(event.who)
            case "cut":
                happened = self._cut(event)
            case "broker_kill":
                happened = self._kill_broker(event.amount)
            case "broker_wipe":
                self.broker.wipe()
                return
            case "wall_step":
                self.clocks[event.who].step_wall(event.amount)
            case "rename":
                happened = self._rename(event.who)
            case "burst":
                happened = self._burst(event)
            case _:
                happened = self._disaster(event)
        self.faults[event.kind] += happened

    def _disaster(self, event: Event) -> bool:
        match event.kind:
            case "hub_snapshot":
                self.hub.take_snapshot()
                return True
            case "hub_restore":
                if self.hub.snapshot is None:
                    return False
                self._kill("hub")
                return self.hub.restore()
            case "store_snapshot":
                self.stores[event.who].take_snapshot()
                return True
            case _:
                assert event.kind == "store_rollback"
                return self._roll_back(event)

    @staticmethod
    def _set_weather(party: SimHub | SimStore, event: Event) -> None:
        party.plans = (event.up, event.down)
        if party.transport is not None:
            party.transport.up.plan, party.transport.down.plan = party.plans

    def _kill(self, who: str) -> bool:
        party = self.hub if who == "hub" else self.stores[who]
        if not party.alive:
            return False
        self._bury(who)
        return True

    def _cut(self, event: Event) -> bool:
        party = self.hub if event.who == "hub" else self.stores[event.who]
        if party.transport is None:
            return False
        party.transport.cut()
        self.broker.plan(event.amount, party.transport.mend)
        return True

    def _kill_broker(self, dead_ms: int) -> bool:
        if not self.broker.alive:
            return False
        self.broker.kill()
        self.broker.plan(dead_ms, self.broker.revive)
        return True

    def _rename(self, store: str) -> bool:
        if not self.hub.alive:
            return False
        self.hub.doom.disarm()
        self.hub.rename(store, self._new_name())
        return True

    def _burst(self, event: Event) -> bool:
        store = self.stores[event.who]
        if not store.alive:
            return False
        for _ in range(event.amount):
            self._trade(store)
        return True

    def _roll_back(self, event: Event) -> bool:
        store = self.stores[event.who]
        self._kill(event.who)
        if not store.roll_back():
            return False
        # It may sell before anybody hears of it: its new history then passes the place where the old one ended.
        del self.back_at[event.who]
        store.start()
        assert store.transport is not None
        store.transport.cut()
        self.broker.plan(5_000, store.transport.mend)
        for _ in range(event.amount):
            store.sell()
        return True

    def _new_name(self) -> Name:
        self.names += 1
        return Name(f"小馆{self.names}", f"Bistro {self.names}")

    # ------------------------------------------------------------------------------------------------------- agreement

    def _rename_unheard(self) -> None:
        """Lose the doorbell of the very last news: only a second ringing, or another greeting, tells of it."""
        if self.hub.alive and self.hub.transport is not None:
            self.hub.transport.up.plan = PARTITION
            self._rename(self.dice.choice(STORES))
            self.hub.step()

    def _mend(self) -> None:
        if self.dice.random() < 0.5:  # noqa: PLR2004 - the other worlds end without news
            self._rename_unheard()
        self.mended = True
        self.oracle.note("", "mended")
        self.broker.revive()
        parties: list[SimHub | SimStore] = [self.hub, *self.stores.values()]
        for party in parties:
            party.doom.disarm()
            party.plans = (CLEAN, CLEAN)
            if party.transport is not None:
                party.transport.up.plan, party.transport.down.plan = party.plans
                party.transport.mend()
        self.back_at = {who: min(at_ms, self.now_ms + 1_000) for who, at_ms in self.back_at.items()}

    def _differing(self) -> str | None:
        """Say in what the two sides do not agree yet; None when they do in everything."""
        if not self.hub.alive:
            return "the hub is down"
        for name, store in self.stores.items():
            if store.link is None or store.grant is None or store.link.status.phase is not Phase.OPEN:
                return f"{name} has no session"
            if store.pending is not None:
                store.sell()
                return f"{name} has a sale without an answer"
            with store.disk.read() as reader:
                heads = journal.heads(reader, store.grant.epoch)
                stream = streams.heads(reader)[STORES_STREAM]
            for lane, head in heads.items():
                key = (name, store.grant.epoch, lane)
                if self.oracle.held.get(key, []) != self.oracle.live(key):
                    return f"{key}: the hub holds {len(self.oracle.held.get(key, []))} of {head.head_seq}"
                if head.acked_seq != head.head_seq:
                    return f"{key}: acknowledged to {head.acked_seq} of {head.head_seq}"
            with self.hub.disk.read() as hub_reader:
                hub_stream = hub_streams.head_of(hub_reader, STORES_STREAM)
                if hub_sales.cursor(hub_reader) != self.oracle.last_ingest:
                    return "the read models are behind"
            assert hub_stream is not None
            if (stream.version, stream.checksum) != (hub_stream.version, hub_stream.checksum):
                return f"{name} has the stream at {stream.version}, the hub at {hub_stream.version}, or they differ"
        return None

    def _judge(self) -> None:
        """Compare what people would compare: totals, confirmed sales, the stores' own proof."""
        insist = self.oracle.insist
        with self.hub.disk.read() as hub_reader:
            sums = hub_sales.sums(hub_reader, None)
            parked = hub_sales.count_parked(hub_reader)
        for name, store in self.stores.items():
            at_hub = (sums[name].sales, sums[name].amount_fen) if name in sums else (0, 0)
            paid = [body.total_fen for key, lane in self.oracle.held.items() if key[0] == name for body in _sales(lane)]
            insist(at_hub == (len(paid), sum(paid)), f"{name}: the hub's totals {at_hub} are not those of its facts")
            insist(not parked.get(name), f"{name}: {parked.get(name)} facts were parked")
            with store.disk.read() as reader:
                days = sales.day_totals(reader)
                unknown = [one for one in store.confirmed if sales.by_id(reader, one) is None]
            insist(not unknown, f"{name}: {len(unknown)} confirmed sales are gone")
            if not store.rolled_back:
                at_store = (sum(day[1] for day in days), sum(day[2] for day in days))
                insist(at_store == at_hub, f"{name}: the store has {at_store}, the hub {at_hub}")
                assert store.node is not None
                proof = verify_journal.verify(store.node)
                insist(proof.ok, f"{name}: its own verify finds {proof.findings[:1]}")

    def _check_bounds(self) -> None:
        """Nothing may grow without a limit, however long the foul weather lasts."""
        agenda = len(self.broker._agenda)  # noqa: SLF001 - the world's own memory
        self.oracle.insist(agenda <= AGENDA_MAX, f"{agenda} messages are under way")
        for name, store in self.stores.items():
            if store.link is not None:
                uplink = store.link._uplink  # noqa: SLF001 - what a process keeps is not to be seen from outside
                flights = len(uplink._flights)  # noqa: SLF001 - ditto
                self.oracle.insist(flights <= CREDIT, f"{name} has {flights} batches in flight")


def _sales(raws: list[bytes]) -> list[SalePaid]:
    read = [facts.decode(raw) for raw in raws]
    bodies = [trade.read_trade(fact) for fact in read if fact.kind == trade.SALE_PAID]
    return [body for body in bodies if isinstance(body, SalePaid)]


def run(seed: int, mutant: Mutant = WHOLE) -> Outcome:
    """Live one world from its beginning to agreement, or to the first thing that does not hold."""
    world = World(seed, mutant)
    violation = ""
    try:
        world.live()
    except Broken as broken:
        violation = str(broken)
    except Exception as error:  # noqa: BLE001 - the product raised where it must not: a finding like any other
        violation = f"raised {error!r}"
    finally:
        world.close()
    faults = (
        world.faults
        + world.broker.faults
        + Counter({name: count for name, count in world.oracle.counts.items() if name != "facts"})
    )
    return Outcome(
        seed, world.oracle.counts["facts"], faults, violation, world.now_ms, world.oracle.trace, world.catch_up_ms
    )
