"""Small secrets at rest: AES-256-GCM with a random nonce, bound to the place where they are kept."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.node.ports import Chance

NONCE_BYTES = 12


class BoxError(ValueError):
    """The box was made with another key, for another place, or is damaged."""


def shut(key: bytes, plain: bytes, place: bytes, chance: Chance) -> bytes:
    """Encrypt a secret.

    Args:
        key: 32 bytes.
        plain: the secret.
        place: where it is kept, as table, column and row; it opens nowhere else.
        chance: gives the nonce; random ones are enough for 2^32 boxes of one key.

    Returns:
        The nonce, then the sealed secret.
    """
    nonce = chance.token(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, place)


def unlock(key: bytes, box: bytes, place: bytes) -> bytes:
    """Decrypt a secret.

    Raises:
        BoxError: it does not open with this key at this place.
    """
    try:
        return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):
        raise BoxError("a secret at rest does not open: it was moved, damaged, or made with another key file") from None
