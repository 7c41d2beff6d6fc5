"""The code on a table: which table it is, signed by the store's node, so that a guest's phone may ask for dishes there (pure).

Layout, then RFC 4648 base 32 in upper case, which QR holds in alphanumeric mode:
`version 1 | kind 1 | key id 8 | number of the table's code 2 | id of the table 1–32 | Ed25519 signature 64`.
The signature covers everything before it under the prefix `zhanggui-table`. A code has no last day: it holds until the table's is
renewed, which gives it the next number.
"""

import re
from typing import Final, NamedTuple

from sync.contract import signed_text

VERSION: Final = 1
KIND_TABLE: Final = ord("T")
KEY_ID_BYTES: Final = 8
TABLE_BYTES_MAX: Final = 32
NUMBER_MAX: Final = 0xFFFF
_HEAD_BYTES: Final = 12
_PREFIX: Final = b"zhanggui-table"
_CODE: Final = re.compile(r"[A-Z2-7]{124,176}")
_TABLE: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class TableClaims(NamedTuple):
    """What a code states; true only if its signature is."""

    key_id: bytes
    number: int
    table_id: str


class SignedTable(NamedTuple):
    """A code taken apart: the claims, the bytes that were signed, the signature."""

    claims: TableClaims
    signed: bytes
    signature: bytes


def to_sign(claims: TableClaims) -> bytes:
    """Give the bytes that the node signs."""
    return _PREFIX + _body(claims)


def assemble(claims: TableClaims, signature: bytes) -> str:
    """Write the code.

    Raises:
        ValueError: the signature is not 64 bytes.
    """
    return signed_text.assemble(_body(claims), signature)


def take_apart(code: str) -> SignedTable | None:
    """Read a code; None when it is not of our form (which is as forged as a wrong signature)."""
    parts = signed_text.halves(code) if _CODE.fullmatch(code) else None
    if parts is None:
        return None
    body, signature = parts
    table = body[_HEAD_BYTES:]
    if body[:2] != bytes((VERSION, KIND_TABLE)):
        return None
    if _TABLE.fullmatch(table) is None:
        return None
    claims = TableClaims(
        key_id=body[2:10], number=int.from_bytes(body[10:_HEAD_BYTES], "big"), table_id=table.decode("ascii")
    )
    return SignedTable(claims, _PREFIX + body, signature)


def url(base_url: str, code: str) -> str:
    """Write the address that a guest's phone opens, in upper case for the QR's alphanumeric mode."""
    return f"{base_url.rstrip('/')}/T/{code}".upper()


def _body(claims: TableClaims) -> bytes:
    return (
        bytes((VERSION, KIND_TABLE))
        + claims.key_id
        + claims.number.to_bytes(2, "big")
        + claims.table_id.encode("ascii")
    )
