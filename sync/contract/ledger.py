"""The one book of value: journals of double entry in whole units, lots with a last day, and draws that name their lots.

What a journal must hold, on both sides and in every order of arrival (membership.md §6.2):

* its entries sum to zero in each unit, and none is zero;
* an account that keeps lots changes by its new lots less its draws, so what it holds is always the rest of its lots, and never
  below zero. What a member owes (points taken back that were spent already) stands on an account of its own;
* a spend draws on the lot that ends first, then on the older one; what is given back goes to the very lots it came from, the one
  that ends last first (M128's order turned round).

A journal is never changed. What was wrong is answered by one that `reverses` it. `idem` makes it one: the second with the same
`idem` is the first one told again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

POINTS: Final = "points"
FEN: Final = "fen"
GROWTH: Final = "growth"

MEMBER_POINTS: Final = "points"
MEMBER_DEBT: Final = "points_debt"
MEMBER_GROWTH: Final = "growth"

ISSUED: Final = "sys:points_issued"
REDEEMED: Final = "sys:points_redeemed"
EXPIRED: Final = "sys:points_expired"
WAIVED: Final = "sys:points_waived"
PAID_BACK: Final = "sys:points_paid_back"
"""Points that could not be taken back because they were spent, and that the guest answered for in money."""


class LedgerError(ValueError):
    """A journal that does not hold; the text says which law it breaks."""


class Entry(NamedTuple):
    """One account's change in whole units: above zero it gains."""

    account: str
    amount: int


class NewLot(NamedTuple):
    """Units that came in together: usable from one day on, to the end of another (empty = for good).

    `source` is what made them (a sale, an invite, HQ); with it a clawback finds the lot of its sale.
    """

    lot_id: str
    account: str
    qty: int
    from_day: str
    last_day: str
    source: str


class Draw(NamedTuple):
    """Units taken out of a lot, or given back to it (`qty` below zero)."""

    lot_id: str
    account: str
    qty: int


class Journal(NamedTuple):
    """One event in the book.

    Attributes:
        kind: what it is, such as `points.earned`.
        ref: what it is about, such as `sale:…`.
        day: the business day that it belongs to.
        reverses: the journal that this one answers.
    """

    idem: str
    kind: str
    ref: str
    day: str
    entries: tuple[Entry, ...]
    lots: tuple[NewLot, ...] = ()
    draws: tuple[Draw, ...] = ()
    reverses: str = ""


class Lot(NamedTuple):
    """A lot as it stands: how much of it is left."""

    lot_id: str
    account: str
    left: int
    from_day: str
    last_day: str
    source: str

    def usable(self, day: str) -> bool:
        """Say whether something of it may be spent on a day."""
        return self.left > 0 and self.from_day <= day and not self.ended(day)

    def ended(self, day: str) -> bool:
        """Say whether its last day is over."""
        return bool(self.last_day) and self.last_day < day


def member_account(member_id: str, name: str) -> str:
    """Name an account of a member."""
    return f"m:{member_id}:{name}"


def grant_account(grant_id: str) -> str:
    """Name the account of what one store may spend of a member's points without asking."""
    return f"g:{grant_id}"


def escrow_account(invite_id: str) -> str:
    """Name the account of a receipt's points that wait for somebody to claim them."""
    return f"e:{invite_id}"


def risk_account(store: str, unit: str = POINTS) -> str:
    """Name the account of what a store gave without a grant: the house's own risk, by name (OFFLINE_RISK)."""
    return f"risk:{store}:{unit}"


def keeps_lots(account: str) -> bool:
    """Say whether an account is made of lots: a member's points, grants, receipts' points."""
    return account.startswith(("g:", "e:")) or (account.startswith("m:") and account.endswith(f":{MEMBER_POINTS}"))


def unit_of(account: str) -> str:
    """Give the unit that an account counts."""
    last = account.rsplit(":", 1)[-1]
    if last in {GROWTH, "growth_earned"}:
        return GROWTH
    return FEN if last == FEN or last.startswith("sv_") else POINTS


def check(journal: Journal) -> None:
    """Hold a journal against the laws that need nothing but itself.

    Raises:
        LedgerError: it breaks one.
    """
    if not journal.idem or not journal.entries:
        raise LedgerError("a journal has a name and entries")
    sums: defaultdict[str, int] = defaultdict(int)
    moved: defaultdict[str, int] = defaultdict(int)
    for account, amount in journal.entries:
        if amount == 0:
            raise LedgerError(f"an entry of nothing on {account}")
        sums[unit_of(account)] += amount
        if keeps_lots(account):
            moved[account] += amount
    for unit, total in sums.items():
        if total != 0:
            raise LedgerError(f"entries in {unit} sum to {total}")
    by_lots: defaultdict[str, int] = defaultdict(int)
    for lot in journal.lots:
        if lot.qty <= 0:
            raise LedgerError(f"lot {lot.lot_id} holds nothing")
        by_lots[lot.account] += lot.qty
    for draw in journal.draws:
        if draw.qty == 0:
            raise LedgerError(f"a draw of nothing on {draw.lot_id}")
        by_lots[draw.account] -= draw.qty
    for account in moved.keys() | by_lots.keys():
        if moved[account] != by_lots[account]:
            raise LedgerError(f"{account} moves by {moved[account]}, its lots by {by_lots[account]}")


def spend_order(lots: Iterable[Lot]) -> list[Lot]:
    """Sort lots as they are spent: the one that ends first, then the older one; what never ends comes last."""
    return sorted(lots, key=lambda lot: (not lot.last_day, lot.last_day, lot.from_day, lot.lot_id))


def take(lots: Iterable[Lot], qty: int, day: str) -> tuple[tuple[Draw, ...], int]:
    """Draw on what is usable on a day.

    Returns:
        The draws, and how much of `qty` they do not cover.

    Raises:
        ValueError: less than nothing was asked for.
    """
    if qty < 0:
        message = "nobody spends less than nothing"
        raise ValueError(message)
    draws = []
    for lot in spend_order(lots):
        if qty == 0:
            break
        if lot.usable(day):
            part = min(lot.left, qty)
            draws.append(Draw(lot.lot_id, lot.account, part))
            qty -= part
    return tuple(draws), qty


def give_back(
    draws: Sequence[Draw], given: Mapping[str, int], qty: int, last_days: Mapping[str, str]
) -> tuple[Draw, ...]:
    """Undo so much of a spend: to the very lots that it drew on, the one that ends last first.

    Args:
        draws: of the spend.
        given: how much of each lot's draw was given back before.
        qty: how much goes back now.
        last_days: of the lots; a lot that is not named never ends.

    Raises:
        LedgerError: more would go back than was drawn.
    """
    back = []
    order = sorted(
        draws,
        key=lambda draw: (not last_days.get(draw.lot_id, ""), last_days.get(draw.lot_id, ""), draw.lot_id),
        reverse=True,
    )
    for draw in order:
        part = min(draw.qty - given.get(draw.lot_id, 0), qty)
        if part > 0:
            back.append(Draw(draw.lot_id, draw.account, -part))
            qty -= part
    if qty:
        raise LedgerError(f"{qty} more than was drawn would go back")
    return tuple(back)


def drawn(draws: Iterable[Draw]) -> int:
    """Add up what draws take out."""
    return sum(draw.qty for draw in draws)
