"""What HQ itself does to the book: grants, expiry, gifts by hand, rewards, merges, leaving. Pure, as bookings of facts are.

Each deed has an `idem` of its own, so that it is done once however often it is begun.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from cloud.domain.posting import Book, Posting
from sync.contract import ledger, points
from sync.contract.grants import GrantedLot
from sync.contract.ledger import Journal, Lot
from sync.contract.points import Rules

GRANTED: Final = "grant.made"
EXPIRED: Final = "points.expired"
ISSUED: Final = "points.issued"
WITHDRAWN: Final = "points.withdrawn"
REWARDED: Final = "referral.rewarded"
REWARD_TAKEN: Final = "referral.taken_back"
GIFT_TAKEN: Final = "gift.taken_back"
MERGED: Final = "member.merged"
PARTED: Final = "member.parted"
LEFT: Final = "member.left"


class Deed(NamedTuple):
    """A journal of HQ, and what it found of earlier risks."""

    journal: Journal
    recovered: tuple[tuple[str, int], ...] = ()


class PutAside(NamedTuple):
    """A grant's journal and its lots as the store is told them."""

    journal: Journal
    lots: tuple[GrantedLot, ...]


def usable(book: Book, member_id: str, day: str) -> int:
    """Say how much a member has free to be put aside on a day."""
    account = ledger.member_account(book.resolve(member_id), ledger.MEMBER_POINTS)
    return sum(lot.left for lot in book.lots(account) if lot.usable(day))


def put_aside(book: Book, member_id: str, qty: int, grant_id: str, day: str) -> PutAside | None:
    """Cut up to so much out of a member's lots for one store; None where nothing is free."""
    account = ledger.member_account(book.resolve(member_id), ledger.MEMBER_POINTS)
    lots = {lot.lot_id: lot for lot in book.lots(account)}
    draws, _ = ledger.take(lots.values(), qty, day)
    posting = Posting(book, day)
    pieces = []
    for draw in draws:
        lot = lots[draw.lot_id]
        posting.draw(account, draw.lot_id, draw.qty)
        posting.put(ledger.grant_account(grant_id), draw.qty, lot)
        pieces.append(GrantedLot(lot_id=lot.lot_id, qty=draw.qty, from_day=lot.from_day, last_day=lot.last_day))
    journal = posting.journal(f"grant:{grant_id}", GRANTED, f"grant:{grant_id}")
    return None if journal is None else PutAside(journal, tuple(pieces))


def expire(book: Book, lot: Lot, day: str) -> Deed | None:
    """End a lot whose last day is over; what is left of it is nobody's any more."""
    if not lot.left or not lot.ended(day):
        return None
    return _end(book, [lot], day, f"expire:{lot.account}:{lot.lot_id}:{day}", EXPIRED, f"lot:{lot.lot_id}")


def end_escrow(book: Book, invite_id: str, day: str) -> Deed | None:
    """End what a receipt still holds when nobody can claim it any more."""
    lots = book.lots(ledger.escrow_account(invite_id))
    return _end(book, lots, day, f"expire:invite:{invite_id}:{day}", EXPIRED, f"invite:{invite_id}")


def issue(book: Book, member_id: str, qty: int, issue_id: str, day: str, rules: Rules) -> Deed:
    """Give a member points by hand."""
    posting = Posting(book, day)
    posting.move(ledger.ISSUED, -qty)
    posting.credit(member_id, qty, Lot(issue_id, "", 0, day, points.last_day(rules, day), f"issue:{issue_id}"))
    return _deed(posting, f"issue:{issue_id}", ISSUED, f"issue:{issue_id}")


def withdraw(book: Book, member_id: str, qty: int, issue_id: str, day: str) -> Deed:
    """Take points from a member by hand; what they do not have is a debt."""
    posting = Posting(book, day)
    posting.move(ledger.ISSUED, qty)
    posting.take_back(member_id, qty, "")
    return _deed(posting, f"issue:{issue_id}", WITHDRAWN, f"issue:{issue_id}")


def reward(book: Book, referrer: str, friend: str, day: str, rules: Rules) -> Deed | None:
    """Reward both sides of a referral in one journal; None where the rules give neither anything."""
    posting = Posting(book, day)
    last_day = points.last_day(rules, day)
    for who, qty in ((referrer, rules.referral_referrer), (friend, rules.referral_friend)):
        if qty:
            posting.move(ledger.ISSUED, -qty)
            posting.credit(who, qty, Lot(f"{who}+{friend}", "", 0, day, last_day, f"referral:{friend}"))
    return _maybe(posting, f"referral:{friend}", REWARDED, f"referral:{friend}")


def take_reward(book: Book, parts: Iterable[tuple[str, int]], friend: str, day: str) -> Deed | None:
    """Take a referral's reward back from both, because the bill that it was for was refunded.

    Args:
        book: what it says.
        parts: what each side was given.
        friend: whose joining it was.
        day: of today.
    """
    posting = Posting(book, day)
    for who, qty in parts:
        posting.move(ledger.ISSUED, qty)
        posting.take_back(who, qty, f"referral:{friend}")
    return _maybe(posting, f"referral:{friend}:back", REWARD_TAKEN, f"referral:{friend}")


def take_gift(book: Book, member_id: str, qty: int, source: str, day: str) -> Deed:
    """Take a gift back that somebody with the same phone was given before."""
    posting = Posting(book, day)
    posting.move(ledger.ISSUED, qty)
    posting.take_back(member_id, qty, source)
    return _deed(posting, f"gift:{member_id}:back", GIFT_TAKEN, source)


def merge(book: Book, loser: str, survivor: str, merge_id: str, day: str) -> Deed | None:
    """Empty a member's accounts into another's, each lot under its own name. The caller has not told the book yet.

    Returns:
        The journal, or None where the member had nothing.
    """
    posting = Posting(book, day)
    source = ledger.member_account(loser, ledger.MEMBER_POINTS)
    for lot in book.lots(source):
        posting.draw(source, lot.lot_id, lot.left)
        posting.credit(survivor, lot.left, lot)
    debt = ledger.member_account(loser, ledger.MEMBER_DEBT)
    owed = book.balance(debt)
    if owed:
        posting.move(debt, -owed)
        posting.take_back(survivor, -owed, "")
    growth = ledger.member_account(loser, ledger.MEMBER_GROWTH)
    grown = book.balance(growth)
    if grown:
        posting.move(growth, -grown)
        posting.move(ledger.member_account(survivor, ledger.MEMBER_GROWTH), grown)
    return _maybe(posting, f"merge:{merge_id}", MERGED, f"merge:{merge_id}")


def part(book: Book, moved: dict[str, int], loser: str, survivor: str, merge_id: str, day: str) -> Deed | None:
    """Undo a merge: what is left of the lots that came with it goes back, the latest ending first as any return.

    Args:
        book: what it says.
        moved: how much of each lot the merge brought.
        loser: who gets it back.
        survivor: who had it meanwhile.
        merge_id: of the merge.
        day: of today.
    """
    posting = Posting(book, day)
    source, target = (ledger.member_account(who, ledger.MEMBER_POINTS) for who in (survivor, loser))
    for lot in book.lots(source):
        qty = min(lot.left, moved.get(lot.lot_id, 0))
        if qty:
            posting.draw(source, lot.lot_id, qty)
            posting.put(target, qty, lot)
    return _maybe(posting, f"part:{merge_id}", PARTED, f"merge:{merge_id}", f"merge:{merge_id}")


def leave(book: Book, member_id: str, day: str) -> Deed | None:
    """End all that a member has and owes, because they left."""
    posting = Posting(book, day)
    account = ledger.member_account(member_id, ledger.MEMBER_POINTS)
    for lot in book.lots(account):
        posting.draw(account, lot.lot_id, lot.left)
        posting.move(ledger.EXPIRED, lot.left)
    debt = ledger.member_account(member_id, ledger.MEMBER_DEBT)
    owed = book.balance(debt)
    if owed:
        posting.move(debt, -owed)
        posting.move(ledger.WAIVED, owed)
    return _maybe(posting, f"left:{member_id}", LEFT, f"member:{member_id}")


def _end(book: Book, lots: list[Lot], day: str, idem: str, kind: str, ref: str) -> Deed | None:
    posting = Posting(book, day)
    for lot in lots:
        posting.draw(lot.account, lot.lot_id, lot.left)
        posting.move(ledger.EXPIRED, lot.left)
    return _maybe(posting, idem, kind, ref)


def _deed(posting: Posting, idem: str, kind: str, ref: str) -> Deed:
    made = _maybe(posting, idem, kind, ref)
    assert made is not None
    return made


def _maybe(posting: Posting, idem: str, kind: str, ref: str, reverses: str = "") -> Deed | None:
    journal = posting.journal(idem, kind, ref, reverses)
    return None if journal is None else Deed(journal, tuple(posting.recovered.items()))
