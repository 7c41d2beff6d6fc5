"""What all twins of small devices have in common: a name, a wire, switches, and doors for pages and scripts."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

import msgspec

from drivers.errors import DeviceRejected
from drivers.transport.address import Address
from drivers.virtual.menu import MenuRow, Switches, moved
from drivers.virtual.timers import Later
from drivers.virtual.wires import PtyWire, TcpWire

HISTORY_MAX: Final = 12
Kind = Literal["printer", "scanner", "card_reader", "scale", "display"]
Value = TypeVar("Value")


class DeskTwin(Protocol):
    """One twin as its desk knows it."""

    name: str

    @property
    def kind(self) -> Kind:
        """What it stands in for."""
        ...

    @property
    def address(self) -> Address:
        """Where a driver finds it; the same for its whole life, unplugged or not."""
        ...

    def start(self) -> None:
        """Plug it in."""
        ...

    def stop(self) -> None:
        """Take it away for good."""
        ...

    def prepare(self, action: str, value: object) -> Callable[[], None]:
        """Check what somebody wants to do and give it back ready to be done.

        Raises:
            DeviceRejected: it has no such action, or not with this value; the sentence says what there is.
        """
        ...

    def view(self) -> dict[str, Any]:
        """Describe it for a page: plugged, connected, faults, menu and what is its own."""
        ...


def checked(value: object, kind: type[Value], sample: str) -> Value:
    """Check the value of an action.

    Raises:
        DeviceRejected: it is of another kind; the sentence shows a good one.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise DeviceRejected(f"{error}; a good value is {sample}") from error


def no_action(action: str, actions: Mapping[str, object]) -> DeviceRejected:
    """Say that there is no such action."""
    return DeviceRejected(f"there is no action {action!r}; there are {', '.join(sorted(actions))}")


class WiredTwin(ABC, Generic[Switches]):
    """A twin on a wire of its own. What it does happens under one lock, in the wire's, the timers' or a page's thread."""

    kind: ClassVar[Kind]
    menu: ClassVar[tuple[MenuRow, ...]]
    built_in: ClassVar[frozenset[str]] = frozenset({"type", "baud", "dialect", "columns"})
    """Switches that only an address sets: what the device is, not how it is today."""

    def __init__(self, name: str, switches: Switches, later: Later, changed: Callable[[], None]) -> None:
        """Build it, not yet plugged in.

        Args:
            later: does what comes after a while.
            changed: called after every change; it must not come back to the twin.
        """
        self.name = name
        self.switches = switches
        self.later = later
        self.changed = changed
        self.lock = threading.RLock()
        self.history: list[dict[str, str]] = []

    def pty(self, folder: Path, baud: int | None) -> PtyWire:
        """Make its wire a pty named after it."""
        return PtyWire(folder / f"{self.kind}-{self.name}", self, baud)

    # -------------------------------------------------------------------------------------------------- for the wire
    def hear(self, data: bytes) -> None:
        """Take bytes from the driver."""

    def opened(self) -> None:
        """Take note that a driver has it open."""
        self.changed()

    def closed(self) -> None:
        """Take note that no driver has it open any more."""
        self.changed()

    # -------------------------------------------------------------------------------------------------- for the desk
    @property
    @abstractmethod
    def wire(self) -> PtyWire | TcpWire:
        """What it hangs on."""

    def start(self) -> None:
        """Plug it in; see `DeskTwin`."""
        self.plug()

    def stop(self) -> None:
        """Take it away; see `DeskTwin`."""
        self.wire.discard()

    def plug(self) -> None:
        """Plug it in, fresh from power-on."""
        self.wire.plug()
        self.changed()

    def unplug(self) -> None:
        """Pull it out."""
        self.wire.unplug()
        self.changed()

    def own_actions(self) -> dict[str, Callable[[object], Callable[[], None]]]:
        """Give what this kind can do besides being plugged and switched: a check that gives the deed."""
        return {}

    def prepare(self, action: str, value: object) -> Callable[[], None]:
        """Check an action; see `DeskTwin`."""
        actions = {
            "unplug": lambda _: self.unplug,
            "replug": lambda _: self.plug,
            "fault": self._prepare_fault,
        } | self.own_actions()
        if action not in actions:
            raise no_action(action, actions)
        return actions[action](value)

    def _prepare_fault(self, change: object) -> Callable[[], None]:
        moved(self.switches, change)
        if isinstance(change, Mapping) and (fixed := sorted(self.built_in.intersection(change))):
            raise DeviceRejected(f"{fixed[0]} is built in; write another one into its address and start it again")

        def move() -> None:
            with self.lock:
                self.switches = moved(self.switches, change)
                self.switched()
            self.changed()

        return move

    def switched(self) -> None:
        """Do what follows at once from moved switches; under the lock."""

    def note(self, what: str, text: str) -> None:
        """Remember something that happened, newest first; never a whole payment code or bank card."""
        self.history.insert(0, {"what": what, "text": text})
        del self.history[HISTORY_MAX:]

    def view(self) -> dict[str, Any]:
        """Describe it; see `DeskTwin`."""
        with self.lock:
            return {
                "plugged": self.wire.plugged,
                "connected": self.wire.connected,
                "faults": self.switches,
                "menu": self.menu,
                "history": list(self.history),
            } | self.own_view()

    def own_view(self) -> dict[str, Any]:
        """Describe what only this kind has; under the lock."""
        return {}


def masked(text: str) -> str:
    """Hide the middle of what may be a payment code or a bank card: it is shown nowhere in full."""
    digits = text.replace(" ", "").replace("-", "")
    secret = digits.isdigit() and 13 < len(digits) <= 24
    return f"{text[:6]}…{text[-2:]}" if secret else text if len(text) <= 60 else f"{text[:57]}…"
