"""What all signed codes on paper and phones are made of: a body and an Ed25519 signature, in base 32 without padding.

Base 32 in capitals is what a QR holds most of (alphanumeric mode), what any scanner types, and what a person can read out (DESIGN §13).
"""

import base64
import binascii
from typing import Final

SIGNATURE_BYTES: Final = 64


def assemble(body: bytes, signature: bytes) -> str:
    """Write a code.

    Raises:
        ValueError: the signature is not 64 bytes.
    """
    if len(signature) != SIGNATURE_BYTES:
        message = "an Ed25519 signature has 64 bytes"
        raise ValueError(message)
    return base64.b32encode(body + signature).decode("ascii").rstrip("=")


def last_part(text: str) -> str:
    """Give what may be a code in what was scanned or typed: the bare code, or the end of an address, in capitals."""
    return text.strip().upper().rsplit("/", 1)[-1]


def halves(code: str) -> tuple[bytes, bytes] | None:
    """Read body and signature; None where it is no base 32, or not the one way to write it: the last character has spare bits."""
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
    except binascii.Error:
        return None
    body, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    if len(signature) != SIGNATURE_BYTES or assemble(body, signature) != code:
        return None
    return body, signature
