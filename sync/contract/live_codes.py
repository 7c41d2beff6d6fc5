"""Live codes (活码): one kind of signed code on paper for a table, a till, the shop's door, a badge, a queue ticket.

The code says which it is and at what kind of place it stands; where it leads is HQ's to change without printing it again, and
reaches each store by its own stream `live_codes.<store>`, so that the node's listener in the shop's network answers without HQ.

Layout (85 bytes, then RFC 4648 base 32 in upper case, which QR holds in alphanumeric mode):
`version 1 | kind 1 | key id of HQ 8 | code id 10 | place 1 | Ed25519 signature 64`.
The signature covers everything before it under the prefix `zhanggui-live`. A code has no last day: it holds until HQ stops it.
"""

import re
from typing import Annotated, Final, Literal, NamedTuple, get_args

import msgspec

from sync.contract import codes, signed_text
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.words import Name, has_control

VERSION: Final = 1
KIND_LIVE: Final = ord("L")
CODE_ID_BYTES: Final = 10
CODE_CHARS: Final = 136
CODES_MAX: Final = 2_000
"""Of one store, stopped ones among them."""
LABEL_CHARS_MAX: Final = 40
AT_CHARS_MAX: Final = 32
TITLE_CHARS_MAX: Final = 60
BODY_CHARS_MAX: Final = 600
SCANS_MAX: Final = 1_000_000

CodePlace = Literal["table", "till", "door", "staff", "queue"]
PLACES: Final[tuple[CodePlace, ...]] = get_args(CodePlace)
"""Where a code stands; each is a place of `sync.contract.members.Place`. The order is that of the byte in the code: only append."""

TargetKind = Literal["join", "menu", "text", "off"]
TARGETS: Final[tuple[TargetKind, ...]] = get_args(TargetKind)

SCANNED: Final = "live_code.scanned"
_PREFIX: Final = b"zhanggui-live"
_CODE: Final = re.compile(r"[A-Z2-7]{136}")
_CODE_ID: Final = re.compile(r"[0-9a-f]{20}")


class LiveClaims(NamedTuple):
    """What a code states; true only if its signature is."""

    key_id: bytes
    code_id: bytes
    place: CodePlace


class SignedLive(NamedTuple):
    """A code taken apart: the claims, the bytes that were signed, the signature."""

    claims: LiveClaims
    signed: bytes
    signature: bytes


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a code leads: the form to join, what there is to eat, a text of HQ's, or nowhere for now."""

    kind: TargetKind = "join"
    title: Name = Name("", "")
    body: Name = Name("", "")


class LiveCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code as HQ keeps it and its store has it.

    Attributes:
        code_id: 20 hex digits.
        at: which table, till, badge; what the store calls it. Empty for the shop's door and the queue.
        label: what stands on the paper.
        code: the signed code.
        stopped: it holds no more, for good.
    """

    code_id: str
    store: str
    place: CodePlace
    label: Name
    code: str
    at: str = ""
    target: Target = Target()
    stopped: bool = False


class LiveCodeScanned(msgspec.Struct, frozen=True, kw_only=True):
    """A code was opened on a phone in the shop's network, so many times since this was told last (lane 1)."""

    code_id: str
    place: CodePlace
    scans: Annotated[int, msgspec.Meta(ge=1, le=SCANS_MAX)]


OPERATION_KINDS: dict[str, type[msgspec.Struct]] = {SCANNED: LiveCodeScanned}


def is_code_id(text: str) -> bool:
    """Say whether a text can name a code."""
    return _CODE_ID.fullmatch(text) is not None


def to_sign(claims: LiveClaims) -> bytes:
    """Give the bytes that HQ signs."""
    return _PREFIX + _body(claims)


def assemble(claims: LiveClaims, signature: bytes) -> str:
    """Write the code: 136 characters of base 32.

    Raises:
        ValueError: the signature is not 64 bytes.
    """
    return signed_text.assemble(_body(claims), signature)


def find(text: str) -> str | None:
    """Find a live code in what was scanned or typed: the bare code, or an address that ends in it."""
    candidate = signed_text.last_part(text)
    return candidate if _CODE.fullmatch(candidate) else None


def take_apart(code: str) -> SignedLive | None:
    """Read a code; None when it is not of our form (which is as forged as a wrong signature)."""
    parts = signed_text.halves(code) if _CODE.fullmatch(code) else None
    if parts is None:
        return None
    body, signature = parts
    if body[:2] != bytes((VERSION, KIND_LIVE)) or body[-1] >= len(PLACES):
        return None
    return SignedLive(LiveClaims(body[2:10], body[10:20], PLACES[body[-1]]), _PREFIX + body, signature)


def url(base_url: str, code: str) -> str:
    """Write the address that a guest's phone opens, in upper case for the QR's alphanumeric mode."""
    return f"{base_url.rstrip('/')}/C/{code}".upper()


def short(code_id: str) -> str:
    """Give the ten Crockford digits that stand below the QR."""
    return codes.short_code(bytes.fromhex(code_id))


def read(raw: bytes) -> LiveCode:
    """Read a code out of its stream.

    Raises:
        ContractError: the bytes are no live code.
    """
    try:
        return _DECODER.decode(raw)
    except UNREADABLE as error:
        raise ContractError(f"not a live code: {error}") from error


def mistakes(target: Target) -> list[str]:
    """Name what is not sound in a target: `title` or `body`; empty where it is."""
    found = []
    if target.kind == "text" and not (target.title.zh and target.title.en):
        found.append("title")
    for name, said, most in (("title", target.title, TITLE_CHARS_MAX), ("body", target.body, BODY_CHARS_MAX)):
        for text in (said.zh, said.en):
            # A text may have lines, a title is one.
            plain = text.replace("\n", "") if name == "body" else text
            if len(text) > most or has_control(plain):
                found.append(name)
    return list(dict.fromkeys(found))


def is_label(text: str, most: int = LABEL_CHARS_MAX) -> bool:
    """Say whether a text may stand on paper as a label."""
    return 0 < len(text) <= most and text == text.strip() and not has_control(text)


def _body(claims: LiveClaims) -> bytes:
    return bytes((VERSION, KIND_LIVE)) + claims.key_id + claims.code_id + bytes((PLACES.index(claims.place),))


_DECODER = msgspec.json.Decoder(LiveCode)
