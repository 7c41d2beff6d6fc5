"""Puts one journal together against what the book says: the moves that all bookings are made of.

What comes to a member goes, in this order: to what they owe (points taken back that were spent already), to what a store gave
without a grant and nobody found yet, and the rest into their own lot. So the same facts come to the same sums in any order.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from typing import NamedTuple, Protocol

from sync.contract import ledger
from sync.contract.ledger import Draw, Entry, Journal, Lot, NewLot


class OpenRisk(NamedTuple):
    """What a store gave without a grant and the hub has not found in the member's balance yet."""

    post_id: str
    store: str
    open: int


class GrantSeen(NamedTuple):
    """A grant as the book knows it; `state` is open, recalled or closed."""

    grant_id: str
    member_id: str
    store: str
    epoch: int
    state: str


class EarningSeen(NamedTuple):
    """What an earning came to: whose it was told to be, how much, and how much of it was taken back since."""

    member_id: str
    invite_id: str
    points: int
    taken: int
    day: str
    rules: int


class SpendSeen(NamedTuple):
    """What was spent on a sale and has not come back: by (account, lot), and of what stood as a risk."""

    member_id: str
    drawn: dict[tuple[str, str], int]
    risk: int
    risks: tuple[OpenRisk, ...]


class Book(Protocol):
    """What the book says now."""

    def resolve(self, member_id: str) -> str:
        """Follow merges to the member who stands."""
        ...

    def is_gone(self, member_id: str) -> bool:
        """Say whether a member left: what still comes to them ends at once."""
        ...

    def knows(self, idem: str) -> bool:
        """Say whether a journal of this name is there."""
        ...

    def lots(self, account: str) -> list[Lot]:
        """List an account's lots that hold something."""
        ...

    def lot(self, account: str, lot_id: str) -> Lot | None:
        """Find a lot, empty or not."""
        ...

    def balance(self, account: str) -> int:
        """Give an account's balance."""
        ...

    def open_risks(self, member_id: str) -> Sequence[OpenRisk]:
        """List what stores gave a member without a grant and was not found yet, the oldest first."""
        ...

    def grant(self, grant_id: str) -> GrantSeen | None:
        """Find a grant."""
        ...

    def earning(self, ref: str) -> EarningSeen | None:
        """Find what a sale earned."""
        ...

    def escrow(self, invite_id: str) -> EarningSeen | None:
        """Find what a receipt holds for whoever joins with it."""
        ...

    def spend(self, ref: str) -> SpendSeen | None:
        """Find what was spent on a sale."""
        ...

    def claimed_by(self, invite_id: str) -> str:
        """Say who claimed a receipt's points; empty for nobody."""
        ...

    def gift_given(self, member_id: str) -> bool:
        """Say whether the welcome gift of a member's phone was given to another member before."""
        ...


class Posting:
    """One journal in the making. Its draws never take more than the book says is there.

    `behind` is the journal that will be written just before it: what that one leaves owed is paid first here.
    """

    def __init__(self, book: Book, day: str, behind: "Posting | None" = None) -> None:
        self._book = book
        self._day = day
        self._behind = behind
        self._amounts: defaultdict[str, int] = defaultdict(int)
        self._lots: dict[tuple[str, str], NewLot] = {}
        self._draws: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._owed: dict[str, int] = {}
        self._risks: dict[str, list[OpenRisk]] = {}
        self.recovered: defaultdict[str, int] = defaultdict(int)
        """What was found of risks, by the post that opened them."""

    def move(self, account: str, amount: int) -> None:
        """Change an account that keeps no lots."""
        assert not ledger.keeps_lots(account)
        self._amounts[account] += amount

    def moved(self, account: str) -> int:
        """Say by how much this journal changes an account."""
        return self._amounts.get(account, 0)

    def rest(self, lot: Lot) -> int:
        """Say what is left of a lot behind what this journal draws on it."""
        return lot.left - self._draws[lot.account, lot.lot_id]

    def draw(self, account: str, lot_id: str, qty: int) -> None:
        """Take out of a lot; below zero, give back to it."""
        self._draws[account, lot_id] += qty
        self._amounts[account] -= qty

    def put(self, account: str, qty: int, lot: Lot) -> None:
        """Put units on an account under the name of the lot that they come from."""
        key = account, lot.lot_id
        if key in self._lots:
            self._lots[key] = self._lots[key]._replace(qty=self._lots[key].qty + qty)
            self._amounts[account] += qty
        elif self._book.lot(account, lot.lot_id) is not None:
            self.draw(account, lot.lot_id, -qty)
        else:
            self._lots[key] = NewLot(lot.lot_id, account, qty, lot.from_day, lot.last_day, lot.source)
            self._amounts[account] += qty

    def credit(self, member_id: str, qty: int, lot: Lot) -> None:
        """Give a member units: their debt first, then risks that stores took for them, then a lot of their own."""
        who = self._book.resolve(member_id)
        if self._book.is_gone(who):
            self.move(ledger.EXPIRED, qty)
            return
        debt = min(qty, self._owed_by(who))
        if debt:
            self._owed[who] -= debt
            self.move(ledger.member_account(who, ledger.MEMBER_DEBT), debt)
            qty -= debt
        qty -= self._settle_risks(who, qty)
        if qty:
            self.put(ledger.member_account(who, ledger.MEMBER_POINTS), qty, lot)

    def take_back(self, member_id: str, qty: int, source: str) -> None:
        """Take units from a member: from the lots of a source first, then in the order of spending, the rest as a debt.

        Whoever left has nothing more to give: what they had has ended, and this is part of it.
        """
        who = self._book.resolve(member_id)
        if self._book.is_gone(who):
            self.move(ledger.EXPIRED, -qty)
            return
        account = ledger.member_account(who, ledger.MEMBER_POINTS)
        lots = ledger.spend_order(self._book.lots(account))
        for lot in (*(one for one in lots if one.source == source), *(one for one in lots if one.source != source)):
            part = min(self.rest(lot), qty)
            if part > 0:
                self.draw(account, lot.lot_id, part)
                qty -= part
        if qty:
            self.move(ledger.member_account(who, ledger.MEMBER_DEBT), -qty)

    def take_usable(self, member_id: str, qty: int) -> int:
        """Take up to so much of what a member may spend on the day; give how much that was."""
        account = ledger.member_account(self._book.resolve(member_id), ledger.MEMBER_POINTS)
        lots = [lot._replace(left=self.rest(lot)) for lot in self._book.lots(account)]
        draws, short = ledger.take(lots, qty, self._day)
        for one in draws:
            self.draw(account, one.lot_id, one.qty)
        return qty - short

    def journal(self, idem: str, kind: str, ref: str, reverses: str = "") -> Journal | None:
        """Finish: the journal, or None where nothing moves.

        Raises:
            LedgerError: it breaks a law of the book.
        """
        entries = tuple(Entry(account, amount) for account, amount in self._amounts.items() if amount)
        draws = tuple(Draw(lot_id, account, qty) for (account, lot_id), qty in self._draws.items() if qty)
        if not entries and not draws and not self._lots:
            return None
        made = Journal(idem, kind, ref, self._day, entries, tuple(self._lots.values()), draws, reverses)
        ledger.check(made)
        return made

    def _owed_by(self, member_id: str) -> int:
        if member_id not in self._owed:
            account = ledger.member_account(member_id, ledger.MEMBER_DEBT)
            moved = 0 if self._behind is None else self._behind.moved(account)
            self._owed[member_id] = max(0, -self._book.balance(account) - moved)
        return self._owed[member_id]

    def undo_risk(self, member_id: str, posts: Sequence[OpenRisk], qty: int) -> int:
        """Let what still stands of some risks fall; gives how much that was."""
        wanted = {risk.post_id for risk in posts}
        return self._settle_risks(self._book.resolve(member_id), qty, wanted)

    def _settle_risks(self, member_id: str, qty: int, wanted: Container[str] | None = None) -> int:
        if member_id not in self._risks:
            self._risks[member_id] = list(self._book.open_risks(member_id))
        settled = 0
        still = []
        for risk in self._risks[member_id]:
            part = min(risk.open, qty - settled) if wanted is None or risk.post_id in wanted else 0
            if part:
                self.move(ledger.risk_account(risk.store), part)
                self.recovered[risk.post_id] += part
                settled += part
            if risk.open > part:
                still.append(risk._replace(open=risk.open - part))
        self._risks[member_id] = still
        return settled
