"""What was scanned or swiped at a till: judged by what its screen takes now, and told to that screen.

A payment code is a bearer secret (drivers.md §5.7): the screen gets its ends and a handle. The code itself lies in memory for a
minute and is given out once. No code that the screen did not ask for is kept or passed on at all.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from edge.db import sales
from edge.domain.bearer import Bearer, BearerShelf
from edge.domain.pricing import Catalogue
from edge.domain.scanned import TEXT_CHARS_MAX, Kind, NotWanted, Routed, StoreCodes, masked, route
from edge.services.devices.till_inbox import TillInbox
from edge.services.node import Node
from edge.services.people import sign_in
from sync.contract.ids import is_uuid7_hex

HANDLE_BYTES: Final = 16
BADGE_MS: Final = 10_000
"""For so long a badge that was shown at a till where nobody is signed in waits for the screen to ask for it."""
_ON_CARDS: Final = frozenset({Kind.MEMBER, Kind.COUPON, Kind.STAFF})
"""What a card can say. Digits that would be a payment code or a dish on paper are an id on a card."""
Source = Literal["scanner", "keys", "card"]

log = logging.getLogger(__name__)


class AcceptsCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a till's screen takes now."""

    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=len(Kind))]
    screen: Annotated[str, msgspec.Meta(pattern="^[a-z_]{1,16}$", max_length=16)]
    page: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Which page says so: of several pages at one till the one that spoke last gets what is scanned."""


class ScanCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a scanner typed into the page."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS_MAX)]

    def __repr__(self) -> str:
        """Show nothing: it may be a payment code."""
        return "ScanCommand(…)"


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a scan.

    Attributes:
        kind: what it is: payment, invite, member, coupon, staff, receipt, dish, weighed, url, card, unknown.
        accepted: whether the screen takes it.
        reason: why not: `not_wanted`, `no_such_dish`, `no_such_receipt`, `bank_card`, `card_unread`; empty when it does.
        value: what the screen works with: the id of a dish or a sale, an invite's code; never a payment code.
        masked: what may be shown of the code.
        handle: for a payment code that is taken: gives it out once, within a minute.
        screen, page: which screen and page it was judged for.
    """

    kind: str
    accepted: bool
    reason: str = ""
    value: str = ""
    masked: str = ""
    handle: str = ""
    source: Source = "scanner"
    screen: str = ""
    page: str = ""


@dataclass(frozen=True)
class _Screen:
    kinds: frozenset[Kind]
    name: str
    page: str
    alive: Callable[[], bool]


_NOBODY: Final = _Screen(frozenset(), "", "", lambda: True)


class Scanning:
    """The scanners and card readers of all tills, as their screens see them. Thread-safe."""

    def __init__(self, node: Node, inbox: TillInbox) -> None:
        self._node = node
        self._inbox = inbox
        self._lock = threading.Lock()
        self._screens: dict[str, _Screen] = {}
        self._codes: tuple[Catalogue | None, StoreCodes] = (None, StoreCodes())
        # A handle goes to the browser, so nobody may guess one.
        self._shelf = BearerShelf(handles=lambda: node.chance.token(HANDLE_BYTES).hex())
        self._badges = BearerShelf(BADGE_MS, handles=lambda: node.chance.token(HANDLE_BYTES).hex())
        self._badge_at: dict[str, str] = {}

    def accept(self, till: str, wanted: AcceptsCommand, alive: Callable[[], bool]) -> None:
        """Take scans for a screen from now on.

        Args:
            alive: whether the session that says so still lasts; what comes later is for nobody.
        """
        with self._lock:
            self._screens[till] = _Screen(frozenset(wanted.kinds), wanted.screen, wanted.page, alive)

    def scanned(self, till: str, text: str) -> None:
        """Take what a till's scanner read, and tell the screen."""
        self._tell(till, self._judged(till, text, "scanner"))

    def typed(self, till: str, text: str) -> Scanned:
        """Judge what a scanner typed into the page, for the answer to that page."""
        return self._judged(till, text, "keys")

    def card(self, till: str, what: str, text: str) -> None:
        """Take what a till's card reader saw, and tell the screen.

        Args:
            what: `card` or `tap` with an id, `bank` or `unread` without.
            text: the id; a number of a chip says who somebody claims to be, and no more.
        """
        if what == "bank":
            self._tell(till, self._refused(till, Kind.CARD, "bank_card", "card"))
        elif what == "unread":
            self._tell(till, self._refused(till, Kind.UNKNOWN, "card_unread", "card"))
        else:
            self._tell(till, self._judged(till, text, "card"))

    def take_payment(self, handle: str) -> Bearer | None:
        """Give a payment code, once, to whoever charges it; None when it was taken, is too old or never was."""
        return self._shelf.take(handle, self._node.clock.monotonic_ms())

    def take_badge(self, till: str) -> Bearer | None:
        """Give the badge that was just shown at a till where nobody is signed in, once; None when there is none."""
        with self._lock:
            handle = self._badge_at.pop(till, "")
        return self._badges.take(handle, self._node.clock.monotonic_ms())

    def sweep(self) -> None:
        """Forget payment codes and badges that nobody took in time; called every second or so."""
        self._shelf.sweep(self._node.clock.monotonic_ms())
        self._badges.sweep(self._node.clock.monotonic_ms())

    def clear(self) -> None:
        """Forget all payment codes and badges."""
        self._shelf.clear()
        self._badges.clear()

    def _tell(self, till: str, found: Scanned) -> None:
        # A handle is good once: a screen that comes back must not find one that it may have used.
        self._inbox.post(till, "scan", found, replayed=not found.handle)

    def _screen(self, till: str) -> _Screen:
        with self._lock:
            screen = self._screens.get(till, _NOBODY)
        return screen if screen.alive() else _NOBODY

    def _judged(self, till: str, text: str, source: Source) -> Scanned:
        screen = self._screen(till)
        if screen is _NOBODY:
            self._keep_badge(till, text, source)
        if source == "card":
            found = self._badge_of_ours(text, screen.kinds) or _on_card(text, screen.kinds)
        else:
            found = route(text, screen.kinds, self._store_codes())
        if isinstance(found, NotWanted):
            return self._refused(till, found.kind, "not_wanted", source, found.masked)
        return self._taken(till, screen, found, source)

    def _badge_of_ours(self, text: str, accepts: frozenset[Kind]) -> Routed | NotWanted | None:
        """Know the badge of somebody who works here, whatever its number looks like; None for any other card."""
        with self._node.db.read() as reader:
            if not sign_in.holders(self._node, reader, sign_in.badge(text)):
                return None
        if Kind.STAFF in accepts:
            return Routed(Kind.STAFF, text)
        return NotWanted(Kind.STAFF, masked(Kind.STAFF, text))

    def _keep_badge(self, till: str, text: str, source: Source) -> None:
        """Lay a badge down for the sign-in; any card may be one, of printed codes only those that say so."""
        found = route(text, frozenset({Kind.STAFF}))
        if source == "keys" or (source == "scanner" and isinstance(found, NotWanted)):
            return
        number = found.value if isinstance(found, Routed) else text.strip()
        if not number or not number.isascii():
            return
        handle = self._badges.put(number, self._node.clock.monotonic_ms())
        with self._lock:
            self._badge_at[till] = handle

    def _taken(self, till: str, screen: _Screen, found: Routed, source: Source) -> Scanned:
        shown = masked(found.kind, found.value)
        value, handle = found.value, ""
        if found.kind is Kind.PAYMENT:
            value, handle = "", self._shelf.put(found.value, self._node.clock.monotonic_ms())
        elif found.kind is Kind.DISH:
            dish_id = self._dish_id(found.value)
            if dish_id is None:
                return self._refused(till, found.kind, "no_such_dish", source, shown)
            value = dish_id
        elif found.kind is Kind.RECEIPT:
            sale_id = self._sale_id(found.value)
            if sale_id is None:
                return self._refused(till, found.kind, "no_such_receipt", source, shown)
            value = sale_id
        return Scanned(
            kind=found.kind.value,
            accepted=True,
            value=value,
            masked=shown,
            handle=handle,
            source=source,
            screen=screen.name,
            page=screen.page,
        )

    def _refused(self, till: str, kind: Kind, reason: str, source: Source, shown: str = "") -> Scanned:
        screen = self._screen(till)
        return Scanned(
            kind=kind.value,
            accepted=False,
            reason=reason,
            masked=shown,
            source=source,
            screen=screen.name,
            page=screen.page,
        )

    def _store_codes(self) -> StoreCodes:
        catalogue, codes = self._codes
        now = self._node.shelf.catalogue
        if now is not None and now is not catalogue:
            codes = StoreCodes(dish_codes=frozenset(dish.code for dish in now.menu.dishes))
            self._codes = (now, codes)
        return codes

    def _sale_id(self, value: str) -> str | None:
        """Find the sale of a receipt's number, or of the id in an e-receipt's address."""
        with self._node.db.read() as reader:
            if is_uuid7_hex(value):
                return value if sales.by_id(reader, value) is not None else None
            return sales.by_receipt_no(reader, value)

    def _dish_id(self, code: str) -> str | None:
        """Find the dish of a code, or of a barcode whose twelve digits (UPC-A) stand in the menu without the leading 0."""
        catalogue = self._node.shelf.catalogue
        if catalogue is None:
            return None
        by_code = {dish.code: dish.id for dish in catalogue.menu.dishes}
        return by_code.get(code) or by_code.get(code.removeprefix("0"))


def _on_card(text: str, accepts: frozenset[Kind]) -> Routed | NotWanted:
    """Read the id on a card of ours; an id without a form of its own is a member's, or a badge where only that is asked for."""
    found = route(text, accepts & _ON_CARDS)
    if found.kind in _ON_CARDS:
        return found
    if Kind.MEMBER in accepts:
        return Routed(Kind.MEMBER, text)
    if Kind.STAFF in accepts:
        return Routed(Kind.STAFF, text)
    return NotWanted(Kind.MEMBER, masked(Kind.MEMBER, text))
