"""How the node stands with HQ, in one struct: what waits, what came down, what is refused, and what a cut means now."""

import msgspec

from edge.db import alarms, copies, handover, journal, streams
from edge.services.care import disk
from edge.services.care.alarms import CertificateView, certificate_of
from edge.services.care.clock_watch import OFF_MS
from edge.services.care.status import ClockStatus, Desk, DiskStatus, Waiting
from edge.services.copies import snapshots
from edge.services.hub import hub_menu
from edge.services.node import Node
from sync.contract import streams as contract
from sync.engine.store_link import LinkStatus
from sync.engine.uplink import Phase
from sync.node.database import Reader
from sync.node.disk import MIB, Room

SELLING = ("sell", "receipts")
ALWAYS = ("look_up", "invites", "print")
WAITS = ("figures", "menu", "commands", "questions")


class SyncHub(msgspec.Struct, frozen=True, kw_only=True):
    """The way to HQ.

    `state` is `connected`, `away`, `never` (since the start), `refused` (see `refusal`) or `training` (not enrolled).
    `since_ms` is since when it is so, as far as it is known. `trouble` says why the hub is not reached.
    """

    state: str
    since_ms: int | None = None
    last_heard_ms: int | None = None
    refusal: str = ""
    trouble: str = ""


class LaneStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A lane: its last fact, and the last that HQ acknowledged."""

    lane: int
    head_seq: int
    acked_seq: int


class StreamStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A down stream: the version held, and the hub's as far as it was heard of since the start."""

    stream: str
    held: int
    hub: int | None


class PendingVersion(msgspec.Struct, frozen=True):
    """A publication that is here complete and waits for its day."""

    stream: str
    number: int
    effective_from: str


class OlderEpoch(msgspec.Struct, frozen=True):
    """An epoch from before, whose facts HQ does not all have yet."""

    epoch: int
    waiting: int


class OpenAlarm(msgspec.Struct, frozen=True):
    """Something that a person must look at."""

    code: str
    detail: str
    since_ms: int


class DrillView(msgspec.Struct, frozen=True):
    """The last drill of the copies."""

    at_ms: int
    ok: bool


class Cut(msgspec.Struct, frozen=True):
    """What a cut of the line means now: what goes on without HQ, what waits for HQ, what does not work at all; codes."""

    works: tuple[str, ...]
    waits: tuple[str, ...]
    stopped: tuple[str, ...]


class SyncView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of the sync page. Times are wall ms of this computer."""

    now_ms: int
    epoch: int | None
    fenced: bool
    hub: SyncHub
    lanes: tuple[LaneStanding, ...]
    waiting: Waiting
    oldest_waiting_ms: int | None
    acked_ms: int | None
    clock: ClockStatus
    clock_off: bool
    streams: tuple[StreamStanding, ...]
    pending: tuple[PendingVersion, ...]
    older: tuple[OlderEpoch, ...]
    disk: DiskStatus
    snapshot_ms: int | None
    drill: DrillView | None
    certificate: CertificateView | None
    alarms: tuple[OpenAlarm, ...]
    cut: Cut


def sync_view(desk: Desk) -> SyncView:
    """Say how the node stands with HQ."""
    node = desk.node
    grant, watch = node.enrolment, node.clock_watch
    there = snapshots.listed(snapshots.backup_folder(node.settings))
    with node.db.read() as reader:
        heads = {} if grant is None else journal.heads(reader, grant.epoch)
        drilled = copies.newest_drill(reader)
        clock = None if watch is None else watch.view()
        room = disk.state_of(node.disk)
        return SyncView(
            now_ms=node.clock.now_ms(),
            epoch=None if grant is None else grant.epoch,
            fenced=node.fenced,
            hub=_hub(desk.link(), desk.trouble(), training=node.training, revoked=node.revoked),
            lanes=tuple(
                LaneStanding(lane=lane, head_seq=head.head_seq, acked_seq=head.acked_seq)
                for lane, head in sorted(heads.items())
            ),
            waiting=Waiting(*(head.head_seq - head.acked_seq for _, head in sorted(heads.items())))
            if heads
            else Waiting(0, 0),
            oldest_waiting_ms=None if grant is None else journal.oldest_waiting_ms(reader, grant.epoch),
            acked_ms=journal.counter(reader, journal.ACKED_MS) or None,
            clock=ClockStatus("ok", None) if clock is None else ClockStatus(clock.state.value, clock.offset_ms),
            clock_off=clock is not None and clock.offset_ms is not None and abs(clock.offset_ms) >= OFF_MS,
            streams=_streams(node, reader, desk.hub_versions()),
            pending=_pending(node, reader),
            older=_older(node, reader),
            disk=DiskStatus(room.room.value, None if room.free_bytes is None else room.free_bytes // MIB),
            snapshot_ms=there[-1][0] if there else None,
            drill=None if drilled is None else DrillView(drilled.at_ms, drilled.ok),
            certificate=certificate_of(node),
            alarms=()
            if grant is None
            else tuple(OpenAlarm(*alarm) for alarm in alarms.open_alarms(reader, grant.epoch)),
            cut=_cut(node, room.room),
        )


def _hub(link: LinkStatus | None, trouble: str, *, training: bool, revoked: bool) -> SyncHub:
    if training:
        return SyncHub(state="training")
    # What the file remembers of the hub's word holds after a restart too, when the broker lets nobody in any more.
    refusal = "revoked" if revoked else "" if link is None else link.refusal
    if link is None:
        return SyncHub(state="refused" if refusal else "never", refusal=refusal, trouble=trouble)
    if link.phase is Phase.OPEN:
        return SyncHub(state="connected", since_ms=link.since_ms, last_heard_ms=link.last_heard_ms)
    # The phase changes with every attempt; what a person asks is since when nothing was heard.
    state = "refused" if refusal else "never" if link.last_heard_ms is None else "away"
    return SyncHub(
        state=state,
        since_ms=link.last_heard_ms,
        last_heard_ms=link.last_heard_ms,
        refusal=refusal,
        trouble=trouble,
    )


def _streams(node: Node, reader: Reader, hub: dict[str, int]) -> tuple[StreamStanding, ...]:
    if node.enrolment is None:
        return ()
    held = {name: head.version for name, head in streams.heads(reader).items()}
    found = [
        StreamStanding(stream=name, held=held.get(name, 0), hub=hub.get(name) or None)
        for name in contract.followed_by(node.enrolment.store)
    ]
    return tuple(one for one in found if one.held or one.hub)


def _pending(node: Node, reader: Reader) -> tuple[PendingVersion, ...]:
    if node.enrolment is None:
        return ()
    return tuple(PendingVersion(*one) for one in hub_menu.waiting(reader, node.enrolment.store, node.place().day))


def _older(node: Node, reader: Reader) -> tuple[OlderEpoch, ...]:
    if node.enrolment is None:
        return ()
    found: list[OlderEpoch] = []
    for epoch in journal.own_epochs(reader, node.enrolment.epoch, handover.brought_epochs(reader)):
        waiting = sum(head.head_seq - head.acked_seq for head in journal.heads(reader, epoch).values())
        if waiting:
            found.append(OlderEpoch(epoch, waiting))
    return tuple(found)


def _cut(node: Node, room: Room) -> Cut:
    sells = (
        not (node.training or node.fenced or node.revoked) and room is not Room.RED and node.shelf.catalogue is not None
    )
    works = (*SELLING, *ALWAYS) if sells else ALWAYS
    return Cut(works, () if node.training else WAITS, () if sells else SELLING)
