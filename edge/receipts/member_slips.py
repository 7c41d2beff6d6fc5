"""Slips for members: their own invite, and the one that opens their page (pure)."""

from dataclasses import dataclass

from drivers.document import Cut, Element, Feed, QrCode, ReceiptDoc, Rule, Text
from edge.receipts.receipt import INVITE_MODULE_DOTS, Heading
from edge.receipts.words import word
from sync.contract import codes, member_doors
from sync.contract.times import local_text


@dataclass(frozen=True)
class PaperFriend:
    """A member's own invite: its code, the digits below it, the last day, what both sides get and when."""

    code: str
    short: str
    last_day: str
    yours: int
    theirs: int
    days: int


@dataclass(frozen=True)
class PaperDoor:
    """A slip that opens a member's page: what its QR says, and until when."""

    token: str
    until_ms: int


def friend(said: PaperFriend, heading: Heading, copy: int, locale: str) -> ReceiptDoc:
    """Lay out a member's own invite; it says nothing of who that is.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements = _head(heading, copy, locale)
    elements += [
        Text(word("friend_title", locale), align="centre", bold=True, size=2),
        Rule("single"),
        QrCode(codes.url(heading.guest_url, said.code), INVITE_MODULE_DOTS),
        Text(said.short, align="centre"),
    ]
    if said.yours or said.theirs:
        promised = word("friend_says", locale, days=said.days, yours=said.yours, theirs=said.theirs)
        elements.append(Text(promised, align="centre"))
    elements += [Text(word("friend_until", locale, day=said.last_day), align="centre"), Feed(2), Cut()]
    return ReceiptDoc(tuple(elements))


def door(said: PaperDoor, heading: Heading, copy: int, locale: str) -> ReceiptDoc:
    """Lay out a slip that opens a member's page.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements = _head(heading, copy, locale)
    elements += [
        Text(word("door_title", locale), align="centre", bold=True, size=2),
        Rule("single"),
        QrCode(member_doors.url(heading.guest_url, said.token), INVITE_MODULE_DOTS),
        Text(word("door_says", locale), align="centre", bold=True),
        Text(word("door_until", locale, time=local_text(said.until_ms, heading.zone)), align="centre"),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def _head(heading: Heading, copy: int, locale: str) -> list[Element]:
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    return [*elements, Text(heading.name.in_locale(locale), align="centre", bold=True, size=2)]
