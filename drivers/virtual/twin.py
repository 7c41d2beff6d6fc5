"""One twin, whole and thread-safe: the machine, its paper on disk, and who watches it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.escpos.profile import PrinterProfile
from drivers.virtual.faults import FaultChange, Faults
from drivers.virtual.paper_store import PaperStore, Slip
from drivers.virtual.printer import Reaction, VirtualPrinter


@dataclass(frozen=True, slots=True)
class TwinState:
    """What the twin is and does now; `version` grows with every change."""

    version: int
    name: str
    columns: int
    online: bool
    connected: bool
    faults: Faults
    buffered_bytes: int
    accepted_bytes: int
    slips: int
    incomplete: int
    drawer_pulses: int
    open_slip: Slip


class Twin:
    """Joins machine and paper under one lock, in the order: take effect, reach the disk, answer."""

    def __init__(self, machine: VirtualPrinter, store: PaperStore, changed: Callable[[], None] = lambda: None) -> None:
        """Put paper into a machine.

        Args:
            changed: called after every change, for a page that shows more than this twin.
        """
        self._tell_others = changed
        self._machine = machine
        self._store = store
        self._changed = threading.Condition()
        self._version = 0
        self._connected = False
        self._stopped = False
        self._incomplete = sum(not slip.complete for slip in store.slips)
        self._known_slips = len(store.slips)

    @property
    def profile(self) -> PrinterProfile:
        """What kind of printer it is."""
        return self._machine.profile

    def faults(self) -> Faults:
        """The switches as they stand."""
        with self._changed:
            return self._machine.faults

    def power_losses(self) -> int:
        """How often the power went since the start."""
        with self._changed:
            return self._machine.power_losses

    def room_bytes(self) -> int:
        """How many bytes it would take now."""
        with self._changed:
            return self._machine.room_bytes

    def connect(self) -> None:
        """Note that somebody is connected."""
        with self._changed:
            self._connected = True
            self._tell()

    def receive(self, data: bytes) -> Reaction:
        """Take bytes; when this returns, what it printed is on disk and the answer may be sent."""
        with self._changed:
            reaction = self._machine.receive(data)
            self._store.accept(data[: reaction.accepted])
            return self._settled(reaction)

    def disconnect(self) -> Reaction:
        """Note that the connection ended."""
        with self._changed:
            self._connected = False
            return self._settled(self._machine.end_connection())

    def switch(self, change: FaultChange) -> Reaction:
        """Move switches."""
        with self._changed:
            return self._settled(self._machine.switch(change))

    def _settled(self, reaction: Reaction) -> Reaction:
        self._store.append(reaction.paper)
        if reaction.answer:
            self._store.sync()
        new = self._store.slips[self._known_slips :]
        self._known_slips += len(new)
        self._incomplete += sum(not slip.complete for slip in new)
        self._tell()
        return reaction

    def _tell(self) -> None:
        self._version += 1
        self._changed.notify_all()
        self._tell_others()

    # ------------------------------------------------------------------------------------------------------- looking
    def state(self) -> TwinState:
        """What it is and does now."""
        with self._changed:
            return TwinState(
                version=self._version,
                name=self._machine.name,
                columns=self._machine.profile.columns,
                online=self._machine.online,
                connected=self._connected,
                faults=self._machine.faults,
                buffered_bytes=self._machine.buffered_bytes,
                accepted_bytes=self._store.raw_bytes,
                slips=len(self._store.slips),
                incomplete=self._incomplete,
                drawer_pulses=self._machine.drawer_pulses,
                open_slip=self._store.open_slip(),
            )

    def slips_after(self, index: int, limit: int | None = None) -> list[Slip]:
        """The slips with a higher index, oldest first."""
        with self._changed:
            start = max(0, index)
            return self._store.slips[start : None if limit is None else start + limit]

    def slip(self, index: int) -> Slip | None:
        """One slip."""
        with self._changed:
            return self._store.slips[index - 1] if 1 <= index <= len(self._store.slips) else None

    def raw(self) -> bytes:
        """Every byte ever accepted."""
        with self._changed:
            self._store.sync()
            return self._store.raw()

    def wait_beyond(self, version: int, timeout_s: float) -> bool:
        """Wait until something changed since this version; False when the time is over or it was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._stopped, timeout_s)
            return self._version > version and not self._stopped

    @property
    def stopped(self) -> bool:
        """Whether watchers should go home."""
        return self._stopped

    def stop(self) -> None:
        """Send the watchers home."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
