"""The twin's network side: a raw TCP port on the loopback, one client at a time, as small printers have it."""

import contextlib
import logging
import select
import socket
import struct
import threading
from functools import partial
from typing import Final

from drivers.virtual.faults import FaultChange, Faults
from drivers.virtual.timers import Later
from drivers.virtual.twin import Twin

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
_RECEIVE_BYTES: Final = 4_096
_SLOW_BYTES: Final = 64
_ANSWER_S: Final = 5.0
_FOLLOW_S: Final = 5.0
_SPLIT_MS: Final = 5
# Linger with zero seconds makes close() send RST, which is what a printer that loses power looks like after the fact.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class TwinServer:
    """Listens while the twin has power and does not refuse; closes what is silent, as Epson does after 90 s."""

    def __init__(self, twin: Twin, port: int, later: Later) -> None:
        """Take the port, 0 for a free one, without listening yet.

        Args:
            later: does what comes by itself after a while: cooling down, power coming back, late answers.

        Raises:
            OSError: the port is taken.
        """
        self._twin = twin
        self._later = later
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
        self._connections = 0
        self._heats = 0
        self._other: socket.socket | None = None
        self._other_lock = threading.Lock()
        # What the thread has done about the power so far; a switch returns only when the port is as the switch says.
        self._settled = threading.Condition()
        self._settled_losses = 0
        self._settled_listening = False
        self._thread = threading.Thread(target=self._run, name="twin-port", daemon=True)

    def start(self) -> None:
        """Listen, and serve in a thread of its own."""
        faults = self._twin.faults()
        self._follow(faults)
        self._settled_losses = self._twin.power_losses()
        self._settled_listening = self._listener is not None
        self._thread.start()
        self._arrange(Faults(), faults)

    def stop(self) -> None:
        """Close the connection and the port; ends within a second."""
        self._stopping = True
        self._wake()
        with self._settled:
            self._settled.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        with self._other_lock:
            self._release_other()
        for sock in (self._listener, self._holder, self._waker, self._woken):
            if sock is not None:
                sock.close()

    def switch(self, change: FaultChange) -> None:
        """Move switches; answers that this sets free go out on the open connection.

        Returns when the port has followed: after "power on" a connection is taken, after "power off" it is refused.
        """
        before = self._twin.faults()
        reaction = self._twin.switch(change)
        self._put(reaction.answer)
        self._wake()
        with self._settled:
            self._settled.wait_for(self._has_followed, _FOLLOW_S)
        self._arrange(before, self._twin.faults())

    def _has_followed(self) -> bool:
        followed = self._settled_losses == self._twin.power_losses()
        return self._stopping or (followed and self._settled_listening == _listens(self._twin.faults()))

    def _arrange(self, before: Faults, now: Faults) -> None:
        """See to what a switch brings about by itself."""
        if now.overheated_ms and now.overheated_ms != before.overheated_ms:
            self._heats += 1
            self._later.after(now.overheated_ms, partial(self._cool_down, self._heats))
        if before.power and not now.power:
            self._after_power_loss()
        with self._other_lock:
            wanted = now.held_by_other and _listens(now)
            if wanted and self._other is None:
                # A connection like any other, in front of everybody who comes after it.
                with contextlib.suppress(OSError):
                    self._other = socket.create_connection((LOOPBACK, self.port), timeout=_FOLLOW_S)
            elif not wanted:
                self._release_other()

    def _cool_down(self, heats: int) -> None:
        if heats == self._heats and self._twin.faults().overheated_ms:
            self.switch(FaultChange(overheated_ms=0))

    def _after_power_loss(self) -> None:
        with self._other_lock:
            self._release_other()
        back_ms = self._twin.faults().power_back_ms
        if back_ms:
            self._later.after(back_ms, lambda: self.switch(FaultChange(power=True)))

    def _release_other(self) -> None:
        if self._other is not None:
            self._other.close()
            self._other = None

    # ----------------------------------------------------------------------------------------------------- the thread
    def _run(self) -> None:
        while not self._stopping:
            losses, faults = self._twin.power_losses(), self._twin.faults()
            self._follow(faults)
            self._settle(losses)
            if self._listener is None:
                self._wait(None, None)
                continue
            if self._wait(self._listener, None):
                with contextlib.suppress(OSError):
                    connection, _ = self._listener.accept()
                    with connection:
                        self._serve(connection)

    def _follow(self, faults: Faults) -> None:
        if _listens(faults):
            self._listen()
        else:
            self._unlisten()

    def _settle(self, losses: int) -> None:
        with self._settled:
            self._settled_losses, self._settled_listening = losses, self._listener is not None
            self._settled.notify_all()

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
            self._connections += 1
            self._late_answers.clear()
        self._twin.connect()
        try:
            died = self._exchange(connection)
        except OSError as error:
            log.info("twin.connection_lost", extra={"error": str(error)})
            died = False
        finally:
            self._put(self._twin.disconnect().answer)
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
            self._follow(faults)
            self._settle(losses)
            self._send_late_answers(connection)
            room = 0 if faults.never_reads else self._twin.room_bytes()
            patient = faults.never_reads or faults.held_by_other
            if not self._wait(connection if room else None, None if patient else faults.idle_close_s):
                if self._idle:
                    return False
                continue
            if self._twin.faults() != faults:
                # Switched while nothing came: what comes now meets the printer as it is now.
                continue
            data = connection.recv(min(room, _SLOW_BYTES if faults.slow_ms_per_kb else _RECEIVE_BYTES))
            if not data:
                return False
            if faults.slow_ms_per_kb and not self._dawdle(faults.slow_ms_per_kb * len(data) / 1024 / 1000):
                return self._twin.power_losses() != losses
            reaction = self._twin.receive(data)
            if reaction.died:
                self._later.after(0, self._after_power_loss)
                return True
            self._answer(connection, reaction.answer, faults)
        return False

    def _answer(self, connection: socket.socket, answer: bytes, faults: Faults) -> None:
        """Give an answer at once, late, or byte by byte, as the switches say."""
        if not answer:
            return
        if not (faults.answer_late_ms or faults.answer_split):
            connection.sendall(answer)
            return
        connections = self._connections
        parts = [bytes((byte,)) for byte in answer] if faults.answer_split else [answer]
        for index, part in enumerate(parts):
            self._later.after(faults.answer_late_ms + index * _SPLIT_MS, partial(self._put, part, connections))

    def _put(self, answer: bytes, connections: int | None = None) -> None:
        """Lay an answer out for the open connection; one that was meant for an earlier connection is lost with it."""
        with self._answers_lock:
            if answer and connections in (None, self._connections):
                self._late_answers += answer
        self._wake()

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


def _listens(faults: Faults) -> bool:
    return faults.power and not faults.refuse


def _bound_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock
