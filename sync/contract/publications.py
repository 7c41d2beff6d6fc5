"""Published reference data: a menu or a price list with the day from which it holds (protocol §5.7).

A publication is a whole document. It travels in its stream as `put <number>/<part>` steps and, last, a `put <number>` with
its head, which names the parts and the digest: a store holds it complete or not at all. Whole, because a menu is checked and
comes into force as a whole; a day's few changed dishes would save some kilobytes and cost every store a merge for each
version that waits for its date.

What is in force: of the publications that are due, the one of the latest day, and of one day the highest number. A correction
"now" therefore holds until the next dated one, and does not undo it.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.menu import Dish, Menu

PART_CHARS = 24_000
"""Characters of a part: below the bound of a step even when every character takes four bytes."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A publication's head. With `at_once` it is due whatever the store's clock says; the day is then the hub's of that moment."""

    number: int
    effective_from: str
    at_once: bool
    parts: int
    sha256: str
    published_ms: int


class Part(msgspec.Struct, frozen=True):
    """A stretch of the document's text."""

    text: str


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """Prices by dish code, in fen. The list is whole: a dish that it does not name has the menu's own price."""

    prices: dict[str, int]


def head_key(number: int) -> str:
    """Name the step that holds a head."""
    return f"{number}"


def part_key(number: int, part: int) -> str:
    """Name the step that holds a part, counted from 0."""
    return f"{number}/{part}"


def split(document: bytes) -> list[str]:
    """Part a document's text."""
    text = document.decode()
    return [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)] or [""]


def heads_of(items: Mapping[str, bytes]) -> list[Head]:
    """List the publications that are held complete, by number; what is not readable or not whole is not there yet."""
    found: list[Head] = []
    for key, value in items.items():
        if not key.isdecimal():
            continue
        try:
            head = _HEAD.decode(value)
            document_of(items, head)
        except (ContractError, *UNREADABLE):
            continue
        if head_key(head.number) == key and _DAY.fullmatch(head.effective_from):
            found.append(head)
    return sorted(found, key=lambda head: head.number)


def document_of(items: Mapping[str, bytes], head: Head) -> bytes:
    """Put a publication's document together.

    Raises:
        ContractError: a part is missing, or the whole is not what the head says.
    """
    text = ""
    for part in range(head.parts):
        value = items.get(part_key(head.number, part))
        if value is None:
            raise ContractError(f"publication {head.number}: part {part} is not there")
        try:
            text += _PART.decode(value).text
        except UNREADABLE as error:
            raise ContractError(f"publication {head.number}: part {part}: {error}") from error
    document = text.encode()
    if hashlib.sha256(document).hexdigest() != head.sha256:
        raise ContractError(f"publication {head.number} is not what its head says")
    return document


def in_force(heads: Iterable[Head], today: str, begun: Collection[int] = ()) -> Head | None:
    """Say which publication holds on a business day.

    Args:
        heads: those held complete.
        today: the store's business day.
        begun: numbers that were in force before: a clock that is set back takes nothing out of force.
    """
    due = [head for head in heads if head.at_once or head.effective_from <= today or head.number in begun]
    return max(due, key=lambda head: (head.effective_from, head.number), default=None)


def pending(heads: Iterable[Head], today: str, begun: Collection[int] = ()) -> list[Head]:
    """List the publications that wait for their day, the next first."""
    waiting = [head for head in heads if not head.at_once and head.effective_from > today and head.number not in begun]
    return sorted(waiting, key=lambda head: (head.effective_from, head.number))


def read_prices(document: bytes) -> PriceList:
    """Read a price list.

    Raises:
        ContractError: the bytes are none, or a price lies outside 1 to the limit.
    """
    try:
        held = _PRICES.decode(document)
    except UNREADABLE as error:
        raise ContractError(f"not a price list: {error}") from error
    if not all(0 < price_fen <= limits.PRICE_FEN_MAX for price_fen in held.prices.values()):
        raise ContractError("a price lies outside the limits")
    return held


def priced(menu: Menu, *lists: PriceList | None) -> Menu:
    """Lay price lists over a menu, the later over the earlier; codes that the menu lacks say nothing."""
    prices: dict[str, int] = {}
    for held in lists:
        prices.update({} if held is None else held.prices)
    return msgspec.structs.replace(menu, dishes=tuple(_priced(dish, prices) for dish in menu.dishes))


def _priced(dish: Dish, prices: Mapping[str, int]) -> Dish:
    price_fen = prices.get(dish.code, dish.price_fen)
    return dish if price_fen == dish.price_fen else msgspec.structs.replace(dish, price_fen=price_fen)


_HEAD = msgspec.json.Decoder(Head)
_PART = msgspec.json.Decoder(Part)
_PRICES = msgspec.json.Decoder(PriceList)
