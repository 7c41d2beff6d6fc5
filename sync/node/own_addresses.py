"""The IPv4 addresses of this machine, as others of its network reach it."""

import fcntl
import ipaddress
import socket
import struct

_SIOCGIFADDR = 0x8915
_NAME_BYTES = 15


def own_addresses() -> tuple[str, ...]:
    """List the first IPv4 address of each interface but the loopback's, sorted; empty without a network."""
    found: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            asked = struct.pack("256s", name.encode()[:_NAME_BYTES])
            try:
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, asked)
            except OSError:
                # An interface without an IPv4 address.
                continue
            address = socket.inet_ntoa(answer[20:24])
            if not ipaddress.ip_address(address).is_loopback:
                found.add(address)
    return tuple(sorted(found, key=ipaddress.IPv4Address))
