"""Starts the virtual devices that the settings name, as one process of its own beside the node, and stops it with the node.

The product never imports a twin: it starts the command that a person could start, and finds the devices as everybody does,
by the small files in which they say where they are (`drivers.transport.twin_address`). Where such a desk runs already
nothing is started.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from drivers.errors import DeviceError
from drivers.transport.address import VirtualAddress, parse
from drivers.transport.twin_address import read_twin
from edge.devices.registry import Entry
from edge.domain.device_rows import CardReaderRow, DisplayRow, ScaleRow

LOOK_S: Final = 0.2
"""How often a desk that is starting is looked for; it needs about a second."""
STARTING_S: Final = 20.0
CALM_S: Final = 2.0
RESTART_S: Final = 5.0
FOR_A_PERSON: Final = (2, 75)
"""Exit codes that trying again does not mend: a switch in an address that no twin has; another desk has the folder and does not
serve all that the settings name."""
FOR_A_PERSON_S: Final = 30.0
STOP_S: Final = 5.0

log = logging.getLogger(__name__)

Command = Callable[[Path, Sequence[str]], list[str]]


def desk_command(folder: Path, addresses: Sequence[str]) -> list[str]:
    """Give the command that serves virtual devices for as long as this process lives."""
    return [sys.executable, "-m", "drivers.virtual", "desk", "--with-parent", "--dir", str(folder), *addresses]


class Twins:
    """The virtual devices of a node: started in the background, watched, and shown with their pages.

    Args:
        entries: the devices; those without a virtual address are left alone.
        folder: where virtual devices say where they are.
        on_appear: told the id of a device whose twin came up.
        command: how a desk is started.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        folder: Path,
        on_appear: Callable[[str], None],
        command: Command = desk_command,
    ) -> None:
        self._folder = folder
        self._on_appear = on_appear
        self._command = command
        self._entries: dict[VirtualAddress, Entry] = {}
        for entry in entries:
            address = _virtual(entry)
            if address is not None:
                self._entries[address] = entry
        self._up: dict[VirtualAddress, int] = {}
        self._desk: subprocess.Popen[bytes] | None = None
        self._starting = self.wanted
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="twins", daemon=True)

    @property
    def wanted(self) -> bool:
        """Whether any device is virtual."""
        return bool(self._entries)

    @property
    def starting(self) -> bool:
        """Whether virtual devices are still coming up: that one cannot be reached is no news then."""
        return self._starting

    def start(self) -> None:
        """Begin, in the background: the node does not wait for its toys."""
        self._thread.start()

    def stop(self) -> None:
        """End the desk, if it is ours."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=STOP_S)

    def look(self) -> list[VirtualAddress]:
        """Show the pages of the twins that run; give those that do not."""
        missing: list[VirtualAddress] = []
        for address, entry in self._entries.items():
            pid = self._shown(address, entry)
            if pid is None:
                self._up.pop(address, None)
                missing.append(address)
            elif self._up.get(address) != pid:
                self._up[address] = pid
                self._on_appear(entry.row.id)
        return missing

    def _shown(self, address: VirtualAddress, entry: Entry) -> int | None:
        try:
            said = read_twin(address, self._folder)
        except DeviceError:
            return None
        pid = said.get("pid")
        if not isinstance(pid, int) or not _lives(pid):
            return None
        page = said.get("page")
        page_url = page if isinstance(page, str) else ""
        if entry.view.page_url != page_url:
            entry.show_page(page_url)
        return pid

    def _run(self) -> None:
        pause_s, looks = 0.0, 0
        try:
            while not self._stopping.wait(pause_s):
                missing = self.look()
                looks += 1
                # A desk that is up but does not serve one of them will hardly change its mind.
                pause_s = LOOK_S if missing and looks * LOOK_S < STARTING_S else CALM_S
                ended = self._desk is not None and self._desk.poll() is not None
                self._starting = bool(missing) and looks * LOOK_S < STARTING_S and not ended
                if missing and (self._desk is None or self._desk.poll() is not None):
                    if self._desk is not None and self._stopping.wait(self._pause_s(self._desk.returncode)):
                        return
                    self._begin(missing)
                    pause_s, looks = LOOK_S, 0
        finally:
            self._starting = False
            self._end()

    @staticmethod
    def _pause_s(exit_code: int) -> float:
        log.warning("twins.ended", extra={"exit": exit_code, "see": "desk.log in the folder of the virtual devices"})
        return FOR_A_PERSON_S if exit_code in FOR_A_PERSON else RESTART_S

    def _begin(self, missing: Sequence[VirtualAddress]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "desk.log").open("ab") as said:
                self._desk = subprocess.Popen(  # noqa: S603 - our own module, with addresses that were parsed
                    self._command(
                        self._folder, [str(_as_in_row(address, self._entries[address])) for address in missing]
                    ),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                )
        except OSError:
            log.exception("twins.failed")
            return
        log.info("twins.started", extra={"pid": self._desk.pid, "devices": len(missing)})

    def _end(self) -> None:
        desk, self._desk = self._desk, None
        if desk is None:
            return
        desk.terminate()
        try:
            desk.wait(STOP_S / 2)
        except subprocess.TimeoutExpired:
            desk.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                desk.wait(STOP_S / 2)


def _virtual(entry: Entry) -> VirtualAddress | None:
    with contextlib.suppress(DeviceError):
        address = parse(entry.view.address)
        if isinstance(address, VirtualAddress):
            return address
    return None


def _as_in_row(address: VirtualAddress, entry: Entry) -> VirtualAddress:
    """Let the twin talk as its row says, unless the address says otherwise on purpose."""
    row, given = entry.row, dict(address.faults)
    wanted: dict[str, str] = {}
    if isinstance(row, ScaleRow | DisplayRow):
        wanted["dialect"] = row.protocol
    elif isinstance(row, CardReaderRow) and row.protocol == "nfc":
        wanted["type"] = row.protocol
    missing = tuple((name, value) for name, value in wanted.items() if name not in given)
    return VirtualAddress(address.kind, address.name, address.faults + missing)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
