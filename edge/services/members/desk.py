"""The keys of members as the node holds them, and the keys of its index; none of them is in a table, a fact or a log."""

import threading
from typing import TYPE_CHECKING, Final

from sync.node import member_keys
from sync.node.member_keys import MemberKeys

if TYPE_CHECKING:
    from edge.services.node import Node

HUB_PHONE: Final = "index.phone"
HUB_TOKEN: Final = "index.token"  # noqa: S105 - the name of a secret
OWN_PHONE: Final = "index.own"
DIGESTS: Final = "digests"
_MAKING = threading.Lock()


class MemberDesk:
    """Holds the file of keys, opened by the wiring; without one they are kept in memory, as in a simulation."""

    def __init__(self, keys: MemberKeys | None = None) -> None:
        self._keys = keys
        self._lock = threading.Lock()

    def keys(self, node: "Node") -> MemberKeys:
        """Give the file of keys."""
        with self._lock:
            if self._keys is None:
                self._keys = MemberKeys(None, member_keys.wrapping_of(node.identity.journal), node.chance)
            return self._keys

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._keys is not None:
                self._keys.close()
                self._keys = None


def keys_of(node: "Node") -> MemberKeys:
    """Give the keys of members."""
    return node.members.keys(node)


def phone_key(node: "Node") -> bytes:
    """Give the key of the index of phones and names: the hub's for this store, until then one of our own.

    The index is made anew when the hub's comes: no digest of it is in a fact.
    """
    return keys_of(node).secret(HUB_PHONE) or _own(node, OWN_PHONE)


def token_key(node: "Node") -> bytes | None:
    """Give the key of the digests of cards: of all stores, and in facts; None before the hub gave it."""
    return keys_of(node).secret(HUB_TOKEN)


def digest_key(node: "Node") -> bytes:
    """Give the key under which the node remembers what was asked with a phone number in it."""
    return _own(node, DIGESTS)


def _own(node: "Node", name: str) -> bytes:
    """Find a secret of our own, or make it."""
    keys = keys_of(node)
    with _MAKING:
        found = keys.secret(name)
        if found is None:
            found = node.chance.token(32)
            keys.put_secret(name, found)
        return found
