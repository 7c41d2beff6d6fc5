"""Joining, serving oneself and leaving on the hub's own pages (`/j/<code>`, the member centre): the same as at a till, as deeds of HQ.

A member who joins here has their key made here. The points of the receipt that brought them are theirs at once where its store
told of it already, and as soon as it does otherwise.
"""

from collections.abc import Sequence

import msgspec

from cloud.db import centre, members
from cloud.db import ledger as rows
from cloud.db.engine import Reader, Tx
from cloud.db.ledger import By
from cloud.db.members import MemberRow
from cloud.domain import booking
from cloud.domain.booking import At, Conflict
from cloud.services.members import booker, cards, devices, erase, people, recognise, referral
from cloud.services.members.shared import BadDeed, LedgerBook, Shared, everybody, standing
from sync.contract import ledger, member_cards, points
from sync.contract.member_cards import Profile
from sync.contract.members import Consent, Origin, PointsEarned
from sync.node import member_seal

GUEST = "guest"
"""Who does it, in the book: the member, on their own phone."""
SLIP = "slip"


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """How a joining on the phone ended.

    Attributes:
        member_id: of the member who stands now; somebody known before where `known` is set.
        known: the phone number was a member's already: nobody new joined.
        points: what the member has now.
        claimed: `yes`; `later` (the receipt's store has not told of it yet); or why not: `claimed_twice`, `claim_of_refunded`,
            `claim_late`; empty where no receipt was named.
    """

    member_id: str
    known: bool
    points: int
    claimed: str = ""


class Joining:
    """What guests do on the hub's own pages. Any thread may use it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def join(
        self,
        profile: Profile,
        consents: Sequence[Consent],
        origin: Origin,
        invite_id: str = "",
        once: str = "",
        device: str = "",
    ) -> Joined:
        """Let a guest join, and claim the points of the receipt that brought them.

        The caller has checked the code that brought them, and that a phone number is the guest's own as far as that is asked for.
        A number that is a member's already brings nobody new, and shows nothing of that member: the receipt's points go to them.

        Args:
            profile: what the guest told; the phone may be empty.
            consents: what was said to each purpose; `membership` must be among them and given.
            origin: what brought them.
            invite_id: of the receipt.
            once: names the form, 32 hex digits: sent again, to whatever process, it is answered again and makes nobody twice.
            device: the marker of the phone that the form came from (`devices`); empty where there is none.

        Raises:
            BadDeed: no word for the membership, or something in the profile is not sound; the sentence names which part.
        """
        if not any(one.purpose == "membership" and one.given for one in consents):
            raise BadDeed("nobody becomes a member without agreeing to it")
        found = member_cards.profile_mistakes(profile)
        if found:
            raise BadDeed(f"please look again at: {', '.join(found)}")
        with self._shared.database.write() as tx:
            rows.hold(tx)
            if once and (before := self._sent(tx, once, invite_id)) is not None:
                return before
            known = people.find_phone(tx, self._shared, profile.phone) if profile.phone else None
            member_id = known or self._join(tx, profile, consents, origin)
            if not known:
                devices.note(tx, self._shared, device, member_id)
            claimed = self._claim(tx, invite_id, member_id) if invite_id else ""
            if once:
                centre.note_sent(tx, once, member_id)
            cards.publish(tx, self._shared, [member_id])
            told = Joined(member_id=member_id, known=known is not None, points=_points(tx, member_id), claimed=claimed)
        self._shared.on_stream()
        return told

    def sent(self, once: str, invite_id: str = "") -> Joined | None:
        """Give what came of a form that was sent before; None for a new one."""
        with self._shared.database.read() as reader:
            return self._sent(reader, once, invite_id)

    def seen_on(self, member_id: str, device: str) -> None:
        """Note that a member opened their own page on a phone.

        Raises:
            NoMember: there is no such member.
        """
        with self._shared.database.read() as reader:
            if devices.is_noted(reader, self._shared, device, standing(reader, member_id).member_id):
                return
        with self._shared.database.write() as tx:
            rows.hold(tx)
            devices.note(tx, self._shared, device, standing(tx, member_id).member_id)

    def receipt(self, invite_id: str) -> str:
        """Say what a receipt holds for whoever joins with it.

        Returns:
            `open`; `waits`, where its store has not told of it yet; or why there is nothing: `used`, `refunded`, `late`.
        """
        with self._shared.database.read() as reader:
            return self._receipt(reader, invite_id)

    def claim(self, member_id: str, invite_id: str) -> str:
        """Claim the points of another receipt; says what `Joined.claimed` says.

        Raises:
            NoMember: there is no such member.
        """
        with self._shared.database.write() as tx:
            rows.hold(tx)
            who = standing(tx, member_id).member_id
            told = self._claim(tx, invite_id, who)
            cards.publish(tx, self._shared, [who])
        self._shared.on_stream()
        return told

    def consent(self, member_id: str, consents: Sequence[Consent]) -> None:
        """Take what a member says to purposes on their own page.

        Raises:
            NoMember: there is no such member.
            BadDeed: without the membership there is no member: that word is taken back by leaving.
        """
        if any(one.purpose == "membership" and not one.given for one in consents):
            raise BadDeed("to take back the membership is to leave: that is a button of its own")
        with self._shared.database.write() as tx:
            rows.hold(tx)
            who = standing(tx, member_id).member_id
            self._note_consents(tx, who, consents, "")
            if any(one.purpose == "allergy" and not one.given for one in consents):
                self._drop_allergies(tx, who)
            cards.publish(tx, self._shared, [who])
        self._shared.on_stream()

    def leave(self, member_id: str) -> None:
        """Forget a member who asked for it on their own page.

        Raises:
            NoMember: there is no such member.
        """
        with self._shared.database.write() as tx:
            rows.hold(tx)
            erase.leave(tx, self._shared, standing(tx, member_id).member_id, self._by("left"))
        self._shared.on_stream()

    def profile(self, member_id: str) -> Profile | None:
        """Give a member's own profile to the member, who has proven to be them; None where it cannot be read."""
        with self._shared.database.read() as reader:
            return people.open_profile(self._shared, standing(reader, member_id))

    def put_profile(self, member_id: str, profile: Profile) -> None:
        """Put a member's own profile right.

        Raises:
            NoMember: there is no such member.
            BadDeed: something in it is not sound, or their key is not here.
        """
        found = member_cards.profile_mistakes(profile)
        if found:
            raise BadDeed(f"please look again at: {', '.join(found)}")
        with self._shared.database.write() as tx:
            rows.hold(tx)
            row = standing(tx, member_id)
            if not people.reseal(tx, self._shared, row, profile, self._shared.clock.now_ms()):
                raise BadDeed("this cannot be changed here: ask at the store")
            recognise.reindex(tx, self._shared, row.member_id, self._by("profile"))
            cards.publish(tx, self._shared, [row.member_id])
        self._shared.on_stream()

    def points(self, member_id: str) -> int:
        """Say what a member has.

        Raises:
            NoMember: there is no such member.
        """
        with self._shared.database.read() as reader:
            return _points(reader, standing(reader, member_id).member_id)

    def _sent(self, reader: Reader, once: str, invite_id: str) -> Joined | None:
        member_id = centre.sent_by(reader, once)
        if not member_id:
            return None
        who, claimed = members.resolve(reader, member_id), ""
        if invite_id:
            book = LedgerBook(reader, self._shared)
            owner = book.claimed_by(invite_id)
            if owner:
                claimed = "yes" if book.resolve(owner) == who else "claimed_twice"
            else:
                held = {"used": "later", "refunded": "claim_of_refunded", "late": "claim_late"}
                claimed = held.get(self._receipt(reader, invite_id), "later")
        return Joined(member_id=who, known=True, points=_points(reader, who), claimed=claimed)

    def _receipt(self, reader: Reader, invite_id: str) -> str:
        book = LedgerBook(reader, self._shared)
        if book.claimed_by(invite_id) or members.claim_waits(reader, invite_id):
            return "used"
        held = book.escrow(invite_id)
        if held is None:
            return "waits"
        if book.lots(ledger.escrow_account(invite_id)):
            return "open"
        return "refunded" if held.taken >= held.points else "late"

    def _join(self, tx: Tx, profile: Profile, consents: Sequence[Consent], origin: Origin) -> str:
        shared, now_ms = self._shared, self._shared.clock.now_ms()
        member_id, key = shared.new_id(), member_seal.make_key(shared.chance)
        key_id = member_seal.key_id(key)
        shared.keys.put(member_id, key_id, key)
        row = MemberRow(
            member_id,
            now_ms,
            shared.day(),
            origin.store,
            origin.place,
            origin.code[:64],
            origin.at[:64],
            origin.by_member,
            key_id,
            member_seal.seal(profile, member_id, key, shared.chance),
            now_ms,
        )
        members.insert_member(tx, row)
        self._note_consents(tx, member_id, consents, origin.store)
        if origin.store:
            members.note_guest(tx, origin.store, member_id, now_ms)
        recognise.reindex(tx, shared, member_id, self._by("joined"))
        if profile.phone:
            # Whoever is known by nothing could join as often as they like.
            self._welcome(tx, member_id)
        if origin.by_member:
            referral.bind(tx, shared, member_id, origin.by_member, (), origin.store, now_ms)
        return member_id

    def _welcome(self, tx: Tx, member_id: str) -> None:
        rules, day = self._shared.rulebook.now(tx), self._shared.day()
        if not rules.welcome:
            return
        gift = PointsEarned(
            post_id=self._shared.new_id(),
            idem=f"welcome:{member_id}",
            by="welcome",
            ref="",
            points=rules.welcome,
            from_day=day,
            last_day=points.last_day(rules, day),
            member_id=member_id,
            rules=rules.version,
        )
        outcome = booking.earned(LedgerBook(tx, self._shared), At("", 0, day), gift)
        by = self._by(rows.whose(member_id, "", rules.version))
        for journal in outcome.journals:
            rows.write(tx, journal, by)
        rows.recover(tx, outcome.recovered)
        recognise.settle_welcome(tx, self._shared, member_id, by)

    def _claim(self, tx: Tx, invite_id: str, member_id: str) -> str:
        shared = self._shared
        waits = LedgerBook(tx, shared).escrow(invite_id) is None
        found: list[Conflict] = booker.claim_here(tx, shared, invite_id, member_id, shared.day(), self._by("claim"))
        if found:
            return found[0].kind
        return "later" if waits else "yes"

    def _drop_allergies(self, tx: Tx, member_id: str) -> None:
        """Allergies go with the consent that they are kept under."""
        row = standing(tx, member_id)
        profile = people.open_profile(self._shared, row)
        if profile is not None and profile.allergies:
            without = msgspec.structs.replace(profile, allergies=())
            people.reseal(tx, self._shared, row, without, self._shared.clock.now_ms())

    def _note_consents(self, tx: Tx, member_id: str, consents: Sequence[Consent], store: str) -> None:
        now_ms = self._shared.clock.now_ms()
        people.note_consents(tx, member_id, consents, store=store, at_ms=now_ms, number=-1)

    def _by(self, reason: str) -> By:
        return By(GUEST, self._shared.clock.now_ms(), reason=reason)


def _points(reader: Reader, member_id: str) -> int:
    who = members.resolve(reader, member_id)
    return sum(lot.left for lot in cards.all_lots(reader, everybody(reader, who)))
