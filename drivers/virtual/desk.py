"""A desk of twins: any number of them in one process, found through small files in one folder (see `twin_address`).

The folder belongs to one desk at a time. For each twin it holds `<kind>-<name>.json`, which says where the twin is, and for
those on a serial line or keyboard `<kind>-<name>`, the device file itself while it is plugged in.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from drivers.errors import DeviceError, DeviceRejected
from drivers.transport.address import TwinKind, VirtualAddress, parse
from drivers.transport.port import Clock
from drivers.transport.twin_address import twin_file
from drivers.virtual.card_reader import ContactlessSwitches, ContactlessTwin, StripeSwitches, StripeTwin
from drivers.virtual.device import DeskTwin
from drivers.virtual.display import DisplaySwitches, DisplayTwin
from drivers.virtual.menu import from_query
from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.scale import ScaleSwitches, ScaleTwin
from drivers.virtual.scanner import ScannerSwitches, ScannerTwin
from drivers.virtual.timers import Timers

TWINS_MAX: Final = 32


class DeskInUse(DeviceError):
    """Another desk holds this folder."""

    code = "desk_in_use"
    hint = "stop the other desk, or give this one a folder of its own"


class Desk:
    """The twins of one process. Its methods may be called from any thread."""

    def __init__(self, folder: Path, addresses: Sequence[str], clock: Clock, *, lenient: bool = False) -> None:
        """Take the folder and build the twins, not yet plugged in.

        Args:
            addresses: `virtual://kind/name?switch=value` for each.
            lenient: serve the others when an address has a switch that its kind does not have; its file says why it is not
                there. For a node, whose other devices must not suffer from one wrong row.

        Raises:
            DeviceRejected: an address is none of a twin, or stands twice, or has a switch that its kind does not have.
            DeskInUse: another desk has the folder.
        """
        self.folder = folder
        self._clock = clock
        self._changed = threading.Condition()
        self._version = 0
        self._stopped = False
        self.twins: dict[str, DeskTwin] = {}
        self._files: dict[str, Path] = {}
        self._refused: dict[str, str] = {}
        with contextlib.ExitStack() as undo:
            wanted = _read(addresses)
            folder.mkdir(parents=True, exist_ok=True)
            lock = undo.enter_context((folder / "desk.lock").open("ab"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DeskInUse(f"{folder} belongs to a running desk") from error
            self._sweep()
            self._timers = Timers(clock)
            for address in wanted:
                key = f"{address.kind}/{address.name}"
                self._files[key] = twin_file(address, folder)
                try:
                    twin = self._built(address)
                except DeviceRejected as error:
                    if not lenient:
                        raise
                    self._refused[key] = str(error)
                    continue
                undo.callback(twin.stop)
                self.twins[key] = twin
            self._undo = undo.pop_all()

    def _built(self, address: VirtualAddress) -> DeskTwin:
        name, query, later, folder = address.name, address.faults, self._timers, self.folder
        match address.kind:
            case "printer":
                return PrinterTwin(name, query, folder, later, self._tell)
            case "scanner":
                switches = from_query(ScannerSwitches, query)
                return ScannerTwin(name, switches, folder, self._clock, later, self._tell)
            case "card_reader" if dict(query).get("type") == "nfc":
                return ContactlessTwin(name, from_query(ContactlessSwitches, query), later, self._tell)
            case "card_reader":
                stripe = from_query(StripeSwitches, query)
                return StripeTwin(name, stripe, folder, self._clock, later, self._tell)
            case "scale":
                return ScaleTwin(name, from_query(ScaleSwitches, query), folder, later, self._tell)
            case "display":
                return DisplayTwin(name, from_query(DisplaySwitches, query), folder, later, self._tell)

    def start(self, page_of: Callable[[str], str]) -> dict[str, dict[str, str]]:
        """Plug everything in and say where it is.

        Args:
            page_of: gives the address of a twin's page from its `kind/name`.

        Returns:
            For each `kind/name` its address and page, as in the files.
        """
        self._timers.start()
        told: dict[str, dict[str, str]] = {}
        for key, twin in self.twins.items():
            twin.start()
            told[key] = {"address": str(twin.address), "page": page_of(key)}
            self._announce(key, told[key])
        for key, why in self._refused.items():
            self._announce(key, {"refused": why})
        return told

    def stop(self) -> None:
        """Take the files away, then the twins, then give the folder back; any number of times."""
        for file in self._files.values():
            file.unlink(missing_ok=True)
        self._timers.stop()
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._undo.close()

    # ------------------------------------------------------------------------------------------------------ rendezvous
    def _announce(self, key: str, told: dict[str, str]) -> None:
        file = self._files[key]
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_text(json.dumps(told | {"pid": os.getpid()}), encoding="utf-8")
        fresh.replace(file)

    def _sweep(self) -> None:
        """Take away what a desk that was killed left here; the lock says that it is gone."""
        for kind in get_args(TwinKind):
            for path in self.folder.glob(f"{kind}-*"):
                if path.is_symlink() or path.suffix in (".json", ".new"):
                    path.unlink(missing_ok=True)

    # ----------------------------------------------------------------------------------------------------------- doors
    def twin(self, key: str) -> DeskTwin:
        """Give a twin by its `kind/name`.

        Raises:
            DeviceRejected: there is none.
        """
        if key not in self.twins:
            raise DeviceRejected(
                f"there is no device {key!r} on this desk; there are {', '.join(self.twins) or 'none'}"
            )
        return self.twins[key]

    def view(self) -> list[dict[str, Any]]:
        """Describe every twin, in the order of the addresses."""
        return [self.view_of(key) for key in self.twins]

    def view_of(self, key: str) -> dict[str, Any]:
        """Describe one twin."""
        twin = self.twins[key]
        return {"kind": twin.kind, "name": twin.name, "address": str(twin.address)} | twin.view()

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        return self._version

    @property
    def stopped(self) -> bool:
        """Whether watchers should go home."""
        return self._stopped

    def wait_beyond(self, version: int, timeout_s: float) -> bool:
        """Wait until something changed since this version; False when the time is over or it was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._stopped, timeout_s)
            return self._version > version and not self._stopped

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        """Do something later; see `Later`."""
        self._timers.after(delay_ms, do)

    def _tell(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()


def _read(addresses: Iterable[str]) -> list[VirtualAddress]:
    wanted: list[VirtualAddress] = []
    for text in addresses:
        address = parse(text)
        if not isinstance(address, VirtualAddress):
            raise DeviceRejected(f"{text} is a real device; a desk hosts virtual://kind/name")
        if any((address.kind, address.name) == (other.kind, other.name) for other in wanted):
            raise DeviceRejected(f"{address.kind}/{address.name} stands twice; give each its own name")
        wanted.append(address)
    if len(wanted) > TWINS_MAX:
        raise DeviceRejected(f"a desk holds {TWINS_MAX} devices; start another one for the rest")
    return wanted
