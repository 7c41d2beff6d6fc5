"""The slip that opens a member's own page at HQ: printed at the till for a guest whose identity the staff looked at.

A guest who gave a phone number gets no page by that number alone, since nobody has proven that it is theirs. The slip's QR leads to
`/D/<token>`: 16 bytes (26 characters of base 32) that only the paper and the phone ever have. The fact says the digest, so HQ knows
the token when it comes; it opens once, and until `until_ms`.
"""

import base64
import hashlib
import re
from typing import Annotated, Final

import msgspec

DOOR_GIVEN: Final = "member.door_given"
LIFE_MS: Final = 24 * 3_600_000
TOKEN_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Z2-7]{26}")


class MemberDoorGiven(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member was handed a slip that opens their own page; whoever is signed in looked at who they are."""

    member_id: str
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    until_ms: int
    approved_by: str = ""
    approval_id: str = ""


KINDS: dict[str, type[msgspec.Struct]] = {DOOR_GIVEN: MemberDoorGiven}


def token_of(secret: bytes) -> str:
    """Write 16 bytes as a token.

    Raises:
        ValueError: they are not 16.
    """
    if len(secret) != TOKEN_BYTES:
        message = "a slip's token has 16 bytes"
        raise ValueError(message)
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def find(text: str) -> str | None:
    """Find a token in the last part of an address, in any case; None where there is none."""
    candidate = text.strip().upper()
    return candidate if _TOKEN.fullmatch(candidate) else None


def digest(token: str) -> str:
    """Give what is told of a token: a digest, of no use to whoever reads it."""
    return hashlib.sha256(f"zhanggui-door|{token}".encode()).hexdigest()


def url(base_url: str, token: str) -> str:
    """Write the address that the slip's QR opens, in upper case for the QR's alphanumeric mode."""
    return f"{base_url.rstrip('/')}/D/{token}".upper()
