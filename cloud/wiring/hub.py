"""Starts the hub, or one part of it, and stops it again."""

import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from cloud.db.engine import BadDatabase
from cloud.settings import HubSettings
from cloud.standby import Part
from cloud.wiring.bell import Bell
from cloud.wiring.core import Core, open_core
from cloud.wiring.jobs import start_jobs
from cloud.wiring.link import start_link
from cloud.wiring.web import start_web
from sync.engine.transport import Transport
from sync.node import listeners, watchdog
from sync.node.control import FolderLock, one_at_a_time
from sync.node.ports import SystemChance, SystemClock
from sync.node.watchdog import Watchdog

_CHATTY = ("alembic", "apscheduler")
"""Libraries that report their ordinary work as news."""


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


def start(
    settings: HubSettings,
    transport: Transport | None = None,
    part: Part = Part.ALL,
    environment: MutableMapping[str, str] | None = None,
) -> RunningHub:
    """Build and start the hub, or one part of it.

    Args:
        settings: the hub's settings.
        transport: what carries messages instead of the broker in the settings.
        part: what this process does; any but everything needs PostgreSQL.
        environment: what the service manager told this process; without one, that of the process. What was read is taken out.

    Raises:
        AlreadyRunning: another process runs on this data folder that this one cannot stand beside.
        UnsafeSqliteError, NewerDatabaseError: the database must not be opened by this process.
        BadDatabase: the database cannot be used as the settings name it.
        OSError: a port is taken.
    """
    told = os.environ if environment is None else environment
    notifier, period_s = watchdog.from_environment(told, os.getpid())
    held = listeners.take(told, os.getpid())
    stops: list[Callable[[], None]] = []
    try:
        running = _start(settings, transport, part, stops, held)
        listeners.refuse_unclaimed(held)
        dog = Watchdog(notifier, running.core.vitals, period_s)
        dog.start()
        stops.append(dog.stop)
        return running  # noqa: TRY300 - what fails above must undo the start
    except BaseException:
        while stops:
            stops.pop()()
        raise


def _start(
    settings: HubSettings,
    transport: Transport | None,
    part: Part,
    stops: list[Callable[[], None]],
    held: list[socket.socket],
) -> RunningHub:
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if part is not Part.ALL and not settings.on_postgresql:
        raise BadDatabase(f"`--part {part}` needs PostgreSQL, for SQLite has room for one process: set `database`")
    _take_folder(settings, part, stops)
    clock, chance, stream_bell, facts_bell = SystemClock(), SystemChance(), Bell(), Bell()
    worker = f"{socket.gethostname()}-{os.getpid()}-{chance.token(4).hex()}"
    with one_at_a_time(settings.folder):
        core = open_core(
            settings,
            clock=clock,
            chance=chance,
            on_stream=stream_bell.ring,
            worker=worker if part in {Part.ALL, Part.INGEST} else None,
        )
    stops.append(core.close)
    if part in {Part.ALL, Part.JOBS}:
        start_jobs(settings, core, worker, facts_bell, rings=part is Part.JOBS, transport=transport, stops=stops)
    if part in {Part.ALL, Part.INGEST}:
        link = start_link(settings, core, facts_bell, transport)
        stops.append(link.stop)
        stream_bell.behind = link.ring_doorbell
    running = RunningHub(core, stops=stops)
    if part in {Part.ALL, Part.WEB}:
        running.web_port, running.guest_port = start_web(settings, core, stops, held)
    return running


def _take_folder(settings: HubSettings, part: Part, stops: list[Callable[[], None]]) -> None:
    """One process that does everything has the folder to itself; parts share one, with one web part among them."""
    stops.append(FolderLock(settings.folder, shared=part is not Part.ALL).release)
    if part is Part.WEB:
        stops.append(FolderLock(settings.folder, name="web.lock").release)
