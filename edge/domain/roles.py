"""Who may do what at a till: one table of role and action that drives the server's checks, the menus and the test matrix.

What is not in the table is refused (ux-security §10.5, the columns of the store). A rule may let somebody do a thing, let them ask for
another person's word, or neither; some rules look at what the thing is about (`About`).
"""

import enum
from dataclasses import dataclass
from typing import Final

DISCOUNT_BP_MAX: Final = 1_000
"""A supervisor's discount: 10 % at most."""
REFUND_FEN_MAX: Final = 10_000
"""A supervisor's refund: ¥100 at most, of the same business day."""


class Role(enum.StrEnum):
    """What a person is at a store."""

    CASHIER = "cashier"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"


class Action(enum.StrEnum):
    """Something that a person does at the node."""

    SELL = "sell"
    HOLD = "hold"
    REPRINT = "reprint"
    TABLES = "tables"
    SEND = "send"
    VOID_LINE = "void_line"
    DISCOUNT = "discount"
    GIFT = "gift"
    COMP = "comp"
    OVERRIDE_PRICE = "override_price"
    STATIC_CODE = "static_code"
    REFUND = "refund"
    REVERSE_SALE = "reverse_sale"
    RETURN_PAYMENT = "return_payment"
    RETURN_DEPOSIT = "return_deposit"
    OPEN_DRAWER = "open_drawer"
    OPEN_TILL = "open_till"
    MOVE_CASH = "move_cash"
    HAND_OVER = "hand_over"
    READ_X = "read_x"
    CLOSE_TILL = "close_till"
    STOCK = "stock"
    DAY_PRICE = "day_price"
    DRAW_FLOOR = "draw_floor"
    IMPORT_MENU = "import_menu"
    MANAGE_PEOPLE = "manage_people"
    UNLOCK_PERSON = "unlock_person"
    SETTINGS = "settings"
    PAIR_TERMINAL = "pair_terminal"
    SEE_MANAGER = "see_manager"
    DEVICES = "devices"
    CANCEL_ORDER = "cancel_order"
    MEMBERS = "members"
    THANK_MEMBER = "thank_member"
    REVEAL_MEMBER = "reveal_member"
    FORGET_MEMBER = "forget_member"
    POINTS_RISK = "points_risk"
    WAIVE_POINTS = "waive_points"
    PRACTISE = "practise"


class Verdict(enum.StrEnum):
    """What the table says: do it, ask another person for a word at this till, or leave it."""

    ALLOWED = "allowed"
    ASK = "ask"
    DENIED = "denied"


@dataclass(frozen=True)
class About:
    """What an action is about, as far as a rule looks at it.

    Attributes:
        sent: the line stands at the kitchen already.
        rate_bp: a discount's rate of what it is on, also where it is an amount.
        amount_fen: a refund's amount.
        own: the person's own sale.
        same_day: the sale is of this business day.
        other_way: cash goes back for what was not paid in cash.
    """

    sent: bool = False
    rate_bp: int = 0
    amount_fen: int = 0
    own: bool = False
    same_day: bool = True
    other_way: bool = False


NOTHING_SPECIAL: Final = About()
_EVERYBODY: Final = frozenset(Role)
_SENIOR: Final = frozenset({Role.SUPERVISOR, Role.MANAGER})
_MANAGER: Final = frozenset({Role.MANAGER})
_NOBODY: Final[frozenset[Role]] = frozenset()


@dataclass(frozen=True)
class _Rule:
    allowed: frozenset[Role]
    asks: frozenset[Role] = _NOBODY


_PLAIN: dict[Action, _Rule] = {
    Action.SELL: _Rule(_EVERYBODY),
    Action.HOLD: _Rule(_EVERYBODY),
    Action.REPRINT: _Rule(_EVERYBODY),
    Action.TABLES: _Rule(_EVERYBODY),
    Action.SEND: _Rule(_EVERYBODY),
    Action.GIFT: _Rule(_MANAGER, asks=_EVERYBODY),
    Action.COMP: _Rule(_MANAGER, asks=_EVERYBODY),
    Action.OVERRIDE_PRICE: _Rule(_MANAGER, asks=_EVERYBODY),
    Action.STATIC_CODE: _Rule(_EVERYBODY),
    Action.REVERSE_SALE: _Rule(_MANAGER, asks=_SENIOR),
    Action.RETURN_PAYMENT: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.RETURN_DEPOSIT: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.OPEN_DRAWER: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.OPEN_TILL: _Rule(_EVERYBODY),
    Action.MOVE_CASH: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.HAND_OVER: _Rule(_EVERYBODY),
    Action.READ_X: _Rule(_SENIOR),
    Action.CLOSE_TILL: _Rule(_EVERYBODY),
    Action.STOCK: _Rule(_EVERYBODY),
    Action.DAY_PRICE: _Rule(_SENIOR),
    Action.DRAW_FLOOR: _Rule(_MANAGER),
    Action.IMPORT_MENU: _Rule(_MANAGER),
    Action.MANAGE_PEOPLE: _Rule(_MANAGER),
    Action.UNLOCK_PERSON: _Rule(_MANAGER),
    Action.SETTINGS: _Rule(_MANAGER),
    Action.PAIR_TERMINAL: _Rule(_MANAGER),
    Action.SEE_MANAGER: _Rule(_SENIOR),
    Action.DEVICES: _Rule(_EVERYBODY),
    Action.CANCEL_ORDER: _Rule(_EVERYBODY),
    Action.MEMBERS: _Rule(_EVERYBODY),
    Action.THANK_MEMBER: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.REVEAL_MEMBER: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.FORGET_MEMBER: _Rule(_SENIOR, asks=_EVERYBODY),
    Action.POINTS_RISK: _Rule(_MANAGER, asks=_EVERYBODY),
    Action.WAIVE_POINTS: _Rule(_MANAGER, asks=_EVERYBODY),
    Action.PRACTISE: _Rule(_MANAGER),
}
"""Actions whose rule is the same whatever they are about."""


def decide(role: Role, action: Action, about: About = NOTHING_SPECIAL) -> Verdict:
    """Say whether a role may do something; what no rule names is denied."""
    rule = _rule(action, about)
    if rule is None:
        return Verdict.DENIED
    if role in rule.allowed:
        return Verdict.ALLOWED
    return Verdict.ASK if role in rule.asks else Verdict.DENIED


def may_approve(role: Role, action: Action, about: About = NOTHING_SPECIAL) -> bool:
    """Say whether somebody of a role may give another person the word for something.

    Who must ask for their own deed because it is their own (a refund of their own sale) may still give the word for another's.
    """
    rule = _rule(action, About(about.sent, about.rate_bp, about.amount_fen, own=False, same_day=about.same_day,
                               other_way=about.other_way))  # fmt: skip
    return rule is not None and role in rule.allowed


def _rule(action: Action, about: About) -> _Rule | None:
    match action:
        case Action.VOID_LINE:
            return _Rule(_SENIOR, asks=_EVERYBODY) if about.sent else _Rule(_EVERYBODY)
        case Action.DISCOUNT:
            return _Rule(_SENIOR if about.rate_bp <= DISCOUNT_BP_MAX else _MANAGER, asks=_EVERYBODY)
        case Action.REFUND:
            return _refund(about)
        case _:
            return _PLAIN.get(action)


def _refund(about: About) -> _Rule:
    small = about.amount_fen <= REFUND_FEN_MAX and about.same_day and not about.other_way
    if small:
        return _Rule(_MANAGER if about.own else _SENIOR, asks=_EVERYBODY)
    # A second person even for a manager who takes back a sale of their own.
    return _Rule(_NOBODY if about.own else _MANAGER, asks=_SENIOR)
