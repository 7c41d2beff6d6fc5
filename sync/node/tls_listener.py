"""TLS for cheroot with the handshake on the worker thread.

Stock cheroot shakes hands on the thread that accepts: whoever connects and says nothing keeps everybody else out (three
silent connections held a fourth up for 30 s, DESIGN §7). Here the accept thread only wraps the socket, and no thread at all waits
for somebody who connects and says nothing, however many they are.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cheroot.server import HTTPConnection, HTTPServer
from cheroot.ssl.builtin import BuiltinSSLAdapter

from sync.node.ports import Clock

HANDSHAKE_S = 5.0
LOOK_EVERY_MS = 3_600_000
"""How often it is asked whether there is a newer certificate, where nothing else is said."""

log = logging.getLogger(__name__)

CertificateFiles = Callable[[], tuple[Path, Path]]


class LazyAdapter(BuiltinSSLAdapter):
    """Wraps without a handshake, and takes a renewed certificate up while running."""

    def __init__(self, files: CertificateFiles, clock: Clock, every_ms: int) -> None:
        certificate, key = files()
        super().__init__(str(certificate), str(key))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._files = files
        self._clock = clock
        self._every_ms = every_ms
        self._looking = threading.Lock()
        self._looked_ms = clock.monotonic_ms()

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        """Wrap a connection that was accepted; its handshake comes later."""
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}

    def refresh(self) -> None:
        """Load the certificate anew when it may have been renewed."""
        with self._looking:
            now_ms = self._clock.monotonic_ms()
            if now_ms - self._looked_ms < self._every_ms:
                return
            self._looked_ms = now_ms
            certificate, key = self._files()
            self.context.load_cert_chain(str(certificate), str(key))

    def now_ms(self) -> int:
        """Monotonic ms."""
        return self._clock.monotonic_ms()


class PatientConnection(HTTPConnection):
    """A connection that takes a worker thread only while there is something to read.

    Stock cheroot gives a new connection to a worker at once, which then waits for its first byte: as many silent connections as there
    are workers keep everybody else out.
    """

    def __init__(self, server: HTTPServer, sock: socket.socket, *rest: Any) -> None:  # noqa: ANN401 - cheroot's
        super().__init__(server, sock, *rest)
        self._heard = False

    def communicate(self) -> bool:
        """Serve a request as ever, but wait for the first one among the idle connections; False closes the connection."""
        if not self._heard:
            self._heard = True
            return True
        return bool(super().communicate())  # type: ignore[no-untyped-call]


class TlsConnection(HTTPConnection):
    """A connection whose first acts on worker threads are the steps of the handshake.

    A worker never waits for the peer's next word: between two steps, and between the handshake and the first request, the connection
    lies among the idle ones, which cheroot watches all at once and closes after the server's `timeout`.
    """

    def __init__(self, server: HTTPServer, sock: socket.socket, *rest: Any) -> None:  # noqa: ANN401 - cheroot's
        super().__init__(server, sock, *rest)
        self._shaken = False
        self._began_ms: int | None = None

    def communicate(self) -> bool:
        """Shake hands once, then serve a request as ever; False closes the connection."""
        if self._shaken:
            return bool(super().communicate())  # type: ignore[no-untyped-call]
        return self._step()

    def _step(self) -> bool:
        link, adapter = self.socket, self.server.ssl_adapter
        try:
            if self._began_ms is None:
                adapter.refresh()
                self._began_ms = adapter.now_ms()
            link.settimeout(0)
            link.do_handshake()
        except ssl.SSLWantReadError:
            return bool(adapter.now_ms() - self._began_ms < HANDSHAKE_S * 1_000)
        except OSError as error:  # ssl.SSLError is one
            log.debug("web.no_handshake", extra={"error": type(error).__name__})
            return False
        link.settimeout(self.server.timeout)
        self.ssl_env = adapter.get_environ(link)
        self._shaken = True
        return True


def secure(server: HTTPServer, files: CertificateFiles, clock: Clock, every_ms: int = LOOK_EVERY_MS) -> None:
    """Let a server that is not yet started speak TLS, 1.2 at least.

    Args:
        server: a cheroot server.
        files: gives certificate and key; asked again now and then.
        clock: for now and then.
        every_ms: how often.
    """
    server.ssl_adapter = LazyAdapter(files, clock, every_ms)
    server.ConnectionClass = TlsConnection


def patient(server: HTTPServer) -> None:
    """Let a server that is not yet started, and speaks no TLS, spend no worker on connections that say nothing."""
    server.ConnectionClass = PatientConnection
