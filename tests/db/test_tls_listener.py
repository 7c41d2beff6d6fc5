"""TLS on the hub's pages: a handshake never holds the accept thread up (DESIGN §7), nothing older than 1.2 is spoken."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server

from sync.node import tls_listener
from sync.node.ports import ManualClock
from sync.node.tls_listener import LOOK_EVERY_MS
from tests.kit.authority import Papers
from tests.kit.waiting import PATIENCE_S

SILENCE_S = 2 * int(PATIENCE_S)
"""How long the server bears a peer that says nothing."""
DELAY_S = 3.0
"""How long the negative control waits for an answer that such a peer holds up."""
SILENT = 3


@dataclass
class Site:
    """A server with one page, and what a client of it trusts."""

    server: Server
    trust: ssl.SSLContext
    clock: ManualClock
    files: list[tuple[Path, Path]]

    @property
    def port(self) -> int:
        return int(self.server.bind_addr[1])

    def ask(self, timeout_s: float = PATIENCE_S) -> str:
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout_s, context=self.trust)
        try:
            link.request("GET", "/")
            return link.getresponse().read().decode()
        finally:
            link.close()


def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode()]


def serve(papers: Papers, *, stock: bool) -> Iterator[Site]:
    server = Server(("127.0.0.1", 0), page, numthreads=8, max=8, timeout=SILENCE_S, shutdown_timeout=1)
    files = [papers.authority.server("web", ("127.0.0.1",))]
    clock = ManualClock()
    if stock:
        server.ssl_adapter = BuiltinSSLAdapter(str(files[0][0]), str(files[0][1]))
    else:
        tls_listener.secure(server, lambda: files[-1], clock)
    server.prepare()
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    yield Site(server, ssl.create_default_context(cafile=str(papers.authority.folder / "ca.pem")), clock, files)
    server.stop()
    serving.join(PATIENCE_S)


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


@pytest.fixture
def site(papers: Papers) -> Iterator[Site]:
    yield from serve(papers, stock=False)


@pytest.fixture
def stock_site(papers: Papers) -> Iterator[Site]:
    yield from serve(papers, stock=True)


def silent(site: Site) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", site.port)) for _ in range(SILENT)]


def test_three_silent_connections_do_not_delay_a_fourth(site: Site) -> None:
    links = silent(site)
    try:
        assert site.ask() == "https"
    finally:
        for link in links:
            link.close()


def test_the_servers_own_way_of_shaking_hands_does_delay_it(stock_site: Site) -> None:
    """The negative control: what the product would do without its own listener."""
    links = silent(stock_site)
    try:
        with pytest.raises(TimeoutError):
            stock_site.ask(timeout_s=DELAY_S)
    finally:
        for link in links:
            link.close()


def test_plain_http_garbage_and_a_peer_that_vanishes_leave_the_server_well(site: Site) -> None:
    for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"\x16\x03\x01", b""):
        with socket.create_connection(("127.0.0.1", site.port)) as link:
            link.sendall(sent)
    assert site.ask() == "https"


def test_one_connection_carries_several_requests_with_one_handshake(site: Site) -> None:
    link = http.client.HTTPSConnection("127.0.0.1", site.port, timeout=PATIENCE_S, context=site.trust)
    link.connect()
    first = link.sock
    for _ in range(5):
        link.request("GET", "/")
        assert link.getresponse().read() == b"https"
        assert link.sock is first
    link.close()


def test_nothing_below_tls_1_2_is_spoken(site: Site) -> None:
    assert site.server.ssl_adapter.context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_renewed_certificate_is_taken_up_without_a_restart(site: Site, papers: Papers, tmp_path: Path) -> None:
    def shown() -> bytes:
        with (
            socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE_S) as plain,
            site.trust.wrap_socket(plain, server_hostname="127.0.0.1") as link,
        ):
            held = link.getpeercert(binary_form=True)
            assert held is not None
            return held

    first = shown()
    (old_certificate, old_key) = site.files[0]
    old_certificate.rename(tmp_path / "old.pem")
    site.files.append(papers.authority.server("web", ("127.0.0.1",)))
    assert shown() == first
    site.clock.advance(LOOK_EVERY_MS)
    shown()  # the connection that notices was wrapped before
    assert shown() != first
    assert old_key.exists()
