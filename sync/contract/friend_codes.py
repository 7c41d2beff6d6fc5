"""A member's own invite: whoever joins with it was brought by that member (邀新有礼), and any store knows so without a network.

Layout (88 bytes, then RFC 4648 base 32 in upper case, 141 characters as a receipt's invite has):
`version 1 | kind 1 | first 4 of the signer's key id | member id 16 | issued day 2 | Ed25519 signature 64`.
The signature covers everything before it under the prefix `zhanggui-friend`. A store or HQ signs; four bytes narrow down whose
key it is, the signature says so. It counts `DAYS_VALID` days from the day it was issued, counted from 1970-01-01.

The member's id is a pseudonym: it opens nothing. What proves to be the member is another code (`sync.contract.member_codes`).
"""

import re
from typing import Final, NamedTuple

from sync.contract import codes, signed_text
from sync.contract.codes import Verdict

VERSION: Final = 1
KIND_FRIEND: Final = ord("F")
KEY_HINT_BYTES: Final = 4
CODE_CHARS: Final = 141
DAYS_VALID: Final = 366
_MEMBER_BYTES: Final = 16
_SHORT_BYTES: Final = 10
"""The last ones: the first of an id may be a time."""
_PREFIX: Final = b"zhanggui-friend"
_CODE: Final = re.compile(r"[A-Z2-7]{141}")


class FriendClaims(NamedTuple):
    """What a code states; true only if its signature is. `member_id` is 32 hex digits."""

    key_hint: bytes
    member_id: str
    issued_day: int

    @property
    def last_day(self) -> int:
        """The last day on which it counts."""
        return self.issued_day + DAYS_VALID


class SignedFriend(NamedTuple):
    """A code taken apart: the claims, the bytes that were signed, the signature."""

    claims: FriendClaims
    signed: bytes
    signature: bytes


def to_sign(claims: FriendClaims) -> bytes:
    """Give the bytes that the issuer signs."""
    return _PREFIX + _body(claims)


def assemble(claims: FriendClaims, signature: bytes) -> str:
    """Write the code: 141 characters of base 32.

    Raises:
        ValueError: the signature is not 64 bytes.
    """
    return signed_text.assemble(_body(claims), signature)


def find(text: str) -> str | None:
    """Find a friend's code in what was scanned or typed, bare or last in an address; a receipt's invite is none."""
    candidate = signed_text.last_part(text)
    return candidate if take_apart(candidate) is not None else None


def take_apart(code: str) -> SignedFriend | None:
    """Read a code; None when it is not of this form."""
    parts = signed_text.halves(code) if _CODE.fullmatch(code) else None
    if parts is None:
        return None
    body, signature = parts
    if body[:2] != bytes((VERSION, KIND_FRIEND)):
        return None
    claims = FriendClaims(body[2:6], body[6:22].hex(), int.from_bytes(body[22:24], "big"))
    return SignedFriend(claims, _PREFIX + body, signature)


def standing(claims: FriendClaims, *, today: int, revoked_day: int | None) -> Verdict:
    """Judge a code whose signature holds; node and hub judge alike. The days count from 1970-01-01.

    Args:
        revoked_day: when the signer's key was revoked; None while it counts.
    """
    if revoked_day is not None and claims.issued_day > revoked_day:
        return Verdict.REVOKED
    return Verdict.EXPIRED if today > claims.last_day else Verdict.VALID


def short_code(member_id: str) -> str:
    """Give the ten Crockford digits that stand below the QR."""
    return codes.short_code(bytes.fromhex(member_id)[-_SHORT_BYTES:])


def _body(claims: FriendClaims) -> bytes:
    return (
        bytes((VERSION, KIND_FRIEND))
        + claims.key_hint
        + bytes.fromhex(claims.member_id)
        + claims.issued_day.to_bytes(2, "big")
    )
