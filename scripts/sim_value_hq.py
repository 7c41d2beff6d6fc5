"""What HQ's people do in a world of members: give points and take them, merge and part, forget, look at friends who were brought."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cloud.db import members
from cloud.db import referrals as table
from cloud.services.accounts import Who
from cloud.services.members import issue
from cloud.services.members.desk import MemberDesk
from cloud.services.members.shared import BadDeed, NoMember
from tests.kit.member_hub import MemberHub

BOSS, SECOND = Who("boss"), Who("second")
AMOUNTS = (-300, -900, 200, 500, 1_500)
SAYS_YES = 0.7
WHY = "the guest was right"


class Issued(NamedTuple):
    """Points that were given (below zero: taken) by hand."""

    issue_id: str
    member_id: str
    points: int


class HeadOffice:
    """HQ's desk, and what was done there: the reference counts with it as with facts.

    Attributes:
        issued: what was given and taken by hand.
        merged: merges by hand that stand, by id: who into whom.
        pairs: everybody who was merged by hand once.
        denied: friends whose referral a person refused.
        alone: sums above the limit that nobody else was asked about.
    """

    def __init__(self, rng: random.Random, hub: MemberHub, done: Counter[str], phones: Mapping[str, str]) -> None:
        self._rng = rng
        self._hub = hub
        self._phones = phones
        self._desk = MemberDesk(hub.shared, hub.referrals)
        self.done = done
        self.issued: list[Issued] = []
        self.merged: dict[str, tuple[str, str]] = {}
        self.pairs: list[tuple[str, str]] = []
        self.denied: set[str] = set()
        self.alone: list[Issued] = []
        self.deeds: list[tuple[int, Callable[[], None]]] = [
            (8, self._issue),
            (3, self._merge),
            (8, self._part),
            (1, self._forget),
            (6, self.settle),
        ]

    def do(self) -> None:
        """Let something happen at HQ."""
        weights, deeds = zip(*self.deeds, strict=True)
        self._rng.choices(deeds, weights)[0]()

    def settle(self) -> None:
        """Reward whose time has come, and look at what waits for a person."""
        self._hub.referrals.settle_due()
        for row in self._desk.reviews():
            allow = self._rng.random() < SAYS_YES
            if not allow:
                self.denied.add(row.friend)
            self._desk.decide_referral(row.friend, BOSS, allow=allow)
            self.done["review"] += 1

    def rewards(self) -> list[table.ReferralRow]:
        """List how far every friend has come."""
        with self._hub.database.read() as reader:
            found = [table.referral_of(reader, member_id) for member_id in sorted(self._phones)]
        return [one for one in found if one is not None]

    def _issue(self) -> None:
        if not (stand := self._standing()):
            return
        wanted = Issued("", self._rng.choice(stand), self._rng.choice(AMOUNTS))
        row = self._desk.issue(wanted.member_id, wanted.points, BOSS, WHY)
        made = wanted._replace(issue_id=row.issue_id)
        if row.state == issue.WAITING:
            allow = self._rng.random() < SAYS_YES
            self._desk.decide_issue(row.issue_id, SECOND, allow=allow)
            self.done["issue_by_two" if allow else "issue_refused"] += 1
            self.issued += [made] if allow else []
            return
        self.issued.append(made)
        self.alone += [made] if abs(made.points) > self._hub.policy.alone_max else []
        self.done["issue"] += 1

    def _merge(self) -> None:
        """Two members are taken for one, which they are not."""
        stand = self._standing()
        pairs = [(one, other) for one in stand for other in stand if self._phones[one] < self._phones[other]]
        if not pairs:
            return
        loser, survivor = self._rng.choice(pairs)
        merge_id = self._desk.merge(loser, survivor, BOSS, WHY)
        self.merged[merge_id] = loser, survivor
        self.pairs.append((loser, survivor))
        self.done["merge_by_hand"] += 1

    def _part(self) -> None:
        if not self.merged:
            return
        merge_id = self._rng.choice(sorted(self.merged))
        del self.merged[merge_id]
        try:
            self._desk.undo_merge(merge_id, BOSS, WHY)
        except (BadDeed, NoMember):
            self.done["part_refused"] += 1
        else:
            self.done["part"] += 1

    def _forget(self) -> None:
        if stand := self._standing():
            self._desk.erase(self._rng.choice(stand), BOSS, WHY)
            self.done["erase"] += 1

    def _standing(self) -> list[str]:
        """List the members that HQ sees, in an order that hangs on nothing else."""
        with self._hub.database.read() as reader:
            found = members.members_of(reader, sorted(self._phones))
        return [one for one, row in sorted(found.items()) if not row.merged_into and row.left_ms is None]
