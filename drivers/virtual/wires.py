"""What the twins of small devices hang on: a serial line or keyboard (a pty) and a line of records (TCP), both real.

A wire can be unplugged and plugged in again. A pty is then another one, under the same name: a symbolic link, as
`/dev/serial/by-id` has them. What a twin says while nobody has the wire open is lost, as on a real one.
"""

import contextlib
import os
import select
import socket
import struct
import termios
import threading
import tty
from pathlib import Path
from typing import Final, Protocol

LOOPBACK: Final = "127.0.0.1"
_READ_BYTES: Final = 4_096
_SEND_S: Final = 1.0
# The kernel does not tell when somebody opens a pty; looking twenty times a second costs next to nothing.
_LOOK_MS: Final = 50
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Wire(Protocol):
    """Where a twin speaks and listens."""

    @property
    def plugged(self) -> bool:
        """Whether it is plugged in."""
        ...

    @property
    def connected(self) -> bool:
        """Whether somebody has it open."""
        ...

    def plug(self) -> None:
        """Plug it in; nothing happens when it is."""
        ...

    def unplug(self) -> None:
        """Pull it out: whoever has it open sees it go."""
        ...

    def send(self, data: bytes) -> bool:
        """Say something; False when nobody was there to hear all of it."""
        ...


class Hearer(Protocol):
    """What a wire tells its twin."""

    def hear(self, data: bytes) -> None:
        """Take bytes from whoever has the wire open."""
        ...

    def opened(self) -> None:
        """Take note that somebody opened it."""
        ...

    def closed(self) -> None:
        """Take note that nobody has it open any more."""
        ...


class PtyWire:
    """A pty under a name of its own. `baud` = a serial line of this speed; None = no line with a speed (a keyboard)."""

    def __init__(self, link: Path, hearer: Hearer, baud: int | None = None) -> None:
        self._link = link
        self._hearer = hearer
        self._speed = None if baud is None else int(getattr(termios, f"B{baud}"))
        self._plugging = threading.Lock()
        self._io = threading.Lock()
        self._master: int | None = None
        self._connected = False
        self._said = False
        self._pulled = False
        self._waker, self._woken = socket.socketpair()
        self._woken.settimeout(0)
        self._thread: threading.Thread | None = None
        self.off_speed = False
        """Whether the device itself is set to another speed than its address says."""

    @property
    def plugged(self) -> bool:
        """Whether it is plugged in."""
        return self._master is not None

    @property
    def connected(self) -> bool:
        """Whether somebody has it open."""
        return self._connected

    def plug(self) -> None:
        """Make a pty and its name."""
        with self._plugging:
            if self._master is not None:
                return
            master, slave = os.openpty()
            try:
                path = os.ttyname(slave)
                self._prepare(slave)
            finally:
                # Not kept: only then does the master see whether anybody else has it open.
                os.close(slave)
            os.set_blocking(master, False)
            self._pulled, self._master = False, master
            fresh = self._link.with_name(f"{self._link.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(path)
            fresh.replace(self._link)
            self._thread = threading.Thread(target=self._run, args=(master, path), name=self._link.name, daemon=True)
            self._thread.start()

    def unplug(self) -> None:
        """Close the pty: whoever has it open gets an error or an end of file."""
        with self._plugging:
            if self._master is None or self._thread is None:
                return
            self._link.unlink(missing_ok=True)
            self._pulled = True
            self._waker.send(b"!")
            self._thread.join()
            with self._io:
                os.close(self._master)
                self._master = None

    def discard(self) -> None:
        """Let go of everything, for good."""
        self.unplug()
        self._waker.close()
        self._woken.close()

    def send(self, data: bytes) -> bool:
        """Say something; see `Wire`. What nobody takes in time is lost, as on a line without flow control."""
        with self._io:
            if self._master is None or _state(self._master) & select.POLLHUP:
                return False
            self._said = True
            rest = self._through_the_line(data)
            while rest:
                try:
                    rest = rest[os.write(self._master, rest) :]
                except OSError:
                    return False
            return True

    def _prepare(self, slave: int) -> None:
        tty.setraw(slave)
        if self._speed is not None:
            settings = termios.tcgetattr(slave)
            settings[4] = settings[5] = self._speed
            termios.tcsetattr(slave, termios.TCSANOW, settings)

    def _through_the_line(self, data: bytes) -> bytes:
        """Give what arrives at the other end: garbage when the two ends do not run at one speed."""
        if self._speed is None or self._master is None:
            return data
        heard_at = termios.tcgetattr(self._master)[5]
        return _garbled(data) if self.off_speed or heard_at != self._speed else data

    def _run(self, master: int, path: str) -> None:
        poller = select.poll()
        poller.register(master, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        waker = select.poll()
        waker.register(self._woken, select.POLLIN)
        while not self._pulled:
            state = _state(master)
            if state & select.POLLIN:
                self._set_connected(connected=True)
                self._read(master)
            elif state & select.POLLHUP:
                self._forget_unread(master, path)
                self._set_connected(connected=False)
                waker.poll(_LOOK_MS)
            else:
                self._set_connected(connected=True)
                poller.poll()
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(64)
        self._set_connected(connected=False)

    def _read(self, master: int) -> None:
        with contextlib.suppress(OSError):
            data = os.read(master, _READ_BYTES)
            if data:
                self._hearer.hear(self._through_the_line(data))

    def _forget_unread(self, master: int, path: str) -> None:
        """Throw away what the one who closed had not read, as a port does; the next one begins fresh."""
        with self._io, contextlib.suppress(OSError):
            # Somebody may have opened it meanwhile; what is said to him is his.
            if not (self._said and _state(master) & select.POLLHUP):
                return
            self._said = False
            slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

    def _set_connected(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            if connected:
                self._hearer.opened()
            else:
                self._hearer.closed()


class TcpWire:
    """A listener for one client at a time. The port is its own for its whole life, also while it is unplugged."""

    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._plugging = threading.Lock()
        self._io = threading.Lock()
        self._connection: socket.socket | None = None
        self._pulled = False
        self._waker, self._woken = socket.socketpair()
        self._woken.settimeout(0)
        self._thread: threading.Thread | None = None

    @property
    def plugged(self) -> bool:
        """Whether it listens."""
        return self._thread is not None

    @property
    def connected(self) -> bool:
        """Whether somebody is connected."""
        return self._connection is not None

    def plug(self) -> None:
        """Listen."""
        with self._plugging:
            if self._thread is None:
                listener = _bound(self.port)
                listener.listen(1)
                self._pulled = False
                self._thread = threading.Thread(target=self._run, args=(listener,), name="twin-records", daemon=True)
                self._thread.start()

    def unplug(self) -> None:
        """Reset the connection and refuse new ones."""
        with self._plugging:
            if self._thread is not None:
                self._pulled = True
                self._waker.send(b"!")
                self._thread.join()
                self._thread = None

    def discard(self) -> None:
        """Let go of everything, for good."""
        self.unplug()
        for sock in (self._holder, self._waker, self._woken):
            sock.close()

    def send(self, data: bytes) -> bool:
        """Say something; see `Wire`."""
        with self._io:
            if self._connection is None:
                return False
            try:
                self._connection.sendall(data)
            except OSError:
                return False
            return True

    def _run(self, listener: socket.socket) -> None:
        with listener:
            while not self._pulled:
                if self._readable(listener):
                    with contextlib.suppress(OSError):
                        connection, _ = listener.accept()
                        with connection:
                            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_SEND_S)
        with self._io:
            self._connection = connection
        self._hearer.opened()
        try:
            while not self._pulled:
                if self._readable(connection):
                    data = connection.recv(_READ_BYTES)
                    if not data:
                        return
                    self._hearer.hear(data)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        finally:
            with self._io:
                self._connection = None
            self._hearer.closed()

    def _readable(self, wanted: socket.socket) -> bool:
        readable, _, _ = select.select([self._woken, wanted], [], [])
        if self._woken in readable:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(64)
        return wanted in readable


def _state(master: int) -> int:
    """Look whether there is something to read (POLLIN) and whether nobody has this pty open (POLLHUP)."""
    poller = select.poll()
    poller.register(master, select.POLLIN)
    return dict(poller.poll(0)).get(master, 0)


def _garbled(data: bytes) -> bytes:
    """Give what bytes look like at another speed: mostly not ASCII (drivers.md §7)."""
    return bytes((byte ^ 0x5A) | 0x80 for byte in data)


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock
