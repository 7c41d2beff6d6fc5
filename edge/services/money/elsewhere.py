"""A sale of another store is given back here: looked up at the hub, left to us by the store that sold it, then given as any refund.

What a lost answer means: the refund is asked for under its own id, which is kept in a fact before the hub is asked. Silence is neither yes
nor no; whoever is at the till asks again, and the drawer opens in the moment in which the word is here, with somebody there to take it.
"""

from typing import Annotated, Literal

import msgspec

from edge.db import elsewhere as db
from edge.db.elsewhere import AskedRow
from edge.db.staff import Session
from edge.domain import refund, roles
from edge.domain.refund import Earlier, Plan
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.money import refunds
from edge.services.money.cede import asked_of
from edge.services.money.refunds import (
    Given,
    Hex,
    LineState,
    OfSale,
    Reason,
    RefundAnswer,
    RefundQuote,
    WayState,
    answer_again,
    checked_reason,
)
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import elsewhere as wire
from sync.contract import limits
from sync.contract import refunds as contract
from sync.contract.elsewhere import AskedPieces, Drop, Leave, Look, Reserve, SaleThere, Wanted
from sync.contract.refunds import RefundAsked, RefundCeded, RefundDropped
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.engine.questions import Unknown
from sync.node import packing

SILENT = Refused("hub_silent")
"""Nobody answered: it may have been done or not."""
_SALE = msgspec.json.Decoder(SalePaid)
_NOT_OVER = frozenset({"fenced"})
"""Why the hub does not answer this computer; it says nothing about the refund."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=wire.TEXT_CHARS_MAX)]


class ElsewhereQuery(refunds.WantedBack, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What would go back of the sale that a receipt is of."""

    text: Text


class ElsewhereCommand(ElsewhereQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Asks for a refund of another store's sale, or asks again; `shown_fen` is what the guest was told."""

    refund_id: Hex
    reason: Reason
    shown_fen: Annotated[int, msgspec.Meta(ge=1, le=limits.SALE_TOTAL_FEN_MAX)]
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class DropCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Gives a refund up that was asked for; it will never be given here."""

    request_id: Hex
    reason: Reason


class SaleElsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Another store's sale as the hub knows it, with what may still go back; that store has the last word."""

    store: str
    store_name: Name
    sale_id: str
    receipt_no: str
    till: str
    day: str
    at_ms: int
    total_fen: int
    tip_fen: int
    left_fen: int
    tip_left_fen: int
    currency: str
    lines: tuple[LineState, ...]
    ways: tuple[WayState, ...]


class ElsewhereAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a refund stands: `given` with what was given, or `asked` while the hub or the sale's store is not heard (`why`)."""

    refund_id: str
    state: Literal["asked", "given"]
    why: str = ""
    refund: RefundAnswer | None = None


class OpenAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that is asked for and not decided."""

    refund_id: str
    sale_store: str
    sale_receipt_no: str
    till: str
    amount_fen: int
    reason: str
    at_ms: int


class _Book(msgspec.Struct, frozen=True):
    refund_id: str


def look(node: Node, text: str) -> SaleElsewhere | Refused:
    """Find the sale of a receipt of another store.

    Returns:
        `hub_silent` without the hub; `not_a_receipt` for a text that is no code of this house's stores; `own_sale` for one of our own;
        `sale_not_there` when the hub does not have it yet.
    """
    found = _look(node, text)
    if isinstance(found, Refused):
        return found
    there, sale, earlier = found
    return SaleElsewhere(
        store=there.store,
        store_name=there.store_name,
        sale_id=sale.sale_id,
        receipt_no=sale.receipt_no,
        till=sale.till,
        day=there.day,
        at_ms=there.at_ms,
        total_fen=sale.total_fen,
        tip_fen=sale.tip_fen,
        left_fen=refund.left_fen(sale, earlier),
        tip_left_fen=refund.tip_left_fen(sale, earlier),
        currency=sale.currency,
        lines=refunds.line_states(sale, earlier),
        ways=tuple(WayState(kind=way.kind, left_fen=way.left_fen) for way in refund.ways(sale, earlier, there.deposit_kinds)),
    )  # fmt: skip


def quote(node: Node, who: Session, query: ElsewhereQuery) -> RefundQuote | Refused:
    """Say what a refund would be as far as the hub knows, and whether who asks may give it; changes nothing."""
    worked = _worked_out(node, query)
    if isinstance(worked, Refused):
        return worked
    there, sale, planned = worked
    return RefundQuote(
        sale_id=sale.sale_id,
        amount_fen=planned.amount_fen,
        tip_fen=planned.tip_fen,
        lines=planned.lines,
        tenders=planned.tenders,
        other_way=planned.other_way,
        verdict=roles.decide(who.role, Action.REFUND, _about(node, there, planned)).value,
    )


def give_back(node: Node, who: Session, command: ElsewhereCommand) -> ElsewhereAnswer | Refused:
    """Ask for a refund and give it as soon as its store has left it to us; asked again it goes on where it stood.

    Returns:
        Besides what `look`, `edge.domain.refund.plan` and `permit` refuse: `no_gateway` for a code payment where no gateway is;
        `refund_dropped` for one that was given up; and what the sale's store refused, after which the refund is over.
    """
    reason = checked_reason(command.reason)
    if isinstance(reason, Refused):
        return reason
    with node.db.read() as reader:
        row = db.asked(reader, command.refund_id)
    if row is not None and not _same(row, command, reason):
        return Refused("request_id_reused")
    asked = row or _ask(node, who, command, reason)
    return asked if isinstance(asked, Refused) else _go_on(node, who, asked)


def again(node: Node, who: Session, refund_id: str) -> ElsewhereAnswer | Refused:
    """Ask once more for a refund that stands open."""
    with node.db.read() as reader:
        row = db.asked(reader, refund_id)
    return Refused("not_found") if row is None else _go_on(node, who, row)


def drop(node: Node, who: Session, refund_id: str, command: DropCommand) -> Done | Refused:
    """Give a refund up that was asked for: it is never given here, and its store counts it back when it hears of it."""
    reason = checked_reason(command.reason)
    if isinstance(reason, Refused):
        return reason
    done = _over(node, who, refund_id, reason, command.request_id)
    if not isinstance(done, Refused):
        tell_drops(node)
    return done


def open_asks(node: Node) -> list[OpenAsk]:
    """List the refunds that are asked for and not decided."""
    with node.db.read() as reader:
        rows = db.open_asks(reader)
    return [
        OpenAsk(
            refund_id=row.body.refund_id,
            sale_store=row.body.sale_store,
            sale_receipt_no=row.body.sale_receipt_no,
            till=row.body.till,
            amount_fen=row.body.amount_fen,
            reason=row.body.reason,
            at_ms=row.at_ms,
        )
        for row in rows
    ]


def tell_drops(node: Node) -> int:
    """Tell the hub of refunds that were given up, until it does not answer; give how many it heard of."""
    with node.db.read() as reader:
        untold = db.drops_untold(reader)
    told = 0
    for row in untold:
        refund_id = row.body.refund_id
        body = Drop(store=row.body.sale_store, refund_id=refund_id, drop_id=row.drop_id)
        raw = _question(node, wire.DROP, body, row.drop_id)
        if raw == SILENT:
            break
        at_ms = node.clock.now_ms()
        node.db.write(lambda tx, one=refund_id, at=at_ms: db.note_told(tx, one, at))  # type: ignore[misc]
        told += 1
    return told


def _look(node: Node, text: str) -> tuple[SaleThere, SalePaid, Earlier] | Refused:
    standing = deeds.standing(node, vital=True)
    if standing is not None:
        return standing
    not_after_ms = node.clock.now_ms() + wire.LOOK_LIVES_MS
    raw = _question(node, wire.LOOK, Look(text), node.ids.uuid7().hex(), not_after_ms)
    if isinstance(raw, Refused):
        return raw
    there = msgspec.json.decode(raw, type=SaleThere)
    pieces: dict[int, int] = {}
    for line in (line for gone in there.gone for line in gone.lines):
        pieces[line.line] = pieces.get(line.line, 0) + line.qty
    earlier = Earlier(
        amount_fen=sum(gone.amount_fen for gone in there.gone),
        tip_fen=sum(gone.tip_fen for gone in there.gone),
        pieces=pieces,
        tenders=[tender for gone in there.gone for tender in gone.tenders],
    )
    return there, _SALE.decode(packing.unpack(there.sale, limits.FACT_BYTES_MAX)), earlier


def _worked_out(node: Node, query: ElsewhereQuery) -> tuple[SaleThere, SalePaid, Plan] | Refused:
    found = _look(node, query.text)
    if isinstance(found, Refused):
        return found
    there, sale, earlier = found
    planned = refund.plan(sale, earlier, asked_of(_wanted(query, 1)), there.deposit_kinds)
    return planned if isinstance(planned, Refused) else (there, sale, planned)


def _wanted(query: ElsewhereQuery, shown_fen: int, *, other_way: bool = False) -> Wanted:
    return Wanted(
        shown_fen=shown_fen,
        whole=query.whole,
        lines=tuple(AskedPieces(line.line, line.qty) for line in query.lines),
        amount_fen=query.amount_fen,
        tip=query.tip,
        in_cash=query.in_cash,
        other_way=other_way,
    )


def _ask(node: Node, who: Session, command: ElsewhereCommand, reason: str) -> AskedRow | Refused:
    """Keep in a fact that a refund is asked for, by whom and with whose word, before anybody is asked."""
    worked = _worked_out(node, command)
    if isinstance(worked, Refused):
        return worked
    there, sale, planned = worked
    if planned.amount_fen != command.shown_fen:
        return Refused("refund_changed", {"amount_fen": planned.amount_fen})
    if any(tender.queued for tender in planned.tenders) and node.gateway.gateway is None:
        return Refused("no_gateway")

    def work(deed: Deed) -> _Book | Refused:
        if db.asked(deed.tx, command.refund_id) is not None:
            return _Book(command.refund_id)
        about = _about(node, there, planned)
        permitted = permit(deed, Action.REFUND, sale.sale_id, about, command.approval_id)
        if isinstance(permitted, Refused):
            return permitted
        wanted = _wanted(command, planned.amount_fen, other_way=planned.other_way)
        body = RefundAsked(
            refund_id=command.refund_id,
            sale_id=sale.sale_id,
            sale_store=there.store,
            sale_receipt_no=sale.receipt_no,
            sale_day=there.day,
            till=who.till,
            amount_fen=planned.amount_fen,
            wanted=msgspec.json.encode(wanted).decode(),
            reason=reason,
            names=tuple(line.name for line in sale.lines),
            locale=sale.locale,
            currency=sale.currency,
            approved_by=permitted.approved_by,
            approval_id=permitted.approval_id,
        )
        deed.write(contract.ASKED, body)
        return _Book(command.refund_id)

    done = deeds.transact(node, who, node.ids.uuid7().hex(), command, work, vital=True)
    if isinstance(done, Refused):
        return done
    with node.db.read() as reader:
        row = db.asked(reader, command.refund_id)
    assert row is not None
    return row


def _go_on(node: Node, who: Session, row: AskedRow) -> ElsewhereAnswer | Refused:
    refund_id = row.body.refund_id
    if row.state == "dropped":
        return Refused("refund_dropped")
    if row.state == "given":
        return _given(node, refund_id)
    body = Reserve(refund_id=refund_id, store=row.body.sale_store, sale_id=row.body.sale_id, wanted=row.body.wanted)
    raw = _question(node, wire.RESERVE, body, refund_id)
    if isinstance(raw, Refused):
        if raw.code in ("hub_silent", "store_silent"):
            return ElsewhereAnswer(refund_id=refund_id, state="asked", why=raw.code)
        if raw.code not in _NOT_OVER:
            # The last word, for ever: nothing was left to us under this id.
            _over(node, who, refund_id, raw.code, "")
        return raw
    ceded = msgspec.json.decode(raw, type=Leave).ceded
    done = deeds.transact(node, who, refund_id, _Book(refund_id), lambda deed: _book(deed, ceded), vital=True)
    if isinstance(done, Refused):
        return done
    if not done.repeated:
        node.gateway.bell.set()
    return ElsewhereAnswer(
        refund_id=refund_id, state="given", refund=msgspec.json.decode(done.answer, type=RefundAnswer)
    )


def _book(deed: Deed, ceded: RefundCeded) -> RefundAnswer | Refused:
    """Give what was left to us: exactly that, once, and never after it was given up."""
    row = db.asked(deed.tx, ceded.refund_id)
    if row is None or row.state == "dropped":
        return Refused("refund_dropped")
    known = answer_again(deed.node, deed.tx, ceded.refund_id)
    if known is not None:
        return known
    asked = row.body
    of = OfSale(asked.sale_id, asked.sale_store, asked.sale_receipt_no, asked.sale_day, asked.currency, asked.locale)
    planned = Plan(ceded.lines, ceded.tenders, ceded.amount_fen, ceded.tip_fen, ceded.whole, other_way=False)
    given = Given(asked.refund_id, asked.reason, asked.approved_by, asked.approval_id)
    return refunds.book(deed, of, planned, given)


def _given(node: Node, refund_id: str) -> ElsewhereAnswer | Refused:
    with node.db.read() as reader:
        known = answer_again(node, reader, refund_id)
    if known is None:
        return Refused("sale_archive_lost")
    return ElsewhereAnswer(refund_id=refund_id, state="given", refund=known)


def _over(node: Node, who: Session, refund_id: str, reason: str, drop_id: str) -> Done | Refused:
    """Write that a refund will never be given here."""

    def work(deed: Deed) -> _Book | Refused:
        row = db.asked(deed.tx, refund_id)
        if row is None:
            return Refused("not_found")
        if row.state == "given":
            return Refused("refund_given")
        if row.state == "asked":
            deed.write(contract.DROPPED, RefundDropped(refund_id=refund_id, reason=reason, drop_id=drop_id))
        return _Book(refund_id)

    return deeds.transact(node, who, drop_id or node.ids.uuid7().hex(), _Book(refund_id), work, vital=True)


def _same(row: AskedRow, command: ElsewhereCommand, reason: str) -> bool:
    kept = msgspec.json.decode(row.body.wanted, type=Wanted)
    return row.body.reason == reason and kept == _wanted(command, command.shown_fen, other_way=kept.other_way)


def _about(node: Node, there: SaleThere, planned: Plan) -> About:
    today = node.today()
    return About(amount_fen=planned.amount_fen, own=False, same_day=there.day == today, other_way=planned.other_way)


def _question(node: Node, name: str, body: msgspec.Struct, id_hex: str, not_after_ms: int = 0) -> bytes | Refused:
    """Ask the hub; gives the JSON of what was done, `hub_silent`, `store_silent`, or why it was refused."""
    raw = msgspec.json.encode(body)
    answer = node.questions.ask(name, raw, question_id=bytes.fromhex(id_hex), not_after_ms=not_after_ms)
    if isinstance(answer, Unknown) or answer.verdict in ("unknown_question", "expired"):
        return SILENT
    if answer.verdict == "done":
        return answer.body
    if answer.verdict == "waiting":
        return Refused("store_silent")
    return Refused(_REASONS.get(_reason_of(answer.body), "refund_refused"))


def _reason_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=dict[str, str]).get("reason", "")
    except msgspec.MsgspecError:
        return ""


_REASONS = {
    "forged": "not_a_receipt",
    "unknown_store": "not_a_receipt",
    "unknown_sale": "sale_not_there",
    "own_sale": "own_sale",
    "fenced": "fenced",
    "not_found": "sale_not_there",
    "nothing_to_refund": "nothing_to_refund",
    "refund_too_much": "refund_too_much",
    "refund_pieces": "refund_pieces",
    "refund_changed": "refund_changed",
    "sale_archive_lost": "sale_archive_lost",
    "dropped": "refund_dropped",
}
"""What the till is told for the word of the hub or of the sale's store."""
