"""Opens the data folder and builds the services: a hub without listeners and threads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cloud
from cloud.db import migrate
from cloud.db.engine import HubDatabase, open_engine
from cloud.services import console, secrets, tls_files
from cloud.services.accounts import generated_password
from cloud.services.approvals import Policy
from cloud.services.authority import FOLDER, Authority
from cloud.services.changes import Changes
from cloud.services.commands import Orders
from cloud.services.console import Console
from cloud.services.disk import HubDisk
from cloud.services.elsewhere import Elsewhere
from cloud.services.enrol import Enrolment
from cloud.services.fleet import Fleets
from cloud.services.handover import HandoverDesk
from cloud.services.health import Checkup
from cloud.services.hub import Hub
from cloud.services.ingest import Ingest
from cloud.services.invites import Invites
from cloud.services.leases import Leases
from cloud.services.live_codes import LiveCodes
from cloud.services.members import asks
from cloud.services.metrics import Figures
from cloud.services.money import Money
from cloud.services.project import Projector
from cloud.services.publish import Publisher
from cloud.services.questions import Questions, handlers
from cloud.services.reports import Reports
from cloud.services.secrets import BrokerUsers
from cloud.services.versions import Versions
from cloud.settings import HubSettings
from cloud.wiring.members import build_members
from sync.node import keys
from sync.node.disk import DiskWatch, FolderDisk, Reserve
from sync.node.passwords import PASSWORD_COST, Cost, Vault
from sync.node.ports import Chance, Clock
from sync.node.watchdog import Vitals


@dataclass(frozen=True)
class Core:
    """A hub without listeners and threads: what commands need when no process runs."""

    hub: Hub
    database: HubDatabase
    identity: keys.Identity
    ingest: Ingest
    projector: Projector
    broker_token: str
    authority: Authority
    leases: Leases | None = None
    vitals: Vitals = field(default_factory=dict)
    """What must be alive for this process to be of use; whoever starts a loop puts it here."""

    def close(self) -> None:
        """Close the database and the file of members' keys."""
        self.hub.members.close()
        self.database.close()


def open_core(
    settings: HubSettings,
    *,
    clock: Clock,
    chance: Chance,
    cost: Cost = PASSWORD_COST,
    on_stream: Callable[[], None] | None = None,
    worker: str | None = None,
) -> Core:
    """Open the data folder, whose lock the caller holds, and build the services. First start makes keys and secrets.

    Args:
        settings: the hub's settings.
        clock: the time.
        chance: the randomness of keys and tokens.
        cost: what one guess at a password costs.
        on_stream: called when a down stream got a new version.
        worker: the name of a process that takes in facts, under leases; without one `ingest` looks at none.

    Raises:
        UnsafeSqliteError, NewerDatabaseError: the database must not be opened by this process.
        BadDatabase: the database cannot be used as the settings name it.
    """
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    identity = secrets.own_identity(folder)
    database = open_engine(settings.database_url)
    try:
        migrate.migrate(database)
        changes, vitals = Changes(), Vitals()
        vault = Vault(secrets.derived(identity, "passwords"), cost)
        users = BrokerUsers(folder / secrets.BROKER_USERS_FILE)
        token_file = settings.broker.token_file
        broker_token = secrets.text_of(
            Path(token_file) if token_file else folder / secrets.BROKER_TOKEN_FILE, lambda: secrets.token(chance)
        )
        users.put(settings.broker.username, broker_token)
        authority = Authority(
            folder / FOLDER, secrets.derived(identity, "authority"), settings.tenant, clock=clock, chance=chance
        )
        projector = Projector(database, settings.zone, changes.ring)
        publisher = Publisher(
            database, clock=clock, zone=settings.zone, cutoff_minutes=settings.cutoff_minutes, on_stream=on_stream
        )
        reports = Reports(
            database,
            clock=clock,
            zone=settings.zone,
            cutoff_minutes=settings.cutoff_minutes,
            away_after_ms=settings.away_after_ms,
            public_url=settings.public_url,
        )
        versions = Versions(database, publisher)
        # The disk under a PostgreSQL is its server's to watch; commands on the files of a stopped hub take in nothing.
        watched = worker is not None and not database.on_postgresql
        disk = HubDisk(DiskWatch(FolderDisk(folder), Reserve(folder), clock) if watched else None, clock)
        fleets = Fleets(
            database, reports, versions, clock=clock, backup_minutes=settings.backup.every_minutes, room=disk.room
        )
        members = build_members(
            settings, database, identity, clock=clock, chance=chance, on_stream=on_stream, on_change=changes.ring
        )
        hub = Hub(
            settings=settings,
            clock=clock,
            zone=settings.zone,
            reports=reports,
            money=Money(database),
            fleets=fleets,
            figures=Figures(database, fleets, clock, cloud.VERSION),
            invites=Invites(database, clock=clock, zone=settings.zone, cutoff_minutes=settings.cutoff_minutes),
            console=_console(settings, database, identity, vault, clock=clock, chance=chance),
            authority=authority,
            enrolment=Enrolment(
                database,
                identity,
                vault,
                users,
                tls_files.grants(settings),
                clock=clock,
                chance=chance,
                authority=authority,
                policy=Policy(settings.enrolment.approval),
                on_stream=on_stream,
                on_crl=partial(tls_files.refresh_crl, authority, Path(files))
                if (files := settings.broker.files)
                else None,
            ),
            handover=HandoverDesk(database, identity, tenant=settings.tenant, clock=clock, chance=chance),
            publisher=publisher,
            versions=versions,
            orders=Orders(database, clock=clock, chance=chance, on_stream=on_stream),
            changes=changes,
            projector=projector,
            members=members,
            live_codes=LiveCodes(members.shared, identity, publisher, settings.public_url),
            checkup=Checkup(database, vitals, cloud.VERSION, clock),
            web_secret=secrets.derived(identity, "web"),
            version=cloud.VERSION,
        )
        leases = None
        if worker is not None:
            leases = Leases(database, worker, clock=clock, sole=not database.on_postgresql)
        ingest = Ingest(
            database,
            identity,
            tenant=settings.tenant,
            clock=clock,
            chance=chance,
            credit=settings.credit,
            turns=settings.catch_ups,
            fence=None if leases is None else leases.fence,
            questions=Questions(
                {
                    **handlers(clock, hub.invites),
                    **Elsewhere(clock, hub.invites, on_stream).handlers(),
                    **asks.handlers(members.shared),
                },
                clock,
            ),
            room=disk.room,
            on_failure=disk.failed,
            on_parted=hub.enrolment.handed_over,
            on_told=hub.enrolment.shut_out,
        )
        return Core(hub, database, identity, ingest, projector, broker_token, authority, leases, vitals)
    except BaseException:
        database.close()
        raise


def _console(
    settings: HubSettings,
    database: HubDatabase,
    identity: keys.Identity,
    vault: Vault,
    *,
    clock: Clock,
    chance: Chance,
) -> Console:
    folder = settings.folder
    built = console.build(
        database,
        identity,
        vault,
        folder,
        secrets.text_of(folder / secrets.API_TOKEN_FILE, lambda: secrets.token(chance)),
        totp_required=settings.totp_required,
        clock=clock,
        chance=chance,
    )
    made = secrets.text_of(folder / secrets.CONSOLE_PASSWORD_FILE, lambda: generated_password(chance))
    built.accounts.set_up(made)
    return built
