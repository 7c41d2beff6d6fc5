"""The code on a member's phone that changes every half minute: it shows at the till that the phone is the member's.

Layout (30 bytes, then RFC 4648 base 32 in upper case: 48 characters, nothing left over):
`version 1 | kind 1 | member id 16 | step 4 | mac 8`. The step counts `STEP_S` seconds from 1970; the mac is an HMAC-SHA256 under
the member's own key (`sync.node.member_seal.code_mac`), so whoever has that key checks it: HQ, and without a network every store
that knows the member.

A picture of it is worth as long as it counts: `BEHIND` steps behind and `AHEAD` before what the store's clock says, two minutes
with the one in hand. It proves who somebody is, and pays for nothing by itself.
"""

import base64
import binascii
import re
from typing import Final, NamedTuple

VERSION: Final = 1
KIND_MEMBER: Final = ord("M")
STEP_S: Final = 30
BEHIND: Final = 2
AHEAD: Final = 1
CODE_CHARS: Final = 48
MAC_BYTES: Final = 8
_CODE: Final = re.compile(r"[A-Z2-7]{48}")


class Shown(NamedTuple):
    """A code taken apart; true only if its mac is."""

    member_id: str
    step: int
    mac: bytes


def step_at(at_ms: int) -> int:
    """Say which step a wall time lies in."""
    return at_ms // (STEP_S * 1_000)


def rest_s(at_ms: int) -> int:
    """Say for how many seconds the step of a wall time still lasts, one at least."""
    return STEP_S - at_ms // 1_000 % STEP_S


def assemble(member_id: str, step: int, mac: bytes) -> str:
    """Write the code: 48 characters of base 32.

    Raises:
        ValueError: the mac is not 8 bytes.
    """
    if len(mac) != MAC_BYTES:
        message = "the mac of a member's code has 8 bytes"
        raise ValueError(message)
    head = bytes((VERSION, KIND_MEMBER)) + bytes.fromhex(member_id) + step.to_bytes(4, "big")
    return base64.b32encode(head + mac).decode("ascii")


def find(text: str) -> Shown | None:
    """Read a member's code out of what was scanned, bare or last in an address; None where there is none."""
    candidate = text.strip().upper().rsplit("/", 1)[-1]
    if _CODE.fullmatch(candidate) is None:
        return None
    try:
        raw = base64.b32decode(candidate)
    except binascii.Error:
        return None
    if raw[:2] != bytes((VERSION, KIND_MEMBER)):
        return None
    return Shown(raw[2:18].hex(), int.from_bytes(raw[18:22], "big"), raw[22:])


def in_time(step: int, now_ms: int) -> bool:
    """Say whether a step still counts, or counts already, by a clock."""
    now = step_at(now_ms)
    return now - BEHIND <= step <= now + AHEAD
