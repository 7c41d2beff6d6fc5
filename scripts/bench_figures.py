"""Figures of `bench till` and the targets they must meet; no clock, no socket, no file."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

ORDERS_MIN = 5_000
"""The memory target holds after so many orders; a shorter run shows nothing about it."""
ONE_TILL_P50_MS_MAX = 10.0
ONE_TILL_P99_MS_MAX = 50.0
BARE_P99_TIMES_MAX = 4.0
"""On a slow disk the p99 of one till may be as many times that of a bare commit of the same run."""
EIGHT_TILLS = 8
EIGHT_TILLS_P99_MS_MAX = 200.0
CPU_MS_MAX = 20.0
"""An evening's order is three requests that write, one that reads, and four papers; a basket with its receipt alone has 10."""
RSS_MB_MAX = 120.0
PAGE_ORDERS_MIN = 100_000
PAGE_S_MAX = 2.0
"""From a start to the till page, behind so many past sales."""
PAST_ORDERS_MIN = 150_000
SLOWER_MAX = 1.2
"""So many times what paying costs on a young file it may cost behind so many past orders."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Give the nearest-rank percentile: the smallest sample that at least `percent` of all do not exceed.

    Raises:
        ValueError: there is no sample, or `percent` is not above 0 and at most 100.
    """
    if not samples or not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"no percentile {percent} of {len(samples)} samples")
    return sorted(samples)[max(math.ceil(len(samples) * percent / 100), 1) - 1]


@dataclass(frozen=True)
class Run:
    """So many tills at once.

    Attributes:
        orders: guests who were served and paid.
        p50_ms, p99_ms: of everything that a till asked to be done and waited for, paying and what led to it; reading is not in it.
        refused: requests that were not answered as they should have been, for whatever reason.
        kinds: [how many, p50 ms, p99 ms] of each kind of request, reading too.
    """

    terminals: int
    orders: int
    p50_ms: float
    p99_ms: float
    refused: int
    orders_per_s: float
    cpu_ms_per_order: float
    kinds: dict[str, tuple[int, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Aged:
    """What a past of so many orders costs, beside a young store of the same run; ms are those of a sale that is paid."""

    orders: int
    facts: int
    file_mb: int
    page_orders: int
    start_to_page_s: float
    pay_young_p50_ms: float
    pay_old_p50_ms: float
    node_rss_mb: float
    seconds: float

    @property
    def slower(self) -> float:
        """How many times what it costs on a young file paying costs."""
        return round(self.pay_old_p50_ms / self.pay_young_p50_ms, 3)


@dataclass(frozen=True)
class Bare:
    """Commits of the same count and size of rows with nothing around them, timed in the same run."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Report:
    """Everything one benchmark found; `cpu_ms_per_order` is that of one till (of the first run, if there was none).

    Attributes:
        slips: how many papers must have come of what was confirmed; `printed` = how many did, None without printers.
        past: None where none was asked for.
    """

    runs: tuple[Run, ...]
    bare: Bare
    cpu_ms_per_order_overall: float
    node_rss_mb: float
    orders: int
    printed: int | None
    rows_per_order: int
    slips: int = 0
    dishes: int = 0
    members: int = 0
    past: Aged | None = None

    @property
    def cpu_ms_per_order(self) -> float:
        """CPU time of the node process for an order, ms."""
        return next((run for run in self.runs if run.terminals == 1), self.runs[0]).cpu_ms_per_order

    def as_json(self, seed: int) -> dict[str, object]:
        """Give the object of the last line, `ok` first."""
        short = missed(self)
        return {
            "ok": not short,
            "missed": short,
            "runs": [asdict(run) for run in self.runs],
            "cpu_ms_per_order": self.cpu_ms_per_order,
            "cpu_ms_per_order_overall": self.cpu_ms_per_order_overall,
            "node_rss_mb": self.node_rss_mb,
            "bare_commit_p50_ms": self.bare.p50_ms,
            "bare_commit_p99_ms": self.bare.p99_ms,
            "orders": self.orders,
            "slips": self.slips,
            "printed": self.printed,
            "dishes": self.dishes,
            "members": self.members,
            "past": None if self.past is None else {**asdict(self.past), "slower": self.past.slower},
            "rows_per_order": self.rows_per_order,
            "seed": seed,
        }


def missed(report: Report) -> list[str]:
    """Name the targets that were not met, each with the figure and its bound."""
    slow_disk_ms = BARE_P99_TIMES_MAX * report.bare.p99_ms
    bounds: list[tuple[str, float, float]] = []
    for run in report.runs:
        bounds.append((f"{run.terminals} tills refused", run.refused, 0))
        if run.terminals == 1:
            bounds.append(("1 till p50 ms", run.p50_ms, ONE_TILL_P50_MS_MAX))
            bounds.append(("1 till p99 ms", run.p99_ms, max(ONE_TILL_P99_MS_MAX, slow_disk_ms)))
        if run.terminals == EIGHT_TILLS:
            bounds.append(("8 tills p99 ms", run.p99_ms, max(EIGHT_TILLS_P99_MS_MAX, slow_disk_ms)))
    bounds.append(("cpu ms per order", report.cpu_ms_per_order, CPU_MS_MAX))
    bounds.append(("node rss mb", report.node_rss_mb, RSS_MB_MAX))
    short: list[str] = []
    if report.past is not None:
        bounds.append(("start to page s", report.past.start_to_page_s, PAGE_S_MAX))
        bounds.append(("paying with a past, times a young file", report.past.slower, SLOWER_MAX))
        bounds.append(("node rss mb with a past", report.past.node_rss_mb, RSS_MB_MAX))
        if report.past.orders < PAST_ORDERS_MIN or report.past.page_orders < PAGE_ORDERS_MIN:
            short.append(
                f"past: {report.past.orders} orders are below {PAST_ORDERS_MIN}, so nothing is shown of a past"
            )
    short += [f"{name}: {found:g} is above {bound:g}" for name, found, bound in bounds if not found <= bound]
    if report.orders < ORDERS_MIN:
        short.append(f"orders: {report.orders} is below {ORDERS_MIN}, so the memory target is not shown")
    if report.printed is not None and report.printed != report.slips:
        short.append(f"printed: {report.printed} slips are on paper, {report.slips} should be")
    return short
