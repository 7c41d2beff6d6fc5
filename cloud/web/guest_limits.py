"""How often guests' phones may ask at HQ's page: by address and by invite, in the memory of each process, and bounded.

The guests of a restaurant may all come from the address of its access point, and of a mobile network from one address, too: the
buckets of an address are wide, those of an invite narrow. Behind a proxy that HQ was not told of (`guest.proxy_hops`) everybody has
the address of this machine; then the house has one bucket, wider still.
"""

from ipaddress import IPv6Address, ip_address

from sync.node.allowance import Allowance

HOUSE = ""
"""Stands for everybody whose address is not known."""
_NETWORK_BITS = 64


class GuestLimits:
    """What phones may do."""

    def __init__(self) -> None:
        self._looks = Allowance(at_once=300, every_ms=50), Allowance(at_once=3_000, every_ms=5)
        self._joins = Allowance(at_once=20, every_ms=10_000), Allowance(at_once=200, every_ms=1_000)
        self._of_invite = Allowance(at_once=20, every_ms=15_000)
        self._slips = Allowance(at_once=20, every_ms=10_000), Allowance(at_once=200, every_ms=1_000)

    def look(self, address: str, now_ms: int) -> int:
        """Take a page; gives 0, or after how many ms there is one again."""
        return self._looks[address == HOUSE].take(address, now_ms)

    def join(self, address: str, invite: str, now_ms: int) -> int:
        """Take a form that was sent with an invite: nobody tries numbers in numbers."""
        return self._joins[address == HOUSE].take(address, now_ms) or self._of_invite.take(invite, now_ms)

    def slip(self, address: str, now_ms: int) -> int:
        """Take a slip that was to open a page: nobody tries tokens in numbers."""
        return self._slips[address == HOUSE].take(address, now_ms)


def address_of(remote: str | None) -> str:
    """Name who asks: an IPv4 address, the network of an IPv6 one (a phone changes the rest as it likes), or nobody in particular."""
    try:
        told = ip_address(remote or "")
    except ValueError:
        return HOUSE
    if told.is_loopback:
        return HOUSE
    if isinstance(told, IPv6Address):
        if told.ipv4_mapped is not None:
            return HOUSE if told.ipv4_mapped.is_loopback else str(told.ipv4_mapped)
        return str(int(told) >> _NETWORK_BITS)
    return str(told)
