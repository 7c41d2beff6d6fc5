"""The simulated world: one hub, two to five stores, a broker and links that fail, clocks that step, all drawn from one seed.

One thread, one time. A run trades in foul weather, then everything is mended, and then both sides must come to agree
within a bound. `run` gives the same outcome and the same trace for the same seed, on any machine.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from cloud.db import sales as hub_sales
from cloud.db import streams as hub_streams
from cloud.services import streams as hub_service
from edge.db import journal, sales, stream_appliers, streams
from edge.services.care import verify_journal
from scripts import sim_mishaps
from scripts.sim_faults import Event, Killed, plan_of_events
from scripts.sim_hub import CREDIT, SimHub
from scripts.sim_mutants import WHOLE, Mutant
from scripts.sim_oracles import Broken, Oracle
from scripts.sim_power import PowerFile
from scripts.sim_store import FUTURE_KIND, SimStore
from sync.contract import facts, kinds, topics, trade
from sync.contract.messages import STORES_STREAM, StoreKey
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.engine.memory import CLEAN, PARTITION, MemoryBroker
from sync.engine.uplink import RTO_MAX_MS, Phase
from sync.node.database import Reader
from sync.node.ports import ManualClock

STORES = ("qingci", "donghu")
MORE_STORES = ("xihu", "nanmen", "beishan")
PARTIES = ("hub", *STORES)
START_MS = 1_790_000_000_000
FOUL_MS = (40_000, 80_000)
"""How long a run trades in foul weather, drawn from here; virtual ms."""
CATCH_UP_MS_MAX = RTO_MAX_MS + 45_000
"""Within which both sides must agree once all is mended: the longest time-out, the pause of a refused store, the way."""
SALES_PER_STORE = (35, 70)
AGENDA_MAX = 5_000
TWO_WORKERS = 0.2
ON_POWER = 0.2
"""Shares of the worlds with two workers at the hub, and with a disk that forgets when the power is cut."""
LINK_MS_MAX = 8_000
STEP_MS = (5, 20, 80, 200, 350, 500)


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
        # Most worlds are small; some have a third store, a few have five.
        crowd = random.Random(f"{name}/crowd").choice([0, 0, 0, 0, 0, 1, 1, 3])
        kind = random.Random(f"{name}/kind")
        two_workers, on_power = kind.random() < TWO_WORKERS, kind.random() < ON_POWER
        self.inbox_max = kind.choice([1_024, 1_024, 40])
        self.drift_ppm = kind.choice([0, 0, 500, -500])
        self.names_of_stores = (*STORES, *MORE_STORES[:crowd])
        parties = ("hub", *self.names_of_stores)
        self.clocks = {party: ManualClock(START_MS) for party in parties}
        self.hub = SimHub(
            name,
            self.broker,
            self.oracle,
            self.mutant.make_ingest,
            self.mutant.rules,
            self.mutant.doorbell_every_ms,
            self.clocks["hub"],
            inbox_max=self.inbox_max,
        )
        self.hubs = {"hub": self.hub}
        if two_workers:
            self._share_the_hub()
        self.powered = self.names_of_stores[:1] if on_power else ()
        self.stores = {store: self._machine(store, 1) for store in self.names_of_stores}
        self.replaced: dict[str, SimStore] = {}
        share = len(STORES) / len(self.stores)
        self.sales_left = {store: int(self.dice.randint(*SALES_PER_STORE) * share) for store in self.stores}
        self.foul_ms = self.dice.randint(*FOUL_MS)
        self.events = plan_of_events(
            name,
            (*self.hubs, *self.names_of_stores),
            self.names_of_stores,
            self.foul_ms,
            workers=tuple(self.hubs) if two_workers else (),
            powered=self.powered,
        )
        # Nobody sells or prints from here on, so that in some worlds nothing but the protocol itself speaks at the end.
        hush = random.Random(f"{name}/hush")
        self.hush_ms = self.foul_ms + hush.choice([-20_000, -5_000, 0, CATCH_UP_MS_MAX])
        if hush.random() < 0.25:  # noqa: PLR2004 - some worlds end with the hub losing what it promised
            self.hush_ms = self.foul_ms - 20_000
            self.events = [e for e in self.events if e.kind != "hub_snapshot" or e.at_ms < self.foul_ms - 25_000]
            self.events.append(Event(self.foul_ms - 500, "hub_restore", "hub"))
        self.back_at: dict[str, int] = {}
        self.asleep: set[str] = set()
        self.stalled: dict[str, int] = {}
        self.frozen: dict[str, int] = {}
        self.doorbells: list[bytes] = []
        self._drifted = 0
        self.mended = False
        self.names = 0
        for store in self.stores.values():
            self.hub.enrol(store, self._new_name())
            store.start()
        for hub in self.hubs.values():
            hub.start()

    def _share_the_hub(self) -> None:
        """Let two workers share the hub's partitions."""
        first = self.hub
        second = SimHub(
            first.seed,
            first.broker,
            first.oracle,
            first.make_ingest,
            first.rules,
            first.doorbell_every_ms,
            first.clock,
            name="hub2",
            beside=first,
            inbox_max=self.inbox_max,
        )
        self.hubs["hub2"] = second
        for name, hub in self.hubs.items():
            hub.partitions = frozenset(topics.partition(store) for store in self.names_of_stores)
            hub.fenced = self.mutant.fenced
            hub.pause.sleep = partial(self._stand_still, name)

    def _machine(self, store: str, number: int) -> SimStore:
        made = self.mutant
        return SimStore(
            f"world-{self.seed}",
            store,
            self.broker,
            self.oracle,
            made.make_link,
            self.clocks[store],
            make_links=made.make_links,
            make_outbox=made.make_outbox,
            make_disk=partial(PowerFile, made.sync) if number == 1 and store in self.powered else None,
            inbox_max=self.inbox_max,
            machine=number,
        )

    @property
    def machines(self) -> dict[str, SimStore]:
        """Every computer that runs a store, by its name, or ran one and lives on."""
        return {**self.stores, **self.replaced}

    # ---------------------------------------------------------------------------------------------------------- time

    def live(self) -> None:
        """Trade through foul weather, mend everything, and wait until both sides agree.

        Raises:
            Broken: something that must hold does not.
        """
        while self.now_ms < self.foul_ms:
            self.step()
            while self.events and self.events[0].at_ms <= self.now_ms:
                event = self.events.pop(0)
                try:
                    self._befall(event)
                except Killed as end:
                    self.mourn(event.who, end)
        self._mend()
        mended_ms = self.now_ms
        while (differing := self._differing()) is not None:
            left = f"{CATCH_UP_MS_MAX} ms after all was mended: {differing}"
            self.oracle.insist(self.now_ms - mended_ms <= CATCH_UP_MS_MAX, left)
            self.step()
        self.catch_up_ms = self.now_ms - mended_ms
        self._judge()

    def close(self) -> None:
        """Free the databases."""
        self.hub.close()
        for store in self.machines.values():
            store.close()

    def _pass(self, pause_ms: int) -> None:
        """Let time pass for every clock, each in its own way."""
        self.now_ms += pause_ms
        self.oracle.now_ms = self.now_ms
        self._drifted += pause_ms * self.drift_ppm
        drift_ms, self._drifted = divmod(self._drifted, 1_000_000)
        for who, clock in self.clocks.items():
            clock.advance(pause_ms)
            if self.frozen.get(who, 0) > self.now_ms:
                clock.step_wall(-pause_ms)
            elif who != "hub" and drift_ms:
                clock.step_wall(drift_ms)
        # In a step of hours the links live through a few seconds only: nothing but futile attempts would happen there.
        self.broker.advance(self.broker.now_ms + min(pause_ms, LINK_MS_MAX))

    def put_off(self, ms: int) -> None:
        """A long story took place: everything that was planned happens so much later."""
        self.foul_ms += ms
        self.hush_ms += ms
        self.events = [replace(event, at_ms=event.at_ms + ms) for event in self.events]

    def _stand_still(self, who: str, for_ms: int) -> None:
        """Let time pass for everybody but one, who is in the middle of something."""
        self.faults["worker_stood_still"] += 1
        until_ms = self.now_ms + for_ms
        self.asleep.add(who)
        while self.now_ms < until_ms:
            self.step()
        self.asleep.discard(who)

    def step(self, pause_ms: int = 0) -> None:
        """Let some time pass, and give everybody a turn."""
        self._pass(pause_ms or self.dice.choice(STEP_MS))
        turns: list[tuple[str, Callable[[], None]]] = [(name, partial(self._hub_turn, name)) for name in self.hubs]
        turns += [(name, partial(self._store_turn, name)) for name in self.machines]
        self.dice.shuffle(turns)
        for who, turn in turns:
            if who in self.asleep or self.stalled.get(who, 0) > self.now_ms:
                continue
            try:
                turn()
            except Killed as end:
                self.mourn(who, end)
        self._check_bounds()

    def _hub_turn(self, name: str) -> None:
        hub = self.hubs[name]
        if self._is_back(name):
            hub.start()
        elif hub.alive:
            if self.mended or self.dice.random() < 0.8:  # noqa: PLR2004 - a hub that is slow now and then
                hub.step()
            if hub.alive and (self.mended or self.dice.random() < 0.1):  # noqa: PLR2004 - the projector runs behind
                hub.project(self.dice.randint(1, 200))

    def _store_turn(self, name: str) -> None:
        store = self.machines[name]
        if self._is_back(name):
            store.start()
            return
        if not store.alive:
            return
        if store.refused_as in {"fork", "rewind"} and self.hub.alive and name in self.stores:
            # A person reads the alarm and enrols the node anew (protocol §5.5).
            self.faults[f"refused_{store.refused_as}"] += 1
            self.oracle.insist(store.rolled_back, f"{name} was refused as {store.refused_as} without a reason")
            self.bury(name)
            if self.mutant.new_epoch:
                self.hub.enrol(store, self._new_name())
            return
        if self.dice.random() < 0.08:  # noqa: PLR2004 - a guest now and then
            self.trade(store)
        if self.dice.random() < 0.1 and self.now_ms < self.hush_ms:  # noqa: PLR2004 - the printer takes its time
            store.print_one()
        store.tick()

    def trade(self, store: SimStore) -> None:
        """Sell something, while there is trade."""
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

    def mourn(self, who: str, end: Killed) -> None:
        """Note that a process ended in the middle of something."""
        self.faults[f"killed_{'hub' if who in self.hubs else 'store'}_{str(end).replace(' ', '_')}"] += 1
        self.bury(who)

    def bury(self, who: str) -> None:
        """End a process; it is started again after a while."""
        (self.hubs[who] if who in self.hubs else self.machines[who]).die()
        self.oracle.note(who, "died")
        self.back_at[who] = self.now_ms + (500 if self.mended else self.dice.randint(100, 12_000))

    # -------------------------------------------------------------------------------------------------------- disasters

    def _befall(self, event: Event) -> None:
        self.oracle.note(event.who, event.kind)
        if event.who in self.asleep:
            return
        party = self.hubs.get(event.who) or self.stores.get(event.who)
        happened = True
        match event.kind:
            case "weather":
                assert party is not None
                self.set_weather(party, event)
                return
            case "doom":
                assert party is not None
                if party.alive:
                    party.doom.arm(event.amount)
                return
            case "kill":
                happened = self.kill(event.who)
            case "cut":
                happened = self._cut(event)
            case "broker_kill":
                happened = self._kill_broker(event.amount)
            case "broker_wipe":
                self.broker.wipe()
                return
            case "wall_step":
                sim_mishaps.step_wall(self, event.who, event.amount)
            case "rename":
                happened = self.rename(event.who)
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
                if self.asleep:
                    return False
                for hub in self.hubs:
                    self.kill(hub)
                return self.hub.restore()
            case "store_snapshot":
                self.stores[event.who].take_snapshot()
                return True
            case "replace":
                return self._replace(event)
            case "enrol_anew":
                return self._enrol_anew(event.who)
            case "compact":
                store = self.stores[event.who]
                if store.alive:
                    store.compact(self.mutant.compact)
                return store.node is not None
            case "store_rollback":
                return self._roll_back(event)
            case _:
                return sim_mishaps.befall(self, event)

    @staticmethod
    def set_weather(party: SimHub | SimStore, event: Event) -> None:
        """Let a party's link do to messages what an event says."""
        party.plans = (event.up, event.down)
        if party.transport is not None:
            party.transport.up.plan, party.transport.down.plan = party.plans

    def kill(self, who: str) -> bool:
        """End a process, if it runs."""
        party = self.hubs[who] if who in self.hubs else self.stores[who]
        if not party.alive:
            return False
        self.bury(who)
        return True

    def _cut(self, event: Event) -> bool:
        party = self.hubs[event.who] if event.who in self.hubs else self.stores[event.who]
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

    def rename(self, store: str) -> bool:
        """Give a store another name, if the hub runs."""
        if not self.hub.alive:
            return False
        self.hub.rename(store, self._new_name())
        return True

    def _burst(self, event: Event) -> bool:
        store = self.stores[event.who]
        if not store.alive:
            return False
        for _ in range(event.amount):
            self.trade(store)
        return True

    def _roll_back(self, event: Event) -> bool:
        store = self.stores[event.who]
        self.kill(event.who)
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

    def _replace(self, event: Event) -> bool:
        """Give a store another computer while the old one is cut off, sells on, and comes back later with its facts."""
        old = self.stores[event.who]
        if not self.hub.alive or not old.alive or self.replaced or self.mended:
            return False
        self.replaced[f"{event.who}'"] = old
        if old.transport is not None:
            old.transport.cut()
            self.broker.plan(event.amount, old.transport.mend)
        fresh = self._machine(event.who, 2)
        self.stores[event.who] = fresh
        self.hub.enrol(fresh, self._new_name())
        fresh.start()
        for _ in range(3):
            if old.alive:
                old.sell()
        return True

    def _enrol_anew(self, store_id: str) -> bool:
        """Enrol a store's node once more in its own folder, whatever it has not sent yet."""
        store = self.stores[store_id]
        if not self.hub.alive or store_id in self.back_at:
            return False
        self.kill(store_id)
        self.hub.enrol(store, self._new_name())
        return True

    def _new_name(self) -> Name:
        self.names += 1
        return Name(f"小馆{self.names}", f"Bistro {self.names}")

    # ------------------------------------------------------------------------------------------------------- agreement

    def _rename_unheard(self) -> None:
        """Lose the doorbell of the very last news: only a second ringing, or another greeting, tells of it."""
        if self.hub.alive and self.hub.transport is not None:
            self.hub.transport.up.plan = PARTITION
            self.rename(self.dice.choice(self.names_of_stores))
            self.hub.step()

    def _mend(self) -> None:
        for hub in self.hubs.values():
            hub.doom.disarm()
            hub.pause.arm(0)
        if self.dice.random() < 0.5:  # noqa: PLR2004 - the other worlds end without news
            self._rename_unheard()
        self.mended = True
        self.oracle.note("", "mended")
        self.broker.revive()
        parties: list[SimHub | SimStore] = [*self.hubs.values(), *self.machines.values()]
        self.stalled.clear()
        self.frozen.clear()
        for party in parties:
            party.doom.disarm()
            party.plans = (CLEAN, CLEAN)
            if party.transport is not None:
                party.transport.up.plan, party.transport.down.plan = party.plans
                party.transport.mend()
        self.back_at = {who: min(at_ms, self.now_ms + 1_000) for who, at_ms in self.back_at.items()}

    def _differing(self) -> str | None:
        """Say in what the two sides do not agree yet; None when they do in everything."""
        if not all(hub.alive for hub in self.hubs.values()):
            return "the hub is down"
        for name, store in self.machines.items():
            if store.link is None or store.grant is None or store.link.status.phase is not Phase.OPEN:
                if store.refused_as and name in self.replaced and store.rolled_back:
                    continue  # Another history of its own epoch: nobody can take it, and a person was told.
                return f"{name} has no session"
            if store.pending is not None:
                store.sell()
                return f"{name} has a sale without an answer"
            with store.disk.read() as reader:
                heads = {
                    (store.store, epoch, lane): head
                    for epoch in journal.epochs(reader)
                    for lane, head in journal.heads(reader, epoch).items()
                }
                held = streams.heads(reader)
            for key, head in heads.items():
                if self.oracle.forked(key) and key[1] < self.oracle.epochs[store.store]:
                    continue
                if self.oracle.held.get(key, []) != self.oracle.live(key):
                    return f"{key}: the hub holds {len(self.oracle.held.get(key, []))} of {head.head_seq}"
                if head.acked_seq != head.head_seq:
                    return f"{key}: acknowledged to {head.acked_seq} of {head.head_seq}"
            with self.hub.disk.read() as hub_reader:
                said = {name: hub_streams.head_of(hub_reader, name) for name in store.streams}
                if hub_sales.cursor(hub_reader) != self.oracle.last_ingest:
                    return "the read models are behind"
            if name in self.replaced:
                if not (store.node is not None and store.node.fenced):
                    return f"{name} does not know that it was replaced"
                continue
            for stream, at_hub in said.items():
                here = held.get(stream)
                if at_hub is None and (here is None or not here.version):
                    continue
                if here is None or at_hub is None or (here.version, here.checksum) != (at_hub.version, at_hub.checksum):
                    return f"{name} has {stream} at {here}, the hub at {at_hub}"
        return None

    def _judge(self) -> None:
        """Compare what people would compare: totals, confirmed sales, the stores' own proof."""
        insist = self.oracle.insist
        with self.hub.disk.read() as hub_reader:
            sums = hub_sales.sums(hub_reader, None)
            parked = hub_sales.count_parked(hub_reader)
        for name in self.stores:
            at_hub = (sums[name].sales, sums[name].amount_fen) if name in sums else (0, 0)
            paid = [body.total_fen for key, lane in self.oracle.held.items() if key[0] == name for body in _sales(lane)]
            insist(at_hub == (len(paid), sum(paid)), f"{name}: the hub's totals {at_hub} are not those of its facts")
            odd = sum(b'"' + FUTURE_KIND.encode() + b'"' in raw for raw in self._held_of(name))
            insist(parked.get(name, 0) == odd, f"{name}: {parked.get(name)} facts are parked and shown, not {odd}")
            mine = [store for store in self.machines.values() if store.store == name]
            if not any(store.rolled_back for store in mine):
                totals = [day for store in mine for day in _days(store)]
                at_store = (sum(day[1] for day in totals), sum(day[2] for day in totals))
                insist(at_store == at_hub, f"{name}: the store has {at_store}, the hub {at_hub}")
        for name, store in self.machines.items():
            with store.disk.read() as reader:
                unknown = [one for one in store.confirmed if sales.by_id(reader, one) is None]
            insist(not unknown, f"{name}: {len(unknown)} confirmed sales are gone")
            if not store.rolled_back:
                assert store.node is not None
                proof = verify_journal.verify(store.node)
                # A store that knows less than its own file says so, and nothing else may be wrong.
                bad = [one for one in proof.findings if FUTURE_KIND not in one.what]
                insist(not bad, f"{name}: its own verify finds {bad[:1]}")

        self._judge_streams()

    def _held_of(self, name: str) -> list[bytes]:
        return [raw for key, lane in self.oracle.held.items() if key[0] == name for raw in lane]

    def _judge_streams(self) -> None:
        """What the stores hold of the streams must be what HQ says, not only their cursors."""
        for name, store in self.stores.items():
            with store.disk.read() as reader, self.hub.disk.read() as hub_reader:
                for stream in store.streams:
                    said = hub_service.state_at_head(hub_reader, stream)
                    held = known_keys(reader) if stream == STORES_STREAM else stream_appliers.items(reader, stream)
                    wanted = {key: key_of(value) for key, value in said.items()} if stream == STORES_STREAM else said
                    self.oracle.insist(held == wanted, f"{name}: what it holds of {stream} is not what HQ says")

    def _check_bounds(self) -> None:
        """Nothing may grow without a limit, however long the foul weather lasts."""
        agenda = len(self.broker._agenda)  # noqa: SLF001 - the world's own memory
        self.oracle.insist(agenda <= AGENDA_MAX, f"{agenda} messages are under way")
        for name, store in self.machines.items():
            if store.link is not None:
                uplink = store.link._uplink  # noqa: SLF001 - what a process keeps is not to be seen from outside
                flights = len(uplink._flights)  # noqa: SLF001 - ditto
                self.oracle.insist(flights <= CREDIT, f"{name} has {flights} batches in flight")


def known_keys(reader: Reader) -> dict[str, object]:
    """Give the stores' keys and names as a store holds them."""
    rows = reader.execute("SELECT store, epoch, key_id, name_zh, name_en, revoked_ms FROM store_keys")
    return {f"{row[0]}/{row[1]}": (bytes(row[2]).hex(), *row[3:]) for row in rows}


def key_of(value: bytes) -> object:
    """Give what HQ says of a store's key, in the shape of `known_keys`."""
    said = msgspec.json.decode(value, type=StoreKey)
    return said.key_id, said.name_zh, said.name_en, said.revoked_ms


def _days(store: SimStore) -> list[tuple[str, int, int]]:
    with store.disk.read() as reader:
        return [(day[0], day[1], day[2]) for day in sales.day_totals(reader)]


def _sales(raws: list[bytes]) -> list[SalePaid]:
    read = [facts.decode(raw) for raw in raws]
    bodies = [kinds.read(fact) for fact in read if fact.kind == trade.SALE_PAID]
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
