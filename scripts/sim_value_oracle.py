"""What a world of members must come to, in plain dicts: the reference that knows nothing of the book, only of the facts that tills wrote.

A law that does not hold is told as a `Finding`; its `law` is the key under which `sim value` counts it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from cloud.db import grants
from cloud.db import ledger as rows
from cloud.db.engine import Reader
from cloud.services.members import proof
from sync.contract import ledger
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import Till

OVERSPENT: Final = "overspent"
LEDGER_SUM: Final = "ledger_sum"
GRANTS_BREACHED: Final = "grants_breached"
BALANCES: Final = "balances"
"""The book, a till, or what merges came to is not what the reference says."""

EXPECTED: Final = frozenset({"gift_doubled", "claimed_twice", "claim_of_refunded"})
"""Conflicts that honest stores bring about which cannot hear each other."""
MANAGER: Final = "manager"
CONFLICTS_MAX: Final = 1_000


class Finding(NamedTuple):
    """Something that does not hold, and where."""

    law: str
    where: str


class Told(NamedTuple):
    """A fact as a till wrote it."""

    store: str
    epoch: int
    body: dict[str, Any]


class Facts:
    """Everything that all tills of a world wrote about points, whatever arrived of it."""

    def __init__(self, tills: Iterable[Till]) -> None:
        self._of: defaultdict[str, list[Told]] = defaultdict(list)
        for till in tills:
            for kind in ("points.earned", "points.spent", "points.reversed", "invite.claimed", "member.joined"):
                self._of[kind] += [Told(till.name, till.epoch, body) for body in till.facts(kind)]

    def __getitem__(self, kind: str) -> list[Told]:
        """List the facts of a kind, store by store."""
        return self._of[kind]


def lots_spent(facts: Facts) -> dict[tuple[str, str], int]:
    """Add up what was spent of each (grant, lot), less what came back."""
    spent: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in facts["points.spent"]:
        for lot in one.body.get("lots", ()):
            spent[lot["grant_id"], lot["lot_id"]] += lot["qty"]
    for one in facts["points.reversed"]:
        for lot in one.body.get("returned", ()):
            spent[lot["grant_id"], lot["lot_id"]] -= lot["qty"]
    return spent


def overspent(facts: Facts) -> list[Finding]:
    """Find lots of which all stores together spent more than ever came in."""
    came = {one.body["post_id"]: one.body["points"] for one in facts["points.earned"]}
    spent: defaultdict[str, int] = defaultdict(int)
    for (_, lot_id), qty in lots_spent(facts).items():
        spent[lot_id] += qty
    return [
        Finding(OVERSPENT, f"lot {lot_id}: {qty} of {came.get(lot_id, 0)}")
        for lot_id, qty in spent.items()
        if qty > came.get(lot_id, 0)
    ]


def breached(reader: Reader, facts: Facts) -> list[Finding]:
    """Find grants that were spent beyond what they held, or by another store or epoch than theirs."""
    found: list[Finding] = []
    for one in facts["points.spent"]:
        for lot in one.body.get("lots", ()):
            grant = grants.seen(reader, lot["grant_id"])
            if grant is None or (grant.store, grant.epoch) != (one.store, one.epoch):
                found.append(Finding(GRANTS_BREACHED, f"{one.store}/{one.epoch} spent of {lot['grant_id']}"))
    for (grant_id, lot_id), qty in lots_spent(facts).items():
        given = {lot.lot_id: lot.left for lot in rows.lots_as_made(reader, ledger.grant_account(grant_id))}
        if qty > given.get(lot_id, 0):
            found.append(Finding(GRANTS_BREACHED, f"{grant_id}: {qty} of {given.get(lot_id, 0)}"))
    found += [
        Finding(GRANTS_BREACHED, f"risk of {risk.store} by {risk.cause}")
        for risk in rows.risks(reader, CONFLICTS_MAX)
        if risk.cause != MANAGER
    ]
    return found


def odd_conflicts(reader: Reader) -> list[Finding]:
    """Find conflicts that no honest world brings about."""
    found = []
    for one in rows.conflicts(reader, CONFLICTS_MAX):
        if one.kind not in EXPECTED:
            law = GRANTS_BREACHED if one.kind.startswith("grant_") else BALANCES
            found.append(Finding(law, f"conflict {one.kind} of {one.store}"))
    return found


def sums(hub: MemberHub) -> list[Finding]:
    """Prove the book by its own laws, and see that no fact of points is missing or still waits for another."""
    with hub.database.read() as reader:
        found = [Finding(LEDGER_SUM, f"{one.law}: {one.where}") for one in proof.prove_with_facts(reader).wrongs]
        total = sum(rows.balances_like(reader, "").values())
        waiting = rows.waiting(reader)
    if total:
        found.append(Finding(LEDGER_SUM, f"all accounts together hold {total}"))
    if waiting:
        found.append(Finding(BALANCES, f"{waiting} facts wait for what is there"))
    return found


class Reference:
    """What each member has, owes or was lent, by the facts alone. Asked of the hub: who turned out to be whom, and whose claim was first."""

    def __init__(self, facts: Facts, resolve: Callable[[str], str], claimed_by: Callable[[str], str]) -> None:
        self._facts = facts
        self._resolve = resolve
        self.net: defaultdict[str, int] = defaultdict(int)
        self.held: defaultdict[str, int] = defaultdict(int)
        """What receipts hold that nobody claimed, by invite."""
        self.findings: list[Finding] = []
        self._claimed_by = claimed_by
        self._add_earned()
        self._add_spent()
        self._add_reversed()
        self._add_claims()

    def _add_earned(self) -> None:
        seen: set[str] = set()
        self._owner: dict[str, tuple[str, str]] = {}
        for one in self._facts["points.earned"]:
            body = one.body
            if body["by"] == "claim":
                continue
            who = self._resolve(body["member_id"]) if body.get("member_id") else ""
            # A welcome is one for whoever stands, under however many names they joined.
            idem = f"welcome:{who}" if body["by"] == "welcome" else body["idem"]
            if idem in seen:
                continue
            seen.add(idem)
            invite_id = body.get("invite_id", "")
            self._owner[body.get("ref", "")] = (who, invite_id)
            if who:
                self.net[who] += body["points"]
            else:
                self.held[invite_id] += body["points"]

    def _add_spent(self) -> None:
        for one in self._facts["points.spent"]:
            self.net[self._resolve(one.body["member_id"])] -= one.body["points"]

    def _add_reversed(self) -> None:
        spenders = {one.body["ref"]: one.body["member_id"] for one in self._facts["points.spent"]}
        for one in self._facts["points.reversed"]:
            body, ref = one.body, f"sale:{one.body['sale_id']}"
            taken = body.get("taken", 0)
            who, invite_id = self._owner.get(ref, ("", ""))
            if who:
                self.net[who] -= taken - body.get("paid", 0) - body.get("waived", 0)
            elif invite_id:
                self.held[invite_id] -= taken
            back = sum(lot["qty"] for lot in body.get("returned", ())) + body.get("returned_risk", 0)
            if back:
                self.net[self._resolve(spenders[ref])] += back

    def _add_claims(self) -> None:
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for one in self._facts["invite.claimed"]:
            wanted[one.body["invite_id"]].add(self._resolve(one.body["member_id"]))
        for invite_id, by in wanted.items():
            first = self._claimed_by(invite_id)
            winner = self._resolve(first) if first else ""
            if winner and winner not in by:
                self.findings.append(Finding(BALANCES, f"{invite_id} went to somebody who did not claim it"))
            if not winner and self.held[invite_id] > 0:
                self.findings.append(Finding(BALANCES, f"{invite_id} was claimed and still holds its points"))
            if winner:
                self.net[winner] += self.held.pop(invite_id)

    def compare(self, hub: MemberHub) -> list[Finding]:
        """Hold the hub's book against the reference."""
        found = list(self.findings)
        with hub.database.read() as reader:
            risks = rows.risks(reader, CONFLICTS_MAX, only_open=True)
        lent: defaultdict[str, int] = defaultdict(int)
        for risk in risks:
            lent[self._resolve(risk.member_id)] += risk.open
        for who in sorted({*self.net, *lent}):
            has, owes = hub.points(who), hub.debt(who)
            if has - owes - lent[who] != self.net[who]:
                said = f"{has} less {owes} owed and {lent[who]} lent, of {self.net[who]}"
                found.append(Finding(BALANCES, f"member {who}: {said}"))
            if self.net[who] + owes + lent[who] < 0:
                found.append(Finding(OVERSPENT, f"member {who}: {self.net[who]}"))
            if owes and hub.free(who):
                found.append(Finding(BALANCES, f"member {who} owes {owes} and has {hub.free(who)} free"))
        for invite_id, points in sorted(self.held.items()):
            if (held := hub.balance(ledger.escrow_account(invite_id))) != points:
                found.append(Finding(BALANCES, f"receipt {invite_id} holds {held}, not {points}"))
        return found


def merged_away(hub: MemberHub, facts: Facts, phones: dict[str, str]) -> list[Finding]:
    """Find people who stand twice though the hub can read both profiles, and merged members who kept something.

    Args:
        phones: the phone number of each member, by id.
    """
    found: list[Finding] = []
    stands: dict[str, str] = {}
    for one in facts["member.joined"]:
        member_id = one.body["member_id"]
        who = hub.resolve(member_id)
        if who != member_id and (hub.free(member_id) or hub.debt(member_id)):
            found.append(Finding(BALANCES, f"{member_id} was merged and kept {hub.free(member_id)}"))
        phone = phones.get(member_id)
        if phone is not None and hub.keys.get(member_id) is not None and stands.setdefault(phone, who) != who:
            found.append(Finding(BALANCES, f"{member_id} and {stands[phone]} are one"))
    return found
