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
        '    behind = "(epoch, seq) > (?, ?)"\n    [(posted,)]',
        '    behind = "(epoch, seq) > (?, ? - 1)"\n    [(posted,)]',
    ),
    "taken_back_from_nobody": Mutant(
        "points that a refund takes back and that are gone are owed",
        "cloud.domain.posting",
        "        if qty:\n            self.move(ledger.member_account(who, ledger.MEMBER_DEBT), -qty)\n",
        "        if qty:\n            self.move(ledger.WAIVED, -qty)\n",
    ),
    "merged_before_not_told": Mutant(
        "whoever was merged before hears of the next merge",
        "cloud.services.members.merge",
        "    cards.publish(tx, shared, everybody(tx, survivor))\n    return merge_id",
        "    cards.publish(tx, shared, [survivor, loser])\n    return merge_id",
    ),
    "rewarded_at_once": Mutant(
        "a friend is rewarded when their bill has cooled",
        "cloud.services.members.referral",
        "due_ms=sale.at_ms + cool_ms",
        "due_ms=sale.at_ms",
    ),
    "reward_outlives_its_bill": Mutant(
        "a reward goes back with the bill that it was for",
        "cloud.services.members.referral",
        "        elif row.state == table.REWARDED:\n            _take_back(tx, shared, row, by)\n",
        "",
    ),
    "members_bring_themselves": Mutant(
        "whoever was a member before was brought by nobody",
        "cloud.services.members.referral",
        "    return EXISTING if friend != row.friend or",
        "    return EXISTING if",
    ),
    "gone_keep_their_points": Mutant(
        "what somebody has who leaves has ended",
        "cloud.services.members.erase",
        "    post(tx, moves.leave(LedgerBook(tx, shared), who, shared.day()), by)\n",
        "",
    ),
    "store_keeps_the_key": Mutant(
        "a store destroys the key of whoever leaves",
        "edge.services.members.changes",
        "        if what == members.FORGET:\n            keys.forget(one, node.clock.now_ms())\n        else:\n            keys.drop(one)\n",
        "",
    ),
    "stock_not_counted": Mutant(
        "a store hands out no more of a gift than it has",
        "edge.services.members.mall",
        "max(0, gift.stock - members.gifts_given(reader, gift.gift_id))",
        "gift.stock",
    ),
    "one_person_suffices": Mutant(
        "above a limit a second person says yes",
        "cloud.services.members.issue",
        "    alone = abs(points) + table.issued_since(tx, by.actor, since_ms) <= shared.policy.alone_max\n",
        "    alone = True\n",
    ),
    "dropped_refund_keeps_points": Mutant(
        "a refund that was left to another store and never given brings its points back",
        "edge.services.money.cede",
        "        give_back.regain(deed, body.refund_id, body.sale_id)\n",
        "",
    ),
    "given_back_beside_a_debt": Mutant(
        "what a refund gives back pays first what the same refund leaves owed",
        "cloud.domain.booking",
        "        posting = Posting(book, at.day, before)\n",
        "        posting = Posting(book, at.day)\n",
    ),
}
"""Each rule, and what stands in the source instead."""
