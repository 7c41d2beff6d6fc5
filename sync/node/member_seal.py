"""Who a member is, sealed under the member's own key, and found again by keyed digests (membership.md §6.1, §6.12).

To forget somebody is to destroy 32 bytes: every copy of the profile, in facts, streams and backups, says nothing from then on.
"""

import base64
import binascii
import hashlib
import hmac

from sync.contract import member_cards, member_codes
from sync.contract.facts import ContractError
from sync.contract.member_cards import Profile
from sync.contract.member_codes import Shown
from sync.node import boxes
from sync.node.ports import Chance

KEY_BYTES = 32
KEY_ID_CHARS = 16
_STEP = 64
"""Profiles are filled up to whole multiples of so many bytes, so that their length does not tell an allergy from none."""


def make_key(chance: Chance) -> bytes:
    """Make a member's key."""
    return chance.token(KEY_BYTES)


def key_id(key: bytes) -> str:
    """Name a key without saying anything about it."""
    return hashlib.sha256(b"zhanggui member key" + key).hexdigest()[:KEY_ID_CHARS]


def seal(profile: Profile, member_id: str, key: bytes, chance: Chance) -> str:
    """Seal a profile for its member (base 64); it opens under no other member's name."""
    plain = member_cards.encode_profile(profile)
    plain += b" " * (-len(plain) % _STEP)
    return base64.b64encode(boxes.shut(key, plain, _place(member_id, key_id(key)), chance)).decode("ascii")


def unseal(sealed: str, member_id: str, key: bytes) -> Profile:
    """Open a profile.

    Raises:
        ContractError: it does not open with this key for this member, or what it holds is no profile.
    """
    try:
        box = base64.b64decode(sealed, validate=True)
        plain = boxes.unlock(key, box, _place(member_id, key_id(key)))
    except (binascii.Error, boxes.BoxError):
        raise ContractError("a profile does not open with the key of its member") from None
    return member_cards.read_profile(plain)


def phone_digest(index_key: bytes, phone: str) -> str:
    """Give what a phone number (E.164) is found by: a keyed digest, of no use without the key."""
    return _digest(index_key, "phone", phone)


def token_digest(index_key: bytes, token: str) -> str:
    """Give what a card or tag is found by."""
    return _digest(index_key, "token", token)


def word_digest(index_key: bytes, word: str) -> str:
    """Give what any other word of a member is found by, such as the last four digits with the first letter of the name."""
    return _digest(index_key, "word", word)


def code_mac(key: bytes, member_id: str, step: int) -> bytes:
    """Give the mac of a member's code of one step (`sync.contract.member_codes`), under the member's own key."""
    said = f"zhanggui member code|{member_id}|{step}".encode()
    return hmac.digest(key, said, "sha256")[: member_codes.MAC_BYTES]


def holds_code(key: bytes, shown: Shown) -> bool:
    """Say whether a member's code was made with the member's key; whether it is still in time is another question."""
    return hmac.compare_digest(code_mac(key, shown.member_id, shown.step), shown.mac)


def store_index_key(hub_key: bytes, store: str) -> bytes:
    """Derive the key of a store's index from the hub's: a stolen node's index says nothing about another store's guests."""
    return hmac.digest(hub_key, f"zhanggui member index|{store}".encode(), "sha256")


def _digest(index_key: bytes, kind: str, text: str) -> str:
    return hmac.digest(index_key, f"{kind}|{text}".encode(), "sha256").hex()


def _place(member_id: str, name: str) -> bytes:
    return f"member|{member_id}|{name}".encode()
