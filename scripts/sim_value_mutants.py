"""The rules that keep points exact, each taken out of the product's source in turn: a simulation that does not notice is worth nothing."""

from scripts.spoiled import Mutant

MUTANTS = {
    "own_spending_forgotten": Mutant(
        "a store counts what it drew on a grant itself",
        "edge.services.members.known",
        "[(grant, members.spent_of(reader, grant.grant_id)) for grant in found]",
        "[(grant, {}) for grant in found]",
    ),
    "foreign_epoch_spends": Mutant(
        "a grant is one epoch's",
        "sync.contract.grants",
        "return grant.epoch == epoch and not grant.recalled and",
        "return not grant.recalled and",
    ),
    "fenced_freed_at_once": Mutant(
        "a grant of a replaced node is freed only when nobody can spend it any more",
        "sync.contract.grants",
        "    return fenced and now_ms > grant.not_after_ms + OUTAGE_MAX_MS + SKEW_MARGIN_MS",
        "    return fenced",
    ),
    "welcome_for_each_name": Mutant(
        "a phone has one welcome gift",
        "cloud.services.members.recognise",
        "        elif holder != member_id:\n",
        "        elif not holder:\n",
    ),
    "early_claim_lost": Mutant(
        "a claim waits for its receipt",
        "cloud.domain.booking",
        '        return Outcome(waits_for=f"invite:{body.invite_id}")',
        "        return Outcome()",
    ),
    "merge_moves_nothing": Mutant(
        "what a merged member has is the survivor's",
        "cloud.services.members.merge",
        "    post(tx, deed, by)\n    members.set_merged(tx, loser, survivor, by.at_ms)",
        "    members.set_merged(tx, loser, survivor, by.at_ms)",
    ),
    "refunds_not_added_up": Mutant(
        "parts of a refund take together what the whole takes",
        "edge.services.members.give_back",
        "points.taken_back(rules, seen, 0, gone_fen)) - already)",
        "points.taken_back(rules, seen, 0, gone_fen)))",
    ),
    "risk_not_returned": Mutant(
        "what a store lent comes back with its refund",
        "cloud.domain.booking",
        "    of_risk = min(bare, spend.risk)\n",
        "    of_risk = 0\n",
    ),
    "debt_not_paid": Mutant(
        "what comes to a member pays what they owe first",
        "cloud.domain.posting",
        "        debt = min(qty, self._owed_by(who))\n",
        "        debt = 0\n",
    ),
    "card_counted_twice": Mutant(
        "a store counts only its facts that the card does not count yet",
        "edge.db.members",
        '    behind = "(epoch > ? OR (epoch = ? AND seq > ?))"\n    place = (at[0], at[0], at[1])\n    [(posted,)]',
        '    behind = "(epoch > ? OR (epoch = ? AND seq > ? - 1))"\n    place = (at[0], at[0], at[1])\n    [(posted,)]',
    ),
    "taken_back_from_nobody": Mutant(
        "points that a refund takes back and that are gone are owed",
        "cloud.domain.posting",
        "        if qty:\n            self.move(ledger.member_account(who, ledger.MEMBER_DEBT), -qty)\n",
        "        if qty:\n            self.move(ledger.WAIVED, -qty)\n",
    ),
}
"""Each rule, and what stands in the source instead."""
