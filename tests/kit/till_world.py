"""The devices of two tills on real ptys, under the real supervisor, with what stands between them and the tills' screens."""

import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import msgspec

from drivers.transport import address as addresses
from drivers.transport.open_port import ports_for
from drivers.transport.port import Port, PortFactory
from edge.devices.displays import Boards
from edge.devices.registry import Registry, Turn
from edge.devices.supervisor import Supervised, Supervisor
from edge.domain.device_rows import DisplayRow, DrawerRow, PrinterRow
from edge.domain.scanned import Kind
from edge.services.devices import till_devices
from edge.services.devices.scanning import AcceptsCommand
from edge.services.node import Node
from edge.wiring.devices import talk_of
from sync.node.ports import SeededChance
from tests.kit.waiting import PATIENCE_S

_LOOK_S = 0.005


class Plug:
    """A pty behind a name that stays, as udev keeps it; this end is the device."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self._master = self._slave = -1

    @property
    def number(self) -> str:
        """The name that the system gave it this time."""
        return str(self.link.readlink())

    def plug(self) -> None:
        master, slave = pty.openpty()
        tty.setraw(master)
        os.set_blocking(master, False)
        self.link.symlink_to(os.ttyname(slave))
        # The slave stays open here: otherwise this end is in error as long as the node has it not.
        self._master, self._slave = master, slave

    def unplug(self) -> None:
        self.link.unlink(missing_ok=True)
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1

    def say(self, data: bytes) -> None:
        """Send all of it, as the node takes it."""
        rest = memoryview(data)
        while rest:
            assert select.select([], [self._master], [], PATIENCE_S)[1], "nobody takes what the device says"
            rest = rest[os.write(self._master, rest) :]

    def heard(self, size: int) -> bytes:
        """Take so many bytes of what the node wrote to it."""
        data = b""
        while len(data) < size:
            assert select.select([self._master], [], [], PATIENCE_S)[0], f"the node wrote no more than {data!r}"
            data += os.read(self._master, size - len(data))
        return data

    def unheard(self) -> bytes:
        """Take what the node wrote to it until now."""
        data = b""
        while select.select([self._master], [], [], 0)[0]:
            data += os.read(self._master, 65_536)
        return data


class Pace:
    """Counts what ports are doing, so that a clock may be moved on only when nothing began before it still goes on."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ended: dict[str, int] = {}
        self._inside: set[int] = set()
        self._numbers = count()

    @contextmanager
    def operation(self, device: str) -> Iterator[None]:
        with self.changed:
            number = next(self._numbers)
            self._inside.add(number)
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self._inside.discard(number)
                self.ended[device] = self.ended.get(device, 0) + 1
                self.changed.notify_all()

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is so; looked at whenever a port began or ended something."""
        with self.changed:
            waits = int(PATIENCE_S / _LOOK_S)
            while not true() and waits:
                waits -= not self.changed.wait(_LOOK_S)
            assert true(), f"waited for {what}"

    def all_over(self) -> None:
        """Wait until everything that is under way now has ended."""
        with self.changed:
            now = set(self._inside)
            assert self.changed.wait_for(lambda: not now & self._inside, PATIENCE_S), "a port does not come back"


class PacedPort:
    """A real port whose waits are short: on a clock that runs ahead of the machine's, a quarter of a second is an age."""

    def __init__(self, real: Port, device: str, pace: Pace, longest_ms: int) -> None:
        self._real = real
        self._operation = partial(pace.operation, device)
        self._longest_ms = longest_ms

    def open(self, timeout_ms: int) -> None:
        with self._operation():
            self._real.open(timeout_ms)

    def write(self, data: bytes, timeout_ms: int) -> int:
        with self._operation():
            return self._real.write(data, timeout_ms)

    def read(self, timeout_ms: int) -> bytes:
        with self._operation():
            return self._real.read(min(timeout_ms, self._longest_ms))

    def drain(self, timeout_ms: int) -> None:
        self._real.drain(timeout_ms)

    def identity(self) -> str:
        return self._real.identity()

    def close(self) -> None:
        self._real.close()


class Screen:
    """A till's screen: takes every kind of code and every event, once."""

    def __init__(self, till: str, tills: till_devices.TillDevices) -> None:
        self.till = till
        self._tills = tills
        self._seen = tills.inbox.last_id
        self.scans: list[dict[str, Any]] = []
        self.weights: list[dict[str, Any]] = []
        self.take(*Kind)

    def take(self, *kinds: Kind) -> None:
        """Take these kinds of codes from now on."""
        self._tills.scanning.accept(self.till, AcceptsCommand(kinds, "sale"), lambda: True)

    def look(self) -> None:
        """Take what came since the last look."""
        for event in self._tills.inbox.since(self.till, self._seen):
            self._seen = event.id
            kept = {"scan": self.scans, "weight": self.weights}[event.name]
            kept.append(msgspec.json.decode(event.data))


class TillWorld:
    """Plugs, supervisor, registry and screens; start it with `with`. The printer and its drawer are not in it.

    Args:
        node: its rows say what there is; each address is that of a plug in `folder`.
        longest_wait_ms: how long a port may wait at most; 0 = as long as it is told to.
    """

    def __init__(self, node: Node, folder: Path, longest_wait_ms: int = 0) -> None:
        self.node = node
        self.rows = {row.id: row for row in node.devices.rows if not isinstance(row, PrinterRow | DrawerRow)}
        self.plugs = {name: Plug(plug_path(folder, name)) for name in self.rows}
        self.turns: list[tuple[str, bool]] = []
        self.pace = Pace()
        self.registry = Registry(node.devices.rows, node.clock, node.changed.notify, self._turned)
        self.boards = Boards(node.devices.of(DisplayRow))
        self.tills = till_devices.build(node, self.boards)
        self.supervised = {
            name: Supervised(
                self.registry.entry_of(row),
                self._ports(name, longest_wait_ms),
                partial(talk_of, row, folder, self.boards, self.tills),
                node.clock,
                SeededChance(name),
            )
            for name, row in self.rows.items()
        }
        self.supervisor = Supervisor(self.supervised.values(), on_watch=self.tills.sweep)
        self.screens = {till: Screen(till, self.tills) for till in node.settings.store.tills}

    def __enter__(self) -> Self:
        for plug in self.plugs.values():
            plug.plug()
        self.supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()
        self.tills.close()
        for plug in self.plugs.values():
            plug.unplug()
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("device-")]

    def _ports(self, name: str, longest_wait_ms: int) -> PortFactory:
        real = ports_for(addresses.parse(self.rows[name].address))
        return (lambda: PacedPort(real(), name, self.pace, longest_wait_ms)) if longest_wait_ms else real

    def _turned(self, turn: Turn) -> None:
        self.turns.append((turn.device, turn.up))

    def shown(self, name: str) -> tuple[str, str]:
        view = self.registry.entry_of(self.rows[name]).view
        return view.state, view.cause

    def counted(self, name: str, counter: str) -> int:
        return int(getattr(self.registry.entry_of(self.rows[name]).view.counters, counter))

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        self.pace.until(true, f"{what}; {[(name, self.shown(name)) for name in self.rows]}")

    def is_shown(self, name: str, *shown: str) -> None:
        """Wait until a device is shown like this: state and cause."""
        self.until(lambda: self.shown(name) == shown, f"{name} to be {shown}")

    def turns_of(self, name: str) -> list[bool]:
        """Every time it came up (True) or went down, as the registry told it."""
        return [up for device, up in list(self.turns) if device == name]

    def turned(self, name: str, times: int) -> None:
        """Wait until a device came up or went down so often in all."""
        self.until(lambda: len(self.turns_of(name)) >= times, f"turn {times} of {name}")


def plug_path(folder: Path, name: str) -> Path:
    """Where a device's plug has its lasting name."""
    return folder / "by-id" / name


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident_kb() -> int:
    """How much memory this process has."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))
