"""What a store's new node asks the hub for: its own facts of all earlier epochs, over HTTP (protocol §5.8).

A request is signed by the key that the hub enrolled for this very (store, epoch), over method, path, time and a nonce.
The answer is one or more sealed messages under the store's down key, each after its length as four bytes: for `lanes` one
`Handover`, for `facts` batches of facts as on the up lanes, but sealed by the hub.
"""

import struct

import msgspec

from sync.contract import limits
from sync.contract.facts import ContractError

SCHEME = "Zhanggui-Node"
"""Of the Authorization header: `Zhanggui-Node <time ms> <nonce hex> <signature hex>`."""
CLOCK_MS_MAX = 5 * 60_000
"""How far the two clocks may lie apart; within it a nonce counts once."""
NONCE_BYTES = 16
PIECE_PLAIN_BYTES = 3 * 1024 * 1024
"""About what one answer holds before it is packed, so that memory stays flat on both sides."""
LATE_BATCHES = 8
"""Batches in one request to the hub: half a megabyte, which its web server takes."""
PIECE_BYTES_MAX = 8 * 1024 * 1024
"""More than this is no answer of ours, and is not read."""

_LENGTH = struct.Struct(">I")


class HeldLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane of an earlier epoch as the hub holds it: everything up to `seq`, and the chain there."""

    epoch: int
    lane: int
    seq: int
    chain: bytes


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to bring back, signed by the hub. `nonce` is the request's."""

    nonce: bytes
    lanes: tuple[HeldLane, ...]
    hub_ms: int

    @property
    def facts(self) -> int:
        """How many facts that is."""
        return sum(lane.seq for lane in self.lanes)


class PageOfFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a request for facts names: an earlier epoch, a lane, and the seq that the node has already."""

    epoch: int
    lane: int
    after: int


def lanes_path(store: str, epoch: int) -> str:
    """Give the path that answers with a `Handover`."""
    return f"/api/v1/handover/{store}/{epoch}/lanes"


def facts_path(store: str, epoch: int, page: PageOfFacts) -> str:
    """Give the path of the facts of an earlier epoch behind a seq."""
    return f"/api/v1/handover/{store}/{epoch}/facts?of={page.epoch}&lane={page.lane}&after={page.after}"


def late_path(store: str, epoch: int, page: PageOfFacts) -> str:
    """Give the path that takes facts of an earlier epoch which the hub lacks: they lie only in the file that was restored."""
    return f"/api/v1/handover/{store}/{epoch}/late?of={page.epoch}&lane={page.lane}&after={page.after}"


def to_sign(method: str, path: str, at_ms: int, nonce: bytes) -> bytes:
    """Give what a request's signature covers."""
    return f"rs1 handover|{method}|{path}|{at_ms}|{nonce.hex()}".encode()


def header(at_ms: int, nonce: bytes, signature: bytes) -> str:
    """Write the Authorization header."""
    return f"{SCHEME} {at_ms} {nonce.hex()} {signature.hex()}"


def read_header(text: str) -> tuple[int, bytes, bytes] | None:
    """Read the Authorization header: time in ms, nonce, signature; None for anything else."""
    parts = text.split(" ")
    if len(parts) != 4 or parts[0] != SCHEME or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 16:  # noqa: PLR2004 - the four words of the form above; 16 digits hold every time in ms
        return None
    try:
        nonce, signature = bytes.fromhex(parts[2]), bytes.fromhex(parts[3])
    except ValueError:
        return None
    return (int(parts[1]), nonce, signature) if len(nonce) == NONCE_BYTES else None


def join(sealed: list[bytes]) -> bytes:
    """Join sealed messages, each after its length."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in sealed)


def part(body: bytes) -> list[bytes]:
    """Part sealed messages again.

    Raises:
        ContractError: the lengths do not fit.
    """
    found: list[bytes] = []
    at = 0
    while at < len(body):
        if at + _LENGTH.size > len(body):
            raise ContractError("truncated")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if not 0 < length <= limits.WIRE_BYTES_MAX or at + length > len(body):
            raise ContractError("truncated")
        found.append(body[at : at + length])
        at += length
    return found
