"""The twin's network side: a raw TCP port on the loopback, one client at a time, as small printers have it."""

import contextlib
import logging
import select
import socket
import struct
import threading
from typing import Final

from drivers.virtual.faults import FaultChange
from drivers.virtual.twin import Twin

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
IDLE_CLOSE_S: Final = 90.0
"""Epson closes a connection that is silent for about 90 s; ours shows that fault too (drivers.md §5)."""
_RECEIVE_BYTES: Final = 4_096
_SLOW_BYTES: Final = 64
_ANSWER_S: Final = 5.0
_FOLLOW_S: Final = 5.0
# Linger with zero seconds makes close() send RST, which is what a printer that loses power looks like after the fact.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class TwinServer:
    """Listens while the twin has power; refuses connections while it has none."""

    def __init__(self, twin: Twin, port: int) -> None:
        """Take the port, 0 for a free one, without listening yet.

        Raises:
            OSError: the port is taken.
        """
        self._twin = twin
        # Bound for the whole life and never listening: nobody else gets our port while the twin is "off".
        self._holder = _bound_socket(port)
        self.port: int = self._holder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._waker, self._woken = socket.socketpair()
        self._woken.settimeout(0)
        self._stopping = False
        self._idle = False
        self._answers_lock = threading.Lock()
        self._late_answers = bytearray()
        # What the thread has done about the power so far; a switch returns only when the port is as the switch says.
        self._settled = threading.Condition()
        self._settled_losses = 0
        self._settled_power = False
        self._thread = threading.Thread(target=self._run, name="twin-port", daemon=True)

    def start(self) -> None:
        """Listen, and serve in a thread of its own."""
        self._listen()
        self._settled_power = True
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and the port; ends within a second."""
        self._stopping = True
        self._wake()
        with self._settled:
            self._settled.notify_all()
        self._thread.join()
        for sock in (self._listener, self._holder, self._waker, self._woken):
            if sock is not None:
                sock.close()

    def switch(self, change: FaultChange) -> None:
        """Move switches; answers that this sets free go out on the open connection.

        Returns when the port has followed: after "power on" a connection is taken, after "power off" it is refused.
        """
        reaction = self._twin.switch(change)
        with self._answers_lock:
            self._late_answers += reaction.answer
        self._wake()
        with self._settled:
            self._settled.wait_for(self._has_followed, _FOLLOW_S)

    def _has_followed(self) -> bool:
        followed = self._settled_losses == self._twin.power_losses()
        return self._stopping or (followed and self._settled_power == self._twin.faults().power)

    # ----------------------------------------------------------------------------------------------------- the thread
    def _run(self) -> None:
        while not self._stopping:
            losses, power = self._twin.power_losses(), self._twin.faults().power
            if power:
                self._listen()
            else:
                self._unlisten()
            with self._settled:
                self._settled_losses, self._settled_power = losses, power
                self._settled.notify_all()
            if self._listener is None:
                self._wait(None, None)
                continue
            if self._wait(self._listener, None):
                with contextlib.suppress(OSError):
                    connection, _ = self._listener.accept()
                    with connection:
                        self._serve(connection)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = _bound_socket(self.port)
            self._listener.listen(1)

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_ANSWER_S)
        with self._answers_lock:
            self._late_answers.clear()
        self._twin.connect()
        try:
            died = self._exchange(connection)
        except OSError as error:
            log.info("twin.connection_lost", extra={"error": str(error)})
            died = False
        finally:
            self._twin.disconnect()
        if died:
            # Stop listening before the reset: who sees the reset must not get a new connection.
            self._unlisten()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _exchange(self, connection: socket.socket) -> bool:
        """Talk until the other side has closed (False) or the power is gone (True)."""
        losses = self._twin.power_losses()
        while not self._stopping:
            # Counted, not looked at: off and on again between two looks has still cut this connection.
            if self._twin.power_losses() != losses:
                return True
            faults = self._twin.faults()
            self._send_late_answers(connection)
            room = self._twin.room_bytes()
            if not self._wait(connection if room else None, IDLE_CLOSE_S):
                if self._idle:
                    return False
                continue
            data = connection.recv(min(room, _SLOW_BYTES if faults.slow_ms_per_kb else _RECEIVE_BYTES))
            if not data:
                return False
            if faults.slow_ms_per_kb and not self._dawdle(faults.slow_ms_per_kb * len(data) / 1024 / 1000):
                return self._twin.power_losses() != losses
            reaction = self._twin.receive(data)
            if reaction.died:
                return True
            if reaction.answer:
                connection.sendall(reaction.answer)
        return False

    def _send_late_answers(self, connection: socket.socket) -> None:
        with self._answers_lock:
            answers = bytes(self._late_answers)
            self._late_answers.clear()
        if answers:
            connection.sendall(answers)

    # -------------------------------------------------------------------------------------------------------- waiting
    def _wait(self, wanted: socket.socket | None, timeout_s: float | None) -> bool:
        """Wait for this socket, a wake-up or the time; True when the socket is readable."""
        sockets = [self._woken] if wanted is None else [self._woken, wanted]
        readable, _, _ = select.select(sockets, [], [], timeout_s)
        self._idle = not readable
        if self._woken in readable:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4_096)
        return wanted in readable

    def _dawdle(self, seconds: float) -> bool:
        """Be slow; False when the power went or the twin is stopping meanwhile."""
        readable, _, _ = select.select([self._woken], [], [], seconds)
        return not (readable and (self._stopping or not self._twin.faults().power))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"!")


def _bound_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock
