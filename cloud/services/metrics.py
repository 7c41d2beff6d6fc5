"""The hub in figures for Prometheus, read from its tables when it is asked, so that every process says the same.

No globals, no personal data: labels are stores, reasons, lanes and names of our own processes. A store that was never heard
has no figures at all, for none is not zero.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloud.db import accounts, backup, leases, presence, sales
from cloud.db.engine import HubDatabase
from cloud.db.schema import JOBS_SLOT
from cloud.services.fleet import Fleets, FleetStore
from cloud.services.sessions import IDLE_MS, LIFE_MS
from sync.node.ports import Clock

MIB = 1 << 20


class Figures:
    """What `/metrics` asks. Any thread may use it."""

    def __init__(self, database: HubDatabase, fleets: Fleets, clock: Clock, version: str) -> None:
        self._database = database
        self._fleets = fleets
        self._clock = clock
        self._version = version

    def text(self) -> bytes:
        """Give every figure of now in the text format of Prometheus."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Reading(self._hub, self._stores))
        return generate_latest(registry)

    def _hub(self) -> Iterator[Metric]:
        now_ms = self._clock.now_ms()
        with self._database.read() as reader:
            last, taken = backup.last_id(reader), sales.cursor(reader)
            refused = presence.all_refusals(reader)
            parked = sales.count_parked(reader)
            held = leases.all_leases(reader)
            newest = backup.newest_backup(reader)
            drilled = backup.newest_drill(reader)
            sessions = accounts.count_sessions(reader, now_ms - LIFE_MS, now_ms - IDLE_MS)
        info = GaugeMetricFamily("zhanggui_hub_info", "The version of the hub.", labels=["version"])
        info.add_metric([self._version], 1)
        yield info
        yield CounterMetricFamily("zhanggui_hub_ingest_facts", "Facts that were stored.", value=last)
        yield _gauge("zhanggui_hub_projector_lag_facts", "Facts that the read models do not have yet.", last - taken)
        turned: Counter[str] = Counter()
        for row in refused:
            turned[row.reason] += row.count
        yield _each(CounterMetricFamily("zhanggui_hub_quarantined", "Messages refused.", labels=["reason"]), turned)
        yield _each(GaugeMetricFamily("zhanggui_hub_parked", "Facts not understood.", labels=["store"]), parked)
        holders = GaugeMetricFamily("zhanggui_hub_leases_held", "Leases by holder.", labels=["holder", "what"])
        counted = Counter((row.holder, "jobs" if row.slot == JOBS_SLOT else "partitions") for row in held if row.holder)
        for (holder, what), count in sorted(counted.items()):
            holders.add_metric([holder, what], count)
        yield holders
        yield _gauge("zhanggui_hub_console_sessions", "Sessions of people that are open.", sessions)
        if newest is not None:
            age_s = max(0, now_ms - newest.made_ms) / 1_000
            yield _gauge("zhanggui_hub_backup_age_seconds", "Age of the newest backup.", age_s)
        if drilled is not None:
            age_s = max(0, now_ms - drilled.at_ms) / 1_000
            yield _gauge("zhanggui_hub_drill_age_seconds", "Age of the newest drill.", age_s)
            yield _gauge("zhanggui_hub_drill_ok", "1 when the newest drill held.", drilled.ok)

    def _stores(self) -> Iterator[Metric]:
        fleet = self._fleets.fleet()
        states = GaugeMetricFamily("zhanggui_hub_store_up", "1 while a store is connected.", labels=["store"])
        seen = _of_store("last_seen_seconds", "How long ago a store was last heard.")
        oldest = _of_store("oldest_waiting_seconds", "Age of its oldest waiting fact when it last said; 0 when none.")
        offset = _of_store("clock_offset_seconds", "Its wall clock minus the hub's.")
        free = _of_store("disk_free_bytes", "Room on its disk.")
        lagging = _of_store("streams_behind", "Streams of which it lacks steps.")
        waiting = GaugeMetricFamily(
            "zhanggui_hub_store_facts_waiting", "Facts that wait, when it last said.", labels=["store", "lane"]
        )
        raised = GaugeMetricFamily("zhanggui_hub_store_alarm", "1 for each open alarm.", labels=["store", "code"])
        for store in sorted(fleet.stores, key=lambda one: one.id):
            states.add_metric([store.id], int(store.state == "online"))
            _put(seen, store, None if store.as_of_ms is None else max(0, fleet.now_ms - store.as_of_ms) / 1_000)
            _put(offset, store, None if store.clock_offset_ms is None else store.clock_offset_ms / 1_000)
            _put(free, store, None if store.disk_free_mb is None else store.disk_free_mb * MIB)
            lagging.add_metric([store.id], len(store.behind))
            if store.waiting is not None:
                waiting.add_metric([store.id, "trade"], store.waiting.trade)
                waiting.add_metric([store.id, "operations"], store.waiting.operations)
                at_ms = store.oldest_waiting_ms
                _put(oldest, store, 0 if at_ms is None else max(0, fleet.now_ms - at_ms) / 1_000)
            for alarm in store.alarms:
                raised.add_metric([store.id, alarm.code], 1)
        yield from (states, seen, waiting, oldest, offset, free, lagging, raised)
        own = GaugeMetricFamily("zhanggui_hub_alarm", "1 for each open alarm of the hub itself.", labels=["code"])
        for one in fleet.alarms:
            own.add_metric([one.code], 1)
        yield own


class _Reading(Collector):
    def __init__(self, *parts: Callable[[], Iterator[Metric]]) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for part in self._parts:
            yield from part()


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _of_store(name: str, said: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"zhanggui_hub_store_{name}", said, labels=["store"])


def _put(family: GaugeMetricFamily, store: FleetStore, value: float | None) -> None:
    if value is not None:
        family.add_metric([store.id], value)


def _each(family: CounterMetricFamily | GaugeMetricFamily, values: dict[str, int]) -> Metric:
    for name, value in sorted(values.items()):
        family.add_metric([name], value)
    return family
