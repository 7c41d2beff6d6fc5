"""What needs a look: the worst first, each with a shape, a sentence and the place where one can do something."""

from typing import NamedTuple

from cloud.services.fleet import WAITING_WORTH_A_LOOK, Fleet, FleetStore, HubAlarm
from cloud.services.views import StoreView
from cloud.web.show import Speaker

LOOKS_MAX = 8
RED = frozenset({"drill.overdue", "drill.failed", "stranger", "disk_red", "drill_overdue", "book_broken"})
"""Alarms, of stores and of the hub, for which no copy or no key can be vouched: danger, and not just a fault."""


class Look(NamedTuple):
    """One thing to look at. `shape` is one of the four of the look: `triangle`, `diamond`, `ring`, `dot`."""

    shape: str
    sentence: str
    more: str
    href: str


def looks(
    stores: tuple[StoreView, ...], now_ms: int, say: Speaker, locked: int = 0, fleet: Fleet | None = None
) -> list[Look]:
    """List what needs a look, dangers first, then faults, then what is merely away.

    Args:
        stores: every store.
        now_ms: the time.
        say: for the words.
        locked: sign-ins that were locked lately, for people who may see the audit log.
        fleet: what the stores say of themselves, and the hub's own alarms.
    """
    found: list[Look] = []
    if locked:
        sentence, more = say.text("look.locked", n=locked), say.text("look.locked_more")
        found.append(Look("triangle", sentence, more, "/audit?what=signin.locked"))
    if fleet is not None:
        found += [of_hub(alarm, now_ms, say) for alarm in fleet.alarms]
        found += [look for store in fleet.stores for look in _of_fleet(store, say)]
    for store in stores:
        found += _of_store(store, now_ms, say)
    rank = {"triangle": 0, "diamond": 1, "ring": 2, "dot": 3}
    return sorted(found, key=lambda look: rank[look.shape])[:LOOKS_MAX]


def shape_of(code: str) -> str:
    """Give the shape beside an alarm."""
    return "triangle" if code in RED else "diamond"


def of_hub(alarm: HubAlarm, now_ms: int, say: Speaker) -> Look:
    """Put an alarm of the hub itself into words."""
    span = say.text("look.hub_drill_never" if alarm.code == "drill_overdue" else "state.unknown")
    if alarm.since_ms is not None:
        span = say.span(now_ms - alarm.since_ms)
    sentence = say.text(f"look.hub_{alarm.code}", n=alarm.n, span=span)
    return Look(shape_of(alarm.code), sentence, say.text(f"look.hub_{alarm.code}_more"), "/parked")


def _of_fleet(store: FleetStore, say: Speaker) -> list[Look]:
    """One line for each store: why it is refused, or the worst of its alarms."""
    name, here = say.name(store.name), f"/stores#store-{store.id}"
    if store.state == "refused" and store.chain_ok:
        return [Look("triangle", say.text("look.refused", store=name), say.reason(store.refusal or ""), here)]
    if store.alarms:
        worst = next((alarm for alarm in store.alarms if alarm.code in RED), store.alarms[0])
        rest = len(store.alarms) - 1
        words = say.reason(f"alarm_{worst.code.replace('.', '_')}")
        sentence = say.text("look.alarm_more" if rest else "look.alarm", store=name, n=rest)
        return [Look(shape_of(worst.code), sentence, words, here)]
    if store.clock_off:
        return [Look("diamond", say.text("look.clock", store=name), say.text("look.clock_more"), here)]
    return []


def _of_store(store: StoreView, now_ms: int, say: Speaker) -> list[Look]:
    name = say.name(store.name)
    sales = f"/sales?store={store.id}"
    found: list[Look] = []
    if not store.chain_ok:
        more = say.text("look.fork_more")
        at = say.count(store.fork_seq) if store.fork_seq is not None else say.text("state.unknown")
        found.append(Look("triangle", say.text("look.fork", store=name, seq=at), more, "/parked"))
    if store.late:
        sentence = say.text("look.late", store=name, n=store.late)
        found.append(Look("diamond", sentence, say.text("look.late_more"), sales))
    if store.parked:
        sentence = say.text("look.parked", store=name, n=store.parked)
        found.append(Look("diamond", sentence, say.text("look.parked_more"), "/parked"))
    if store.quarantined:
        sentence = say.text("look.quarantined", store=name, n=store.quarantined)
        found.append(Look("diamond", sentence, say.text("look.quarantined_more"), "/parked"))
    waiting = store.waiting.trade + store.waiting.operations if store.waiting is not None else 0
    if store.state == "online" and waiting >= WAITING_WORTH_A_LOOK:
        sentence = say.text("look.waiting", store=name, n=waiting)
        found.append(Look("diamond", sentence, say.text("look.waiting_more"), sales))
    if store.state == "away" and store.last_seen_ms is not None:
        sentence = say.text("look.away", store=name, span=say.span(now_ms - store.last_seen_ms))
        as_of = store.data_as_of_ms if store.data_as_of_ms is not None else store.last_seen_ms
        found.append(Look("ring", sentence, say.text("look.away_more", time=say.minute(as_of)), sales))
    if store.state == "never":
        found.append(Look("dot", say.text("look.never", store=name), say.text("look.never_more"), sales))
    return found
