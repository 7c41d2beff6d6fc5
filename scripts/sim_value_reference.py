"""What every member of a world must have, in plain dicts: a reference that knows nothing of the book, only what tills wrote and HQ did.

It asks the hub three things, which no store can know: who turned out to be whom, whose claim or welcome gift was first, and which of a
friend's bills counted; and holds each answer against the facts.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from cloud.db import ledger as rows
from cloud.db import members
from cloud.db import referrals as table
from cloud.db.referrals import ReferralRow
from scripts.sim_value_hq import HeadOffice
from scripts.sim_value_oracle import BALANCES, OVERSPENT, PEOPLE, ROWS_MAX, Facts, Finding, is_gone
from scripts.sim_value_shops import RULES
from sync.contract import ledger, times
from sync.node import member_seal
from tests.kit.member_hub import MemberHub

COOL_MS: Final = RULES.referral_cool_days * times.DAY_MS


class People:
    """Who is who at last: merges followed, whoever HQ took for one by mistake kept together, whoever left known as gone."""

    def __init__(self, hub: MemberHub, hq: HeadOffice) -> None:
        self._hub = hub
        self._with: dict[str, str] = {}
        for loser, survivor in hq.pairs:
            one, other = self.group(loser), self.group(survivor)
            if one != other:
                self._with[one] = other
        self._pairs = hq.pairs

    def who(self, member_id: str) -> str:
        """Name the member who stands for an id."""
        return self._hub.resolve(member_id)

    def group(self, member_id: str) -> str:
        """Name those among whom an undone merge may have shared what one of them had."""
        found = self.who(member_id)
        while found in self._with:
            found = self._with[found]
        return found

    def is_gone(self, member_id: str) -> bool:
        """Say whether a member left."""
        return is_gone(self._hub, self.who(member_id))

    def parted(self, known: Mapping[str, str]) -> frozenset[str]:
        """List all who were once taken for somebody else; `known` are all members."""
        groups = {self.group(one) for pair in self._pairs for one in pair}
        return frozenset(one for one in known if self.group(one) in groups)


class Reference:
    """What each group of members has less what it owes, and what each receipt holds that nobody claimed."""

    def __init__(self, facts: Facts, hub: MemberHub, hq: HeadOffice, people: People, phones: Mapping[str, str]) -> None:
        self._facts = facts
        self._hub = hub
        self._hq = hq
        self._people = people
        self._phones = phones
        self.net: defaultdict[str, int] = defaultdict(int)
        self.held: defaultdict[str, int] = defaultdict(int)
        self.findings: list[Finding] = []
        self._owner: dict[str, tuple[str, str]] = {}
        self._regained: set[str] = set()
        self._add_earned()
        self._add_spent()
        self._add_reversed()
        self._add_claims()
        for one in hq.issued:
            self._add(one.member_id, one.points)
        for row in hq.rewards():
            self._add_reward(row)

    def compare(self) -> list[Finding]:
        """Hold the hub's book against the reference."""
        found = list(self.findings)
        hub, people = self._hub, self._people
        with hub.database.read() as reader:
            risks = rows.risks(reader, ROWS_MAX, only_open=True)
        stand: defaultdict[str, list[str]] = defaultdict(list)
        for member_id in self._phones:
            if people.who(member_id) == member_id:
                stand[people.group(member_id)].append(member_id)
        for group, each in sorted(stand.items()):
            gone = [one for one in each if people.is_gone(one)]
            found += [
                Finding(PEOPLE, f"{one} left and has {hub.free(one)}, owes {hub.debt(one)}")
                for one in gone
                if hub.free(one) or hub.debt(one)
            ]
            if gone:
                # What they had has ended; how much of a shared rest that was, an undone merge left open.
                continue
            has, owes = sum(map(hub.points, each)), sum(map(hub.debt, each))
            lent = sum(risk.open for risk in risks if people.group(risk.member_id) == group)
            if has - owes - lent != self.net[group]:
                said = f"{has} less {owes} owed and {lent} lent, of {self.net[group]}"
                found.append(Finding(BALANCES, f"member {group}: {said}"))
            if self.net[group] + owes + lent < 0:
                found.append(Finding(OVERSPENT, f"member {group}: {self.net[group]}"))
            found += [
                Finding(BALANCES, f"member {one} owes {hub.debt(one)} and has {hub.free(one)} free")
                for one in each
                if hub.debt(one) and hub.free(one)
            ]
        for invite_id, points in sorted(self.held.items()):
            if (held := hub.balance(ledger.escrow_account(invite_id))) != points:
                found.append(Finding(BALANCES, f"receipt {invite_id} holds {held}, not {points}"))
        return found

    def merged_away(self) -> list[Finding]:
        """Find people who stand twice though the hub can read both profiles, and merged members who kept something."""
        found: list[Finding] = []
        stands: dict[str, str] = {}
        hub = self._hub
        for member_id, phone in sorted(self._phones.items()):
            who = self._people.who(member_id)
            if who != member_id and (hub.free(member_id) or hub.debt(member_id)):
                found.append(Finding(BALANCES, f"{member_id} was merged and kept {hub.free(member_id)}"))
            if hub.keys.get(member_id) is None or self._people.is_gone(who):
                continue
            group = self._people.group(member_id)
            if stands.setdefault(phone, group) != group:
                found.append(Finding(PEOPLE, f"{member_id} and {stands[phone]} are one"))
        for one in self._facts["member.left"]:
            if not self._people.is_gone(one.body["member_id"]):
                found.append(Finding(PEOPLE, f"{one.body['member_id']} left and still stands"))
            if hub.keys.get(one.body["member_id"]) is not None:
                found.append(Finding(PEOPLE, f"{one.body['member_id']} left and can still be read"))
        return found

    # --------------------------------------------------------------------------------------------------- what facts say

    def _add(self, member_id: str, points: int) -> None:
        self.net[self._people.group(member_id)] += points

    def _add_earned(self) -> None:
        seen: set[str] = set()
        for one in self._facts["points.earned"]:
            body = one.body
            if body["by"] == "claim" or body["idem"] in seen:
                continue
            member_id, invite_id = body.get("member_id", ""), body.get("invite_id", "")
            if body["by"] == "welcome" and not self._is_first_welcome(member_id):
                continue
            seen.add(body["idem"])
            self._owner[body.get("ref", "")] = (member_id, invite_id)
            if member_id:
                self._add(member_id, body["points"])
            else:
                self.held[invite_id] += body["points"]
            self._regained |= {invite_id} if body["by"] == "regained" else set()

    def _is_first_welcome(self, member_id: str) -> bool:
        """Say whether it was this member's joining that the welcome gift of their phone was for."""
        if self._hub.keys.get(member_id) is None:
            return True
        digest = member_seal.phone_digest(self._hub.shared.secrets.gifts, f"+86{self._phones[member_id]}")
        with self._hub.database.read() as reader:
            holder = members.gift_of(reader, digest)
        if holder not in self._phones or self._phones[holder] != self._phones[member_id]:
            self.findings.append(Finding(BALANCES, f"the gift of {member_id}'s phone is {holder or 'nobody'}'s"))
        return holder == member_id

    def _add_spent(self) -> None:
        for one in self._facts["points.spent"]:
            self._add(one.body["member_id"], -one.body["points"])

    def _add_reversed(self) -> None:
        spenders = {one.body["ref"]: one.body["member_id"] for one in self._facts["points.spent"]}
        for one in self._facts["points.reversed"]:
            body, ref = one.body, f"sale:{one.body['sale_id']}"
            taken = body.get("taken", 0)
            member_id, invite_id = self._owner.get(ref, ("", ""))
            if member_id:
                self._add(member_id, body.get("paid", 0) + body.get("waived", 0) - taken)
            elif invite_id:
                self.held[invite_id] -= taken
            back = sum(lot["qty"] for lot in body.get("returned", ())) + body.get("returned_risk", 0)
            if back:
                self._add(spenders[ref], back)

    def _add_claims(self) -> None:
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for one in self._facts["invite.claimed"]:
            wanted[one.body["invite_id"]].add(self._people.group(one.body["member_id"]))
        for invite_id, by in wanted.items():
            with self._hub.database.read() as reader:
                first = rows.claimed_by(reader, invite_id)
            winner = self._people.group(first) if first else ""
            if winner and winner not in by:
                self.findings.append(Finding(BALANCES, f"{invite_id} went to somebody who did not claim it"))
            if not winner and self.held[invite_id] > 0 and invite_id not in self._regained:
                self.findings.append(Finding(BALANCES, f"{invite_id} was claimed and still holds its points"))
            if winner:
                self.net[winner] += self.held.pop(invite_id)

    # ---------------------------------------------------------------------------------------------------- friends brought

    def _add_reward(self, row: ReferralRow) -> None:
        """Count a reward that was given, and hold what became of a friend against the facts."""
        if row.state == table.REWARDED:
            self._add(row.friend, RULES.referral_friend)
            self._add(row.referrer, RULES.referral_referrer)
        wrong = self._wrong(row)
        if wrong:
            self.findings.append(Finding(PEOPLE, f"{row.friend}, {row.state} {row.reason}: {wrong}"))

    def _wrong(self, row: ReferralRow) -> str:
        """Say what is wrong with how far a friend has come, now that everything cooled; empty for nothing."""
        bills = self._bills(row.friend)
        whole = [sale_id for sale_id, left_fen in bills.items() if left_fen > 0]
        friend, referrer = self._people.who(row.friend), self._people.who(row.referrer)
        why_not = {
            "self": self._people.group(friend) == self._people.group(referrer),
            "existing": self._was_here(row.friend),
            "left": self._people.is_gone(friend) or self._people.is_gone(referrer),
            "by_person": row.friend in self._hq.denied,
        }
        match row.state:
            case table.REWARDED:
                if row.sale_id not in whole:
                    return f"{row.sale_id} went back, or is not theirs"
                if (row.decided_ms or 0) < (row.paid_ms or 0) + COOL_MS:
                    return "rewarded before it cooled"
                if row.friend in self._hq.denied:
                    return "a person said no"
                if self._merged_ms(row.friend) <= (row.decided_ms or 0):
                    return "was a member before"
            case table.TAKEN_BACK:
                if bills.get(row.sale_id, 0):
                    return f"taken back, and {row.sale_id} stands"
            case table.REFUSED:
                if not why_not.get(row.reason, False):
                    return "refused for what is not so"
            case _:
                if whole and not any(why_not.values()):
                    return "has cooled, and nobody was rewarded"
        return ""

    def _was_here(self, friend: str) -> bool:
        """Say whether somebody with a friend's phone joined at another time, or they were taken for somebody."""
        phone = self._phones[friend]
        twice = any(theirs == phone for one, theirs in self._phones.items() if one != friend)
        return twice or friend in self._people.parted(self._phones)

    def _merged_ms(self, member_id: str) -> float:
        with self._hub.database.read() as reader:
            row = members.member(reader, member_id)
        return float("inf") if row is None or row.merged_ms is None else row.merged_ms

    def _bills(self, friend: str) -> dict[str, int]:
        """Give what each bill of a friend (and of whoever turned out to be them) still comes to, in fen."""
        group = self._people.group(friend)
        bills = {
            one.body["sale_id"]: one.body["total_fen"]
            for one in self._facts["sale.paid"]
            if one.body.get("member_id") and self._people.group(one.body["member_id"]) == group
        }
        for one in self._facts["sale.refunded"]:
            if one.body["sale_id"] in bills:
                bills[one.body["sale_id"]] -= one.body["amount_fen"]
        return bills
