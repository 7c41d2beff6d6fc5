"""Rules of the till, each switched off in turn, and the machine over each: `python -m tests.kit.till_mutants NAME SEED` says what it noticed."""

import json
import sys

from scripts.spoiled import Mutant, spoil

MUTANTS = {
    "answer_forgotten": Mutant(
        "a repeat gets the stored answer",
        "edge.services.deeds",
        "        sales.store_answer(tx, request_id, digest, raw, place.at_ms)\n",
        "",
    ),
    "halves_are_kept": Mutant(
        "a deed is one transaction",
        "sync.node.database",
        '                raw.execute("BEGIN IMMEDIATE")\n                try:\n                    ticket.result = ticket.work(tx)\n',
        "                try:\n                    ticket.result = ticket.work(tx)\n"
        "                    raw.in_transaction or raw.execute('BEGIN')\n",
    ),
    "one_series_for_all_tills": Mutant(
        "receipts are numbered per till",
        "edge.db.sales",
        '"SELECT max(number) FROM sales WHERE till = ? AND epoch = ?", (till, epoch))',
        '"SELECT max(number) FROM sales WHERE epoch = ?", (epoch,))',
    ),
    "share_used_twice": Mutant(
        "a payment belongs to one sale",
        "edge.db.projections.payments",
        "\"UPDATE payments SET state = 'used', sale_id = ? WHERE payment_id = ?\"",
        '"UPDATE payments SET sale_id = ? WHERE payment_id = ?"',
    ),
    "share_counted_twice": Mutant(
        "money counts where it was taken",
        "edge.db.projections.shifts",
        "for one in sale.tenders if not one.payment_id])",
        "for one in sale.tenders])",
    ),
    "merge_loses_a_line": Mutant(
        "no line is lost between two tables",
        "edge.domain.order",
        "came = tuple(line for line in giver.lines if line.line_id not in mine)",
        "came = tuple(line for line in giver.lines if line.line_id not in mine)[:-1]",
    ),
    "split_keeps_what_went": Mutant(
        "a piece is at one table",
        "edge.domain.order",
        "qty=line.qty - taken.qty,",
        "qty=line.qty,",
    ),
    "refund_forgets_the_one_before": Mutant(
        "never more goes back than was paid",
        "edge.domain.refund",
        "return max(0, sale.total_fen + sale.tip_fen - earlier.amount_fen)",
        "return max(0, sale.total_fen + sale.tip_fen)",
    ),
    "refund_in_cash_first": Mutant(
        "money goes back the way it came",
        "edge.domain.refund",
        '_ORDER = (CODE, "card", "static_code", "platform", DEPOSIT, CASH, POINTS)',
        '_ORDER = (CASH, CODE, "card", "static_code", "platform", DEPOSIT, POINTS)',
    ),
    "paid_order_stays_open": Mutant(
        "a paid table is free",
        "edge.domain.order",
        'return msgspec.structs.replace(order, sales=sales, state="settled", closed_ms=at_ms)',
        "return msgspec.structs.replace(order, sales=sales)",
    ),
    "shift_begins_with_the_last_one": Mutant(
        "a Z counts its own shift",
        "edge.services.shifts.shift_figures",
        "return _counted(reader, till, 0 if last is None else last.n)",
        "return _counted(reader, till, 0)",
    ),
    "tip_is_rounded_too": Mutant(
        "a tip is never rounded",
        "edge.domain.payment",
        "bill.round_off(max(0, left_fen - tip_fen), rounding)",
        "bill.round_off(left_fen, rounding)",
    ),
    "last_share_forgets_the_remainder": Mutant(
        "parts of a bill come to the whole",
        "sync.contract.bill",
        "share = size * (before + now) // qty - size * before // qty",
        "share = size * now // qty",
    ),
    "voided_dish_stays_on_the_bill": Mutant(
        "what is voided is not paid",
        "edge.domain.order",
        "voided = msgspec.structs.replace(line, voided_qty=line.voided_qty + qty, sent_qty=sent_qty)",
        "voided = msgspec.structs.replace(line, sent_qty=sent_qty)",
    ),
}
TRIES = 400


def noticed(name: str, number: int) -> str:
    """Run the machine over a mutant until it notices; empty when it does not.

    Args:
        number: what the evenings are drawn from.
    """
    spoil(MUTANTS[name])
    # Imported behind the spoiling, which is the point.
    from hypothesis import HealthCheck, Phase, seed, settings  # noqa: PLC0415
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415

    from tests.kit.till_machine import TillMachine  # noqa: PLC0415

    how = settings(
        max_examples=TRIES,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(number)(TillMachine), settings=how)
    except Exception as error:  # noqa: BLE001 - an assertion of the machine, or the product noticing by itself
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def main(arguments: list[str]) -> int:
    """Say what was noticed of the mutant that is named."""
    name, number = arguments
    found = noticed(name, int(number))
    sys.stdout.write(json.dumps({"mutant": name, "noticed": found}) + "\n")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
