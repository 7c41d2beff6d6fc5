"""The steps that a client may ask of an order, and the order under them: what each step is given to decide on and to write with."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from edge.domain import order as order_rules
from edge.domain.order_state import Line, Order
from edge.domain.pricing import ApprovalId, AskedLine, Catalogue, Fen, RateBp, Reason
from edge.domain.refusal import Refused
from edge.domain.roles import NOTHING_SPECIAL, About, Action
from edge.services.deeds import Deed
from edge.services.ordering import order_listeners
from edge.services.people.permit import Permitted, permit
from sync.contract import limits
from sync.contract.orders import OrderStep, Service
from sync.contract.words import has_control

LINES_MAX = 400
"""Lines of an order, those of which nothing is left included."""
LABEL_CHARS_MAX = 24
TEXT_CHARS_MAX = 120

Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
_Ids = Annotated[tuple[Id, ...], msgspec.Meta(max_length=LINES_MAX)]
_Qty = Annotated[int, msgspec.Meta(ge=0, le=limits.LINE_QTY_MAX)]
Label = Annotated[str, msgspec.Meta(max_length=LABEL_CHARS_MAX)]
Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)]
Covers = Annotated[int, msgspec.Meta(ge=0, le=limits.COVERS_MAX)]
_Course = Annotated[int, msgspec.Meta(ge=0, le=limits.COURSE_MAX)]


class AddStep(AskedLine, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="add"):
    """A line comes onto the order; the node prices it."""


class ChangeStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="change"):
    """More or fewer pieces; what is said besides of a line that the kitchen does not have yet. The seat may always change."""

    line_id: Id
    qty_delta: Annotated[int, msgspec.Meta(ge=-limits.LINE_QTY_MAX, le=limits.LINE_QTY_MAX)] = 0
    note: str | None = None
    modifiers: tuple[str, ...] | None = None
    seat: Covers | None = None
    course: _Course | None = None
    weight_g: int | None = None


class VoidStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="void"):
    """Pieces are not wanted any more (退菜); 0 = all that are left."""

    line_id: Id
    qty: _Qty = 0
    reason: Reason = ""
    approval_id: ApprovalId = ""


class PriceStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="price"):
    """One of: another price for a piece, a discount by rate or by amount (0 takes it back), a gift or none any more."""

    line_id: Id
    unit_fen: Fen | None = None
    rate_bp: RateBp | None = None
    discount_fen: Fen | None = None
    gift: bool | None = None
    reason: Reason = ""
    approval_id: ApprovalId = ""


class ConfirmStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="confirm"):
    """What guests asked for by phone is taken over, or turned down; no line named = all that wait."""

    line_ids: _Ids = ()
    accepted: bool = True


class DiscountStep(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="discount"
):
    """The whole order is cheaper, or on the house; nothing said takes it back."""

    rate_bp: RateBp = 0
    amount_fen: Fen = 0
    comp: bool = False
    reason: Reason = ""
    approval_id: ApprovalId = ""


class SendStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="send"):
    """To the kitchen with what it does not have yet; no line named = all. Later courses wait there unless `fire`."""

    line_ids: _Ids = ()
    fire: bool = False


class FireStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="fire"):
    """What waits at the kitchen is wanted now (起菜): the lines named, a course, or else the next course that waits."""

    line_ids: _Ids = ()
    course: _Course = 0


class ChaseStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="chase"):
    """Dishes are asked after (催菜); no line named = all that the kitchen has and is not done with."""

    line_ids: _Ids = ()


class EditStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="edit"):
    """Something about the whole order; what is not said stays. `held` = put aside (挂单)."""

    service: Service | None = None
    label: Label | None = None
    covers: Covers | None = None
    note: Text | None = None
    allergies: Text | None = None
    held: bool | None = None


Step = (
    AddStep
    | ChangeStep
    | VoidStep
    | PriceStep
    | ConfirmStep
    | DiscountStep
    | SendStep
    | FireStep
    | ChaseStep
    | EditStep
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a step.

    `done`; `partly`: of fewer pieces (`qty`), for no more were left; `already`: it was done before; `gone`: nothing is left of its
    line; `moved`: its line went to order `into` as `line_id`; `nothing`: there was nothing to do; `refused`: see `code`.
    """

    became: Literal["done", "partly", "already", "gone", "moved", "nothing", "refused"]
    qty: int = 0
    line_id: str = ""
    into: str = ""
    code: str = ""
    details: dict[str, Any] = {}


@dataclass
class Work:
    """An order under the steps of one deed.

    Attributes:
        request_id: names the steps, so that a late repeat of one that counts is known by the order itself.
        catalogue: the menu that prices lines; None where there is none.
        source: `guest` for lines that a guest asks for.
    """

    deed: Deed
    order: Order
    request_id: str
    catalogue: Catalogue | None
    source: str = ""

    def write(self, kind: str, body: OrderStep) -> None:
        """Write a step and have the order after it."""
        before = self.order
        fact = self.deed.write(kind, body)
        self.order = order_rules.fold(before, body, fact.at_ms)
        order_listeners.tell(self.deed, before, self.order, body)

    def may(
        self, action: Action, target: str, about: About = NOTHING_SPECIAL, approval_id: str = ""
    ) -> Permitted | Refused:
        """Ask the table; what a guest asks for waits for somebody who may."""
        if self.source == order_rules.GUEST:
            return Permitted("", "")
        return permit(self.deed, action, target, about, approval_id)


def bad_text(text: str, chars_max: int) -> Refused | None:
    """Refuse a text that is too long or holds what is no writing."""
    if len(text) > chars_max or has_control(text):
        return Refused("bad_text", {"chars_max": chars_max})
    return None


def gone(line: Line | None) -> Outcome:
    """Say what became of a line of which nothing is left."""
    if line is not None and line.into and line.alive_qty == 0:
        return Outcome(became="moved", line_id=line.into_line, into=line.into)
    return Outcome(became="gone", line_id="" if line is None else line.line_id)


def too_much(after: Order) -> Refused | None:
    """Refuse an order that no sale could pay."""
    total_fen = sum(line.amount_of(line.open_qty) for line in after.lines)
    if total_fen > limits.SALE_TOTAL_FEN_MAX:
        return Refused("amount_too_large", {"amount_fen_max": limits.SALE_TOTAL_FEN_MAX})
    return None
