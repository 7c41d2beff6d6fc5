"""Who may sign in, what was allowed to whom, and what the store set for itself."""

from sync.contract.facts import Fact
from sync.contract.people import Approval, PersonLeft, PersonSet, SettingsChanged
from sync.node.database import Tx

TABLES = {
    "people": "person_id, name, role, locale, gone",
    "approvals": "n, approval_id, at_ms, action, target, requester, approver, amount_fen, rate_bp, refused",
    "settings_here": "key, value, at_ms",
}


def person_set(tx: Tx, _fact: Fact, one: PersonSet) -> None:
    """List somebody, as what they are now; who had left is back."""
    tx.execute(
        "INSERT INTO people (person_id, name, role, locale, gone) VALUES (?, ?, ?, ?, 0) ON CONFLICT (person_id)"
        " DO UPDATE SET name = excluded.name, role = excluded.role, locale = excluded.locale, gone = 0",
        (one.person_id, one.name, one.role, one.locale),
    )


def person_left(tx: Tx, _fact: Fact, one: PersonLeft) -> None:
    """Note that somebody left; what they did keeps their name."""
    tx.execute("UPDATE people SET gone = 1 WHERE person_id = ?", (one.person_id,))


def approval(tx: Tx, fact: Fact, one: Approval) -> None:
    """List an approval, granted or refused."""
    tx.execute(
        "INSERT INTO approvals (n, approval_id, at_ms, action, target, requester, approver, amount_fen, rate_bp, refused)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (fact.n, one.approval_id, fact.at_ms, one.action, one.target, one.requester, one.approver, one.amount_fen,
         one.rate_bp, one.refused),
    )  # fmt: skip


def settings_changed(tx: Tx, fact: Fact, changed: SettingsChanged) -> None:
    """Keep what the store set."""
    tx.execute(
        "INSERT INTO settings_here (key, value, at_ms) VALUES (?, ?, ?) ON CONFLICT (key)"
        " DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms",
        (changed.key, changed.value, fact.at_ms),
    )


HANDLERS = {
    PersonSet: person_set,
    PersonLeft: person_left,
    Approval: approval,
    SettingsChanged: settings_changed,
}
