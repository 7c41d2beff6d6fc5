"""A wire that counts: a TCP proxy on the loopback that says how many bytes went each way."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

PIECE_BYTES = 65_536
POLL_S = 0.2
HOST = "127.0.0.1"


class CountingWire:
    """Passes every connection on to a port of this machine and counts. `bytes_up` is what clients sent."""

    def __init__(self, port_behind: Callable[[], int]) -> None:
        self._port_behind = port_behind
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self.bytes_up = self.bytes_down = 0
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="wire")]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ending.is_set():
            if select.select([self._listener], [], [], POLL_S)[0]:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._pass_on, args=(client,), name="wire-link")
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection((HOST, self._port_behind())) as behind:
            for end in (client, behind):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._ending.is_set():
                for end in select.select([client, behind], [], [], POLL_S)[0]:
                    data = end.recv(PIECE_BYTES)
                    if not data:
                        return
                    if end is client:
                        self.bytes_up += len(data)
                        behind.sendall(data)
                    else:
                        self.bytes_down += len(data)
                        client.sendall(data)
