"""Short words for refunds and shifts at a rig."""

from typing import Any, TypeVar

import msgspec

from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.money import refunds, reverse
from edge.services.money.refunds import RefundAnswer, RefundCommand
from edge.services.money.reverse import ReverseCommand
from edge.services.shifts import shifts
from edge.services.shifts.shift_figures import ZAnswer
from edge.services.shifts.shifts import CashCommand, CloseCommand, CountCommand, CountResult, OpenTillCommand
from sync.contract.shifts import Counted
from tests.kit.nodes import AT_TILL_1, Rig, uuid7_hex

T = TypeVar("T", bound=msgspec.Struct)


def told(done: Done | Refused, kind: type[T]) -> T:
    """Read the answer of a deed that must have been done."""
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=kind)


def refund_command(number: int, sale: int, **asked: Any) -> RefundCommand:
    """A refund under the id `uuid7_hex(number)` of the sale `uuid7_hex(sale)`."""
    body = {"refund_id": uuid7_hex(number), "sale_id": uuid7_hex(sale), "reason": "上错菜", **asked}
    return msgspec.convert(body, RefundCommand)


def refunded(rig: Rig, number: int, sale: int, who: Session = AT_TILL_1, **asked: Any) -> RefundAnswer | Refused:
    done = refunds.give_back(rig.node, who, refund_command(number, sale, **asked))
    return done if isinstance(done, Refused) else told(done, RefundAnswer)


def reversed_sale(rig: Rig, number: int, sale: int, order: int, who: Session = AT_TILL_1) -> RefundAnswer | Refused:
    asked = ReverseCommand(
        refund_id=uuid7_hex(number), order_id=uuid7_hex(order), sale_id=uuid7_hex(sale), reason="少收一位"
    )
    done = reverse.reverse(rig.node, who, asked)
    return done if isinstance(done, Refused) else told(done, RefundAnswer)


def opened(rig: Rig, number: int, float_fen: int, who: Session = AT_TILL_1) -> None:
    assert isinstance(
        shifts.open_till(rig.node, who, OpenTillCommand(request_id=uuid7_hex(number), float_fen=float_fen)), Done
    )


def cash(rig: Rig, number: int, move: Any, amount_fen: int, who: Session = AT_TILL_1) -> Done | Refused:
    asked = CashCommand(move_id=uuid7_hex(number), move=move, amount_fen=amount_fen, reason="买冰")
    return shifts.move_cash(rig.node, who, asked)


def notes(amount_fen: int) -> tuple[Counted, ...]:
    """An amount in notes and coins, down to the fen."""
    found = []
    for unit in (10_000, 5_000, 1_000, 100, 10, 1):
        pieces, amount_fen = divmod(amount_fen, unit)
        if pieces:
            found.append(Counted(unit_fen=unit, pieces=pieces))
    return tuple(found)


def counted(rig: Rig, number: int, amount_fen: int, who: Session = AT_TILL_1) -> CountResult | Refused:
    done = shifts.count_drawer(rig.node, who, CountCommand(request_id=uuid7_hex(number), counted=notes(amount_fen)))
    return done if isinstance(done, Refused) else told(done, CountResult)


def closed(rig: Rig, number: int, who: Session = AT_TILL_1, **said: Any) -> ZAnswer | Refused:
    done = shifts.close_till(
        rig.node, who, msgspec.convert({"request_id": uuid7_hex(number), "left_fen": 0, **said}, CloseCommand)
    )
    return done if isinstance(done, Refused) else told(done, ZAnswer)
