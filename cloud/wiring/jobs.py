"""What goes on by itself: projecting, upkeep, backups, drills, and the doorbell where the link is another process."""

from collections.abc import Callable
from functools import partial

import cloud
from cloud.jobs import ProjectorWorker, Upkeep
from cloud.services import (
    backup_commands,
    restore,
)
from cloud.services.backup import Backups
from cloud.services.leases import JOBS, Leases
from cloud.settings import HubSettings
from cloud.standby import DoorbellWorker, Standby
from cloud.wiring.bell import Bell
from cloud.wiring.core import Core
from cloud.wiring.link import broker_transport
from sync.engine.transport import Transport
from sync.node.ports import SystemChance
from sync.node.watchdog import Pulse

DRILL_LOOK_MINUTES = 6 * 60
"""How often somebody looks whether the month's drill is due."""
SHUT_OUT_LOOK_MINUTES = 1
"""How often somebody looks whether the broker is to be closed to a computer that was revoked while it was connected."""
NIGHT_LOOK_MINUTES = 20
"""How often somebody looks whether a business day has ended whose night is still to be done: expiry, grants, the proof."""
REFERRAL_LOOK_MINUTES = 5
PROJECTOR_LOOKS_S = 0.25
"""How soon facts of other processes show in the read models."""


def start_jobs(
    settings: HubSettings,
    core: Core,
    worker: str,
    facts_bell: Bell,
    *,
    rings: bool,
    transport: Transport | None,
    stops: list[Callable[[], None]],
) -> None:
    """Start the jobs: at once, or on PostgreSQL as soon as no other process does them.

    Args:
        settings: the hub's settings.
        core: the services.
        worker: the name of this process.
        facts_bell: rung when facts came in here.
        rings: whether this process tells the stores of new versions, since its link is elsewhere.
        transport: what carries messages instead of the broker in the settings.
        stops: what ends all this.
    """
    clock = core.hub.clock

    def begin() -> Callable[[], None]:
        begun: list[Callable[[], None]] = []
        core.projector.retry_once_for(cloud.VERSION)
        projecting = ProjectorWorker(
            core.projector,
            PROJECTOR_LOOKS_S if core.database.on_postgresql else None,
            Pulse(clock),
            core.ingest.in_a_hurry,
        )
        projecting.start()
        begun.append(projecting.stop)
        core.vitals["projector"] = projecting.alive
        begun.append(lambda: core.vitals.pop("projector", None) and None)
        members = core.hub.members
        members.begin()
        booking = ProjectorWorker(
            members.booker,
            PROJECTOR_LOOKS_S if core.database.on_postgresql else None,
            Pulse(clock),
            core.ingest.in_a_hurry,
            name="booker",
        )
        booking.start()
        begun.append(booking.stop)
        core.vitals["booker"] = booking.alive
        begun.append(lambda: core.vitals.pop("booker", None) and None)

        def wake() -> None:
            projecting.wake()
            booking.wake()

        facts_bell.behind = wake
        upkeep = Upkeep(
            core.database, clock, core.hub.changes.ring, core.hub.console.audit_log.sign, settings.stream_days
        )
        copies = Backups(core.database, settings, core.identity, clock, SystemChance())
        upkeep.every(settings.backup.every_minutes, copies.make_quietly)
        upkeep.every(DRILL_LOOK_MINUTES, partial(restore.drill_if_due, copies, backup_commands.DRILL_EVERY_MS))
        upkeep.every(SHUT_OUT_LOOK_MINUTES, core.hub.enrolment.shut_out_due)
        upkeep.every(NIGHT_LOOK_MINUTES, members.night_if_due)
        upkeep.every(REFERRAL_LOOK_MINUTES, members.settle_due)
        upkeep.start()
        begun.append(upkeep.stop)
        if rings:
            carrier = transport or broker_transport(settings, core, clock, SystemChance(), [])
            doorbell = DoorbellWorker(carrier, core.database, core.identity, tenant=settings.tenant, clock=clock)
            doorbell.start()
            begun.append(doorbell.stop)

        def end() -> None:
            while begun:
                begun.pop()()

        return end

    if not core.database.on_postgresql:
        stops.append(begin())
        return
    standby = Standby(Leases(core.database, worker, clock=clock, slots=JOBS), begin)
    standby.start()
    stops.append(standby.stop)
