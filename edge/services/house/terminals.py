"""Browsers of the house as terminals: a manager offers a code, the browser that types it becomes one, until it is revoked.

What a terminal shows is a token in a cookie; only its hash is kept, in no fact. Whoever carries a revoked device off the premises
can do nothing with it, and neither can who copied the node's file. A node that was replaced has new keys: its terminals are listed
and are paired anew.
"""

import contextlib
import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from edge.db import terminals as kept
from edge.db.staff import Session
from edge.db.terminals import Terminal
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.house.lan import Lan
from edge.services.house.pairing import Offer
from edge.services.node import Node
from edge.services.people import permit
from sync.contract import ids
from sync.contract.terminals import TERMINAL_PAIRED, TERMINAL_REVOKED, TerminalPaired, TerminalRevoked
from sync.contract.words import has_control
from sync.node.database import DatabaseError

NAME_CHARS_MAX: Final = 20
TERMINALS_MAX: Final = 64
SEEN_EVERY_MS: Final = 600_000
"""How often the file is told that a terminal is there."""
_Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]


class OfferCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A browser is to become a terminal: what people will call it, and the till that it sells at."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    till: Annotated[str, msgspec.Meta(max_length=8)]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A code to type at the browser within `seconds`, and where it is typed."""

    code: str
    name: str
    till: str
    seconds: int
    addresses: tuple[str, ...]


class PairCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a browser typed."""

    request_id: _Id
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return "PairCommand(…)"


class RevokeCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A terminal is to be none any more."""

    request_id: _Id


class TerminalView(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal; `known` is false where it must be paired anew, `seen_ms` is 0 where it was not seen."""

    terminal_id: str
    name: str
    till: str
    paired_ms: int
    seen_ms: int
    known: bool


class TerminalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The terminals of the house; `addresses` are where other machines reach the node, `waiting` counts unused codes."""

    terminals: tuple[TerminalView, ...]
    addresses: tuple[str, ...]
    waiting: int


class TerminalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a terminal is."""

    terminal_id: str
    name: str
    till: str


class _Named(msgspec.Struct, frozen=True):
    terminal_id: str


@dataclass(frozen=True)
class PairedNow:
    """A browser that became a terminal; the token is told to it alone."""

    token: str
    done: Done


def listed(node: Node, lan: Lan) -> TerminalsAnswer:
    """List the terminals of the house."""
    with node.db.read() as reader:
        found = kept.listed(reader)
    views = tuple(
        TerminalView(
            terminal_id=one.terminal_id,
            name=one.name,
            till=one.till,
            paired_ms=one.at_ms,
            seen_ms=one.seen_ms,
            known=one.known,
        )
        for one in found
    )
    return TerminalsAnswer(
        terminals=views, addresses=lan.addresses(), waiting=lan.pairings.waiting(node.clock.monotonic_ms())
    )


def offer(node: Node, lan: Lan, who: Session, asked: OfferCommand) -> Offered | Refused:
    """Make a code for a browser; it is told here and nowhere else.

    Returns:
        The code, or `not_allowed`, `bad_name`, `unknown_till`, `lan_closed`, `too_many_terminals`, `too_many_codes`.
    """
    if not permit.may(who, Action.PAIR_TERMINAL):
        return Refused("not_allowed", {"action": Action.PAIR_TERMINAL.value})
    refusal = deeds.standing(node) or _mistake(node, lan, asked)
    if refusal is not None:
        return refusal
    now_ms = node.clock.monotonic_ms()
    made = lan.pairings.offer(node.chance, asked.name.strip(), asked.till, who.cashier_id, now_ms)
    if isinstance(made, Refused):
        return made
    return Offered(
        code=ids.grouped(made.code, 4),
        name=made.name,
        till=made.till,
        seconds=(made.until_ms - now_ms) // 1000,
        addresses=lan.addresses(),
    )


def pair(node: Node, lan: Lan, asked: PairCommand) -> PairedNow | Refused:
    """Make a terminal of the browser that shows a code.

    The same request may come again while the code lives, and gets the same token: its answer may have been lost.

    Returns:
        The token for its cookie, or `pairing_code_wrong`.
    """
    if not ids.is_uuid7_hex(asked.request_id):
        return Refused("malformed", {"field": "request_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    taken = lan.pairings.take(asked.code, asked.request_id, node.clock.monotonic_ms())
    if isinstance(taken, Refused):
        return taken
    token = _token(node, asked.request_id, taken)

    def work(deed: Deed) -> msgspec.Struct | Refused:
        one = TerminalPaired(terminal_id=asked.request_id, name=taken.name, till=taken.till)
        deed.write(TERMINAL_PAIRED, one, actor=taken.by)
        kept.set_token(deed.tx, one.terminal_id, _hashed(token), deed.place.at_ms)
        return TerminalAnswer(terminal_id=one.terminal_id, name=one.name, till=one.till)

    done = deeds.transact(node, None, asked.request_id, _Named(asked.request_id), work)
    if isinstance(done, Refused):
        lan.pairings.give_back(taken)
        return done
    return PairedNow(token, done)


def revoke(node: Node, who: Session, terminal_id: str, asked: RevokeCommand) -> Done | Refused:
    """Let a browser be a terminal no more, at once. The answer is `TerminalAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit.permit(deed, Action.PAIR_TERMINAL, terminal_id)
        if isinstance(permitted, Refused):
            return permitted
        found = kept.by_id(deed.tx, terminal_id)
        if found is None:
            return Refused("not_found")
        if not found.revoked:
            deed.write(TERMINAL_REVOKED, TerminalRevoked(terminal_id=terminal_id))
        kept.drop_token(deed.tx, terminal_id)
        return TerminalAnswer(terminal_id=terminal_id, name=found.name, till=found.till)

    return deeds.transact(node, who, asked.request_id, _Named(terminal_id), work)


def terminal_of(node: Node, token: str | None) -> Terminal | None:
    """Find the terminal that shows a token, and note now and then that it is there."""
    if not token:
        return None
    with node.db.read() as reader:
        found = kept.by_token(reader, _hashed(token))
    if found is None:
        return None
    now_ms = node.clock.now_ms()
    if not 0 <= now_ms - found.seen_ms < SEEN_EVERY_MS:
        # A disk that refuses must not shut the terminal out: only when it was seen is not known then.
        with contextlib.suppress(DatabaseError):
            node.db.write(lambda tx: kept.touch(tx, found.terminal_id, now_ms))
    return found


def _mistake(node: Node, lan: Lan, asked: OfferCommand) -> Refused | None:
    name = asked.name.strip()
    if not name or len(name) > NAME_CHARS_MAX or has_control(name):
        return Refused("bad_name")
    if asked.till not in node.settings.store.tills:
        return Refused("unknown_till", {"tills": list(node.settings.store.tills)})
    if not lan.addresses():
        return Refused("lan_closed")
    with node.db.read() as reader:
        if len(kept.listed(reader)) >= TERMINALS_MAX:
            return Refused("too_many_terminals", {"terminals_max": TERMINALS_MAX})
    return None


def _token(node: Node, request_id: str, taken: Offer) -> str:
    """Derive what the terminal shows: the same for the same request, and made by nobody without the node's key file."""
    key = node.identity.seal_of(b"zhanggui terminal")
    return hmac.digest(key, f"{request_id} {taken.code}".encode(), "sha256").hex()


def _hashed(token: str) -> bytes:
    # A cookie is whatever somebody sent, bytes that are no text included.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
