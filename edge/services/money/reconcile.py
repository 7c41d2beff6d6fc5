"""Once a day the gateway's bill file is held against what the node took: nothing missing here, nothing missing there."""

import logging
from datetime import datetime, timedelta

import msgspec

from edge.db import deposits
from edge.db import payments as db
from edge.domain import bill_file
from edge.domain.bill_file import PAY, REFUND, STATIC, BillRow, OursRow, Reconciled
from edge.domain.refusal import Refused
from edge.services.money.payments import CODE
from edge.services.node import Node
from sync.contract import times
from sync.node.database import Reader

log = logging.getLogger(__name__)


def reconcile(node: Node, day: str, text: str | None = None) -> Reconciled | Refused:
    """Hold the bill file of a calendar day (local) against the node, and keep what that came to.

    Args:
        day: `YYYY-MM-DD`.
        text: the file, where a person has it; None = the gateway is asked for it.

    Returns:
        `no_gateway` without one, `no_bill` when there is no file yet or nobody answered, `bad_bill` when the text is no bill file.
    """
    try:
        times.epoch_day(day)
    except ValueError:
        return Refused("malformed", {"field": "day", "expected": "YYYY-MM-DD"})
    file = _fetched(node, day) if text is None else text
    if isinstance(file, Refused):
        return file
    rows, faults = bill_file.read(file)
    if faults and not rows and faults[0].what == "heading":
        return Refused("bad_bill", {"columns": ",".join(bill_file.COLUMNS)})
    from_ms, to_ms = _day_ms(node, day)
    with node.db.read() as reader:
        ours = _ours(reader, from_ms, to_ms, _business_days(day))
        known = {row.id for row in ours}
        elsewhere = _elsewhere(reader, [row for row in rows if _name(row) not in known])
    found = bill_file.reconcile(day, rows, ours, elsewhere, faults)
    raw, at_ms = msgspec.json.encode(found), node.clock.now_ms()
    node.db.write(lambda tx: db.keep_bill(tx, day, raw, at_ms))
    node.changed.notify()
    if not found.ok:
        log.warning("gateway.bill_differs", extra={"day": day, "differences": len(found.differences)})
    return found


def kept(node: Node, day: str) -> Reconciled | None:
    """Give what the bill file of a day came to, as it was last held against the node."""
    with node.db.read() as reader:
        raw = db.kept_bill(reader, day)
    return None if raw is None else msgspec.json.decode(raw, type=Reconciled)


def daily(node: Node) -> None:
    """Look at yesterday's bill file, as the timetable asks for it each morning."""
    if node.training or node.gateway.gateway is None:
        return
    today = times.epoch_day(times.business_day(node.clock.now_ms(), node.zone, 0))
    found = reconcile(node, times.day_of_epoch(today - 1))
    if isinstance(found, Refused):
        log.warning("gateway.no_bill", extra={"code": found.code})


def _fetched(node: Node, day: str) -> str | Refused:
    gateway = node.gateway.gateway
    if gateway is None:
        return Refused("no_gateway")
    try:
        text = gateway.bill(day)
    except Exception as error:  # noqa: BLE001 - a fault of the way there is a file that is not there
        log.error("gateway.failed", extra={"kind": type(error).__name__})  # noqa: TRY400 - its text may hold what is nobody's business
        text = None
    return Refused("no_bill", {"day": day}) if text is None else text


def _day_ms(node: Node, day: str) -> tuple[int, int]:
    """Give the instants between which a calendar day lies; one on which clocks change has not 24 hours."""
    begin = datetime.fromisoformat(day).replace(tzinfo=node.zone)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=node.zone)
    return int(begin.timestamp() * 1000), int(end.timestamp() * 1000)


def _business_days(day: str) -> tuple[str, str]:
    return times.day_of_epoch(times.epoch_day(day) - 1), day


def _ours(reader: Reader, from_ms: int, to_ms: int, days: tuple[str, str]) -> list[OursRow]:
    rows: list[OursRow] = []
    for paid in db.of_time(reader, from_ms, to_ms):
        if paid.kind == CODE:
            rows.append(OursRow(PAY, paid.payment_id, paid.amount_fen, paid.reference))
        elif paid.kind == "static_code":
            rows.append(OursRow(STATIC, paid.payment_id, paid.amount_fen, paid.reference))
    for held in deposits.of_time(reader, from_ms, to_ms):
        if held.kind == CODE:
            rows.append(OursRow(PAY, held.deposit_id, held.amount_fen, held.reference))
        elif held.kind == "static_code":
            rows.append(OursRow(STATIC, held.deposit_id, held.amount_fen, held.reference))
    rows += [OursRow(STATIC, sale_id, fen) for sale_id, fen in db.static_tenders(reader, from_ms, to_ms, days)]
    for refund_no, amount_fen, waits in db.refunds_of_time(reader, from_ms, to_ms):
        rows.append(OursRow(REFUND, refund_no, amount_fen, waiting=bool(waits)))
    return rows


def _elsewhere(reader: Reader, rows: list[BillRow]) -> dict[str, int]:
    """Find what the file names and another day has: the gateway's clock and ours cut midnight apart, a refund waited for a line."""
    found: dict[str, int] = {}
    for row in rows:
        if row.kind == REFUND:
            amount = db.refund_amount(reader, row.refund_no)
            if amount is not None:
                found[row.refund_no] = amount
        elif row.kind == PAY:
            paid = db.by_id(reader, row.payment_id)
            held = deposits.by_id(reader, row.payment_id) if paid is None else None
            if paid is not None:
                found[row.payment_id] = paid.amount_fen
            elif held is not None:
                found[row.payment_id] = held.amount_fen
    return found


def _name(row: BillRow) -> str:
    return row.refund_no if row.kind == REFUND else row.payment_id
