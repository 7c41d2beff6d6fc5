"""Devices on the network: raw bytes on a TCP port (9100 for printers), one connection per device."""

import contextlib
import ipaddress
import select
import socket
import threading
from functools import partial
from typing import Any, Final

from drivers.errors import Disconnected, Stalled, Unreachable
from drivers.transport.address import TcpAddress, parse_tcp
from drivers.transport.port import PortFactory
from drivers.transport.wait import pause

__all__ = ["CONNECT_MS", "TcpAddress", "TcpPort", "parse_address", "tcp_ports"]

CONNECT_MS: Final = 3_000
"""How long a connection may take to come about (drivers.md §5)."""
USER_TIMEOUT_MS: Final = 4_000
"""How long sent bytes may stay unacknowledged before the kernel gives up: without it a pulled cable looks well for 12 s and
29 receipts, with 3 s it was 13 (drivers.md §6)."""
KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3))
"""After 10 s of silence a question each 3 s, so that a reader that only listens hears of a dead link within 20 s."""
_READ_BYTES: Final = 4_096
_DRAIN_STEP_MS: Final = 10


def parse_address(text: str) -> TcpAddress:
    """Read `tcp://host:port`, `host:port` or `host` (port 9100); an IPv6 host stands in brackets.

    Raises:
        DeviceRejected: it is none of these.
    """
    return parse_tcp(text.removeprefix("tcp://"))


def tcp_ports(address: str | TcpAddress) -> PortFactory:
    """Give a factory of connections to this address."""
    return partial(TcpPort, parse_address(address) if isinstance(address, str) else address)


class TcpPort:
    """One TCP connection to a device."""

    def __init__(self, address: TcpAddress) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._identity = ""

    def open(self, timeout_ms: int) -> None:
        """Connect; see `Port`."""
        assert self._socket is None, "a port is opened once"
        sock = self._connected(timeout_ms)
        try:
            # Small writes must not wait for each other, and a dead link must be noticed.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in (("TCP_USER_TIMEOUT", USER_TIMEOUT_MS), *KEEP_ALIVE):
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            peer = sock.getpeername()
            if peer == sock.getsockname():
                # On the loopback a socket may meet itself: the port it was given to call from is the one it calls.
                raise ConnectionRefusedError("nobody listens there")
        except OSError as error:
            sock.close()
            raise Unreachable(f"{self._address}: {error}") from error
        self._identity = str(TcpAddress(peer[0], peer[1])).removeprefix("tcp://")
        self._socket = sock

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        sock = self._opened()
        sock.settimeout(max(timeout_ms, 1) / 1000)
        try:
            return sock.send(data)
        except TimeoutError as error:
            raise Stalled(f"{self._address}: took nothing for {timeout_ms} ms") from error
        except OSError as error:
            raise Disconnected(f"{self._address}: {error}") from error

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`."""
        sock = self._opened()
        sock.settimeout(max(timeout_ms, 1) / 1000)
        try:
            data = sock.recv(_READ_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise Disconnected(f"{self._address}: {error}") from error
        if not data:
            raise Disconnected(f"{self._address}: closed by the device")
        return data

    def drain(self, timeout_ms: int) -> None:
        """Half-close and read to the end; see `Port`."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            watch = select.poll()
            watch.register(self._socket, select.POLLIN)
            # What it says meanwhile (its status, while it prints) is thrown away, as often as it likes, within the time.
            for _ in range(max(timeout_ms // _DRAIN_STEP_MS, 1)):
                if watch.poll(_DRAIN_STEP_MS):
                    if not self._socket.recv(_READ_BYTES):
                        return
                    pause(_DRAIN_STEP_MS)

    def identity(self) -> str:
        """Give the address and port of the other side; see `Port`."""
        return self._identity if self._socket is not None else ""

    def close(self) -> None:
        """Close; see `Port`."""
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    def _opened(self) -> socket.socket:
        assert self._socket is not None, "open the port first"
        return self._socket

    def _connected(self, timeout_ms: int) -> socket.socket:
        """Connect to the first address of the host that answers; all of them together have the time."""
        found = _addresses(self._address, timeout_ms // 2)
        if len(found) > 1 or not _is_number(self._address.host):
            timeout_ms = timeout_ms // 2 // len(found)
        trouble: OSError | None = None
        for family, where in found:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(max(timeout_ms, 1) / 1000)
                sock.connect(where)
            except OSError as error:
                sock.close()
                trouble = error
            else:
                return sock
        raise Unreachable(f"{self._address}: {trouble}") from trouble


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(address: TcpAddress, timeout_ms: int) -> list[tuple[int, Any]]:
    """Find the addresses of a host, at least one.

    The system's look-up has no time limit, so that of a name runs beside us; when it is late we go on without it, and the
    thread ends with the look-up.
    """
    found: list[tuple[int, Any]] = []
    trouble: list[Exception] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name no resolver would take
            trouble.append(error)
        else:
            found.extend((int(family), where) for family, _, _, _, where in answers)

    if _is_number(address.host):
        look_up()
    else:
        thread = threading.Thread(target=look_up, name="look-up", daemon=True)
        thread.start()
        thread.join(timeout_ms / 1000)
    if not found:
        why = str(trouble[0]) if trouble else "the name was not found in time"
        raise Unreachable(f"{address}: {why}; an IP address needs no look-up")
    return list(found)
