"""The browsers that are terminals of the house, and which code of each table holds."""

from sync.contract.facts import Fact
from sync.contract.terminals import TableCodeRenewed, TerminalPaired, TerminalRevoked
from sync.node.database import Tx

TABLES = {
    "terminals": "terminal_id, name, till, at_ms, revoked",
    "table_codes": "table_id, version",
}


def paired(tx: Tx, fact: Fact, one: TerminalPaired) -> None:
    """List a terminal."""
    tx.execute(
        "INSERT INTO terminals (terminal_id, name, till, at_ms, revoked) VALUES (?, ?, ?, ?, 0)"
        " ON CONFLICT (terminal_id) DO NOTHING",
        (one.terminal_id, one.name, one.till, fact.at_ms),
    )


def revoked(tx: Tx, _fact: Fact, one: TerminalRevoked) -> None:
    """Note that a terminal is none any more; what was done at it keeps its name."""
    tx.execute("UPDATE terminals SET revoked = 1 WHERE terminal_id = ?", (one.terminal_id,))


def code_renewed(tx: Tx, _fact: Fact, one: TableCodeRenewed) -> None:
    """Note from which version on the code of a table holds."""
    tx.execute(
        "INSERT INTO table_codes (table_id, version) VALUES (?, ?) ON CONFLICT (table_id)"
        " DO UPDATE SET version = max(version, excluded.version)",
        (one.table_id, one.version),
    )


HANDLERS = {TerminalPaired: paired, TerminalRevoked: revoked, TableCodeRenewed: code_renewed}
