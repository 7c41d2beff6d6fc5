"""The door to a member's own page: an address that nobody can guess, for members who are known by nothing else.

It is a keyed digest of the member's id, so nothing is kept of it, and it ends with the member. Whoever has joined with a phone number is
given none here: nobody has proven yet that the number is theirs, and who sees such a page may leave in another's name.
"""

import hmac
import re

from cloud.services.members.shared import NoMember, Shared, standing
from sync.node import member_seal

_DOOR = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})")
_DIGEST_CHARS = 32


def door(shared: Shared, member_id: str) -> str:
    """Give the last part of the address of a member's own page."""
    return member_id + _digest(shared, member_id)


def behind(shared: Shared, text: str) -> str:
    """Give the member behind a door.

    Raises:
        NoMember: it is no door of ours, or its member left or is somebody else's part by now.
    """
    found = _DOOR.fullmatch(text.lower())
    if found is None or not hmac.compare_digest(found[2], _digest(shared, found[1])):
        raise NoMember("there is no member behind this address")
    with shared.database.read() as reader:
        who = standing(reader, found[1]).member_id
    if who != found[1]:
        # A merge may have brought somebody's phone number along, which this address never proved.
        raise NoMember("this member is another's part now")
    return who


def _digest(shared: Shared, member_id: str) -> str:
    return member_seal.word_digest(shared.secrets.tokens, f"centre|{member_id}")[:_DIGEST_CHARS]
