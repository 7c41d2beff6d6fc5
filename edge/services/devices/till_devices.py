"""What stands between the devices of the tills and their screens, built once for a node."""

from dataclasses import dataclass

from edge.domain.device_rows import ScaleRow
from edge.services.devices.scanning import Scanning
from edge.services.devices.till_inbox import TillInbox
from edge.services.devices.weighing import Weighing
from edge.services.guests.customer_display import CustomerDisplay, GuestScreens, NoScreens
from edge.services.node import Node


@dataclass(frozen=True)
class TillDevices:
    """The devices of the tills as their screens see them."""

    inbox: TillInbox
    scanning: Scanning
    weighing: Weighing
    display: CustomerDisplay

    def sweep(self) -> None:
        """Let go of what is too old; called every second or so."""
        self.scanning.sweep()
        self.weighing.sweep()

    def close(self) -> None:
        """Let go of secrets and of whoever waits."""
        self.scanning.clear()
        self.display.wake()


def build(node: Node, screens: GuestScreens | None = None) -> TillDevices:
    """Build them for a node.

    Args:
        node: the node.
        screens: the customer displays; None = the store has none.
    """
    tills = node.settings.store.tills
    inbox = TillInbox(tills, node.clock.now_ms(), node.clock, node.changed.notify)
    return TillDevices(
        inbox=inbox,
        scanning=Scanning(node, inbox),
        weighing=Weighing([row.till for row in node.devices.of(ScaleRow)], node.clock, inbox),
        display=CustomerDisplay(tills, screens or NoScreens()),
    )
