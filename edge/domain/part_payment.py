"""Money that is handed over before its sale: which amounts and references may be.

Pure. `cash` has what was received and gives change; `static_code` (the shop's printed code) was seen on the guest's phone and is
flagged to be looked up in the bill file; `card` went through a terminal beside the till and names the terminal's own number of it.
"""

import re
from dataclasses import dataclass
from typing import Final

from drivers.card.magstripe import holds_pan
from edge.domain.refusal import Refused
from sync.contract import limits
from sync.contract.payments import PaymentKind
from sync.contract.words import has_control

REFERENCE_CHARS_MAX: Final = 32
LABEL_CHARS_MAX: Final = 40
REASON_CHARS_MAX: Final = 80
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


@dataclass(frozen=True)
class Handed:
    """Money as it is booked: `amount_fen = received_fen − change_fen`."""

    kind: PaymentKind
    received_fen: int
    change_fen: int
    amount_fen: int
    reference: str = ""
    flagged: bool = False


def handed(kind: PaymentKind, amount_fen: int, received_fen: int = 0, reference: str = "") -> Handed | Refused:
    """Book what was handed over for an amount.

    Args:
        received_fen: of cash; 0 = exactly the amount.
        reference: of a card terminal; also of a static code where its bell or the guest's phone named one.

    Returns:
        `amount_out_of_range`, `underpaid`, `bad_reference`, or `reference_missing` for a card without one.
    """
    if not 0 < amount_fen <= limits.SALE_TOTAL_FEN_MAX:
        return Refused("amount_out_of_range", {"max_fen": limits.SALE_TOTAL_FEN_MAX})
    if kind == "cash":
        received_fen = received_fen or amount_fen
        if received_fen < amount_fen:
            return Refused("underpaid", {"due_fen": amount_fen, "missing_fen": amount_fen - received_fen})
        if received_fen > limits.RECEIVED_FEN_MAX or reference:
            return Refused(
                "malformed", {"field": "received_fen", "expected": "cash as it was counted, without a reference"}
            )
        return Handed("cash", received_fen, received_fen - amount_fen, amount_fen)
    if received_fen not in (0, amount_fen):
        return Refused("malformed", {"field": "received_fen", "expected": "change is given for cash only"})
    if kind == "card" and not reference:
        return Refused("reference_missing")
    wrong = check_reference(reference)
    if wrong is not None:
        return wrong
    return Handed(kind, amount_fen, 0, amount_fen, reference, flagged=kind == "static_code")


def check_reference(reference: str) -> Refused | None:
    """Refuse what cannot be a terminal's number of a payment; a card's number above all, which must not be kept."""
    if not reference:
        return None
    if _REFERENCE.fullmatch(reference) is None or holds_pan(reference):
        return Refused("bad_reference", {"chars_max": REFERENCE_CHARS_MAX})
    return None


def check_words(text: str, chars_max: int) -> Refused | None:
    """Refuse an empty text, a long one, and one that could command a printer."""
    if not 1 <= len(text.strip()) <= chars_max or has_control(text):
        return Refused("bad_text", {"chars_max": chars_max})
    return None
