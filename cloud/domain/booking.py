"""What a member's fact comes to in the book, as a pure function of the fact and of what the book says (membership.md §6.2, §6.3).

Nothing here refuses a fact: it happened. Where the book cannot follow a store, the outcome names the conflict, and what the store
gave without a right to is the store's own risk. A fact that speaks of something another store has not sent yet waits for it.

Rules of order, so that the same facts come to the same sums whatever arrives first:

* a gift (welcome, sign-in, …) is booked once by its `idem`; the second is `gift_doubled`;
* a receipt's points go to the first claim that is booked; the second is `claimed_twice`, one behind a refund `claim_of_refunded`;
* a refund takes from the sale's own lot, then from the others, then it is a debt, which the next points pay first;
* a spend draws on its grants; what they do not hold (`grant_…`) and what a manager allowed (`manager`) is looked for in what the
  member has free, then in what comes to them later, and stands as OFFLINE_RISK of the store until it was found.
"""

from typing import Final, NamedTuple

from cloud.domain.posting import Book, Posting, SpendSeen
from sync.contract import ledger, times
from sync.contract.ledger import Journal, Lot
from sync.contract.members import GrantReleased, InviteClaimed, PointsEarned, PointsReversed, PointsSpent, SpentLot

GRACE_DAYS: Final = 30
"""Points that come back after their lot has ended hold so much longer (reinstatement)."""
GIFTS: Final = frozenset({"welcome", "sign_in", "review", "share", "dish_tip", "event"})

EARNED: Final = "points.earned"
SPENT: Final = "points.spent"
TAKEN_BACK: Final = "points.taken_back"
GIVEN_BACK: Final = "points.given_back"
CLAIMED: Final = "points.claimed"
REGAINED: Final = "regained"
FREED: Final = "grant.freed"


class At(NamedTuple):
    """Where and when a fact was made."""

    store: str
    epoch: int
    day: str


class Conflict(NamedTuple):
    """What the book could not take as it was told: of whom, about what, how much."""

    kind: str
    member_id: str
    ref: str
    qty: int = 0


class Risk(NamedTuple):
    """What a store gave without a grant: `open` of `qty` was not found in the member's balance."""

    post_id: str
    member_id: str
    qty: int
    open: int
    cause: str
    approved_by: str


class Outcome(NamedTuple):
    """What a fact comes to.

    Attributes:
        journals: to be written in this order.
        conflicts: to be shown.
        risk: what a spend left to the store.
        recovered: what was found of earlier risks, by the post that opened them.
        backs: what came back of a spend, by account and lot (both empty: of its risk).
        closes: a grant that nobody spends from any more.
        touches: members whose card changes.
        waits_for: nothing was booked: the fact is to be booked again behind whatever has this name.
        settles: names that waiting facts may wait for, and that are there now.
    """

    journals: tuple[Journal, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    risk: Risk | None = None
    recovered: tuple[tuple[str, int], ...] = ()
    backs: tuple[tuple[str, str, int], ...] = ()
    closes: str = ""
    touches: tuple[str, ...] = ()
    waits_for: str = ""
    settles: tuple[str, ...] = ()


def sale_ref(ref: str) -> str:
    """Name what a posting is about: a bare id is a sale's."""
    return ref if ":" in ref or not ref else f"sale:{ref}"


def earned(book: Book, at: At, body: PointsEarned) -> Outcome:
    """Book points that came to a member, or to a receipt."""
    if body.by == "claim":
        # The receipt's own points move with `invite.claimed`; said a second time they would be given twice.
        return Outcome()
    who = book.resolve(body.member_id) if body.member_id else ""
    idem, ref = f"earn:{body.idem}", sale_ref(body.ref) or body.idem
    if book.knows(idem):
        kind = "gift_doubled" if body.by in GIFTS else "earned_twice"
        return Outcome(conflicts=(Conflict(kind, who, body.idem, body.points),), touches=(who,) if who else ())
    if body.by == "welcome" and book.gift_given(body.member_id):
        return Outcome(conflicts=(Conflict("gift_doubled", who, body.idem, body.points),), touches=(who,))
    posting = Posting(book, at.day)
    posting.move(ledger.ISSUED, -body.points)
    lot = Lot(body.post_id, "", 0, body.from_day, body.last_day, ref)
    if body.by == REGAINED:
        # Whoever claimed the receipt had these points.
        claimer = book.claimed_by(body.invite_id) if body.invite_id else ""
        who = book.resolve(claimer) if claimer else who
    if who:
        posting.credit(who, body.points, _reinstated(lot, at.day, body.post_id) if body.by == REGAINED else lot)
    else:
        posting.put(ledger.escrow_account(body.invite_id), body.points, lot)
    journal = posting.journal(idem, EARNED, ref)
    assert journal is not None
    settles = (ref,) if who else (ref, f"invite:{body.invite_id}")
    return Outcome((journal,), recovered=_found(posting), touches=(who,) if who else (), settles=settles)


def spent(book: Book, at: At, body: PointsSpent) -> Outcome:
    """Book points that paid for something."""
    idem, ref, who = f"spend:{body.post_id}", sale_ref(body.ref), book.resolve(body.member_id)
    if book.knows(idem):
        return Outcome(conflicts=(Conflict("spent_twice", who, body.post_id, body.points),))
    posting = Posting(book, at.day)
    conflicts: list[Conflict] = []
    for part in body.lots:
        drawn, why = _draw_on_grant(book, posting, at, who, part)
        if drawn < part.qty or why:
            conflicts.append(Conflict(why or "grant_overdrawn", who, part.grant_id, part.qty - drawn))
    breached = sum(one.qty for one in conflicts)
    bare = body.risk + breached
    still_open = bare - posting.take_usable(who, bare) if bare and not book.is_gone(who) else bare
    if still_open:
        posting.move(ledger.risk_account(at.store), -still_open)
    posting.move(ledger.REDEEMED, body.points)
    journal = posting.journal(idem, SPENT, ref)
    assert journal is not None
    cause = next((one.kind for one in conflicts if one.qty), "manager")
    risk = Risk(body.post_id, who, bare, still_open, cause, body.approved_by) if bare else None
    return Outcome((journal,), tuple(conflicts), risk, touches=(who,), settles=(f"spent:{ref}",))


def reversed_(book: Book, at: At, body: PointsReversed) -> Outcome:
    """Book what a refund does to points: what its sale earned goes, what it cost comes back."""
    ref = f"sale:{body.sale_id}"
    takes, gives = f"take:{body.post_id}", f"give:{body.post_id}"
    journals: list[Journal] = []
    conflicts: list[Conflict] = []
    touches: list[str] = []
    found: list[tuple[str, int]] = []
    backs: list[tuple[str, str, int]] = []
    earning = book.earning(ref)
    spend = book.spend(ref)
    before: Posting | None = None
    if body.taken and earning is None:
        return Outcome(waits_for=ref)
    if (body.returned or body.returned_risk) and spend is None:
        return Outcome(waits_for=f"spent:{ref}")
    if body.taken and earning is not None and not book.knows(takes):
        owner = earning.member_id or book.claimed_by(earning.invite_id)
        taken = min(body.taken, earning.points - earning.taken)
        if taken < body.taken:
            conflicts.append(Conflict("taken_too_much", book.resolve(owner) if owner else "", ref, body.taken - taken))
        posting = Posting(book, at.day)
        before = posting
        answered = _take(book, posting, taken, body, owner, earning.invite_id, ref)
        posting.move(ledger.ISSUED, answered)
        journal = posting.journal(takes, TAKEN_BACK, ref, f"earn:{ref}")
        journals += [journal] if journal is not None else []
        touches += [book.resolve(owner)] if owner else []
    if spend is not None and (body.returned or body.returned_risk) and not book.knows(gives):
        posting = Posting(book, at.day, before)
        backs, excess = _give(book, posting, at, body, spend)
        if excess:
            conflicts.append(Conflict("returned_too_much", book.resolve(spend.member_id), ref, excess))
        posting.move(ledger.REDEEMED, -sum(qty for _, _, qty in backs))
        journal = posting.journal(gives, GIVEN_BACK, ref)
        journals += [journal] if journal is not None else []
        found += _found(posting)
        touches.append(book.resolve(spend.member_id))
    if body.member_id:
        # A store whose own claim came too late thinks that these were its guest's points: their card puts it right.
        touches.append(book.resolve(body.member_id))
    return Outcome(
        tuple(journals),
        tuple(conflicts),
        recovered=tuple(found),
        backs=tuple(backs),
        touches=tuple(dict.fromkeys(touches)),
    )


def claimed(book: Book, at: At, body: InviteClaimed, claim_days: int) -> Outcome:
    """Book that a member claimed a receipt's points.

    Args:
        book: what it says.
        at: where and when.
        body: the fact.
        claim_days: for how long the receipt's rules let it wait.
    """
    who = book.resolve(body.member_id)
    idem = f"claim:{body.invite_id}"
    if book.knows(idem):
        first = book.claimed_by(body.invite_id)
        same = bool(first) and book.resolve(first) == who
        return Outcome() if same else Outcome(conflicts=(Conflict("claimed_twice", who, body.invite_id),))
    held = book.escrow(body.invite_id)
    if held is None:
        return Outcome(waits_for=f"invite:{body.invite_id}")
    account = ledger.escrow_account(body.invite_id)
    lots = book.lots(account)
    if not lots:
        kind = "claim_of_refunded" if held.taken >= held.points else "claim_late"
        return Outcome(conflicts=(Conflict(kind, who, body.invite_id),))
    if times.epoch_day(at.day) > times.epoch_day(held.day) + claim_days:
        return Outcome(conflicts=(Conflict("claim_late", who, body.invite_id, sum(lot.left for lot in lots)),))
    posting = Posting(book, at.day)
    for lot in lots:
        posting.draw(account, lot.lot_id, lot.left)
        posting.credit(who, lot.left, lot)
    journal = posting.journal(idem, CLAIMED, f"member:{body.member_id}")
    assert journal is not None
    return Outcome((journal,), recovered=_found(posting), touches=(who,))


def released(book: Book, at: At, body: GrantReleased) -> Outcome:
    """Book that a store gives a grant's rest back: the book's own rest, for the store spends none of it any more."""
    grant = book.grant(body.grant_id)
    if grant is None or grant.store != at.store:
        kind = "grant_unknown" if grant is None else "grant_foreign"
        return Outcome(conflicts=(Conflict(kind, "", body.grant_id, body.rest),) if body.rest else ())
    if grant.state == "closed":
        return Outcome()
    held = sum(lot.left for lot in book.lots(ledger.grant_account(body.grant_id)))
    conflicts: tuple[Conflict, ...] = ()
    if body.rest < held:
        conflicts = (Conflict("release_differs", grant.member_id, body.grant_id, held - body.rest),)
    return free(book, at.day, body.grant_id, grant.member_id)._replace(conflicts=conflicts)


def free(book: Book, day: str, grant_id: str, member_id: str) -> Outcome:
    """Give what is left of a grant back to its member; lots that ended meanwhile end here."""
    account = ledger.grant_account(grant_id)
    who = book.resolve(member_id)
    posting = Posting(book, day)
    for lot in book.lots(account):
        posting.draw(account, lot.lot_id, lot.left)
        if lot.ended(day):
            posting.move(ledger.EXPIRED, lot.left)
        else:
            posting.credit(who, lot.left, lot)
    journal = posting.journal(f"free:{grant_id}", FREED, f"grant:{grant_id}")
    journals = () if journal is None else (journal,)
    return Outcome(journals, recovered=_found(posting), closes=grant_id, touches=(who,))


def _draw_on_grant(book: Book, posting: Posting, at: At, who: str, part: SpentLot) -> tuple[int, str]:
    """Draw on a grant's lot; gives how much it held, and what was wrong."""
    grant = book.grant(part.grant_id)
    if grant is None:
        return 0, "grant_unknown"
    if grant.store != at.store or book.resolve(grant.member_id) != who:
        return 0, "grant_foreign"
    account = ledger.grant_account(part.grant_id)
    lot = book.lot(account, part.lot_id)
    drawn = 0 if lot is None else min(part.qty, posting.rest(lot))
    if drawn > 0:
        posting.draw(account, part.lot_id, drawn)
    drawn = max(drawn, 0)
    if drawn < part.qty and grant.state == "closed":
        return drawn, "grant_closed"
    return drawn, "grant_of_another_epoch" if grant.epoch != at.epoch else ""


def _take(book: Book, posting: Posting, taken: int, body: PointsReversed, owner: str, invite_id: str, ref: str) -> int:
    """Take back what a sale earned; gives how much was answered for, in whatever way."""
    paid = min(body.paid, taken)
    waived = min(body.waived, taken - paid)
    posting.move(ledger.PAID_BACK, -paid)
    posting.move(ledger.WAIVED, -waived)
    rest = taken - paid - waived
    if owner:
        posting.take_back(owner, rest, ref)
        return taken
    account = ledger.escrow_account(invite_id)
    for lot in book.lots(account):
        part = min(lot.left, rest)
        if part:
            posting.draw(account, lot.lot_id, part)
            rest -= part
    # What is not there any more has ended: nobody has it.
    posting.move(ledger.EXPIRED, -rest)
    return taken


def _give(
    book: Book, posting: Posting, at: At, body: PointsReversed, spend: SpendSeen
) -> tuple[list[tuple[str, str, int]], int]:
    """Give back what a sale cost; gives what came back of what, and how much more was told."""
    outstanding = dict(spend.drawn)
    backs: list[tuple[str, str, int]] = []
    bare = body.returned_risk
    for part in body.returned:
        key = ledger.grant_account(part.grant_id), part.lot_id
        qty = min(part.qty, outstanding.get(key, 0))
        bare += part.qty - qty
        if not qty:
            continue
        outstanding[key] -= qty
        backs.append((*key, qty))
        lot = book.lot(*key)
        grant = book.grant(part.grant_id)
        assert lot is not None
        is_here = grant is not None and grant.state != "closed" and (grant.store, grant.epoch) == (at.store, at.epoch)
        if is_here and not lot.ended(at.day):
            posting.draw(*key, -qty)
        else:
            posting.credit(spend.member_id, qty, _reinstated(lot, at.day, body.post_id))
    of_risk = min(bare, spend.risk)
    if of_risk:
        backs.append(("", "", of_risk))
        _give_risk(posting, at, body, spend, of_risk)
    bare -= of_risk
    for (account, lot_id), drawn in outstanding.items():
        lot = book.lot(account, lot_id)
        qty = min(drawn, bare)
        if qty and lot is not None and not account.startswith("g:"):
            backs.append((account, lot_id, qty))
            posting.credit(spend.member_id, qty, _reinstated(lot, at.day, body.post_id))
            bare -= qty
    return backs, bare


def _give_risk(posting: Posting, at: At, body: PointsReversed, spend: SpendSeen, qty: int) -> None:
    """Undo a risk: what still stands of it falls; what was found in the member's points since goes back to them."""
    qty -= posting.undo_risk(spend.member_id, spend.risks, qty)
    if qty:
        last_day = times.day_of_epoch(times.epoch_day(at.day) + GRACE_DAYS)
        posting.credit(spend.member_id, qty, Lot(f"~{body.post_id}", "", 0, at.day, last_day, "reinstated"))


def _reinstated(lot: Lot, day: str, post_id: str) -> Lot:
    """Give the lot that units go back to: their own, or one that holds a while longer where that has ended."""
    if not lot.ended(day):
        return lot
    last_day = times.day_of_epoch(times.epoch_day(day) + GRACE_DAYS)
    return Lot(f"{lot.lot_id}~{post_id}", "", 0, day, last_day, "reinstated")


def _found(posting: Posting) -> tuple[tuple[str, int], ...]:
    return tuple(posting.recovered.items())
