"""ESC/POS printers on the network: raw bytes on a TCP port, usually 9100, one connection per job."""

import contextlib
import socket
from dataclasses import dataclass
from functools import partial
from typing import Final

from drivers.errors import DeviceRejected, Disconnected, Stalled, Unreachable
from drivers.transport.port import PortFactory

DEFAULT_PORT: Final = 9100
USER_TIMEOUT_MS: Final = 4_000
"""How long sent bytes may stay unacknowledged before the kernel gives up: without it a pulled cable looks well for 12 s and
29 receipts, with 3 s it was 13 (drivers.md §6)."""
_READ_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """Where a printer listens."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


def parse_address(text: str) -> TcpAddress:
    """Read `tcp://host:port`, `host:port` or `host` (port 9100); an IPv6 host stands in brackets.

    Raises:
        DeviceRejected: it is none of these.
    """
    rest = text.removeprefix("tcp://")
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65_535:
        raise DeviceRejected(f"not a printer address: {text!r} (expected tcp://host:port)")
    return TcpAddress(host, int(port))


def tcp_ports(address: str | TcpAddress) -> PortFactory:
    """Give a factory of connections to this address."""
    return partial(TcpPort, parse_address(address) if isinstance(address, str) else address)


class TcpPort:
    """One TCP connection to a printer."""

    def __init__(self, address: TcpAddress) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def open(self, timeout_ms: int) -> None:
        """Connect; see `Port`."""
        assert self._socket is None, "a port is opened once"
        try:
            sock = socket.create_connection((self._address.host, self._address.port), timeout=timeout_ms / 1000)
        except OSError as error:
            raise Unreachable(f"{self._address}: {error}") from error
        try:
            # Small writes must not wait for each other, and a dead link must be noticed.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        except OSError as error:
            sock.close()
            raise Unreachable(f"{self._address}: {error}") from error
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
            raise Disconnected(f"{self._address}: closed by the printer")
        return data

    def drain(self, timeout_ms: int) -> None:
        """Half-close and read to the end; see `Port`."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(max(timeout_ms, 1) / 1000)
            # A printer has little to say after a job; more than a few reads is noise that must not hold us.
            for _ in range(16):
                if not self._socket.recv(_READ_BYTES):
                    return

    def close(self) -> None:
        """Close; see `Port`."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _opened(self) -> socket.socket:
        assert self._socket is not None, "open the port first"
        return self._socket
