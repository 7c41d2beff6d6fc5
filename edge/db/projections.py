"""Facts become tables: the same function writes them in the sale's transaction and in a rebuild."""

from sync.contract import operations, trade
from sync.contract.facts import Fact
from sync.contract.operations import CommandSettled, PrintSettled
from sync.contract.trade import InviteIssued, SalePaid
from sync.node.database import Reader, Row, Tx

TABLES: dict[str, str] = {
    "sales": "sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, total_fen, currency",
    "sale_lines": "sale_id, position, dish_id, qty, amount_fen",
    "sale_tenders": "sale_id, position, kind, received_fen, change_fen, amount_fen",
    "invites": "invite_id, sale_id, short, code, expires_day, seq",
    "day_totals": "day, sales, amount_fen",
    "prints": "job_id, document, subject, copy, state, seq",
    "commands_settled": "command_id, outcome, at_ms",
}
"""Every projection with its columns; `verify` rebuilds and compares each."""


def project(tx: Tx, fact: Fact) -> None:
    """Write what one fact changes.

    Raises:
        ContractError: the fact is of a kind or shape that this version does not know.
    """
    if fact.lane == 0:
        body = trade.read_trade(fact)
        if isinstance(body, SalePaid):
            _sale_paid(tx, fact, body)
        else:
            _invite_issued(tx, fact, body)
        return
    operation = operations.read_operation(fact)
    if isinstance(operation, PrintSettled):
        _print_settled(tx, fact, operation)
    elif isinstance(operation, CommandSettled):
        _command_settled(tx, fact, operation)


def rows_of(reader: Reader, table: str) -> list[Row]:
    """Read a whole projection in a fixed order."""
    columns = TABLES[table]
    return reader.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2")  # noqa: S608 - names from our own table


def _sale_paid(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    tx.execute(
        "INSERT INTO sales (sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, total_fen, currency)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (sale.sale_id, fact.epoch, fact.seq, fact.n, sale.till, sale.number, sale.receipt_no, fact.day, fact.at_ms,
         sale.total_fen, sale.currency),
    )  # fmt: skip
    tx.executemany(
        "INSERT INTO sale_lines (sale_id, position, dish_id, qty, amount_fen) VALUES (?, ?, ?, ?, ?)",
        [(sale.sale_id, at, line.dish_id, line.qty, line.amount_fen) for at, line in enumerate(sale.lines)],
    )
    tx.executemany(
        "INSERT INTO sale_tenders (sale_id, position, kind, received_fen, change_fen, amount_fen)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (sale.sale_id, at, tender.kind, tender.received_fen, tender.change_fen, tender.amount_fen)
            for at, tender in enumerate(sale.tenders)
        ],
    )
    tx.execute(
        "INSERT INTO day_totals (day, sales, amount_fen) VALUES (?, 1, ?) ON CONFLICT (day)"
        " DO UPDATE SET sales = sales + 1, amount_fen = amount_fen + excluded.amount_fen",
        (fact.day, sale.total_fen),
    )


def _invite_issued(tx: Tx, fact: Fact, invite: InviteIssued) -> None:
    tx.execute(
        "INSERT INTO invites (invite_id, sale_id, short, code, expires_day, seq) VALUES (?, ?, ?, ?, ?, ?)",
        (invite.invite_id, invite.sale_id, invite.short, invite.code, invite.expires_day, fact.seq),
    )


def _print_settled(tx: Tx, fact: Fact, settled: PrintSettled) -> None:
    tx.execute(
        "INSERT INTO prints (job_id, document, subject, copy, state, seq) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (job_id) DO UPDATE SET copy = excluded.copy, state = excluded.state, seq = excluded.seq",
        (settled.job_id, settled.document, settled.subject, settled.copy, settled.state, fact.seq),
    )


def _command_settled(tx: Tx, fact: Fact, settled: CommandSettled) -> None:
    # A replaced node rebuilds this from facts, so that it does no command a second time.
    tx.execute(
        "INSERT INTO commands_settled (command_id, outcome, at_ms) VALUES (?, ?, ?) ON CONFLICT (command_id) DO NOTHING",
        (settled.command_id, fact.kind.removeprefix("command."), fact.at_ms),
    )


def place_of(reader: Reader, table: str, row: Row) -> tuple[int, int] | None:
    """Say which fact (lane, seq) wrote a row of a projection, where one fact did."""
    if table == "prints":
        return 1, int(row[5])
    if table in {"day_totals", "commands_settled"}:
        return None
    sale_id = row[1] if table == "invites" else row[0]
    found = reader.execute("SELECT seq FROM sales WHERE sale_id = ?", (sale_id,))
    if not found:
        return None
    return 0, int(found[0][0]) + (1 if table == "invites" else 0)
