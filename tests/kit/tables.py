"""Guests at the tables of a rig: orders, their steps and what they come to, said shortly."""

from typing import Any

import msgspec

from edge.db import orders as kept
from edge.db.staff import Cashier, Session
from edge.domain.order_state import Line, Order
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services.deeds import Done
from edge.services.ordering import order_moves
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.order_moves import (
    MergeOrdersCommand,
    MovedAnswer,
    MoveOrderCommand,
    SplitLine,
    SplitOrderCommand,
)
from edge.services.ordering.order_work import AddStep, Outcome, Step
from edge.services.ordering.orders import CancelOrderCommand, OpenOrderCommand, OrderAnswer, StepsCommand
from edge.services.people import approvals
from edge.services.people.approvals import ApproveCommand
from tests.kit.nodes import AT_TILL_1, Rig, uuid7_hex

CASHIER_1 = Session("1", "c2", "Xiao Wang", Role.CASHIER)
SUPERVISOR_1 = Session("1", "c3", "Lao Li", Role.SUPERVISOR)
MANAGER_PIN = "730416"


def add(line: int, dish: str = "d102", qty: int = 1, **said: Any) -> AddStep:
    """A line of a dish that needs no choice."""
    return AddStep(line_id=uuid7_hex(line), dish_id=dish, qty=qty, **said)


def refused(result: Any, code: str) -> dict[str, Any]:
    """Hold that something was refused; gives the details."""
    assert isinstance(result, Refused), result
    assert result.code == code, result
    return result.details


class Floor:
    """The tables of a rig, as somebody at till 1 works with them; every id is drawn from a number."""

    def __init__(self, rig: Rig, who: Session = AT_TILL_1) -> None:
        self.rig = rig
        self.who = who
        self._drawn = 100_000

    def id(self) -> str:
        """A fresh id."""
        self._drawn += 1
        return uuid7_hex(self._drawn)

    def open(self, number: int = 1, *steps: Step, table: str = "t1", **said: Any) -> str:
        """Open an order at a table; gives its id."""
        said = {"service": "dine_in", "table": table, "covers": 2, **said}
        command = OpenOrderCommand(order_id=uuid7_hex(number), steps=steps, **said)
        done = order_deeds.open_order(self.rig.node, self.who, command)
        assert isinstance(done, Done), done
        return uuid7_hex(number)

    def try_steps(
        self, order_id: str, *steps: Step, request_id: str = "", who: Session | None = None
    ) -> Done | Refused:
        """Do steps, whatever is answered."""
        command = StepsCommand(request_id=request_id or self.id(), steps=steps)
        return order_deeds.change(self.rig.node, who or self.who, order_id, command)

    def steps(self, order_id: str, *steps: Step, who: Session | None = None) -> list[Outcome]:
        """Do steps that are answered; gives what became of each."""
        done = self.try_steps(order_id, *steps, who=who)
        assert isinstance(done, Done), done
        return list(msgspec.json.decode(done.answer, type=OrderAnswer).outcomes)

    def became(self, order_id: str, *steps: Step) -> list[str]:
        """Do steps; gives the word of each outcome, or the code of a refused one."""
        return [one.code or one.became for one in self.steps(order_id, *steps)]

    def order(self, order_id: str) -> Order:
        """The order as the table keeps it."""
        with self.rig.db.read() as reader:
            found = kept.by_id(reader, order_id)
        assert found is not None
        return found

    def line(self, order_id: str, number: int) -> Line:
        """A line of an order as the table keeps it."""
        found = self.order(order_id).line(uuid7_hex(number))
        assert found is not None
        return found

    def move(self, order_id: str, table: str, **said: Any) -> Done | Refused:
        """Move an order."""
        command = MoveOrderCommand(request_id=self.id(), table=table, **said)
        return order_moves.move(self.rig.node, self.who, order_id, command)

    def merge(self, order_id: str, into: str, request_id: str = "") -> Done | Refused:
        """Merge an order into another one."""
        command = MergeOrdersCommand(request_id=request_id or self.id(), into=into)
        return order_moves.merge(self.rig.node, self.who, order_id, command)

    def split(self, order_id: str, new: int, *pieces: tuple[int, int, int], **said: Any) -> Done | Refused:
        """Split pieces (line, quantity, line there) off to a new order, or to `into`."""
        lines = tuple(SplitLine(line_id=uuid7_hex(at), qty=qty, as_line=uuid7_hex(there)) for at, qty, there in pieces)
        command = SplitOrderCommand(request_id=uuid7_hex(new), lines=lines, **said)
        return order_moves.split(self.rig.node, self.who, order_id, command)

    def cancel(self, order_id: str, reason: str = "") -> Done | Refused:
        """Cancel an order."""
        command = CancelOrderCommand(request_id=self.id(), reason=reason)
        return order_deeds.cancel(self.rig.node, self.who, order_id, command)

    def approve(self, needed: dict[str, Any]) -> str:
        """Let a manager give the word for what `needs_approval` named; gives the approval's id."""
        if not self.rig.rows("SELECT 1 FROM staff WHERE person_id = 'm1'"):
            self.rig.add_person(Cashier("m1", "Manager", Role.MANAGER), MANAGER_PIN)
        command = ApproveCommand(
            request_id=self.id(),
            action=Action(needed["action"]),
            target=needed["target"],
            amount_fen=needed["amount_fen"],
            rate_bp=needed["rate_bp"],
            person_id="m1",
            pin=MANAGER_PIN,
        )
        done = approvals.approve(self.rig.node, self.who, command)
        assert isinstance(done, Done), done
        return command.request_id

    def forget_answers(self) -> None:
        """What a node lacks that was brought back from the hub: answers to requests."""
        self.rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))


def both(done: Done | Refused) -> MovedAnswer:
    """Read the answer of a merge or a split."""
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=MovedAnswer)
