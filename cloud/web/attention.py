"""What needs a look: the worst first, each with a shape, a sentence and the place where one can do something."""

from typing import NamedTuple

from cloud.services.views import StoreView
from cloud.web.show import Speaker

WAITING_WORTH_A_LOOK = 25
"""Facts waiting at a connected store; fewer are a sale or two on their way."""
LOOKS_MAX = 8


class Look(NamedTuple):
    """One thing to look at. `shape` is one of the four of the look: `triangle`, `diamond`, `ring`, `dot`."""

    shape: str
    sentence: str
    more: str
    href: str


def looks(stores: tuple[StoreView, ...], now_ms: int, say: Speaker) -> list[Look]:
    """List what needs a look, dangers first, then faults, then what is merely away."""
    found: list[Look] = []
    for store in stores:
        found += _of_store(store, now_ms, say)
    rank = {"triangle": 0, "diamond": 1, "ring": 2, "dot": 3}
    return sorted(found, key=lambda look: rank[look.shape])[:LOOKS_MAX]


def _of_store(store: StoreView, now_ms: int, say: Speaker) -> list[Look]:
    name = say.name(store.name)
    sales = f"/sales?store={store.id}"
    found: list[Look] = []
    if not store.chain_ok:
        more = say.text("look.fork_more")
        at = say.count(store.fork_seq) if store.fork_seq is not None else say.text("state.unknown")
        found.append(Look("triangle", say.text("look.fork", store=name, seq=at), more, "/parked"))
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
