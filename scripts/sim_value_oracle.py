"""The laws of a world of members: what its book, its grants, its stores and its people must come to at last.

A law that does not hold is told as a `Finding`; its `law` is the key under which `sim value` counts it. What everybody must have is
worked out in `sim_value_reference`.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from cloud.db import grants, members
from cloud.db import ledger as rows
from cloud.db.engine import Reader
from cloud.services.members import proof
from edge.services.members import desk, known
from scripts.sim_value_shops import FAN, RULES, Shop
from sync.contract import ledger
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import Till

OVERSPENT: Final = "overspent"
LEDGER_SUM: Final = "ledger_sum"
GRANTS_BREACHED: Final = "grants_breached"
BALANCES: Final = "balances"
"""The book, a till, or what merges came to is not what the reference says."""
PEOPLE: Final = "people"
"""Somebody stands twice, is remembered who left, or was rewarded (or not) against the rules."""

EXPECTED: Final = frozenset({"gift_doubled", "claimed_twice", "claim_of_refunded"})
"""Conflicts that honest stores bring about which cannot hear each other."""
PARTED: Final = frozenset({"grant_foreign", "release_differs"})
"""Conflicts that a store brings about which has not heard that a merge was undone: it still spends of both as of one."""
MANAGER: Final = "manager"
ROWS_MAX: Final = 1_000
KINDS: Final = (
    "points.earned",
    "points.spent",
    "points.reversed",
    "invite.claimed",
    "member.joined",
    "member.left",
    "referral.bound",
    "sale.paid",
    "sale.refunded",
    "refund.ceded",
    "refund.regained",
)


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
    """Everything that all tills of a world wrote about points and members, whatever arrived of it."""

    def __init__(self, tills: Iterable[Till]) -> None:
        self._of: defaultdict[str, list[Told]] = defaultdict(list)
        for till in tills:
            for kind in KINDS:
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


def overspent(facts: Facts, given: dict[str, int], parted: frozenset[str]) -> list[Finding]:
    """Find lots of which all stores together spent more than ever came in.

    Args:
        given: what HQ gave by hand, by lot.
        parted: members whom HQ took for one by mistake: a store that has not heard of it spends of both as of one, and bears it.
    """
    came = {one.body["post_id"]: one.body["points"] for one in facts["points.earned"]} | given
    for one in facts["points.reversed"]:
        back = sum(lot["qty"] for lot in one.body.get("returned", ())) + one.body.get("returned_risk", 0)
        came[f"~{one.body['post_id']}"] = back
    spent: defaultdict[str, int] = defaultdict(int)
    shared = {
        lot["lot_id"]
        for one in facts["points.spent"]
        if one.body["member_id"] in parted
        for lot in one.body.get("lots", ())
    }
    for (_, lot_id), qty in lots_spent(facts).items():
        spent[lot_id] += 0 if lot_id in shared else qty
    rewards = {lot_id: max(RULES.referral_referrer, RULES.referral_friend) for lot_id in spent if "+" in lot_id}
    return [
        Finding(OVERSPENT, f"lot {lot_id}: {qty} of {(came | rewards).get(lot_id, 0)}")
        for lot_id, qty in spent.items()
        if qty > (came | rewards).get(lot_id, 0)
    ]


def breached(reader: Reader, facts: Facts, parted: frozenset[str]) -> list[Finding]:
    """Find grants that were spent beyond what they held, or by another store or epoch than theirs.

    Args:
        parted: members whom HQ took for one by mistake, and parted again.
    """
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
        for risk in rows.risks(reader, ROWS_MAX)
        if risk.cause != MANAGER and not (risk.cause in PARTED and risk.member_id in parted)
    ]
    return found


def odd_conflicts(reader: Reader, parted: frozenset[str]) -> list[Finding]:
    """Find conflicts that no honest world brings about."""
    found = []
    for one in rows.conflicts(reader, ROWS_MAX):
        if one.kind not in EXPECTED and not (one.kind in PARTED and one.member_id in parted):
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


def taken_of_sales(facts: Facts) -> list[Finding]:
    """Hold what refunds took of each sale's points against the money that went back, whoever gave it and however often."""
    regained = {one.body["refund_id"] for one in facts["refund.regained"]}
    gone: defaultdict[str, int] = defaultdict(int)
    for one in facts["sale.refunded"]:
        if one.store == one.body.get("sale_store", one.store):
            gone[one.body["sale_id"]] += _money(one.body)
    for one in facts["refund.ceded"]:
        if one.body["refund_id"] not in regained:
            gone[one.body["sale_id"]] += _money(one.body)
    earned: defaultdict[str, int] = defaultdict(int)
    base: dict[str, int] = {}
    for one in facts["points.earned"]:
        if one.body["by"] in ("sale", "regained"):
            sale_id = one.body["ref"].removeprefix("sale:")
            earned[sale_id] += one.body["points"]
            if one.body["by"] == "sale":
                base[sale_id] = one.body["base_fen"]
    for one in facts["points.reversed"]:
        earned[one.body["sale_id"]] -= one.body.get("taken", 0)
    found = []
    for sale_id, base_fen in base.items():
        must = max(0, base_fen - gone[sale_id]) * RULES.points // RULES.per_fen
        if earned[sale_id] != must:
            found.append(Finding(BALANCES, f"sale {sale_id} keeps {earned[sale_id]} points, not {must}"))
    return found


def gifts(facts: Facts) -> list[Finding]:
    """Find computers that handed out more of a gift than they had, or for another price."""
    given: defaultdict[tuple[str, int], int] = defaultdict(int)
    found = []
    for one in facts["points.spent"]:
        if one.body.get("on") == "gift":
            given[one.store, one.epoch] += 1
            if one.body["points"] != FAN.points:
                found.append(Finding(OVERSPENT, f"{one.store} gave a gift for {one.body['points']}"))
    found += [Finding(OVERSPENT, f"{place} gave {n} of {FAN.stock}") for place, n in given.items() if n > FAN.stock]
    return found


def views(hub: MemberHub, shop: Shop) -> list[Finding]:
    """See that a store shows of a member what the book says, and that it knows nobody any more who left."""
    found = []
    node = shop.till.node
    with shop.till.rig.db.read() as reader:
        here = set(shop.members.values())
        for member_id in sorted(shop.seen):
            who = hub.resolve(member_id)
            one = known.find(node, reader, member_id, opens=False)
            if is_gone(hub, who):
                if one is not None or desk.keys_of(node).get(member_id) is not None:
                    found.append(Finding(PEOPLE, f"{shop.name} remembers {member_id}, who left"))
            elif member_id not in here:
                continue
            elif one is None or one.card is None:
                found.append(Finding(BALANCES, f"{shop.name} does not know {member_id}"))
            elif one.points != (has := hub.points(member_id)):
                found.append(Finding(BALANCES, f"{shop.name} shows {one.points} of {member_id}, not {has}"))
    return found


def is_gone(hub: MemberHub, who: str) -> bool:
    """Say whether a member left."""
    with hub.database.read() as reader:
        row = members.member(reader, who)
    return row is not None and row.left_ms is not None


def _money(body: dict[str, Any]) -> int:
    return sum(one["amount_fen"] for one in body["tenders"] if one["kind"] not in ("points", "platform"))
