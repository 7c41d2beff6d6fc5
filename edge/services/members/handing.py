"""What a member is handed on paper: their own invite for friends, and the slip that opens their page at HQ."""

from typing import Annotated

import msgspec

from drivers.document import ReceiptDoc
from edge.db.print_jobs import Job, NewSlip
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.receipts import member_slips
from edge.receipts.member_slips import PaperDoor, PaperFriend
from edge.receipts.receipt import Heading
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import desk, friends, known
from edge.services.members.join import Hex
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import friend_codes, member_doors, times
from sync.contract.member_doors import MemberDoorGiven
from sync.node import member_seal


class HandCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A slip for a member is wanted at this till's printer."""

    request_id: Hex
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """The slip is queued. `until` is the last day of an invite; empty for the slip that opens a page."""

    member_id: str
    until: str = ""


class _Asked(msgspec.Struct, frozen=True):
    """What was asked, with the member whom the address names."""

    member_id: str
    what: str
    asked: HandCommand


def invite(node: Node, who: Session, member_id: str, command: HandCommand) -> Done | Refused:
    """Print a member's own invite, to give to friends.

    Returns:
        `member_unknown`; `no_printer`; `not_allowed`; `members_off`.
    """

    def work(deed: Deed) -> Handed | Refused:
        allowed = permit(deed, Action.MEMBERS, member_id)
        if isinstance(allowed, Refused):
            return allowed
        if not node.store_rules.members:
            return Refused("members_off")
        one = known.find(node, deed.tx, member_id, opens=False)
        if one is None:
            return Refused("member_unknown")
        day = times.epoch_day(deed.place.day)
        if not _print(deed, slip_rules.FRIEND, f"{one.member_id}:{day}", friend_codes.short_code(one.member_id)):
            return Refused("no_printer")
        return Handed(member_id=one.member_id, until=times.day_of_epoch(day + friend_codes.DAYS_VALID))

    return deeds.transact(node, who, command.request_id, _Asked(member_id, "invite", command), work)


def door(node: Node, who: Session, member_id: str, command: HandCommand) -> Done | Refused:
    """Print the slip that opens a member's own page, for a guest whose identity was looked at.

    Behind it lies all that is held of a member: it needs the word that showing them in clear needs, and is a fact.

    Returns:
        What `permit` refuses for `reveal_member`; `member_unknown`; `no_printer`; `members_off`.
    """

    def work(deed: Deed) -> Handed | Refused:
        allowed = permit(deed, Action.REVEAL_MEMBER, member_id, approval_id=command.approval_id)
        if isinstance(allowed, Refused):
            return allowed
        if not node.store_rules.members:
            return Refused("members_off")
        one = known.find(node, deed.tx, member_id, opens=False)
        if one is None:
            return Refused("member_unknown")
        until_ms = deed.place.at_ms + member_doors.LIFE_MS
        if not _print(deed, slip_rules.DOOR, f"{command.request_id}:{until_ms}", one.member_id[:6]):
            return Refused("no_printer")
        body = MemberDoorGiven(
            member_id=one.member_id,
            digest=member_doors.digest(_token(node, command.request_id)),
            until_ms=until_ms,
            approved_by=allowed.approved_by,
            approval_id=allowed.approval_id,
        )
        deed.write(member_doors.DOOR_GIVEN, body)
        return Handed(member_id=one.member_id)

    return deeds.transact(node, who, command.request_id, _Asked(member_id, "door", command), work)


def friend_paper(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    """Build a member's own invite."""
    member_id, _, day = job.subject.partition(":")
    with node.db.read() as reader:
        rules = known.rules(reader)
    said = PaperFriend(
        code=friends.code_of(node, member_id, int(day)),
        short=friend_codes.short_code(member_id),
        last_day=times.day_of_epoch(int(day) + friend_codes.DAYS_VALID),
        yours=rules.referral_referrer,
        theirs=rules.referral_friend,
        days=rules.referral_cool_days,
    )
    return member_slips.friend(said, heading, job.copy, node.store_rules.languages[0])


def door_paper(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    """Build the slip that opens a member's page."""
    request_id, _, until = job.subject.partition(":")
    said = PaperDoor(_token(node, request_id), int(until))
    return member_slips.door(said, heading, job.copy, node.store_rules.languages[0])


def _token(node: Node, request_id: str) -> str:
    """Work the token out: it lies nowhere, neither with the slip nor in the fact."""
    digest = member_seal.word_digest(desk.digest_key(node), f"door|{request_id}")
    return member_doors.token_of(bytes.fromhex(digest)[: member_doors.TOKEN_BYTES])


def _print(deed: Deed, document: str, subject: str, label: str) -> bool:
    assert deed.who is not None
    row = deed.node.devices.printer_for(RECEIPT, deed.who.till)
    if row is not None:
        deed.print(NewSlip(deed.node.ids.uuid7().hex(), document, subject, label, RECEIPT, row.id))
    return row is not None
