"""Builds the hub and stops it again: the only place that makes clocks, databases, transports, listeners and threads."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import WSGIApplication

from cheroot.wsgi import Server

import cloud
from cloud.app import create_app, create_guest_app
from cloud.db import migrate
from cloud.db.engine import HubDatabase, open_engine
from cloud.jobs import LinkWorker, ProjectorWorker, Upkeep
from cloud.services import secrets, verify
from cloud.services.changes import Changes
from cloud.services.console import Console
from cloud.services.enrol import BadStore, Enrolment, Grants
from cloud.services.hub import Hub
from cloud.services.ingest import Ingest
from cloud.services.invites import Invites
from cloud.services.project import Projector
from cloud.services.reports import Reports
from cloud.services.secrets import BrokerUsers
from cloud.settings import HubSettings, ListenSettings
from sync.contract import ids, topics
from sync.contract.words import Name
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.transport import Transport
from sync.node import keys
from sync.node.control import ControlServer, FolderLock
from sync.node.passwords import PASSWORD_COST, Cost, Vault
from sync.node.ports import Chance, Clock, SystemChance, SystemClock

SHUTDOWN_S = 5
PASSWORD_DIGITS = 20
MESSAGES_HELD_MAX = 1_024

log = logging.getLogger(__name__)

_CHATTY = ("alembic", "apscheduler")
"""Libraries that report their ordinary work as news."""


@dataclass(frozen=True)
class Core:
    """A hub without listeners and threads: what commands need when no process runs."""

    hub: Hub
    database: HubDatabase
    identity: keys.Identity
    ingest: Ingest
    projector: Projector
    broker_token: str


@dataclass
class RunningHub:
    """A hub at work. `stop` undoes everything, in reverse."""

    core: Core
    web_port: int = 0
    guest_port: int = 0
    stops: list[Callable[[], None]] = field(default_factory=list)

    def stop(self) -> None:
        """Stop everything in reverse order; safe to call twice."""
        while self.stops:
            self.stops.pop()()


class _Bell:
    """Rings whatever was hung behind it; nothing at first, for the link is built last."""

    def __init__(self) -> None:
        self.behind: Callable[[], None] = lambda: None

    def ring(self) -> None:
        self.behind()


def open_core(
    settings: HubSettings,
    *,
    clock: Clock,
    chance: Chance,
    cost: Cost = PASSWORD_COST,
    on_stream: Callable[[], None] | None = None,
) -> Core:
    """Open the data folder, whose lock the caller holds, and build the services. First start makes keys and secrets.

    Args:
        settings: the hub's settings.
        clock: the time.
        chance: the randomness of keys and tokens.
        cost: what one guess at a password costs.
        on_stream: called when a down stream got a new version.

    Raises:
        UnsafeSqliteError, NewerDatabaseError: the database must not be opened by this process.
    """
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    identity = keys.load_or_make(folder / secrets.IDENTITY_FILE)
    database = open_engine(settings.database_url)
    try:
        migrate.migrate(database)
        changes = Changes()
        vault = Vault(secrets.derived(identity, "passwords"), cost)
        users = BrokerUsers(folder / secrets.BROKER_USERS_FILE)
        token_file = settings.broker.token_file
        broker_token = secrets.text_of(
            Path(token_file) if token_file else folder / secrets.BROKER_TOKEN_FILE, lambda: secrets.token(chance)
        )
        users.put(settings.broker.username, broker_token)
        hub = Hub(
            settings=settings,
            clock=clock,
            zone=settings.zone,
            reports=Reports(
                database,
                clock=clock,
                zone=settings.zone,
                cutoff_minutes=settings.cutoff_minutes,
                away_after_ms=settings.away_after_ms,
                public_url=settings.public_url,
            ),
            invites=Invites(database, clock=clock, zone=settings.zone, cutoff_minutes=settings.cutoff_minutes),
            console=_console(folder, database, vault, clock=clock, chance=chance),
            enrolment=Enrolment(
                database,
                identity,
                vault,
                users,
                _grants(settings),
                clock=clock,
                chance=chance,
                on_stream=on_stream,
            ),
            changes=changes,
            web_secret=secrets.derived(identity, "web"),
            version=cloud.VERSION,
        )
        ingest = Ingest(database, identity, tenant=settings.tenant, clock=clock, chance=chance, credit=settings.credit)
        return Core(hub, database, identity, ingest, Projector(database, settings.zone, changes.ring), broker_token)
    except BaseException:
        database.close()
        raise


def start(settings: HubSettings, transport: Transport | None = None) -> RunningHub:
    """Build and start the hub.

    Args:
        settings: the hub's settings.
        transport: what carries messages instead of the broker in the settings.

    Raises:
        AlreadyRunning: another process runs on this data folder.
        UnsafeSqliteError, NewerDatabaseError: the database must not be opened by this process.
        OSError: a port is taken.
    """
    stops: list[Callable[[], None]] = []
    try:
        return _start(settings, transport, stops)
    except BaseException:
        while stops:
            stops.pop()()
        raise


def _start(settings: HubSettings, transport: Transport | None, stops: list[Callable[[], None]]) -> RunningHub:
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    lock = FolderLock(settings.folder)
    stops.append(lock.release)
    clock, chance, bell = SystemClock(), SystemChance(), _Bell()
    core = open_core(settings, clock=clock, chance=chance, on_stream=bell.ring)
    stops.append(core.database.close)
    projecting = ProjectorWorker(core.projector)
    projecting.start()
    stops.append(projecting.stop)
    link = LinkWorker(
        transport or _transport(settings, core.broker_token, clock, chance),
        core.ingest,
        core.database,
        core.identity,
        tenant=settings.tenant,
        clock=clock,
        on_facts=projecting.wake,
    )
    bell.behind = link.ring_doorbell
    link.start()
    stops.append(link.stop)
    upkeep = Upkeep(core.database, clock, core.hub.changes.ring)
    upkeep.start()
    stops.append(upkeep.stop)
    control = ControlServer(settings.folder, Commands(core).answer)
    control.start()
    stops.append(control.stop)
    running = RunningHub(core, stops=stops)
    running.guest_port = _serve("guest", create_guest_app(core.hub), settings.guest, stops)
    running.web_port = _serve("web", create_app(core.hub), settings.web, stops)
    # Last in, first out: live pages must hear of the end before their listener waits for them.
    stops.append(core.hub.changes.close)
    return running


class Commands:
    """What `zhanggui-hub` commands do, in the running process or, when there is none, on the files themselves."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Carry out one command."""
        match request:
            case {"command": "enrol-store", "store": str(store), "name_zh": zh, "name_en": en}:
                return self._enrol_store(store, Name(zh, en) if isinstance(zh, str) and isinstance(en, str) else None)
            case {"command": "revoke", "store": str(store), "epoch": int(epoch)}:
                if self._core.hub.enrolment.revoke(store, epoch):
                    return {"ok": True, "store": store, "epoch": epoch}
                return {"ok": False, "error": f"store {store!r} has no key of epoch {epoch} that still counts"}
            case {"command": "verify"}:
                hub = self._core.hub
                self._core.projector.catch_up()
                return verify.verify(self._core.database, hub.zone, hub.settings.folder).as_json()
            case {"command": "replay"}:
                return {"ok": True, "facts": self._core.projector.replay()}
            case _:
                return {"ok": False, "error": f"unknown command {request.get('command')!r}"}

    def _enrol_store(self, store: str, name: Name | None) -> dict[str, object]:
        try:
            made = self._core.hub.enrolment.make_code(store, name)
        except BadStore as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "store": made.store, "code": made.code, "expires_ms": made.expires_ms}


def _grants(settings: HubSettings) -> Grants:
    broker = settings.broker
    return Grants(
        settings.tenant, broker.store_host or broker.host, broker.store_port or broker.port, settings.public_url
    )


def _console(folder: Path, database: HubDatabase, vault: Vault, *, clock: Clock, chance: Chance) -> Console:
    program_token = secrets.text_of(folder / secrets.API_TOKEN_FILE, lambda: secrets.token(chance))
    console = Console(database, vault, program_token, clock=clock, chance=chance)
    console.set_up(secrets.text_of(folder / secrets.CONSOLE_PASSWORD_FILE, lambda: _new_password(chance)))
    return console


def _new_password(chance: Chance) -> str:
    bits = PASSWORD_DIGITS * 5
    value = int.from_bytes(chance.token(16), "big") >> (128 - bits)
    return ids.grouped(ids.crockford_encode(value, PASSWORD_DIGITS))


def _transport(settings: HubSettings, token: str, clock: Clock, chance: Chance) -> Transport:
    return MqttTransport(
        MqttSettings(
            host=settings.broker.host,
            port=settings.broker.port,
            reconnect_base_ms=min(1_000, settings.reconnect_cap_ms),
            reconnect_cap_ms=settings.reconnect_cap_ms,
            outstanding_max=MESSAGES_HELD_MAX,
            inbox_max=MESSAGES_HELD_MAX,
        ),
        client_id=f"hub-{settings.tenant}",
        username=settings.broker.username,
        password=token,
        subscriptions=topics.hub_subscriptions(settings.tenant),
        clock=clock,
        chance=chance,
    )


def _serve(name: str, app: WSGIApplication, listen: ListenSettings, stops: list[Callable[[], None]]) -> int:
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
