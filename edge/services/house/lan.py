"""What the pages know of the listeners beside the node's own: where they are reached, whom they ask to trust."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.services.guests.guest_limits import Allowance
from edge.services.house.pairing import Pairings


def _nowhere() -> tuple[str, ...]:
    return ()


@dataclass
class Lan:
    """The listeners for other machines of the house and for guests' phones. Built in `edge.wiring`, which says here what it opened.

    Attributes:
        names: the names and addresses under which other machines reach the node now; empty where it serves none.
        port: of the listener for other machines; 0 while it is not open.
        trouble: why it is not open, in English; empty where it is, or is not wanted.
        authority: the certificate of the store's own CA, PEM; empty where there is none.
        fingerprint: of that certificate, in groups that two people compare.
        guest_base: how the codes on the tables begin now; empty where guests are not served.
        pairings: codes that wait for a browser.
        tries: how often one address may type a code.
    """

    names: Callable[[], tuple[str, ...]] = _nowhere
    port: int = 0
    trouble: str = ""
    authority: str = ""
    fingerprint: str = ""
    guest_base: Callable[[], str] = str
    pairings: Pairings = field(default_factory=Pairings)
    tries: Allowance = field(default_factory=lambda: Allowance(at_once=10, every_ms=3_000))

    def addresses(self) -> tuple[str, ...]:
        """List how other machines reach the till, best first; empty while they cannot."""
        return tuple(f"https://{name}:{self.port}" for name in self.names()) if self.port else ()
