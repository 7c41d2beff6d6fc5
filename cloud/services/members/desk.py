"""Members as HQ sees and serves them. Names and numbers are masked; to see them in clear is a deed of its own, with a reason (§5.2).

Every change is a row of the audit log, in the transaction of what it changes.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cloud.db import ledger as rows
from cloud.db import members, proofs
from cloud.db import referrals as referral_rows
from cloud.db.engine import Reader, Tx
from cloud.db.ledger import By, ConflictRow, Line, RiskRow
from cloud.db.members import ConsentRow, MemberRow, MergeRow, SaleRow
from cloud.db.referrals import IssueRow, ReferralRow
from cloud.services import audit, streams
from cloud.services.accounts import Who
from cloud.services.members import cards, erase, held, issue, merge, people
from cloud.services.members.referral import Referrals
from cloud.services.members.shared import BadDeed, NoMember, Shared, everybody, standing
from sync.contract import ledger, member_cards, phones
from sync.contract import streams as names
from sync.contract.ledger import Lot
from sync.contract.member_cards import GivenConsent, Habits, Profile
from sync.contract.points import Rules

SHOWN_MAX = 200
REASON_CHARS_MIN = 3
REASON_CHARS_MAX = 200
_ID = re.compile(r"[0-9a-f]{32}")
_TAIL = re.compile(r"[0-9]{4}")
T = TypeVar("T")


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    """A member in a list; nothing of it says who they are to a stranger."""

    member_id: str
    name: str
    phone: str
    joined_day: str
    home_store: str
    points: int


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that HQ may see of a member without a reason.

    Attributes:
        line: who, masked.
        member: as the hub keeps them; `sealed` is empty here.
        readable: whether the key is here.
        points, pending, debt, granted: what they have, what of it is not usable yet, what they owe, what stores hold of it.
        lots: what it is made of.
        consents: what holds; `said` is all that was ever said.
        stores: who has the card.
    """

    line: MemberLine
    member: MemberRow
    readable: bool
    points: int
    pending: int
    debt: int
    granted: int
    lots: tuple[Lot, ...]
    consents: tuple[GivenConsent, ...]
    said: tuple[ConsentRow, ...]
    stores: tuple[str, ...]
    habits: Habits | None
    sales: tuple[SaleRow, ...]
    brought_by: ReferralRow | None
    brought: tuple[ReferralRow, ...]
    merges: tuple[MergeRow, ...]
    issues: tuple[IssueRow, ...]
    conflicts: tuple[ConflictRow, ...]
    merged_from: tuple[str, ...]


class Liability(msgspec.Struct, frozen=True, kw_only=True):
    """What the house owes its members: points that are out, by what became of them (CAS 14).

    `issued = outstanding + redeemed + expired − waived − paid_back − owed − risk`, by the book's own sums. `ends` is by month,
    empty = for good.
    """

    issued: int
    outstanding: int
    with_members: int
    in_grants: int
    in_receipts: int
    owed: int
    redeemed: int
    expired: int
    waived: int
    paid_back: int
    risk: dict[str, int]
    ends: dict[str, int]
    worth_fen: int


class MemberDesk:
    """What HQ's people do with members. Any thread may use it."""

    def __init__(self, shared: Shared, referrals: Referrals) -> None:
        self._shared = shared
        self._database = shared.database
        self._referrals = referrals

    # ----------------------------------------------------------------------------------------------------------- looking

    def search(self, text: str) -> tuple[MemberLine, ...]:
        """Find members by phone number (any way to write it), the last four digits, or their id."""
        plain = text.strip()
        with self._database.read() as reader:
            found: list[str] = []
            phone = phones.normal(plain)
            if _ID.fullmatch(plain):
                found = [members.resolve(reader, plain)]
            elif _TAIL.fullmatch(plain):
                found = people.find_tail(reader, self._shared, plain)
            elif phone is not None:
                one = people.find_phone(reader, self._shared, phone)
                found = [] if one is None else [one]
            return self._lines(reader, found)

    def newest(self, limit: int = 50, before_ms: int | None = None) -> tuple[MemberLine, ...]:
        """List who joined last."""
        with self._database.read() as reader:
            return self._lines(reader, [row.member_id for row in members.newest(reader, limit, before_ms)])

    def count(self) -> int:
        """Count the members."""
        with self._database.read() as reader:
            return members.count(reader)

    def page(self, member_id: str) -> MemberPage:
        """Show a member, masked.

        Raises:
            NoMember: there is none, or they left.
        """
        with self._database.read() as reader:
            row = standing(reader, member_id)
            whole = everybody(reader, row.member_id)
            day = self._shared.day()
            lots = cards.all_lots(reader, whole)
            own = ledger.member_account(row.member_id, ledger.MEMBER_POINTS)
            consents = cards.consents_now(reader, whole)
            profile = people.open_profile(self._shared, row)
            return MemberPage(
                line=self._line(reader, row),
                member=msgspec.structs.replace(row, sealed=""),
                readable=profile is not None,
                points=sum(lot.left for lot in lots),
                pending=sum(lot.left for lot in lots if lot.from_day > day),
                debt=max(0, -rows.balance(reader, ledger.member_account(row.member_id, ledger.MEMBER_DEBT))),
                granted=sum(lot.left for lot in lots if lot.account != own),
                lots=tuple(ledger.spend_order(lots)),
                consents=tuple(consents.values()),
                said=tuple(members.consents_of(reader, whole)),
                stores=tuple(members.stores_of(reader, [row.member_id]).get(row.member_id, ())),
                habits=cards.habits_of(reader, whole) if "profiling" in consents else None,
                sales=tuple(members.sales_of(reader, whole, SHOWN_MAX)),
                brought_by=referral_rows.referral_of(reader, row.member_id),
                brought=tuple(referral_rows.by_referrer(reader, whole, SHOWN_MAX)),
                merges=tuple(one for each in whole for one in members.merges_of(reader, each) if one.loser == each),
                issues=tuple(referral_rows.issues(reader, member_id=row.member_id)),
                conflicts=tuple(rows.conflicts(reader, SHOWN_MAX, row.member_id)),
                merged_from=tuple(whole[1:]),
            )

    def timeline(self, member_id: str, limit: int = 100, before: int | None = None) -> tuple[Line, ...]:
        """List what changed a member's accounts, the newest first; `before` is the number of a journal.

        Raises:
            NoMember: there is none.
        """
        with self._database.read() as reader:
            row = standing(reader, member_id)
            return tuple(rows.history(reader, everybody(reader, row.member_id), limit, before))

    def conflicts(self, limit: int = SHOWN_MAX) -> tuple[ConflictRow, ...]:
        """List what the book could not take as stores told it."""
        with self._database.read() as reader:
            return tuple(rows.conflicts(reader, limit))

    def risks(self, *, only_open: bool = True) -> tuple[RiskRow, ...]:
        """List what stores gave without a grant, each with its cause."""
        with self._database.read() as reader:
            return tuple(rows.risks(reader, only_open=only_open))

    def reviews(self) -> tuple[ReferralRow, ...]:
        """List the referrals that wait for a person."""
        with self._database.read() as reader:
            return tuple(referral_rows.in_state(reader, referral_rows.REVIEW))

    def waiting_issues(self) -> tuple[IssueRow, ...]:
        """List points by hand that wait for a second person."""
        with self._database.read() as reader:
            return tuple(referral_rows.issues(reader, issue.WAITING))

    def last_proof(self) -> proofs.ProofRow | None:
        """Give what the last night's proof of the book found."""
        with self._database.read() as reader:
            return proofs.last_proof(reader)

    def liability(self) -> Liability:
        """Say what the house owes its members."""
        with self._database.read() as reader:
            sums = rows.sums_by_kind(reader)
            rules = self._shared.rulebook.now(reader)
            out = sums["members"] + sums["grants"] + sums["escrows"]
            risk = {
                account.split(":")[1]: -balance
                for account, balance in rows.balances_like(reader, "risk:").items()
                if balance
            }
            return Liability(
                issued=-rows.balance(reader, ledger.ISSUED),
                outstanding=out,
                with_members=sums["members"],
                in_grants=sums["grants"],
                in_receipts=sums["escrows"],
                owed=-sums["debts"],
                redeemed=rows.balance(reader, ledger.REDEEMED),
                expired=rows.balance(reader, ledger.EXPIRED),
                waived=-rows.balance(reader, ledger.WAIVED),
                paid_back=-rows.balance(reader, ledger.PAID_BACK),
                risk=risk,
                ends=rows.ends_by_month(reader),
                worth_fen=out * rules.step_fen // rules.step,
            )

    # ------------------------------------------------------------------------------------------------------------- rules

    def rules(self) -> Rules:
        """Give the rules of points that hold now."""
        with self._database.read() as reader:
            return self._shared.rulebook.now(reader)

    def publish_rules(self, rules: Rules, who: Who | None = None) -> int:
        """Publish rules to all stores, under the next number; gives the number. Without `who` they are those of the first start."""

        def publish(tx: Tx) -> int:
            version = self._shared.rulebook.now(tx).version + 1
            numbered = msgspec.structs.replace(rules, version=version)
            key, value = member_cards.rules_key(version), msgspec.json.encode(numbered)
            streams.append(tx, names.RULES, op="put", key=key, value=value)
            if who is not None:
                self._record(tx, who, "points.rules_published", str(version))
            return version

        return self._do(publish)

    # -------------------------------------------------------------------------------------------------------- in clear

    def reveal(self, member_id: str, who: Who, reason: str) -> Profile:
        """Show who a member is, in clear; it is in the audit log before it is on the screen.

        Raises:
            NoMember: there is none, or their key is not here.
            BadDeed: no reason was given.
        """
        why = _reason(reason)

        def work(tx: Tx) -> Profile:
            row = standing(tx, member_id)
            profile = people.open_profile(self._shared, row)
            if profile is None:
                raise NoMember("their key is not here: the profile cannot be read")
            self._record(tx, who, "member.revealed", row.member_id, reason=why)
            return profile

        return self._do(work)

    def export(self, member_id: str, who: Who, reason: str) -> dict[str, Any]:
        """Give everything that is held of a member, for the member (PIPL art. 45): plain values, ready for JSON.

        Raises:
            NoMember: there is none.
            BadDeed: no reason was given.
        """
        why = _reason(reason)

        def work(tx: Tx) -> dict[str, Any]:
            row = standing(tx, member_id)
            self._record(tx, who, "member.exported", row.member_id, reason=why)
            return held.everything(self._shared, tx, row)

        return self._do(work)

    # ------------------------------------------------------------------------------------------------------------- deeds

    def erase(self, member_id: str, who: Who, reason: str) -> None:
        """Forget a member for good.

        Raises:
            NoMember: there is none (any more).
            BadDeed: no reason was given.
        """
        why = _reason(reason)

        def work(tx: Tx) -> None:
            rows.hold(tx)
            row = standing(tx, member_id)
            erase.leave(tx, self._shared, row.member_id, self._by(who, why))
            self._record(tx, who, "member.erased", row.member_id, reason=why)

        self._do(work)

    def merge(self, loser: str, survivor: str, who: Who, reason: str) -> str:
        """Merge a member into another; gives the id of the merge, by which it can be undone for thirty days.

        Raises:
            NoMember, BadDeed: with a sentence.
        """
        why = _reason(reason)

        def work(tx: Tx) -> str:
            rows.hold(tx)
            merge_id = merge.by_hand(tx, self._shared, loser, survivor, self._by(who, why))
            self._record(tx, who, "member.merged", survivor, other=loser, reason=why)
            return merge_id

        return self._do(work)

    def undo_merge(self, merge_id: str, who: Who, reason: str) -> str:
        """Undo a merge; gives the member who stands again.

        Raises:
            BadDeed: with a sentence.
        """
        why = _reason(reason)

        def work(tx: Tx) -> str:
            rows.hold(tx)
            member_id = merge.undo(tx, self._shared, merge_id, self._by(who, why))
            self._record(tx, who, "member.parted", member_id, reason=why)
            return member_id

        return self._do(work)

    def issue(self, member_id: str, points: int, who: Who, reason: str) -> IssueRow:
        """Give points by hand (below zero: take); much waits for a second person.

        Raises:
            NoMember, BadDeed: with a sentence.
        """
        why = _reason(reason)

        def work(tx: Tx) -> IssueRow:
            made = issue.ask(tx, self._shared, member_id, points, self._by(who, why))
            self._record(tx, who, f"points.issue_{made.state}", made.member_id, points=points, reason=why)
            return made

        return self._do(work)

    def decide_issue(self, issue_id: str, who: Who, *, allow: bool) -> IssueRow:
        """Say yes or no to what another person asked for.

        Raises:
            NoMember, BadDeed: with a sentence.
        """

        def work(tx: Tx) -> IssueRow:
            made = issue.decide(tx, self._shared, issue_id, allow=allow, by=self._by(who, ""))
            self._record(tx, who, f"points.issue_{made.state}", made.member_id, points=made.points)
            return made

        return self._do(work)

    def decide_referral(self, friend: str, who: Who, *, allow: bool) -> ReferralRow:
        """Say yes or no to a referral that waits for a person.

        Raises:
            BadDeed: with a sentence.
        """

        def work(tx: Tx) -> ReferralRow:
            row = self._referrals.decide(tx, friend, allow=allow, by=self._by(who, ""))
            self._record(tx, who, "referral.allowed" if allow else "referral.refused", friend)
            return row

        return self._do(work)

    def set_staff(self, member_id: str, who: Who, *, staff: bool) -> None:
        """Say whether a member works here: no referral of theirs is rewarded.

        Raises:
            NoMember: there is none.
        """

        def work(tx: Tx) -> None:
            rows.hold(tx)
            row = standing(tx, member_id)
            members.set_staff(tx, row.member_id, staff=staff)
            cards.publish(tx, self._shared, [row.member_id])
            self._record(tx, who, "member.staff_set", row.member_id, staff=int(staff))

        self._do(work)

    # ------------------------------------------------------------------------------------------------------------ inside

    def _do(self, work: Callable[[Tx], T]) -> T:
        with self._database.write() as tx:
            done = work(tx)
        self._shared.on_stream()
        return done

    def _by(self, who: Who, reason: str) -> By:
        return By(who.actor, self._shared.clock.now_ms(), reason=reason)

    def _record(self, tx: Tx, who: Who, action: str, target: str, **detail: str | int) -> None:
        audit.record(
            tx,
            at_ms=self._shared.clock.now_ms(),
            actor=who.actor,
            action=action,
            target=target,
            detail=who.detail(**detail),
        )

    def _lines(self, reader: Reader, found: list[str]) -> tuple[MemberLine, ...]:
        held = members.members_of(reader, found)
        return tuple(self._line(reader, held[one]) for one in found if one in held and held[one].left_ms is None)

    def _line(self, reader: Reader, row: MemberRow) -> MemberLine:
        profile = people.open_profile(self._shared, row)
        whole = everybody(reader, row.member_id)
        return MemberLine(
            member_id=row.member_id,
            name="" if profile is None else member_cards.masked_name(profile.name),
            phone="" if profile is None or not profile.phone else phones.masked(profile.phone),
            joined_day=row.joined_day,
            home_store=row.home_store,
            points=sum(lot.left for lot in cards.all_lots(reader, whole)),
        )


def _reason(text: str) -> str:
    plain = text.strip()
    if not REASON_CHARS_MIN <= len(plain) <= REASON_CHARS_MAX:
        raise BadDeed("say why, in a few words: it stays in the log")
    return plain
