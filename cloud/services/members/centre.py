"""The door to a member's own page: an address that nobody can guess, and what shows at a till that the phone is the member's.

The address is a keyed digest of the member's id and of the slip that opened it last, so nothing is kept of it, and it ends with
the member. Whoever joined without a phone number is given it at once. Whoever gave one is not: nobody has proven yet that it is
theirs, and who sees such a page may leave in another's name. They get a slip at the till that opens it once
(`sync.contract.member_doors`); another slip gives the page another address, and the old one ends.
"""

import hmac
import logging
import re

from cloud.db import centre, members
from cloud.db import ledger as rows
from cloud.db.centre import Moved
from cloud.db.engine import Reader, Tx
from cloud.services.members.shared import NoMember, Shared, everybody, standing
from sync.contract import member_codes, member_doors
from sync.contract.member_doors import MemberDoorGiven
from sync.node import member_seal

_DOOR = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})")
_DIGEST_CHARS = 32

log = logging.getLogger(__name__)


def door(shared: Shared, member_id: str) -> str:
    """Give the last part of the address of a member's own page."""
    with shared.database.read() as reader:
        return _door(shared, reader, member_id)


def behind(shared: Shared, text: str) -> str:
    """Give the member behind a door.

    Raises:
        NoMember: it is no door of ours, or its member left or is somebody else's part by now.
    """
    found = _DOOR.fullmatch(text.lower())
    if found is None:
        raise NoMember("there is no member behind this address")
    with shared.database.read() as reader:
        if not hmac.compare_digest(_door(shared, reader, found[1]), text.lower()):
            raise NoMember("there is no member behind this address")
        who = standing(reader, found[1]).member_id
    if who != found[1]:
        # A merge may have brought somebody's phone number along, which this address never proved.
        raise NoMember("this member is another's part now")
    return who


def keep_slip(tx: Tx, told: MemberDoorGiven, store: str, received_ms: int) -> None:
    """Note that a store handed a member a slip that opens their page, for no longer than a slip's life from now.

    A store opens the pages of its own guests only: a stolen node those of nobody else.
    """
    row = members.member(tx, members.resolve(tx, told.member_id))
    if row is not None and row.left_ms is None and members.is_guest(tx, store, [told.member_id, row.member_id]):
        until_ms = min(told.until_ms, received_ms + member_doors.LIFE_MS)
        centre.keep_slip(tx, row.member_id, told.digest, until_ms)


def slip_opens(shared: Shared, text: str) -> bool:
    """Say whether a slip would open a page now. One that was used, is too old or not told of by its store yet opens none."""
    with shared.database.read() as reader:
        return _of_slip(shared, reader, text) is not None


def open_slip(shared: Shared, text: str) -> str:
    """Use a slip up, and give the door that it opens.

    Raises:
        NoMember: it opens none (any more).
    """
    with shared.database.write() as tx:
        rows.hold(tx)
        who = _of_slip(shared, tx, text)
        if who is None:
            raise NoMember("this slip opens no page")
        token = member_doors.find(text)
        assert token is not None
        centre.open_slip(tx, who, member_doors.digest(token))
        opened = _door(shared, tx, who)
    log.info("member.door_opened", extra={"member": who[:8]})
    return opened


def history(shared: Shared, member_id: str, limit: int) -> list[Moved]:
    """List what changed all that a member has, newest first.

    Raises:
        NoMember: there is none (any more).
    """
    with shared.database.read() as reader:
        return centre.moved(reader, everybody(reader, standing(reader, member_id).member_id), limit)


def code_now(shared: Shared, member_id: str) -> tuple[str, int] | None:
    """Give the code that shows at a till who somebody is, and for how many seconds it is the newest; None without their key."""
    held = shared.keys.get(member_id)
    if held is None:
        return None
    now_ms = shared.clock.now_ms()
    step = member_codes.step_at(now_ms)
    code = member_codes.assemble(member_id, step, member_seal.code_mac(held.key, member_id, step))
    return code, member_codes.rest_s(now_ms)


def of_code(shared: Shared, text: str) -> str | None:
    """Say whose code a till was shown, for a store that does not have the member's key; None for nobody's, or an old one."""
    shown = member_codes.find(text)
    if shown is None or not member_codes.in_time(shown.step, shared.clock.now_ms()):
        return None
    held = shared.keys.get(shown.member_id)
    return shown.member_id if held is not None and member_seal.holds_code(held.key, shown) else None


def _of_slip(shared: Shared, reader: Reader, text: str) -> str | None:
    token = member_doors.find(text)
    found = None if token is None else centre.slip(reader, member_doors.digest(token))
    if found is None or shared.clock.now_ms() > found[1]:
        return None
    row = members.member(reader, members.resolve(reader, found[0]))
    return None if row is None or row.left_ms is not None else row.member_id


def _door(shared: Shared, reader: Reader, member_id: str) -> str:
    opened = centre.opened_by(reader, member_id)
    said = f"centre|{member_id}|{opened}" if opened else f"centre|{member_id}"
    return member_id + member_seal.word_digest(shared.secrets.tokens, said)[:_DIGEST_CHARS]
