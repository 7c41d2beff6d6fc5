"""Notes which phone a member joined with, so that nobody brings themselves (membership.md §6.8).

The marker is a random word in a cookie of our own page; what is kept of it is a digest under a key of the hub, for `Policy.device_ms`
and in no backup. It decides nothing: a friend on the same phone is looked at by a person, since families share one.
"""

import re

from cloud.db import devices, members
from cloud.db import referrals as table
from cloud.db.engine import Reader, Tx
from cloud.services.members import referral
from cloud.services.members.shared import Shared
from sync.node import member_seal

SAME_DEVICE = "same_device"
_MARKER = re.compile(r"[0-9a-f]{32}")


def note(tx: Tx, shared: Shared, marker: str, member_id: str) -> None:
    """Keep that a member was on the phone with a marker, and flag the friends whom it has in common with who brought them.

    The caller holds the book. A marker that is none is nothing.
    """
    if _MARKER.fullmatch(marker) is None:
        return
    digest = _digest(shared, marker)
    devices.note(tx, digest, member_id, shared.clock.now_ms())
    here = {members.resolve(tx, one) for one in devices.on_device(tx, digest)}
    for friend in sorted({member_id, *devices.on_device(tx, digest)}):
        row = table.referral_of(tx, friend)
        if row is not None and members.resolve(tx, row.referrer) in here:
            referral.flag(tx, friend, SAME_DEVICE)


def is_noted(reader: Reader, shared: Shared, marker: str, member_id: str) -> bool:
    """Say whether that is kept already (or never will be), so that looking at a page writes nothing."""
    return _MARKER.fullmatch(marker) is None or _digest(shared, marker) in devices.devices_of(reader, [member_id])


def _digest(shared: Shared, marker: str) -> str:
    return member_seal.word_digest(shared.secrets.gifts, f"device|{marker}")
