"""What a person must look at at this node, as facts: raised once when it begins, cleared once when it is over (issue 4).

What is open lies in the file, so that a restart neither raises it again nor forgets it. A journal that cannot be written
stops nothing: the next look tries again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.db import alarms, archives, copies, journal
from edge.db.alarms import Alarm
from edge.db.journal import Draft
from edge.services.care import disk
from edge.services.care.clock_watch import ClockState
from edge.services.copies import drill, snapshots
from edge.services.hub import enrolment
from edge.services.node import Node
from sync.contract import operations
from sync.contract.operations import AlarmChanged
from sync.engine.store_link import LinkStatus
from sync.node import certificates
from sync.node.certificates import BadCertificateError, Standing
from sync.node.database import Reader, Tx
from sync.node.disk import MIB, Room

ENDING_MS = 14 * 86_400_000
"""A certificate is renewed long before; one so near its end was not renewed for weeks."""
REFUSALS = frozenset({"fork", "rewind", "revoked", "upgrade"})
"""Refusals that only a person can end; any other is tried again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CertificateView:
    """The node's certificate: until when it holds, and whether it is `good`, `due`, `ending`, `expired` or `early`."""

    not_after_ms: int
    state: str


class Alarms:
    """Looks at everything and writes what changed. Any thread may read; one calls `look`.

    Args:
        node: the node.
        link: the session with the hub, as the screen shows it.
    """

    def __init__(self, node: Node, link: Callable[[], LinkStatus | None]) -> None:
        self._node = node
        self._link = link

    def look(self) -> list[AlarmChanged]:
        """Write facts about what began and what is over; gives them. A node in training or replaced tells nobody."""
        if self._node.training or self._node.fenced:
            return []
        with self._node.db.read() as reader:
            now = self.conditions(reader)
        # What is kept back for closing the shift on a full disk is not spent on this.
        return disk.plain(self._node.db).write(lambda tx: self._turn(tx, now)) if self._differs(now) else []

    def quietly(self) -> None:
        """Look, whatever happens: the till must not notice."""
        try:
            changed = self.look()
        except Exception:
            log.exception("alarms.not_written")
            return
        if changed:
            log.warning("alarms.changed", extra={"codes": [one.code for one in changed]})
            self._node.changed.notify()

    def conditions(self, reader: Reader) -> dict[str, str]:
        """Say what a person must look at now: code and detail."""
        found: dict[str, str] = {}
        node = self._node
        room = disk.state_of(node.disk)
        if room.room is not Room.OK:
            free = "" if room.free_bytes is None else f"{room.free_bytes // MIB} MiB"
            found[f"disk.{room.room.value}"] = free
        found.update(_clock(node))
        link = self._link()
        refusal = "revoked" if node.revoked else "" if link is None else link.refusal
        if refusal in REFUSALS:
            found[f"hub.{refusal}"] = ""
        standing = certificate_of(node)
        if standing is not None and standing.state in {"ending", "expired"}:
            found[f"certificate.{standing.state}"] = ""
        found.update(_copies(node, reader))
        damaged = [row.name for row in archives.all_archives(reader) if row.missing]
        if damaged:
            found["archive.damaged"] = f"{damaged[0]} ({len(damaged)})"
        return found

    def _differs(self, now: dict[str, str]) -> bool:
        with self._node.db.read() as reader:
            held = {alarm.code for alarm in alarms.open_alarms(reader, self._node.place().epoch)}
        return held != set(now)

    def _turn(self, tx: Tx, now: dict[str, str]) -> list[AlarmChanged]:
        node, place = self._node, self._node.place()
        held = {alarm.code: alarm for alarm in alarms.open_alarms(tx, place.epoch)}
        begun = [AlarmChanged(code=code, detail=now[code]) for code in sorted(set(now) - set(held))]
        over = [AlarmChanged(code=code, detail=held[code].detail) for code in sorted(set(held) - set(now))]
        drafts = [Draft(node.ids.uuid7(), 1, operations.ALARM_RAISED, 1, one) for one in begun]
        drafts += [Draft(node.ids.uuid7(), 1, operations.ALARM_CLEARED, 1, one) for one in over]
        journal.append(tx, place, node.identity, drafts)
        for one in begun:
            alarms.put(tx, place.epoch, Alarm(one.code, one.detail, place.at_ms))
        for one in over:
            alarms.drop(tx, place.epoch, one.code)
        return begun + over


def open_codes(reader: Reader, epoch: int) -> tuple[str, ...]:
    """Give the codes that are open, for the heartbeat."""
    return tuple(alarm.code for alarm in alarms.open_alarms(reader, epoch))


def certificate_of(node: Node) -> CertificateView | None:
    """Say how the node's certificate stands; None where none is used, or it cannot be read."""
    grant = node.enrolment
    if grant is None or grant.broker.tls != "mutual":
        return None
    try:
        pem = (Path(node.settings.data_dir) / enrolment.TLS_FILE).read_text(encoding="ascii")
        told = certificates.read(pem)
    except (OSError, UnicodeDecodeError, BadCertificateError):
        return None
    now_ms = node.clock.now_ms()
    standing = told.standing(now_ms)
    # Of a short life the last third is the time to renew in, and its last third the time to worry.
    ending_ms = min(ENDING_MS, (told.not_after_ms - told.not_before_ms) // 9)
    if standing is Standing.DUE and told.not_after_ms - now_ms < ending_ms:
        return CertificateView(told.not_after_ms, "ending")
    return CertificateView(told.not_after_ms, standing.value)


def _clock(node: Node) -> dict[str, str]:
    if node.clock_watch is None:
        return {}
    view = node.clock_watch.view()
    state = ClockState.WRONG if node.held_day() else view.state
    if state is ClockState.OK:
        return {}
    stepped_ms = None if view.last_step is None else view.last_step.by_ms
    by_ms = view.offset_ms if state is ClockState.WRONG else stepped_ms
    return {f"clock.{state.value}": "" if by_ms is None else f"{by_ms // 1_000} s"}


def _copies(node: Node, reader: Reader) -> dict[str, str]:
    """Copies and drills: a node that is younger than the span owes none."""
    first = next(journal.by_number(reader, page=1), None)
    if first is None:
        return {}
    now_ms, born_ms = node.clock.now_ms(), first[1].at_ms
    found: dict[str, str] = {}
    there = snapshots.listed(snapshots.backup_folder(node.settings))
    if now_ms - (there[-1][0] if there else born_ms) > snapshots.OLD_AFTER_MS:
        found["snapshot.overdue"] = ""
    newest = copies.newest_drill(reader)
    if newest is not None and not newest.ok:
        found["drill.failed"] = ""
    if now_ms - (newest.at_ms if newest is not None else born_ms) > drill.OLD_AFTER_MS:
        found["drill.overdue"] = ""
    return found
