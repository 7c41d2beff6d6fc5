"""What is plugged in: every 3 s, and at once when the system says so; what has no row yet is listed for a person (drivers.md §5.4).

It only looks. Nothing is opened and nothing is written to a device that nobody configured: a byte can print or open a drawer.
"""

import contextlib
import logging
import os
import selectors
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from drivers.discovery import Candidate, Wakeups, Watch
from drivers.errors import DeviceRejected
from drivers.transport.address import (
    Address,
    FileAddress,
    HidAddress,
    SerialAddress,
    parse,
    place,
)
from edge.domain.device_rows import AddressedRow

LOOK_S: Final = 3.0
SETTLE_S: Final = 0.2
"""After an event of the kernel udev still gives the device its lasting name and its permissions."""
STOP_S: Final = 2.0

log = logging.getLogger(__name__)


class Lookout:
    """Knows what is plugged in, and tells when a configured device appears.

    Args:
        rows: the rows of the settings that have an address.
        look: lists what is plugged in now.
        on_appear: told the id of a row whose device was plugged in.
        on_change: told when the list of what has no row changed.
        listen: gives the system's events, or None where there are none.
    """

    def __init__(
        self,
        rows: Iterable[AddressedRow],
        look: Callable[[], Sequence[Candidate]],
        on_appear: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
        listen: Callable[[], Wakeups | None] = lambda: None,
    ) -> None:
        self._rows = {row.id: parse(row.address) for row in rows}
        self._look = look
        self._on_appear = on_appear
        self._on_change = on_change
        self._listen = listen
        self._watch = Watch()
        self._unconfigured: tuple[Candidate, ...] = ()
        self._first = True
        self._stop_read, self._stop_write = -1, -1
        self._thread = threading.Thread(target=self._run, name="device-lookout", daemon=True)

    @property
    def unconfigured(self) -> tuple[Candidate, ...]:
        """What is plugged in and stands in no row, with what the system says of it."""
        return self._unconfigured

    def start(self) -> None:
        """Begin to look."""
        self._stop_read, self._stop_write = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        if self._stop_write < 0:
            return
        os.write(self._stop_write, b"x")
        self._thread.join(timeout=STOP_S)
        os.close(self._stop_write)

    def step(self) -> None:
        """Look once."""
        now = self._look()
        added, _ = self._watch.look(now)
        # A name in /dev may lead to the device by another name, so places are compared, not letters.
        places = {device_id: _place(address) for device_id, address in self._rows.items()}
        appeared = {where for candidate in added if (where := _place_of(candidate))}
        for device_id, where in places.items():
            # At the start every device is new, and is being opened anyway.
            if where in appeared and not self._first:
                self._on_appear(device_id)
        self._first = False
        taken = set(places.values())
        unconfigured = tuple(candidate for candidate in now if _place_of(candidate) not in taken)
        if unconfigured != self._unconfigured:
            self._unconfigured = unconfigured
            self._on_change()

    def _run(self) -> None:
        wakeups = self._listen()
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as ends:
            ends.callback(os.close, self._stop_read)
            selector.register(self._stop_read, selectors.EVENT_READ)
            if wakeups is not None:
                ends.callback(wakeups.close)
                selector.register(wakeups, selectors.EVENT_READ)
            while True:
                try:
                    self.step()
                except Exception:
                    # A folder that vanishes while it is read is no reason to be blind from now on.
                    log.exception("lookout.failed")
                ready = {key.fileobj for key, _ in selector.select(LOOK_S)}
                if self._stop_read in ready:
                    return
                if wakeups is not None and wakeups in ready:
                    wakeups.clear()
                    if self._stop_read in {key.fileobj for key, _ in selector.select(SETTLE_S)}:
                        return


def _place_of(candidate: Candidate) -> str:
    if not candidate.address:
        return ""
    try:
        return _place(parse(candidate.address))
    except DeviceRejected:
        return ""


def _place(address: Address) -> str:
    if isinstance(address, SerialAddress | HidAddress | FileAddress):
        return os.path.realpath(address.path)
    return place(address)
