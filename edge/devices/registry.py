"""Every device of the store with its state, its counters and what happened to it last: one place that screens and commands read.

A device's own thread writes to its `Entry`; anybody reads views. A device that goes down is told once and one that comes up is
told once, however often the thread repeats it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from edge.domain.device_rows import AddressedRow, DeviceRow, DrawerRow
from edge.domain.device_view import LOG_LINES_MAX, DeviceState, DeviceView, LogLine
from sync.node.ports import Clock

log = logging.getLogger(__name__)

WORKS: frozenset[DeviceState] = frozenset({"ready", "busy", "degraded"})
DOWN: frozenset[DeviceState] = frozenset({"absent", "error", "unknown"})


@dataclass(frozen=True)
class Turn:
    """A device came up or went down: told once for each."""

    device: str
    kind: str
    up: bool
    state: DeviceState
    cause: str


class Entry:
    """One device's line in the registry. Thread-safe."""

    def __init__(self, row: DeviceRow, registry: "Registry") -> None:
        address = row.printer if isinstance(row, DrawerRow) else row.address
        kind = str(row.__struct_config__.tag)
        self.row = row
        self._registry = registry
        self._view = DeviceView(row.id, kind, row.name or row.id, address, "connecting")
        self._up: bool | None = None
        self._noted: tuple[DeviceState, str] | None = None

    @property
    def view(self) -> DeviceView:
        """The device now."""
        return self._view

    @property
    def held(self) -> bool:
        """Whether a person told it to wait."""
        return self._view.held

    def show(self, state: DeviceState, cause: str = "", detail: str = "") -> None:
        """Say how the device is; saying the same again changes nothing."""
        registry = self._registry
        with registry.lock:
            before = self._view
            now_ms = registry.clock.now_ms()
            last_ok_ms = now_ms if state in WORKS else before.last_ok_ms
            kept_detail = detail or ("" if state == "ready" else before.detail)
            since_ms = before.since_ms if (before.state, before.cause) == (state, cause) else now_ms
            self._view = replace(
                before, state=state, cause=cause, detail=kept_detail, since_ms=since_ms, last_ok_ms=last_ok_ms
            )
            same = (before.state, before.cause) == (state, cause)
            turn = None if same else self._turn(state, cause)
        if same:
            return
        # Every slip makes a printer busy for a moment; a hundred such lines would leave no room for what matters.
        if state != "busy" and self._noted != (state, cause):
            self._noted = (state, cause)
            self.note(f"state.{state}", cause)
        else:
            registry.changed()
        if turn is not None:
            registry.tell(turn)

    def note(self, what: str, detail: str = "") -> None:
        """Keep a line for the device page; `detail` holds nothing secret and nothing personal."""
        registry = self._registry
        registry.keep(LogLine(registry.clock.now_ms(), self.row.id, what, detail[:200]))

    def count(self, **more: int) -> None:
        """Add to counters: jobs, bytes, events, reconnects, errors, unprintable."""
        with self._registry.lock:
            now = self._view.counters
            added = {name: getattr(now, name) + value for name, value in more.items()}
            self._view = replace(self._view, counters=replace(now, **added))

    def know(self, **facts: str) -> None:
        """Keep what is known of the device: model, identity, how it confirms, its profile."""
        with self._registry.lock:
            self._view = replace(self._view, facts=tuple({**dict(self._view.facts), **facts}.items()))
        self._registry.changed()

    def show_page(self, url: str) -> None:
        """Say where a virtual device shows itself."""
        with self._registry.lock:
            self._view = replace(self._view, page_url=url)
        self._registry.changed()

    def hold(self, *, held: bool) -> None:
        """Let it wait, or let it go on."""
        with self._registry.lock:
            self._view = replace(self._view, held=held)
        self.note("held" if held else "released")
        self._registry.changed()

    def _turn(self, state: DeviceState, cause: str) -> Turn | None:
        up = True if state in WORKS else False if state in DOWN else self._up
        if up is None or up == self._up:
            return None
        first, self._up = self._up is None, up
        # Coming up at the start is what everybody expects; only a device that is missing at the start is news.
        return None if first and up else Turn(self.row.id, self._view.kind, up, state, cause)


class Registry:
    """All devices of the store, in the order of the settings."""

    def __init__(
        self,
        rows: Iterable[DeviceRow],
        clock: Clock,
        changed: Callable[[], None],
        on_turn: Callable[[Turn], None] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.changed = changed
        self._on_turn = on_turn
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES_MAX)
        self._entries = {row.id: Entry(row, self) for row in rows}

    def entry(self, device_id: str) -> Entry | None:
        """Find a device."""
        return self._entries.get(device_id)

    def entry_of(self, row: AddressedRow | DrawerRow) -> Entry:
        """Give the entry of a row of ours."""
        return self._entries[row.id]

    def views(self) -> list[DeviceView]:
        """Every device now."""
        with self.lock:
            return [entry.view for entry in self._entries.values()]

    def lines(self, device_id: str = "") -> list[LogLine]:
        """What happened last, newest first; of one device or of all."""
        with self.lock:
            return [line for line in reversed(self._lines) if device_id in ("", line.device)]

    def keep(self, line: LogLine) -> None:
        """Keep a line, and let go of the oldest beyond a hundred."""
        with self.lock:
            self._lines.append(line)
        self.changed()

    def tell(self, turn: Turn) -> None:
        """Tell the log and whoever keeps the facts that a device came up or went down."""
        told = {"device": turn.device, "state": turn.state, "cause": turn.cause}
        if turn.up:
            log.info("device.up", extra=told)
        else:
            log.warning("device.down", extra=told)
        self._on_turn(turn)
