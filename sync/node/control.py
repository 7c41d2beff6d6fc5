"""One process per data folder: an exclusive lock, and a local socket on which commands ask the running process."""

import contextlib
import fcntl
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EXIT_ALREADY_RUNNING = 75
"""sysexits.h EX_TEMPFAIL: try again when the other one has stopped."""

SOCKET_NAME = "control.sock"
_REQUEST_BYTES_MAX = 16 * 1024 * 1024
"""A file to be published travels in a request; the socket is the owner's alone."""
log = logging.getLogger(__name__)


class AlreadyRunning(RuntimeError):
    """Another process holds the data folder."""


class NotRunning(RuntimeError):
    """No process answers on the local socket."""


class FolderLock:
    """The exclusive right to a data folder, held until the process ends."""

    def __init__(self, folder: Path, *, shared: bool = False, name: str = "run.lock") -> None:
        """Take the lock.

        Args:
            folder: the data folder; made when it is not there.
            shared: stand beside others that share it; whoever wants it alone is kept out, and keeps these out.
            name: the file of the lock, where a folder has several.

        Raises:
            AlreadyRunning: another process has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # Sales and keys lie here: nobody but the owner of the process may look.
        folder.chmod(0o700)
        self._handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            message = f"{folder} is in use by a running process; stop that one first"
            raise AlreadyRunning(message) from error

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._handle)


@contextlib.contextmanager
def one_at_a_time(folder: Path, name: str = "start.lock") -> Iterator[None]:
    """Wait until nobody else, thread or process, is in a block of this name on the same folder.

    Without a name it is the start: the first one makes keys, and only once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class ControlServer:
    """Answers commands of the same user on a UNIX socket in the data folder."""

    def __init__(self, folder: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._path = folder / SOCKET_NAME
        self._answer = answer
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short_name(folder) as name:
            self._socket.bind(name)
        self._path.chmod(0o600)
        self._socket.listen(4)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and remove the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(10)
                with contextlib.suppress(OSError):
                    peer.sendall(self._reply(peer))

    def _reply(self, peer: socket.socket) -> bytes:
        request = bytearray()
        while not request.endswith(b"\n") and len(request) < _REQUEST_BYTES_MAX:
            chunk = peer.recv(262_144)
            if not chunk:
                break
            request += chunk
        try:
            answer = self._answer(json.loads(request))
        except Exception:
            log.exception("control.failed")
            answer = {"ok": False, "error": "the command failed; the log of the running process says why"}
        return json.dumps(answer).encode() + b"\n"


@contextlib.contextmanager
def _short_name(folder: Path) -> Iterator[str]:
    """Name the socket through a handle on its folder: a UNIX socket's name may have no more than 107 bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET_NAME}"
    finally:
        os.close(handle)


def ask(folder: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Put a command to the process that runs on a data folder.

    Raises:
        NotRunning: nobody answers there.
    """
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with peer:
        peer.settimeout(timeout_s)
        try:
            with _short_name(folder) as name:
                peer.connect(name)
            peer.sendall(json.dumps(request).encode() + b"\n")
            reply = b""
            while chunk := peer.recv(65_536):
                reply += chunk
        except OSError as error:
            message = f"no process answers for {folder}"
            raise NotRunning(message) from error
    answer: dict[str, Any] = json.loads(reply)
    return answer
