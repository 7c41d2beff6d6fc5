"""Laws of the book by chance: whatever three cut-off stores do, in whatever order and however often it arrives, the sums are the same.

The real booking over a book in plain dicts (membership.md §8.3).
"""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.domain import booking, moves
from cloud.domain.booking import At, Outcome
from cloud.domain.posting import EarningSeen, GrantSeen, OpenRisk, SpendSeen
from sync.contract import ledger
from sync.contract.ledger import Journal, Lot
from sync.contract.members import (
    GrantReleased,
    InviteClaimed,
    PointsEarned,
    PointsReversed,
    PointsSpent,
    SpentLot,
)

DAY, FAR = "2026-11-20", "2027-11-30"
MEMBERS = ("a" * 32, "b" * 32)
STORES = ("s1", "s2", "s3")


class DictBook:
    """The book in plain dicts, with what the booker does around the booking."""

    def __init__(self) -> None:
        self.amounts: defaultdict[str, int] = defaultdict(int)
        self.held: dict[tuple[str, str], Lot] = {}
        self.journals: dict[str, Journal] = {}
        self.risks: dict[str, tuple[str, str, int]] = {}
        self.grants: dict[str, GrantSeen] = {}
        self.spends: dict[str, list[list[object]]] = {}
        self.whose: dict[str, tuple[str, str, int]] = {}
        self.waiting: list[tuple[str, object, At]] = []
        self.merged: dict[str, str] = {}

    # ---------------------------------------------------------------------------------------------- what bookings ask

    def resolve(self, member_id: str) -> str:
        while member_id in self.merged:
            member_id = self.merged[member_id]
        return member_id

    def is_gone(self, _member_id: str) -> bool:
        return False

    def knows(self, idem: str) -> bool:
        return idem in self.journals

    def lots(self, account: str) -> list[Lot]:
        return [lot for lot in self.held.values() if lot.account == account and lot.left > 0]

    def lot(self, account: str, lot_id: str) -> Lot | None:
        return self.held.get((account, lot_id))

    def balance(self, account: str) -> int:
        return self.amounts[account]

    def open_risks(self, member_id: str) -> list[OpenRisk]:
        return [
            OpenRisk(post, store, left)
            for post, (store, who, left) in sorted(self.risks.items())
            if left and self.resolve(who) == member_id
        ]

    def grant(self, grant_id: str) -> GrantSeen | None:
        return self.grants.get(grant_id)

    def earning(self, ref: str) -> EarningSeen | None:
        made = [one for one in self.journals.values() if one.ref == ref and one.kind == booking.EARNED]
        if not made:
            return None
        member_id, invite_id, points = self.whose[made[0].idem]
        taken = sum(
            amount
            for one in self.journals.values()
            if one.ref == ref and one.kind == booking.TAKEN_BACK
            for account, amount in one.entries
            if account == ledger.ISSUED
        )
        return EarningSeen(member_id, invite_id, points, taken, made[0].day, 0)

    def escrow(self, invite_id: str) -> EarningSeen | None:
        found = [lot for lot in self.held.values() if lot.account == ledger.escrow_account(invite_id)]
        return self.earning(found[0].source) if found else None

    def spend(self, ref: str) -> SpendSeen | None:
        parts = self.spends.get(ref)
        if parts is None:
            return None
        drawn: dict[tuple[str, str], int] = {}
        bare = 0
        for _post, _who, account, lot_id, qty in parts:
            assert isinstance(qty, int)
            if account:
                drawn[str(account), str(lot_id)] = drawn.get((str(account), str(lot_id)), 0) + qty
            else:
                bare += qty
        posts = {str(part[0]) for part in parts}
        risks = tuple(OpenRisk(post, store, left) for post, (store, _, left) in self.risks.items() if post in posts)
        return SpendSeen(str(parts[0][1]), drawn, bare, risks)

    def claimed_by(self, invite_id: str) -> str:
        made = self.journals.get(f"claim:{invite_id}")
        return "" if made is None else made.ref.removeprefix("member:")

    def gift_given(self, _member_id: str) -> bool:
        return False

    # -------------------------------------------------------------------------------------------------- what it takes

    def write(self, journal: Journal) -> None:
        ledger.check(journal)
        if journal.idem in self.journals:
            return
        self.journals[journal.idem] = journal
        for account, amount in journal.entries:
            self.amounts[account] += amount
        for lot in journal.lots:
            assert (lot.account, lot.lot_id) not in self.held
            self.held[lot.account, lot.lot_id] = Lot(
                lot.lot_id, lot.account, lot.qty, lot.from_day, lot.last_day, lot.source
            )
        for draw in journal.draws:
            lot_now = self.held[draw.account, draw.lot_id]
            assert lot_now.left >= draw.qty, "more than a lot holds"
            self.held[draw.account, draw.lot_id] = lot_now._replace(left=lot_now.left - draw.qty)

    def take(self, body: object, at: At) -> Outcome:
        """Book a fact as the booker does."""
        outcome = self._outcome(body, at)
        if outcome.waits_for:
            self.waiting.append((outcome.waits_for, body, at))
            return outcome
        new = [one for one in outcome.journals if one.idem not in self.journals]
        for one in outcome.journals:
            self.write(one)
        if isinstance(body, PointsEarned) and new:
            self.whose[new[0].idem] = (body.member_id, body.invite_id, body.points)
        self._recover(outcome.recovered)
        if isinstance(body, PointsSpent) and new:
            if outcome.risk is not None:
                self.risks[body.post_id] = (at.store, outcome.risk.member_id, outcome.risk.open)
            parts: list[list[object]] = [
                [body.post_id, body.member_id, draw.account, draw.lot_id, draw.qty] for draw in new[0].draws
            ]
            still = 0 if outcome.risk is None else outcome.risk.open
            parts += [[body.post_id, body.member_id, "", "", still]] if still else []
            self.spends.setdefault(new[0].ref, []).extend(parts)
        if isinstance(body, PointsReversed):
            for account, lot_id, qty in outcome.backs:
                left = qty
                for part in self.spends[f"sale:{body.sale_id}"]:
                    if (part[2], part[3]) == (account, lot_id):
                        assert isinstance(part[4], int)
                        now = min(left, part[4])
                        part[4] -= now
                        left -= now
                assert left == 0
        if outcome.closes:
            self.grants[outcome.closes] = self.grants[outcome.closes]._replace(state="closed")
        ready = [one for one in self.waiting if one[0] in outcome.settles]
        self.waiting = [one for one in self.waiting if one[0] not in outcome.settles]
        for _, waited, where in ready:
            self.take(waited, where)
        return outcome

    def _recover(self, found: tuple[tuple[str, int], ...]) -> None:
        for post, qty in found:
            store, who, left = self.risks[post]
            assert left >= qty
            self.risks[post] = (store, who, left - qty)

    def _outcome(self, body: object, at: At) -> Outcome:
        match body:
            case PointsEarned():
                return booking.earned(self, at, body)
            case PointsSpent():
                return booking.spent(self, at, body)
            case PointsReversed():
                return booking.reversed_(self, at, body)
            case InviteClaimed():
                return booking.claimed(self, at, body, 30)
            case GrantReleased():
                return booking.released(self, at, body)
            case _:
                raise AssertionError(body)

    # ----------------------------------------------------------------------------------------------------- what it says

    def net(self, member_id: str) -> int:
        """Say what a member has in all: own points, grants, less what they owe and what stores gave in advance."""
        points = sum(
            lot.left
            for lot in self.held.values()
            if lot.account == ledger.member_account(member_id, "points")
            or (lot.account.startswith("g:") and self.grants[lot.account[2:]].member_id == member_id)
        )
        risk = sum(left for _, who, left in self.risks.values() if self.resolve(who) == member_id)
        return points + self.amounts[ledger.member_account(member_id, "points_debt")] - risk

    def holds(self) -> None:
        """See that every law of the book holds."""
        assert sum(self.amounts.values()) == 0
        of_lots: defaultdict[str, int] = defaultdict(int)
        for lot in self.held.values():
            assert lot.left >= 0
            of_lots[lot.account] += lot.left
        for account, amount in self.amounts.items():
            if ledger.keeps_lots(account):
                assert of_lots[account] == amount
            if account.endswith(":points_debt"):
                assert amount <= 0
        for store in STORES:
            told = sum(left for where, _, left in self.risks.values() if where == store)
            assert self.amounts[ledger.risk_account(store)] == -told


def granted(book: DictBook, member_id: str, store: str, qty: int, number: int) -> tuple[SpentLot, ...]:
    """Let the hub put something aside for a store; gives it as a spend of all of it."""
    grant_id = f"{number:032x}"
    aside = moves.put_aside(book, member_id, qty, grant_id, DAY)
    if aside is None:
        return ()
    book.write(aside.journal)
    book.grants[grant_id] = GrantSeen(grant_id, member_id, store, 1, "open")
    return tuple(SpentLot(grant_id=grant_id, lot_id=lot.lot_id, qty=lot.qty) for lot in aside.lots)


@st.composite
def worlds(draw):
    """Give what three stores wrote while they were cut off: lists of (body, place), each in its store's order."""
    told: dict[str, list[tuple[object, At]]] = {store: [] for store in STORES}
    spends: list[tuple[str, PointsSpent]] = []
    sales: list[tuple[str, str, int]] = []
    for number in range(draw(st.integers(1, 14))):
        store = draw(st.sampled_from(STORES))
        at = At(store, 1, DAY)
        member = draw(st.sampled_from(MEMBERS))
        post = f"{number:032x}"
        what = draw(st.sampled_from(("earn", "earn", "sale", "spend", "refund", "give", "receipt", "claim")))
        qty = draw(st.integers(1, 60))
        if what == "earn":
            body: object = PointsEarned(
                post_id=post, idem=f"event:{number}", by="event", ref="", points=qty, from_day=DAY, last_day=FAR, member_id=member
            )  # fmt: skip
        elif what in {"sale", "receipt"}:
            whose = {"member_id": member} if what == "sale" else {"invite_id": f"i{number}"}
            body = PointsEarned(
                post_id=post, idem=f"sale:{post}", by="sale", ref=f"sale:{post}", points=qty, from_day=DAY, last_day=FAR, **whose
            )  # fmt: skip
            sales.append((post, whose.get("invite_id", ""), qty))
        elif what == "spend":
            body = PointsSpent(
                post_id=post, member_id=member, on="bill", ref=f"sale:x{number}", points=qty, worth_fen=qty, risk=qty, approved_by="m"
            )  # fmt: skip
            spends.append((f"x{number}", body))
        elif what == "refund" and sales:
            sale, invite, most = draw(st.sampled_from(sales))
            body = PointsReversed(post_id=post, refund_id=post, sale_id=sale, invite_id=invite, taken=min(qty, most))
        elif what == "give" and spends:
            sale, spend = draw(st.sampled_from(spends))
            body = PointsReversed(
                post_id=post, refund_id=post, sale_id=sale, member_id=spend.member_id, returned_risk=min(qty, spend.points)
            )  # fmt: skip
        elif what == "claim" and any(invite for _, invite, _ in sales):
            invite = draw(st.sampled_from([one for _, one, _ in sales if one]))
            # One claimant for each receipt: of two the first that arrives has it, which is another test's matter.
            body = InviteClaimed(invite_id=invite, member_id=MEMBERS[int(invite[1:]) % 2], sale_store=store)
        else:
            continue
        told[store].append((body, at))
    return told


def mixed(draw, told):
    """Give the facts of all stores in an order that keeps each store's own, some of them twice."""
    left = {store: list(items) for store, items in told.items() if items}
    order = []
    while left:
        store = draw(st.sampled_from(sorted(left)))
        order.append(left[store].pop(0))
        if draw(st.integers(0, 4)) == 0:
            order.append(order[draw(st.integers(0, len(order) - 1))])
        if not left[store]:
            del left[store]
    return order


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_and_repetition_comes_to_the_same_sums(data):
    told = data.draw(worlds())
    sums = []
    for _ in range(2):
        book = DictBook()
        for body, at in mixed(data.draw, told):
            book.take(body, at)
            book.holds()
        assert book.waiting == [] or all(isinstance(one[1], InviteClaimed | PointsReversed) for one in book.waiting)
        sums.append([book.net(member) for member in MEMBERS])
    assert sums[0] == sums[1]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_granted_free_and_spent_is_always_what_came_in(data):
    """`balance = free + Σ open grants`, and no two stores ever spend the same point."""
    book = DictBook()
    came = data.draw(st.integers(1, 300))
    member = MEMBERS[0]
    book.take(
        PointsEarned(
            post_id="f" * 32,
            idem="event:1",
            by="event",
            ref="",
            points=came,
            from_day=DAY,
            last_day=FAR,
            member_id=member,
        ),
        At("s1", 1, DAY),
    )
    spent = 0
    open_parts: dict[str, list[tuple[SpentLot, ...]]] = {store: [] for store in STORES}
    for number in range(1, data.draw(st.integers(1, 20))):
        store = data.draw(st.sampled_from(STORES))
        deed = data.draw(st.sampled_from(("grant", "spend", "release")))
        if deed == "grant":
            parts = granted(book, member, store, data.draw(st.integers(1, 120)), number)
            open_parts[store] += [parts] if parts else []
        elif deed == "spend" and open_parts[store]:
            parts = open_parts[store].pop(0)
            total = sum(part.qty for part in parts)
            spent += total
            body = PointsSpent(
                post_id=f"{number:032x}", member_id=member, on="bill", ref=f"sale:{number}", points=total, worth_fen=total, lots=parts
            )  # fmt: skip
            assert book.take(body, At(store, 1, DAY)).conflicts == ()
        elif deed == "release" and open_parts[store]:
            parts = open_parts[store].pop(0)
            rest = sum(part.qty for part in parts)
            book.take(GrantReleased(grant_id=parts[0].grant_id, rest=rest), At(store, 1, DAY))
        book.holds()
        assert book.net(member) == came - spent
        assert spent <= came
    assert book.risks == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.data())
def test_partial_refunds_of_points_in_any_order_give_the_lots_back_exactly(sizes, data):
    book = DictBook()
    member, at = MEMBERS[0], At("s1", 1, DAY)
    for number, size in enumerate(sizes):
        last = f"2027-{number + 1:02d}-28"
        body = PointsEarned(
            post_id=f"{number:032x}", idem=f"event:{number}", by="event", ref="", points=size, from_day=DAY, last_day=last, member_id=member
        )  # fmt: skip
        book.take(body, at)
    parts = granted(book, member, "s1", sum(sizes), 900)
    before = {key: lot.left for key, lot in book.held.items()}
    qty = data.draw(st.integers(1, sum(sizes)))
    draws, _ = ledger.take([book.held[f"g:{parts[0].grant_id}", part.lot_id] for part in parts], qty, DAY)
    spent = tuple(SpentLot(grant_id=parts[0].grant_id, lot_id=draw.lot_id, qty=draw.qty) for draw in draws)
    book.take(
        PointsSpent(post_id="e" * 32, member_id=member, on="bill", ref="sale:1", points=qty, worth_fen=qty, lots=spent),
        at,
    )
    pieces = [SpentLot(grant_id=one.grant_id, lot_id=one.lot_id, qty=1) for one in spent for _ in range(one.qty)]
    for number, piece in enumerate(data.draw(st.permutations(pieces))):
        told = PointsReversed(
            post_id=f"{number + 5000:032x}", refund_id="r", sale_id="1", member_id=member, returned=(piece,)
        )
        book.take(told, at)
    book.holds()
    assert {key: lot.left for key, lot in book.held.items()} == before
    assert book.net(member) == sum(sizes)


def test_a_merge_in_the_middle_changes_no_sum():
    """Negative control of the sums above, too: a fact that is left out is seen."""
    book = DictBook()
    at = At("s1", 1, DAY)
    for number, member in enumerate(MEMBERS):
        book.take(
            PointsEarned(
                post_id=f"{number:032x}",
                idem=f"event:{number}",
                by="event",
                ref="",
                points=40,
                from_day=DAY,
                last_day=FAR,
                member_id=member,
            ),
            at,
        )
    book.take(
        PointsSpent(post_id="d" * 32, member_id=MEMBERS[1], on="bill", ref="sale:9", points=50, worth_fen=50, risk=50),
        at,
    )
    assert (book.net(MEMBERS[0]), book.net(MEMBERS[1])) == (40, -10)
    deed = moves.merge(book, MEMBERS[1], MEMBERS[0], "m1", DAY)
    assert deed is None  # the second one had nothing: what is open moves with the name
    book.merged[MEMBERS[1]] = MEMBERS[0]
    assert book.net(MEMBERS[0]) == 30
    book.take(
        PointsEarned(
            post_id="c" * 32,
            idem="event:9",
            by="event",
            ref="",
            points=5,
            from_day=DAY,
            last_day=FAR,
            member_id=MEMBERS[1],
        ),
        at,
    )
    assert book.net(MEMBERS[0]) == 35
    book.holds()
