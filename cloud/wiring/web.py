"""The listeners: the console with its API, the guest's page, and the door for commands."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from wsgiref.types import WSGIApplication

from cheroot.wsgi import Server

from cloud.app import create_app, create_guest_app
from cloud.services import tls_files
from cloud.settings import HubSettings, ListenSettings
from cloud.standby import NewsWatch
from cloud.wiring.commands import Commands
from cloud.wiring.core import Core
from sync.node import listeners, tls_listener
from sync.node.control import ControlServer
from sync.node.ports import SystemClock
from sync.node.tls_listener import CertificateFiles
from sync.node.watchdog import web_answers

SHUTDOWN_S = 5

log = logging.getLogger(__name__)


def start_web(
    settings: HubSettings, core: Core, stops: list[Callable[[], None]], held: list[socket.socket]
) -> tuple[int, int]:
    """Start the listeners.

    Args:
        settings: the hub's settings.
        core: the services.
        stops: what ends all this.
        held: listening sockets of the service manager; what is claimed is taken out.

    Returns:
        The ports of the console and of the guest's page.
    """
    if core.database.on_postgresql:
        news = NewsWatch(core.database, core.hub.changes.ring)
        news.start()
        stops.append(news.stop)
    control = ControlServer(settings.folder, Commands(core).answer)
    control.start()
    stops.append(control.stop)
    guest_port = _serve("guest", create_guest_app(core.hub), settings.guest, stops, held)
    web_port = _serve("web", create_app(core.hub), settings.web, stops, held, _certificate(settings, core))
    core.vitals["guest"] = partial(web_answers, settings.guest.host, guest_port, "/")
    core.vitals["web"] = partial(web_answers, settings.web.host, web_port, "/", tls=settings.web.tls)
    # Last in, first out: live pages must hear of the end before their listener waits for them.
    stops.append(core.hub.changes.close)
    return web_port, guest_port


def _certificate(settings: HubSettings, core: Core) -> CertificateFiles | None:
    return partial(tls_files.of_web, settings, core.authority) if settings.web.tls else None


def _serve(
    name: str,
    app: WSGIApplication,
    listen: ListenSettings,
    stops: list[Callable[[], None]],
    held: list[socket.socket],
    certificate: CertificateFiles | None = None,
) -> int:
    server = Server(
        (listen.host, listen.port),
        app,
        numthreads=listen.threads,
        max=listen.threads,
        timeout=30,
        shutdown_timeout=SHUTDOWN_S,
        server_name="zhanggui-hub",
        request_queue_size=128,
    )
    server.error_log = _log_of_server  # type: ignore[method-assign]
    if certificate is not None:
        tls_listener.secure(server, certificate, SystemClock())
    listeners.hand_over(server, listeners.claim(held, listen.port))
    server.prepare()
    serving = threading.Thread(target=server.serve, name=name, daemon=True)
    serving.start()

    def stop() -> None:
        server.stop()
        serving.join(timeout=SHUTDOWN_S)

    stops.append(stop)
    port = int(server.bind_addr[1])
    log.info("hub.serving", extra={"listener": name, "port": port, "pid": os.getpid()})
    return port


def _log_of_server(msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
    log.log(level, "web.server", exc_info=traceback, extra={"detail": msg})
