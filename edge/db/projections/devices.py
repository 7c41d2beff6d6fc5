"""What became of slips and of commands of HQ."""

from sync.contract.facts import Fact
from sync.contract.operations import CommandSettled, PrintSettled
from sync.node.database import Tx

TABLES = {
    "prints": "job_id, document, subject, copy, state, seq",
    "commands_settled": "command_id, outcome, at_ms",
}


def print_settled(tx: Tx, fact: Fact, settled: PrintSettled) -> None:
    """Note what became of a slip."""
    tx.execute(
        "INSERT INTO prints (job_id, document, subject, copy, state, seq) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (job_id) DO UPDATE SET copy = excluded.copy, state = excluded.state, seq = excluded.seq",
        (settled.job_id, settled.document, settled.subject, settled.copy, settled.state, fact.seq),
    )


def command_settled(tx: Tx, fact: Fact, settled: CommandSettled) -> None:
    """Note what became of a command: a replaced node rebuilds this from facts, so that it does no command a second time."""
    tx.execute(
        "INSERT INTO commands_settled (command_id, outcome, at_ms) VALUES (?, ?, ?) ON CONFLICT (command_id) DO NOTHING",
        (settled.command_id, fact.kind.removeprefix("command."), fact.at_ms),
    )


HANDLERS = {PrintSettled: print_settled, CommandSettled: command_settled}
