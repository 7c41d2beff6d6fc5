"""The listeners beside the node's own: for other machines of the house over TLS, and for guests' phones.

Neither ever keeps the node from selling: where one cannot be opened (an address that the network has not given yet, a port that is
taken) the node runs without it, says so on its page, and tries again.
"""

import ipaddress
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from wsgiref.types import WSGIApplication

from cheroot.wsgi import Server

from edge.app import create_app, create_guest_app
from edge.services.care.status import Desk
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.till_devices import TillDevices
from edge.services.house.lan import Lan
from edge.services.house.lan_authority import LanAuthority
from edge.settings import is_loopback
from edge.web.access import Door
from edge.web.live import StreamSeats
from edge.wiring.practice import Practice
from sync.node import certificates, listeners, tls_listener
from sync.node.own_addresses import own_addresses
from sync.node.ports import Clock

GUEST_THREADS: Final = 16
"""Guests never stand in the way of a till: they have threads of their own, and few."""
GUEST_TIMEOUT_S: Final = 5
LAN_TIMEOUT_S: Final = 15
IDLE_MAX: Final = 400
"""Connections that may lie idle; they take no thread."""
AGAIN_S: Final = 30.0
LOOK_EVERY_MS: Final = 5_000
SHUTDOWN_S: Final = 5
BACKLOG: Final = 128
CERTIFICATE_EVERY_MS: Final = 60_000
"""The router may give the machine another address at any time; the certificate follows it."""
ANY: Final = "0.0.0.0"  # noqa: S104 - what a setting may say

log = logging.getLogger(__name__)


class Names:
    """Under which addresses and names a listener is reached now; the machine is asked anew every few seconds."""

    def __init__(self, host: str, names: tuple[str, ...], clock: Clock) -> None:
        self._host = host
        self._names = names
        self._clock = clock
        self._held: tuple[int, tuple[str, ...]] | None = None

    def now(self) -> tuple[str, ...]:
        """List them: addresses first."""
        held, now_ms = self._held, self._clock.monotonic_ms()
        if held is None or now_ms - held[0] >= LOOK_EVERY_MS:
            addresses = own_addresses() if self._host == ANY else (self._host,)
            held = self._held = (now_ms, addresses + self._names)
        return held[1]

    def admit(self, host: str) -> bool:
        """Say whether the listener answers to a name."""
        return host in self.now()


@dataclass
class Listener:
    """A server that is opened as soon as it can be, and closed once."""

    name: str
    build: Callable[[], Server]
    opened: Callable[[int], None]
    refused: Callable[[str], None]
    _stopping: threading.Event = field(default_factory=threading.Event)
    _server: Server | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Open it now if that can be; else go on trying."""
        ready = self._open()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close it."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()
        if self._thread is not None:
            self._thread.join(timeout=SHUTDOWN_S)

    def _open(self) -> Server | None:
        try:
            server = self.build()
            server.prepare()
        except OSError as error:
            log.warning("lan.not_open", extra={"listener": self.name, "error": str(error)})
            self.refused(str(error))
            return None
        self._server = server
        port = int(server.bind_addr[1])
        self.opened(port)
        log.info("lan.open", extra={"listener": self.name, "port": port, "pid": os.getpid()})
        return server

    def _run(self, ready: Server | None) -> None:
        while ready is None and not self._stopping.wait(AGAIN_S):
            ready = self._open()
        if ready is not None and not self._stopping.is_set():
            ready.serve()


def start(
    desk: Desk,
    seats: StreamSeats,
    devices_of_tills: tuple[TillDevices, DeviceCare],
    beside: tuple[Lan, Practice],
    held: list[socket.socket],
    stops: list[Callable[[], None]],
) -> None:
    """Open the listeners that the settings ask for.

    Args:
        seats: for streams, shared with the node's own listener; each listener has a thread for every one of them.
        beside: what is told what was opened, and the practice of the node.
        held: listening sockets of the service manager; what is claimed is taken out.
    """
    if desk.node.settings.web.lan_host:
        _start_house(desk, seats, devices_of_tills, beside, held, stops)
    if desk.node.settings.web.guest_host:
        _start_guests(desk, beside[0], held, stops)


def _start_house(
    desk: Desk,
    seats: StreamSeats,
    devices_of_tills: tuple[TillDevices, DeviceCare],
    beside: tuple[Lan, Practice],
    held: list[socket.socket],
    stops: list[Callable[[], None]],
) -> None:
    node, web = desk.node, desk.node.settings.web
    tills, care = devices_of_tills
    lan, practice = beside
    names = Names(web.lan_host, web.lan_names, node.clock)
    lan.names = names.now
    authority = LanAuthority(Path(node.settings.data_dir), node.identity, node.clock, node.chance)
    store = node.enrolment.store if node.enrolment is not None else "store"
    lan.authority = authority.certificate(store, own_addresses())
    lan.fingerprint = certificates.spoken_fingerprint(certificates.der(lan.authority))
    pages = create_app(desk, seats, tills, care, lan, Door(names.admit, house=True), practice.hall)
    app = practice.gate(pages, names.admit, house=True)
    given = listeners.claim(held, web.lan_port) if web.lan_port else None
    threads = web.streams_max + 16

    def build() -> Server:
        server = _server(web.lan_host, web.lan_port, app, threads, LAN_TIMEOUT_S)
        tls_listener.secure(server, lambda: authority.files(names.now()), node.clock, CERTIFICATE_EVERY_MS)
        listeners.hand_over(server, given or _bound(web.lan_host, web.lan_port))
        return server

    def opened(port: int) -> None:
        lan.port, lan.trouble = port, ""

    def refused(why: str) -> None:
        lan.trouble = why

    listener = Listener("house", build, opened, refused)
    listener.start()

    def stop() -> None:
        # Streams must hear of the end before their listener waits for them.
        seats.closing.set()
        node.changed.notify()
        tills.display.wake()
        listener.stop()

    stops.append(stop)


def _start_guests(desk: Desk, lan: Lan, held: list[socket.socket], stops: list[Callable[[], None]]) -> None:
    node, web = desk.node, desk.node.settings.web
    said = web.guest_url.removeprefix("http://").partition(":")[0].lower()
    names = Names(web.guest_host, (said,) if said else (), node.clock)
    app = create_guest_app(desk, lan, names.admit)
    given = listeners.claim(held, web.guest_port) if web.guest_port else None

    def build() -> Server:
        server = _server(web.guest_host, web.guest_port, app, GUEST_THREADS, GUEST_TIMEOUT_S)
        tls_listener.patient(server)
        listeners.hand_over(server, given or _bound(web.guest_host, web.guest_port))
        return server

    def opened(port: int) -> None:
        lan.guest_base = partial(_guest_base, web.guest_url, names, port)

    listener = Listener("guests", build, opened, lambda _why: None)
    listener.start()
    stops.append(listener.stop)


def _bound(host: str, port: int) -> socket.socket:
    # Of cheroot's own a socket stays behind where it cannot be bound.
    return socket.create_server((host, port), backlog=BACKLOG)


def _guest_base(said: str, names: Names, port: int) -> str:
    if said:
        return said
    addresses = names.now()
    return f"http://{best(addresses)}:{port}" if addresses else ""


def best(addresses: tuple[str, ...]) -> str:
    """Give the address that others are most likely to reach: a private one before any other, the loopback last."""
    return min(addresses, key=lambda each: (is_loopback(each), not ipaddress.ip_address(each).is_private))


def _server(host: str, port: int, app: WSGIApplication, threads: int, timeout_s: int) -> Server:
    server = Server(
        (host, port),
        app,
        # cheroot never grows its pool by itself.
        numthreads=threads,
        max=threads,
        timeout=timeout_s,
        shutdown_timeout=SHUTDOWN_S,
        server_name="zhanggui",
        request_queue_size=BACKLOG,
    )
    server.keep_alive_conn_limit = IDLE_MAX
    server.error_log = _log_of_server  # type: ignore[method-assign]
    return server


def _log_of_server(msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
    if isinstance(sys.exc_info()[1], OSError):
        # A browser that went away while it was answered (ssl.SSLError is one): nothing of ours failed.
        log.debug("lan.gone", exc_info=traceback, extra={"detail": msg})
        return
    log.log(level, "lan.server", exc_info=traceback, extra={"detail": msg})
