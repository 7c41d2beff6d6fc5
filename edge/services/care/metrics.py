"""The node in figures for Prometheus, read when it is asked: no globals, no personal data, nothing of a guest, no takings.

Whoever counts a drawer blind, and whoever may not see the totals, can open this page too: it counts work, not money.

Names follow Prometheus: base units, `_total` for what only grows.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.db import alarms, journal, print_jobs, sales
from edge.services.care import disk
from edge.services.care.status import Desk
from edge.services.commit_times import BOUNDS_MS, CommitTimes
from edge.services.node import VERSION
from sync.contract.operations import ALARM_CODES
from sync.engine.uplink import Phase

LANES = {0: "trade", 1: "operations"}


def text(desk: Desk) -> bytes:
    """Give every figure of now in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(desk))
    return generate_latest(registry)


class _Reading(Collector):
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        desk, node = self._desk, self._desk.node
        grant, now_ms = node.enrolment, node.clock.now_ms()
        with node.db.read() as reader:
            heads = {} if grant is None else journal.heads(reader, grant.epoch)
            oldest_ms = None if grant is None else journal.oldest_waiting_ms(reader, grant.epoch)
            opened = () if grant is None else alarms.open_alarms(reader, grant.epoch)
            acked_ms = journal.counter(reader, journal.ACKED_MS)
            waiting, parked = print_jobs.counts(reader)
            days = sales.day_totals(reader)
        yield _info("zhanggui_edge_info", "The version of the node.", {"version": VERSION})
        yield _gauge("zhanggui_edge_training", "1 while nothing that is sold counts.", int(node.training))
        yield _gauge("zhanggui_edge_fenced", "1 when another computer took the place of this one.", int(node.fenced))
        link = desk.link()
        up = link is not None and link.phase is Phase.OPEN
        yield _gauge("zhanggui_edge_link_up", "1 while there is a session with the hub.", int(up))
        refused = link is not None and bool(link.refusal)
        yield _gauge("zhanggui_edge_link_refused", "1 while the hub refuses a session.", int(refused))
        facts = GaugeMetricFamily(
            "zhanggui_edge_facts_waiting", "Facts that the hub did not acknowledge.", labels=["lane"]
        )
        heights = GaugeMetricFamily("zhanggui_edge_lane_seq", "The last fact of a lane.", labels=["lane"])
        for lane, head in sorted(heads.items()):
            facts.add_metric([LANES[lane]], head.head_seq - head.acked_seq)
            heights.add_metric([LANES[lane]], head.head_seq)
        yield facts
        yield heights
        age_s = 0.0 if oldest_ms is None else max(0, now_ms - oldest_ms) / 1_000
        yield _gauge(
            "zhanggui_edge_oldest_waiting_seconds", "Age of the oldest fact that waits; 0 when none does.", age_s
        )
        if acked_ms:
            yield _gauge(
                "zhanggui_edge_last_ack_timestamp_seconds", "When the hub last acknowledged.", acked_ms / 1_000
            )
        yield _counter("zhanggui_edge_sales", "Sales in the file.", sum(row[1] for row in days))
        yield _gauge("zhanggui_edge_prints_waiting", "Slips that wait for a printer.", waiting)
        yield _gauge("zhanggui_edge_prints_parked", "Slips that wait for a person.", parked)
        free = disk.state_of(node.disk).free_bytes
        if free is not None:
            yield _gauge("zhanggui_edge_disk_free_bytes", "Room on the disk of the data folder.", free)
        offset_ms = None if node.clock_watch is None else node.clock_watch.view().offset_ms
        if offset_ms is not None:
            yield _gauge("zhanggui_edge_clock_offset_seconds", "Wall clock minus the hub's.", offset_ms / 1_000)
        raised = GaugeMetricFamily("zhanggui_edge_alarm", "1 while a person must look at something.", labels=["code"])
        codes = {alarm.code for alarm in opened}
        for code in sorted(codes | set(ALARM_CODES)):
            raised.add_metric([code], int(code in codes))
        yield raised
        yield _commits(node.commits)


def _commits(times: CommitTimes) -> Metric:
    counts, sum_ms = times.told()
    names = [*(str(bound / 1_000) for bound in BOUNDS_MS), "+Inf"]
    buckets = [(name, float(sum(counts[: at + 1]))) for at, name in enumerate(names)]
    family = HistogramMetricFamily("zhanggui_edge_commit_seconds", "Transactions, the wait for the writer included.")
    family.add_metric([], buckets, sum_value=sum_ms / 1_000)
    return family


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(name, said, value=value)


def _info(name: str, said: str, labels: dict[str, str]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family
