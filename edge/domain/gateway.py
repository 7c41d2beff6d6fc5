"""The payment gateway as the node sees it: five questions, each with one of three outcomes, and no fourth.

Pure: the port and its words. WeChat and Alipay, and pay without touch, stand behind it alike. `paid` and `refused` are the gateway's own
word and final; everything else is `unknown`: no answer, a guest who still types a password, a fault on the way. An unknown payment
is never charged again and never called refused; it is asked for until the gateway knows, or reversed.
"""

import enum
from dataclasses import dataclass
from typing import Final, Protocol

from edge.domain.bearer import Bearer


class Outcome(enum.StrEnum):
    """What the gateway says."""

    PAID = "paid"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        provider: `wechat` or `alipay` where the gateway said so.
        reference: the gateway's own number of the payment.
        reason: why not, as a word of `REASONS`; empty where nothing was said.
        reached: the gateway answered at all; an unknown payment of a gateway that answers is another thing than a cut line.
    """

    outcome: Outcome
    provider: str = ""
    reference: str = ""
    reason: str = ""
    reached: bool = True


AWAY: Final = Answer(Outcome.UNKNOWN, reason="away", reached=False)
"""Nobody answered."""
REASONS: Final = ("away", "guest_confirms", "funds", "bad_code", "closed", "no_such_payment", "too_much", "other")
"""Why a payment or a refund was not made; anything else that a gateway says is `other`."""


@dataclass(frozen=True)
class Charge:
    """What is charged: the payment's own id is the merchant's number at the gateway, so a number is charged once at most."""

    payment_id: str
    amount_fen: int
    till: str


class Gateway(Protocol):
    """A payment gateway. No call lasts longer than a few seconds, and none raises for what happens on the way.

    What an implementation promises:
    * a payment id is charged once, however often it is asked;
    * `query` calls a payment refused only when it can never be paid any more: one that the gateway has not heard of may still be on
      its way, and is unknown;
    * after `reverse` said refused no money of the payment is kept and its id is closed: a charge that comes late is refused;
    * a refund number is paid back once, however often it is asked.
    """

    def charge(self, charge: Charge, code: Bearer) -> Answer:
        """Charge a guest's payment code; nothing keeps the code."""
        ...

    def query(self, payment_id: str) -> Answer:
        """Ask what became of a payment."""
        ...

    def reverse(self, payment_id: str) -> Answer:
        """Undo a payment whatever became of it: `refused` = nothing is taken, `paid` = too late, it can only be refunded."""
        ...

    def refund(self, payment_id: str, refund_no: str, amount_fen: int) -> Answer:
        """Pay back a part of a payment or all of it: `paid` = it went back, `refused` = it never will by this way."""
        ...

    def bill(self, day: str) -> str | None:
        """Give the bill file of a calendar day (`edge.domain.bill_file`); None = not there yet, or nobody answered."""
        ...


class Asked(enum.StrEnum):
    """Which question an answer is to."""

    CHARGE = "charge"
    QUERY = "query"
    REVERSE = "reverse"


class Step(enum.StrEnum):
    """What follows from an answer."""

    NOTHING = "nothing"
    TAKE = "take"
    """The money is taken: say so in a fact."""
    TAKE_BACK = "take_back"
    """It was taken although it had been cancelled: say so, and send it back in the same breath."""
    DOUBT = "doubt"
    """Nobody knows: say so in a fact, and ask on."""
    REFUSE = "refuse"
    """It was not taken and never will be."""
    CANCELLED = "cancelled"
    """It was reversed: nothing is taken."""
    CONFIRM = "confirm"
    """What was taken on the guest's word was taken indeed."""
    MISSING = "missing"
    """What was taken on the guest's word never came."""


SENT: Final = "sent"
UNCERTAIN: Final = "unknown"
CANCELLING: Final = "cancelling"
ACCEPTED: Final = "accepted"
TAKEN: Final = "taken"
ENDED_REFUSED: Final = "refused"
ENDED_CANCELLED: Final = "cancelled"

_WHILE_ASKED: Final = {Outcome.PAID: Step.TAKE, Outcome.REFUSED: Step.REFUSE}
_ACCEPTED: Final = {Outcome.PAID: Step.CONFIRM, Outcome.REFUSED: Step.MISSING}


def next_step(state: str, asked: Asked, outcome: Outcome) -> Step:
    """Say what follows from an answer to a question about an attempt that stands in a state.

    A payment that is being cancelled ends by its reversal only: that the charge went through meanwhile is no reason to keep it.
    """
    match state:
        case "sent":
            return _WHILE_ASKED.get(outcome, Step.DOUBT)
        case "unknown":
            return _WHILE_ASKED.get(outcome, Step.NOTHING)
        case "cancelling":
            if outcome is Outcome.REFUSED:
                return Step.CANCELLED
            return Step.TAKE_BACK if outcome is Outcome.PAID and asked is Asked.REVERSE else Step.NOTHING
        case "accepted":
            return _ACCEPTED.get(outcome, Step.NOTHING)
        case _:
            return Step.NOTHING
