"""A printer's twin as its desk has it: machine, paper and port in one, with the doors that every twin has."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from drivers.errors import DeviceRejected
from drivers.escpos.profile import PrinterProfile
from drivers.printer.profiles import PROFILES, profile_for_columns
from drivers.transport.address import Address, TcpAddress
from drivers.virtual.device import Kind, checked, no_action
from drivers.virtual.faults import FAULT_MENU, FaultChange, Faults, changed, from_query
from drivers.virtual.paper_store import PaperStore
from drivers.virtual.printer import VirtualPrinter
from drivers.virtual.serve import LOOPBACK, TwinServer
from drivers.virtual.timers import Later
from drivers.virtual.twin import Twin

_BUILT_IN: Final = ("columns", "profile")


class PrinterTwin:
    """One printer, with its faults from an address: `columns=32` or `profile=clone-80`, and any switch of the menu."""

    kind: ClassVar[Kind] = "printer"

    def __init__(
        self, name: str, query: tuple[tuple[str, str], ...], folder: Path, later: Later, tell: Callable[[], None]
    ) -> None:
        """Take its paper and its port.

        Args:
            folder: of the desk; the paper lies in `paper/<name>` there.
            tell: called after every change; it must not come back to the twin.

        Raises:
            DeviceRejected: a name or value in the address is not on the menu.
            PaperInUse: another process has its paper.
        """
        built_in = dict(pair for pair in query if pair[0] in _BUILT_IN)
        profile = _profile(built_in)
        self.name = name
        change = from_query(pair for pair in query if pair[0] not in _BUILT_IN)
        machine = VirtualPrinter(profile, name, changed(Faults(one_way=not profile.answers), change))
        self._store = PaperStore(folder / "paper" / name, profile)
        self.twin = Twin(machine, self._store, tell)
        self.server = TwinServer(self.twin, 0, later)

    @property
    def address(self) -> Address:
        """Where a driver finds it."""
        return TcpAddress(LOOPBACK, self.server.port)

    def start(self) -> None:
        """Listen."""
        self.server.start()

    def stop(self) -> None:
        """Close the port and the paper."""
        self.twin.stop()
        self.server.stop()
        self._store.close()

    def prepare(self, action: str, value: object) -> Callable[[], None]:
        """Check an action; see `DeskTwin`. Unplugged is without power: on a network both look the same."""
        actions: dict[str, Callable[[object], Callable[[], None]]] = {
            "fault": lambda change: partial(self.server.switch, checked(change, FaultChange, '{"paper_out": true}')),
            "unplug": lambda _: partial(self.server.switch, FaultChange(power=False)),
            "replug": lambda _: partial(self.server.switch, FaultChange(power=True)),
            "power_cycle": lambda _: self.power_cycle,
            "close_drawer": lambda _: partial(self.server.switch, FaultChange(drawer_open=False)),
        }
        if action not in actions:
            raise no_action(action, actions)
        return actions[action](value)

    def power_cycle(self) -> None:
        """Switch it off and on again."""
        self.server.switch(FaultChange(power=False))
        self.server.switch(FaultChange(power=True))

    def view(self) -> dict[str, Any]:
        """Describe it; see `DeskTwin`. The roll itself is behind its own page."""
        state = self.twin.state()
        return {
            "plugged": state.faults.power,
            "connected": state.connected,
            "faults": state.faults,
            "menu": FAULT_MENU,
            "columns": state.columns,
            "online": state.online,
            "buffered_bytes": state.buffered_bytes,
            "accepted_bytes": state.accepted_bytes,
            "slips": state.slips,
            "incomplete": state.incomplete,
            "drawer_pulses": state.drawer_pulses,
        }


def _profile(built_in: dict[str, str]) -> PrinterProfile:
    """Choose the kind of printer by its profile's name, or by the width of its paper."""
    if "profile" in built_in:
        if built_in["profile"] not in PROFILES:
            raise DeviceRejected(f"profile is one of {', '.join(PROFILES)}, not {built_in['profile']!r}")
        return PROFILES[built_in["profile"]]
    columns = built_in.get("columns", "48")
    if columns not in ("32", "42", "48"):
        raise DeviceRejected(f"columns is 32, 42 or 48, not {columns!r}")
    return profile_for_columns(int(columns))
