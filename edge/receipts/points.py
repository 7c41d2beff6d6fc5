"""What a receipt and a refund's slip say of points: base × what makes it more = points, what paid, what is known to be left (pure)."""

from dataclasses import dataclass

from drivers.document import Columns, Element, Rule, Text
from edge.receipts.words import word
from sync.contract import money
from sync.contract.house import FULL_BP


@dataclass(frozen=True)
class PaperPoints:
    """What a bill did to points. `balance` is the member's as the store knows it when it prints; None for nobody's bill.

    Attributes:
        claim_until: until when whoever joins with this receipt has its points; empty for a member's bill.
    """

    earned: int = 0
    base_fen: int = 0
    multiplier_bp: int = FULL_BP
    capped: bool = False
    spent: int = 0
    balance: int | None = None
    claim_until: str = ""


@dataclass(frozen=True)
class PaperBack:
    """What a refund did to points."""

    taken: int = 0
    returned: int = 0
    waived: int = 0
    paid_fen: int = 0
    balance: int | None = None


def of_sale(said: PaperPoints | None, locale: str) -> list[Element]:
    """Say what a bill did to points; nothing where it did nothing."""
    if said is None:
        return []
    found: list[Element] = [Rule("single")]
    if said.spent:
        found.append(Columns(word("points_spent", locale), f"-{said.spent}"))
    if said.earned:
        more = "" if said.multiplier_bp == FULL_BP else f" ×{_times(said.multiplier_bp)}"
        base = f"￥{money.plain(said.base_fen)}{more}"
        key = "points_capped" if said.capped else "points_earned"
        found.append(Columns(word(key, locale, base=base), f"+{said.earned}"))
    if said.balance is not None:
        found.append(Columns(word("points_balance", locale), str(said.balance)))
    if said.earned and said.claim_until:
        found.append(Text(word("points_held", locale, points=said.earned, day=said.claim_until), align="centre"))
    return found


def of_refund(said: PaperBack | None, locale: str) -> list[Element]:
    """Say what a refund did to points; nothing where it did nothing."""
    if said is None:
        return []
    found: list[Element] = [Rule("single")]
    if said.returned:
        found.append(Columns(word("points_returned", locale), f"+{said.returned}"))
    if said.taken:
        found.append(Columns(word("points_taken", locale), f"-{said.taken}"))
    if said.waived:
        found.append(Columns(word("points_waived", locale), f"+{said.waived}"))
    if said.paid_fen:
        found.append(Columns(word("points_paid", locale), f"￥{money.plain(said.paid_fen)}"))
    if said.balance is not None:
        found.append(Columns(word("points_balance", locale), str(said.balance)))
    return found


def _times(multiplier_bp: int) -> str:
    whole, part = divmod(multiplier_bp, FULL_BP)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")
