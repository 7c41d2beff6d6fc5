"""Signed codes on paper: an invite says who issued it and until when, and any store verifies it without a network.

Layout (88 bytes, then Crockford-free RFC 4648 base 32 in upper case, which QR holds in alphanumeric mode):
`version 1 | kind 1 | key id 8 | invite id 10 | issued day 2 | days valid 2 | Ed25519 signature 64`.
The signature covers everything before it under the prefix `zhanggui-code`. Days count from 1970-01-01.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from sync.contract import ids, signed_text

VERSION = 1
KIND_INVITE = ord("I")
KEY_ID_BYTES = 8
INVITE_ID_BYTES = 10
CODE_CHARS = 141
SHORT_DIGITS = 10
_CODE = re.compile(r"[A-Z2-7]{141}")


class Verdict(StrEnum):
    """What a scanned text is worth as an invite."""

    VALID = "valid"
    EXPIRED = "expired"
    FORGED = "forged"
    UNKNOWN_STORE = "unknown_store"
    REVOKED = "revoked"


class InviteClaims(NamedTuple):
    """What an invite code states; true only if its signature is."""

    key_id: bytes
    invite_id: bytes
    issued_day: int
    days_valid: int

    @property
    def last_day(self) -> int:
        """The last day (counted from 1970-01-01) on which the invite may be used."""
        return self.issued_day + self.days_valid


class SignedInvite(NamedTuple):
    """A code taken apart: the claims, the bytes that were signed, the signature."""

    claims: InviteClaims
    signed: bytes
    signature: bytes


def to_sign(claims: InviteClaims) -> bytes:
    """Give the bytes that the issuing store signs."""
    return b"zhanggui-code" + _body(claims)


def assemble(claims: InviteClaims, signature: bytes) -> str:
    """Write the code: 141 characters of base 32.

    Raises:
        ValueError: the signature is not 64 bytes.
    """
    return signed_text.assemble(_body(claims), signature)


def find(text: str) -> str | None:
    """Find an invite code in what was scanned or typed: the bare code, or a URL that ends in it."""
    candidate = signed_text.last_part(text)
    return candidate if _CODE.fullmatch(candidate) else None


def take_apart(code: str) -> SignedInvite | None:
    """Read a code; None when it is not of our form (which is as forged as a wrong signature)."""
    parts = signed_text.halves(code) if _CODE.fullmatch(code) else None
    if parts is None:
        return None
    body, signature = parts
    if body[0] != VERSION or body[1] != KIND_INVITE:
        return None
    claims = InviteClaims(
        key_id=body[2:10],
        invite_id=body[10:20],
        issued_day=int.from_bytes(body[20:22], "big"),
        days_valid=int.from_bytes(body[22:24], "big"),
    )
    return SignedInvite(claims, b"zhanggui-code" + body, signature)


def standing(claims: InviteClaims, *, today: int, revoked_day: int | None) -> Verdict:
    """Judge an invite whose signature holds; node and hub judge alike.

    A key that was revoked still vouches for what it signed up to that day: those receipts are in guests' hands.

    Args:
        today: the business day, counted from 1970-01-01.
        revoked_day: the day the signer's key was revoked, counted alike; None while it counts.
    """
    if revoked_day is not None and claims.issued_day > revoked_day:
        return Verdict.REVOKED
    return Verdict.EXPIRED if today > claims.last_day else Verdict.VALID


def short_code(invite_id: bytes) -> str:
    """Give the ten Crockford digits printed below the QR: the first 50 bits of the invite id, in two groups."""
    return ids.grouped(ids.crockford_encode(int.from_bytes(invite_id, "big") >> 30, SHORT_DIGITS))


def url(base_url: str, code: str) -> str:
    """Write the address that a guest's phone opens, in upper case for the QR's alphanumeric mode."""
    return f"{base_url.rstrip('/')}/J/{code}".upper()


def _body(claims: InviteClaims) -> bytes:
    return (
        bytes((VERSION, KIND_INVITE))
        + claims.key_id
        + claims.invite_id
        + claims.issued_day.to_bytes(2, "big")
        + claims.days_valid.to_bytes(2, "big")
    )
