"""Rarer things that befall the simulated world: at the broker, to clocks and disks, and outages that are told in weeks."""

import random
from functools import partial
from typing import TYPE_CHECKING

from scripts.sim_faults import TROUBLES, Event, Killed
from scripts.sim_hub import TENANT, SimHub
from scripts.sim_power import PowerFile
from scripts.sim_store import CONFIG_KEYS, SimStore
from sync.contract import streams, topics
from sync.engine.memory import CLEAN, PARTITION

if TYPE_CHECKING:
    from scripts.sim_world import World

OUTAGE_STEPS = 12
STARVE_STEPS = 60
DEPLOY_MS = 1_500
DOORBELLS_KEPT = 8


def befall(world: "World", event: Event) -> bool:
    """Let something befall a world; give whether it did."""
    return globals()[f"_{event.kind}"](world, event) is not False


def step_wall(world: "World", who: str, ms: int) -> bool:
    """Step a wall clock, but to no time before 1970."""
    clock = world.clocks["hub" if who in world.hubs else who]
    if clock.now_ms() + ms < 0:
        return False
    clock.step_wall(ms)
    return True


def _party(world: "World", who: str) -> SimHub | SimStore:
    return world.hubs[who] if who in world.hubs else world.stores[who]


# ------------------------------------------------------------------------------------------------------------ the broker


def _takeover(world: "World", event: Event) -> bool | None:
    """Somebody connects under the id of another: they throw each other out until he leaves."""
    party = _party(world, event.who)
    if party.transport is None:
        return False
    rival = world.broker.transport(party.transport.client_id, (topics.doorbell(TENANT),))
    rival.start()
    world.broker.plan(event.amount, rival.crash)
    return None


def _old_head(world: "World", _: Event) -> bool | None:
    """The broker rings an old doorbell once more, and keeps it for whoever comes."""
    topic = topics.doorbell(TENANT)
    now = world.broker.retained.get(topic)
    if now is None:
        return False
    world.doorbells = [*world.doorbells[-DOORBELLS_KEPT:], now]
    world.broker.retained[topic] = world.doorbells[0]
    if world.broker.alive:
        world.broker.route(topic, world.doorbells[0], retain=True)
    return world.doorbells[0] != now


def _swizzle(world: "World", event: Event) -> None:
    """Clog some links one after another, and let them go in another order."""
    dice = random.Random(event.amount)
    parties = [*world.hubs, *world.stores]
    chosen = dice.sample(parties, dice.randint(1, len(parties)))
    for number, who in enumerate(chosen):
        world.broker.plan(number * 700, partial(_set, world, Event(0, "", who, 0, PARTITION, PARTITION)))
    dice.shuffle(chosen)
    for number, who in enumerate(chosen):
        world.broker.plan(5_000 + number * 1_100, partial(_set, world, Event(0, "", who, 0, CLEAN, CLEAN)))


def _set(world: "World", event: Event) -> None:
    if not world.mended:
        world.set_weather(_party(world, event.who), event)


def _stall(world: "World", event: Event) -> None:
    """A process gets no time: what comes for it piles up, and overflows."""
    world.stalled[event.who] = world.now_ms + event.amount


# --------------------------------------------------------------------------------------------------------- clocks, disks


def _freeze(world: "World", event: Event) -> None:
    """A wall clock stands still."""
    world.frozen["hub" if event.who in world.hubs else event.who] = world.now_ms + event.amount


def _boot_1970(world: "World", event: Event) -> bool:
    """A store's computer forgets the time, and is told it later."""
    back_ms = world.clocks[event.who].now_ms() - 60_000
    happened = step_wall(world, event.who, -back_ms)
    if happened:
        world.broker.plan(event.amount, partial(_told_the_time, world, event.who, back_ms))
    return happened


def _told_the_time(world: "World", who: str, ms: int) -> None:
    step_wall(world, who, ms)


def _disk_refuses(world: "World", event: Event) -> bool | None:
    """A store's disk is full, does not write, or is busy, once."""
    store = world.stores[event.who]
    if not store.alive:
        return False
    store.doom.arm(event.amount, TROUBLES[event.amount % len(TROUBLES)])
    return None


def _power_cut(world: "World", event: Event) -> bool | None:
    """The power goes, whatever the store is doing: on its disk is what was synced, and parts of the rest."""
    store = world.stores[event.who]
    if not isinstance(store.disk, PowerFile):
        return False
    if store.alive:
        world.bury(event.who)
    store.disk.cut(random.Random(event.amount))
    with store.disk.read() as reader:
        world.oracle.store_found(store.name, reader)
    return None


# ------------------------------------------------------------------------------------------------------------- HQ, facts


def _publish(world: "World", event: Event) -> bool | None:
    """HQ changes a setting, for all stores or for one."""
    if not world.hub.alive:
        return False
    key, value, own = f"k{event.amount % CONFIG_KEYS}", event.amount.to_bytes(2, "big"), event.amount & 0x100
    stream = streams.own(streams.CONFIG, event.who) if own else streams.CONFIG
    world.hub.publish(stream, key, b"" if event.amount & 0x600 == 0 else value * 20)
    return None


def _poison(world: "World", event: Event) -> bool | None:
    """A store writes a fact that no hub of today understands."""
    store = world.stores[event.who]
    if not store.alive:
        return False
    store.poison(event.amount)
    return None


def _deploy(world: "World", event: Event) -> bool | None:
    """A worker of the hub is stopped as one should be, and another one starts."""
    hub = world.hubs[event.who]
    if not hub.alive:
        return False
    hub.retire()
    world.oracle.note(event.who, "retired")
    world.back_at[event.who] = world.now_ms + DEPLOY_MS
    return None


def _pause(world: "World", event: Event) -> bool | None:
    """A worker stands still before its next transaction, longer than its leases last."""
    hub = world.hubs[event.who]
    if not hub.alive or world.asleep:
        return False
    hub.pause.arm(event.amount)
    return None


# ---------------------------------------------------------------------------------------------------------- long stories


def _outage(world: "World", event: Event) -> None:
    """There is no broker for hours or weeks: the stores sell on, and HQ goes on publishing."""
    begun_ms = world.now_ms
    if world.hub.alive:
        world.hub.fold_streams()
    world.broker.kill()
    dice = random.Random(event.amount)
    for number in range(OUTAGE_STEPS):
        world.step(event.amount // OUTAGE_STEPS)
        for who, store in world.stores.items():
            try:
                if store.alive:
                    world.trade(store)
            except Killed as end:
                world.mourn(who, end)
        if number in {2, 5}:
            world.rename(dice.choice(list(world.stores)))
            _publish(world, Event(0, "", dice.choice(list(world.stores)), dice.getrandbits(16)))
        if number in {6, 11} and world.hub.alive and world.hub.fold_streams():
            world.faults["stream_folded"] += 1
    world.broker.revive()
    world.put_off(world.now_ms - begun_ms)


def _starve(world: "World", event: Event) -> bool | None:
    """For hours the hub lets nobody catch up: nothing is sent, everybody asks again, and nobody gives up."""
    begun_ms = world.now_ms
    if world.hub.alive is False:
        return False
    for hub in world.hubs.values():
        if hub.alive:
            hub.ingest.starve()
    for _ in range(STARVE_STEPS):
        world.step(event.amount // STARVE_STEPS)
    for name in world.hubs:
        world.kill(name)
    world.put_off(world.now_ms - begun_ms)
    return None
