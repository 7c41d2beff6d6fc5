"""The gateway's bill file of a calendar day, and how it is held against what the node took (pure).

CSV in UTF-8, a heading row, then one row a payment or refund:

    kind,payment_id,refund_no,provider,reference,amount_fen,at
    pay,0190…,,wechat,4200001,7900,2026-09-21 12:03:11
    refund,0190…,0190…-0,wechat,4200001,7900,2026-09-21 13:00:00
    static,,,alipay,2088…,1200,2026-09-21 12:30:00

`pay` and `refund` name our own ids; `static` is money that came by the shop's printed code, which knows no id of ours. Amounts are whole fen.
A business day ends after midnight and the gateway's does not, so both sides are held against each other by the calendar.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from sync.contract import limits

COLUMNS: Final = ("kind", "payment_id", "refund_no", "provider", "reference", "amount_fen", "at")
PAY: Final = "pay"
REFUND: Final = "refund"
STATIC: Final = "static"
ROWS_MAX: Final = 50_000
FAULTS_MAX: Final = 20
_AMOUNT_DIGITS_MAX: Final = 12


@dataclass(frozen=True)
class BillRow:
    """One row of a bill file."""

    kind: str
    payment_id: str
    refund_no: str
    provider: str
    reference: str
    amount_fen: int
    at: str


class BillFault(msgspec.Struct, frozen=True):
    """A line that cannot be read, and why: `heading`, `columns`, `kind`, `amount`, `id`, `too_many`."""

    line: int
    what: str


@dataclass(frozen=True)
class OursRow:
    """What the node has: `kind` as in the file; `id` the payment's id, a refund's number, or the sale of a static code."""

    kind: str
    id: str
    amount_fen: int
    reference: str = ""
    waiting: bool = False
    """A refund that the gateway has not been told of yet."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that stands on one side only, or with another amount; 0 where a side has nothing.

    `what`: `missing_here` (the gateway has it, the node does not), `missing_there`, `amount_differs`, `not_sent` (a refund that still
    waits here), `static_open` (a static code that was confirmed by hand and that the file does not have).
    """

    what: Literal["missing_here", "missing_there", "amount_differs", "not_sent", "static_open"]
    kind: str
    id: str
    reference: str
    ours_fen: int
    theirs_fen: int


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What holding a bill file against the node came to; `ok` = nothing differs and every line could be read."""

    day: str
    ok: bool
    matched: int
    matched_fen: int
    refunds_matched: int
    refunds_fen: int
    static_matched: int
    static_fen: int
    differences: tuple[Difference, ...]
    faults: tuple[BillFault, ...]


class _Text:
    """Takes what a CSV writer writes."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, part: str) -> None:
        self.parts.append(part)


def write(rows: Sequence[BillRow]) -> str:
    """Write a bill file."""
    text = _Text()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (row.kind, row.payment_id, row.refund_no, row.provider, row.reference, row.amount_fen, row.at) for row in rows
    )
    return "".join(text.parts)


def read(text: str) -> tuple[list[BillRow], list[BillFault]]:
    """Read a bill file; lines that cannot be read are named and left out."""
    rows: list[BillRow] = []
    faults: list[BillFault] = []
    reader = csv.reader(f"{line}\n" for line in text.removeprefix("\ufeff").split("\n"))
    try:
        for number, cells in enumerate(reader, 1):
            if number == 1:
                if tuple(cell.strip() for cell in cells) != COLUMNS:
                    return [], [BillFault(1, "heading")]
                continue
            if not any(cells):
                continue
            if len(rows) >= ROWS_MAX:
                faults.append(BillFault(number, "too_many"))
                break
            what = _fault(cells)
            if not what:
                kind, payment_id, refund_no, provider, reference, amount, at = (cell.strip() for cell in cells)
                rows.append(BillRow(kind, payment_id, refund_no, provider, reference, int(amount), at))
            elif len(faults) < FAULTS_MAX:
                faults.append(BillFault(number, what))
    except csv.Error:
        faults.append(BillFault(reader.line_num, "columns"))
    if not rows and not faults and not text.strip():
        faults.append(BillFault(1, "heading"))
    return rows, faults


def _fault(cells: list[str]) -> str:
    if len(cells) != len(COLUMNS):
        return "columns"
    kind, payment_id, refund_no, _provider, _reference, amount, _at = (cell.strip() for cell in cells)
    if kind not in (PAY, REFUND, STATIC):
        return "kind"
    if not amount.isascii() or not amount.isdigit() or len(amount) > _AMOUNT_DIGITS_MAX:
        return "amount"
    if not 0 < int(amount) <= limits.RECEIVED_FEN_MAX:
        return "amount"
    if (kind == PAY and not payment_id) or (kind == REFUND and not refund_no):
        return "id"
    return ""


def reconcile(
    day: str,
    theirs: Sequence[BillRow],
    ours: Sequence[OursRow],
    elsewhere: dict[str, int],
    faults: Sequence[BillFault] = (),
) -> Reconciled:
    """Hold a bill file against what the node took and gave back on the same calendar day.

    Payments and refunds are matched by our id. Static codes have none: each is matched to a row of the same reference and amount, then
    to one of the same amount, one to one in their order.

    Args:
        elsewhere: amounts by id of what the file names and the node has on another day (an answer that came after midnight).
    """
    found: list[Difference] = []
    counts = {PAY: [0, 0], REFUND: [0, 0], STATIC: [0, 0]}
    mine = {(row.kind, row.id): row for row in ours if row.kind != STATIC}
    for row in theirs:
        if row.kind == STATIC:
            continue
        name = row.payment_id if row.kind == PAY else row.refund_no
        own = mine.pop((row.kind, name), None)
        own_fen = own.amount_fen if own is not None else elsewhere.get(name)
        if own_fen == row.amount_fen:
            counts[row.kind][0] += 1
            counts[row.kind][1] += row.amount_fen
        else:
            what: Literal["missing_here", "amount_differs"] = "missing_here" if own_fen is None else "amount_differs"
            found.append(_difference(what, row.kind, name, row.reference, own_fen or 0, row.amount_fen))
    for own in mine.values():
        lacking: Literal["not_sent", "missing_there"] = "not_sent" if own.waiting else "missing_there"
        found.append(_difference(lacking, own.kind, own.id, own.reference, own.amount_fen, 0))
    left = [row for row in theirs if row.kind == STATIC]
    static = [row for row in ours if row.kind == STATIC]
    for by_reference in (True, False):
        rest: list[OursRow] = []
        for own in static:
            match = next((row for row in left if _same_static(own, row, by_reference=by_reference)), None)
            if match is None:
                rest.append(own)
                continue
            left.remove(match)
            counts[STATIC][0] += 1
            counts[STATIC][1] += own.amount_fen
        static = rest
    found += [_difference("static_open", STATIC, own.id, own.reference, own.amount_fen, 0) for own in static]
    found += [_difference("missing_here", STATIC, "", row.reference, 0, row.amount_fen) for row in left]
    return Reconciled(
        day=day,
        ok=not found and not faults,
        matched=counts[PAY][0],
        matched_fen=counts[PAY][1],
        refunds_matched=counts[REFUND][0],
        refunds_fen=counts[REFUND][1],
        static_matched=counts[STATIC][0],
        static_fen=counts[STATIC][1],
        differences=tuple(found),
        faults=tuple(faults),
    )


def _same_static(own: OursRow, row: BillRow, *, by_reference: bool) -> bool:
    if own.amount_fen != row.amount_fen:
        return False
    return bool(own.reference) and own.reference == row.reference if by_reference else True


def _difference(
    what: Literal["missing_here", "missing_there", "amount_differs", "not_sent", "static_open"],
    kind: str,
    name: str,
    reference: str,
    ours_fen: int,
    theirs_fen: int,
) -> Difference:
    return Difference(what=what, kind=kind, id=name, reference=reference, ours_fen=ours_fen, theirs_fen=theirs_fen)
