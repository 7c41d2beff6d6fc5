"""What a scanned text is: payment code, invite, member, coupon, badge, receipt, dish, weighed goods, address, card.

Pure. One text may read as several things (an 18-digit member number may look like a WeChat code, a short number like a dish
or a member): **what the screen accepts decides** between them, and what it does not accept is named, masked, and not
passed on. Forms:

* payment: WeChat `1[0-5]` + 16 digits, Alipay `2[5-9]` or `30` + 14 to 22 digits (drivers.md §5.7). A bearer secret: whoever
  gets one from here puts it on a `BearerShelf` at once. UnionPay's codes are not known from a first source and not taken.
* signed codes of `sync.contract.codes`: base 32 that begins with the version and a kind letter, `I` a receipt's invite, `F` a
  member's own (`friend_codes`), `M` member (`member_codes`), `C` coupon, `S` staff; bare, or last in an address `…/J/…`, `…/M/…`, `…/C/…`, `…/S/…`. Only the form is read here; the
  signature is checked by whoever honours the code.
* printed cards without a signature (Code 128): `ZGM-`, `ZGC-`, `ZGS-` and six or more Crockford digits, in any case.
* receipt: `till-epoch-number` as `sync.contract.trade.receipt_no` writes it, bare or last in an address `…/R/…`; or the
  e-receipt's address with the id of its sale (`sync.contract.receipts`).
* dish: a code of the menu, or an EAN-8, UPC-A (written as EAN-13) or EAN-13 with a right check digit.
* weighed goods: EAN-13 with a prefix of the store's scale, a dish code and a weight, when the store has such labels.
* card: a bank card's number. Never accepted by any screen, whatever it asks for.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drivers.card.magstripe import holds_pan
from sync.contract import codes, friend_codes, ids, receipts
from sync.contract.trade import receipt_no

TEXT_CHARS_MAX: Final = 4096


class Kind(StrEnum):
    """What a scanned text can be."""

    PAYMENT = "payment"
    INVITE = "invite"
    MEMBER = "member"
    COUPON = "coupon"
    STAFF = "staff"
    RECEIPT = "receipt"
    DISH = "dish"
    WEIGHED = "weighed"
    URL = "url"
    CARD = "card"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ScaleLabels:
    """How the store's label scale writes EAN-13: prefix (2), dish code, weight, check digit; 10 digits in the middle.

    Attributes:
        prefixes: the two-digit prefixes that the scale uses, of 20 to 29.
        code_digits: how many of the ten are the dish code; the rest is the weight.
        step_mg: what one unit of the weight is worth, in mg.
    """

    prefixes: frozenset[str] = frozenset(str(prefix) for prefix in range(20, 30))
    code_digits: int = 5
    step_mg: int = 1000


@dataclass(frozen=True, slots=True)
class StoreCodes:
    """What only the store can know about codes.

    Attributes:
        dish_codes: the codes of the menu.
        member_digits: how many digits the store's own plain member numbers have. With 18 among them, a screen that takes
            members but no payments reads a guest's WeChat code as a member number: prefer `ZGM-` cards.
        scale: None when the store has no label scale.
    """

    dish_codes: frozenset[str] = frozenset()
    member_digits: frozenset[int] = frozenset({10, 11})
    scale: ScaleLabels | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Routed:
    """A text that the screen asked for.

    Attributes:
        value: the code itself, cut out of an address and in its canonical case; for weighed goods the dish code.
        weight_mg: of weighed goods, else None.
    """

    kind: Kind
    value: str
    weight_mg: int | None = None

    def __repr__(self) -> str:
        """Show the masked value only: a payment code or a badge must not reach a log this way."""
        return f"Routed({self.kind.value}, {masked(self.kind, self.value)!r})"


@dataclass(frozen=True, slots=True)
class NotWanted:
    """A text that this screen does not take: what it most likely is, and what may be shown of it."""

    kind: Kind
    masked: str


_PAYMENT: Final = re.compile(r"1[0-5][0-9]{16}|(?:2[5-9]|30)[0-9]{14,22}")
_ADDRESS: Final = re.compile(r"(?i:[a-z][a-z0-9+.-]{1,15})://[^\s/?#]+\S*")
_SIGNED: Final = re.compile(r"[A-Z2-7]{40,180}")
_SIGNED_KINDS: Final = {ord("M"): Kind.MEMBER, ord("C"): Kind.COUPON, ord("S"): Kind.STAFF}
_PRINTED: Final = re.compile(r"ZG([MCS])-([0-9A-Z-]{6,40})")
_PRINTED_DIGITS_MIN: Final = 6
_PRINTED_KINDS: Final = {"M": Kind.MEMBER, "C": Kind.COUPON, "S": Kind.STAFF}
_RECEIPT: Final = re.compile(r"([A-Za-z0-9]{1,8})-([0-9]{1,9})-([0-9]{6,12})")
_DIGITS: Final = re.compile(r"[0-9]+")
_EAN_8: Final = 8
_UPC_A: Final = 12
_EAN_13: Final = 13
_CARD_LIKE: Final = re.compile(r"(?<![0-9])(?:[3-6]|2[2-7])(?:[ -]?[0-9]){11,18}(?![0-9])")
_HIDDEN_SHOWN: Final = 20
"""More hidden characters than this are one ellipsis."""
_MASTERCARD_2: Final = re.compile(r"2[5-7][0-9]{14}")


def route(text: str, accepts: frozenset[Kind], store: StoreCodes | None = None) -> Routed | NotWanted:
    """Find the reading of a scanned text that the screen accepts.

    Between several accepted readings the most telling form counts, plain member numbers last. A number that may be a payment
    code is treated as one first: a member number sent to the gateway is merely refused, but a payment code taken for a
    member number is out.

    Args:
        accepts: what the screen takes now; `Kind.CARD` in it is ignored, `Kind.UNKNOWN` takes any text that is nothing else.
    """
    text = text.strip()
    if len(text) > TEXT_CHARS_MAX:
        return NotWanted(Kind.UNKNOWN, masked(Kind.UNKNOWN, text))
    readings = tuple(_readings(text, store or StoreCodes())) or (Routed(Kind.UNKNOWN, text),)
    for reading in readings:
        if reading.kind in accepts and reading.kind is not Kind.CARD:
            return reading
    return NotWanted(readings[0].kind, masked(readings[0].kind, readings[0].value))


def masked(kind: Kind, text: str) -> str:
    """Give what may be shown or logged of a code: of a payment code the first six and last two digits, of a card nothing."""
    match kind:
        case Kind.CARD | Kind.STAFF:
            return "••••"
        case Kind.PAYMENT:
            return _starred(text, head=6, tail=2)
        case Kind.MEMBER:
            return _starred(text, head=0, tail=4)
        case Kind.INVITE | Kind.COUPON:
            return _starred(text, head=4, tail=4)
        case Kind.RECEIPT | Kind.DISH | Kind.WEIGHED:
            return text
        case Kind.URL:
            # Paths and questions of addresses carry tokens, and names before an @ do.
            scheme, _, rest = text.partition("://")
            return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rpartition('@')[2]}/…"
        case Kind.UNKNOWN:
            return _starred(text, head=2, tail=0)


def _starred(text: str, *, head: int, tail: int) -> str:
    """Keep the ends and hide the middle; a text too short to hide half of it is hidden whole."""
    if len(text) < 2 * (head + tail):
        return "•" * min(len(text), 8)
    hidden = len(text) - head - tail
    return text[:head] + ("•" * hidden if hidden <= _HIDDEN_SHOWN else "…") + (text[-tail:] if tail else "")


def _readings(text: str, store: StoreCodes) -> Iterator[Routed]:
    """Give every reading of a text, the most telling first; a card's number is nothing else."""
    if _is_card(text):
        yield Routed(Kind.CARD, "")
        return
    if _PAYMENT.fullmatch(text):
        yield Routed(Kind.PAYMENT, text)
    last = text.rsplit("/", 1)[-1] if _ADDRESS.fullmatch(text) else text
    coded = _signed(codes.find(text) or last.upper()) or _printed(last.upper())
    if coded is not None:
        yield coded
    sale_id = receipts.find(text)
    if sale_id is not None:
        yield Routed(Kind.RECEIPT, sale_id)
    if _is_receipt_no(last):
        yield Routed(Kind.RECEIPT, last)
    if text in store.dish_codes or text.upper() in store.dish_codes:
        yield Routed(Kind.DISH, text if text in store.dish_codes else text.upper())
    if _has_check_digit(text):
        if store.scale is not None and (weighed := _weighed(text, store.scale)) is not None:
            yield weighed
        yield Routed(Kind.DISH, text.zfill(_EAN_13) if len(text) == _UPC_A else text)
    if _DIGITS.fullmatch(text) and len(text) in store.member_digits:
        yield Routed(Kind.MEMBER, text)
    if _ADDRESS.fullmatch(text):
        yield Routed(Kind.URL, text)


def _is_card(text: str) -> bool:
    """Say whether a text is, or holds, what can only be taken for a bank card's number.

    Payment codes and dish barcodes pass Luhn one time in ten, so they come first, except that Mastercard has 16-digit numbers
    among Alipay's (whose codes have 18 digits today).
    """
    if _has_check_digit(text) or _is_receipt_no(text) or receipts.find(text) is not None:
        return False
    if _PAYMENT.fullmatch(text) and not _MASTERCARD_2.fullmatch(text):
        return False
    return any(holds_pan(match[0]) for match in _CARD_LIKE.finditer(text))


def _signed(code: str) -> Routed | None:
    if codes.take_apart(code) is not None or friend_codes.take_apart(code) is not None:
        return Routed(Kind.INVITE, code)
    if _SIGNED.fullmatch(code) is None:
        return None
    version, letter = base64.b32decode(code[:8])[:2]
    kind = _SIGNED_KINDS.get(letter) if version == codes.VERSION else None
    return None if kind is None else Routed(kind, code)


def _printed(code: str) -> Routed | None:
    match = _PRINTED.fullmatch(code)
    if match is None:
        return None
    digits = ids.crockford_clean(match[2])
    if len(digits) < _PRINTED_DIGITS_MIN or any(sign not in ids.CROCKFORD for sign in digits):
        return None
    return Routed(_PRINTED_KINDS[match[1]], f"ZG{match[1]}-{digits}")


def _is_receipt_no(text: str) -> bool:
    match = _RECEIPT.fullmatch(text)
    return match is not None and receipt_no(match[1], int(match[2]), int(match[3])) == text


def _has_check_digit(text: str) -> bool:
    """Say whether a text is an EAN-8, UPC-A or EAN-13: weights 3 and 1 from the right, the sum a multiple of ten."""
    if len(text) not in (_EAN_8, _UPC_A, _EAN_13) or _DIGITS.fullmatch(text) is None:
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text))) % 10 == 0


def _weighed(text: str, scale: ScaleLabels) -> Routed | None:
    if len(text) != _EAN_13 or text[:2] not in scale.prefixes:
        return None
    middle = text[2:-1]
    units = int(middle[scale.code_digits :])
    return Routed(Kind.WEIGHED, middle[: scale.code_digits], units * scale.step_mg) if units else None
