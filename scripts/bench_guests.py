"""The guests of `bench till`: a menu of so many dishes, and an evening's mix over the counter and at tables (pure, seeded).

Of twenty guests nine pay a basket in cash, three in two ways or with a discount, one wants some money back; seven sit at tables, where
they order twice, some have a line voided or a discount, and one pair pays in two parts. Table guests and discounts are what a
manager may do, so nobody's word is asked in between. Where a store has members every third guest is one: found by their number before
they order, and of those who pay a basket in cash every fifth pays a yuan of it with points.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.contract import ids

LINES = 3
QTY_MAX = 3
NOTE_FEN = 10_000
COUNTER, MIXED, CHEAPER, REFUNDED, TABLE, VOIDED, TREATED, PARTED = range(8)
EVENING = (COUNTER,) * 9 + (MIXED,) * 2 + (CHEAPER, REFUNDED) + (TABLE,) * 4 + (VOIDED, TREATED, PARTED)
"""What twenty guests are; each twenty is shuffled for itself, so that every run has them all."""
PAST = (COUNTER,) * 14 + (MIXED,) * 2 + (CHEAPER, REFUNDED) + (TABLE, PARTED)
"""What twenty guests were: fewer at tables, whose orders take nine times as long to write."""
ORDER_AT_MS = 1_790_000_000_000
"""The time inside the orders' ids: fixed, because the same seed makes the same orders."""
IDS_A_GUEST = 16
MEMBER_OF, SPENDS_OF = 3, 5
"""One guest of so many is a member; one of so many of them spends points."""
POINTS_FEN = 100
"""So much of a bill: one step of points by the rules that hold where HQ gave none."""
DISCOUNT_BP = 1_000
REFUND_FEN = 5_000
"""So much a manager gives back of their own sale without anybody's word."""
REASON = "bench"


@dataclass(frozen=True)
class AtCounter:
    """A basket as `POST /sales` takes it, and the refund of it that follows, if any.

    Attributes:
        slips: how many papers come of it.
        member: the number of the member whose it is; −1 = nobody's.
        points_fen: so much of it is paid with points.
    """

    sale: bytes
    slips: int = 0
    refund: bytes = b""
    member: int = -1
    points_fen: int = 0


@dataclass(frozen=True)
class AtTable:
    """Guests at a table: how they are opened and what they order first, what they ask later, and how they pay.

    Attributes:
        opening: the body of `POST /orders`, without the table, which whoever serves them knows.
        later: bodies of further `POST /orders/<id>/steps`, in their order.
        first_part: line ids that the first of two payers pays; empty = one payer.
        sale_ids: of the payments.
        by_card: so much by card first and the rest in cash.
        member: the number of the member who sits there; −1 = nobody.
        seen_id: of the note that they do.
    """

    order_id: str
    opening: dict[str, Any]
    later: tuple[bytes, ...]
    sale_ids: tuple[str, ...]
    slips: int
    first_part: tuple[str, ...] = ()
    by_card: bool = False
    member: int = -1
    seen_id: str = ""


Guest = AtCounter | AtTable


class _Ids:
    """Ids in their order, from the dice alone."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self._at_ms = ORDER_AT_MS + number * IDS_A_GUEST
        self._dice = dice

    def __call__(self) -> str:
        self._at_ms += 1
        return ids.uuid7(self._at_ms, self._dice.randbytes(10)).hex()


def large_menu(menu: dict[str, Any], dishes: int) -> dict[str, Any]:
    """Give a menu of so many dishes: those of a small one over and over, each under a number, a name and a price of its own.

    Set menus, and dishes by weight or at the price of the day, stay as they are and are not repeated.
    """
    plain = [dish for dish in menu["dishes"] if _is_plain(dish)]
    more = [
        {
            **dish,
            "id": f"x{number:04d}",
            "code": str(10_000 + number),
            "name": {"zh": f"{dish['name']['zh']}{number}", "en": f"{dish['name']['en']} {number}"},
            "price_fen": dish["price_fen"] + 10 * (number % 50),
        }
        for number in range(max(dishes - len(menu["dishes"]), 0))
        for dish in [plain[number % len(plain)]]
    ]
    return {**menu, "dishes": [*menu["dishes"], *more]}


def phone_of(member: int) -> str:
    """Give the phone number of a made-up member by their number."""
    return f"+8613{member:09d}"


def member_of(member: int) -> str:
    """Give the id of a made-up member by their number."""
    return hashlib.sha256(f"member {member}".encode()).hexdigest()[:32]


def draw_guests(
    menu: dict[str, Any],
    count: int,
    dice: random.Random,
    *,
    first: int = 0,
    mix: Sequence[int] = EVENING,
    members: int = 0,
) -> Iterator[Guest]:
    """Draw guests, one after the other.

    Args:
        first: the number of the first; two draws with other numbers have other ids.
        mix: what they are, shuffled anew each time that all of it came.
        members: how many the store knows; 0 = nobody is one.
    """
    dishes = [dish for dish in menu["dishes"] if _is_plain(dish)]
    groups = {group["id"]: group for group in menu["modifier_groups"]}
    kinds: list[int] = []
    for number in range(first, first + count):
        if not kinds:
            kinds = list(mix)
            dice.shuffle(kinds)
        kind, fresh = kinds.pop(), _Ids(number, dice)
        guest: Guest
        if kind >= TABLE:
            guest = _table(kind, fresh, dishes, groups, dice)
        else:
            guest = _counter(kind, fresh, menu, (dishes, groups), dice)
        yield _known(guest, kind, fresh, dice, members) if members else guest


def make_orders(menu: dict[str, Any], count: int, dice: random.Random) -> tuple[bytes, ...]:
    """Draw paid baskets of three lines and one cash tender, as the till submits them."""
    dishes = [dish for dish in menu["dishes"] if _is_plain(dish)]
    cards = (dishes, {group["id"]: group for group in menu["modifier_groups"]})
    return tuple(_counter(COUNTER, _Ids(number, dice), menu, cards, dice).sale for number in range(count))


def _known(guest: Guest, kind: int, fresh: _Ids, dice: random.Random, members: int) -> Guest:
    if dice.randrange(MEMBER_OF):
        return guest
    member = dice.randrange(members)
    if isinstance(guest, AtTable):
        return replace(guest, member=member, seen_id=fresh())
    spends = kind == COUNTER and not dice.randrange(SPENDS_OF)
    return replace(guest, member=member, points_fen=POINTS_FEN if spends else 0)


def _counter(
    kind: int, fresh: _Ids, menu: dict[str, Any], cards: tuple[list[Any], Mapping[str, Any]], dice: random.Random
) -> AtCounter:
    drawn = [_line(dish, cards[1], dice) for dish in dice.sample(cards[0], LINES)]
    due_fen = sum(fen for _, fen, _ in drawn)
    cash_fen = -(-due_fen // NOTE_FEN) * NOTE_FEN
    sale: dict[str, Any] = {
        "sale_id": fresh(),
        "lines": [line for line, _, _ in drawn],
        "tenders": [{"kind": "cash", "received_fen": cash_fen}],
        "due_fen": due_fen,
        "menu_version": menu["version"],
    }
    refund: dict[str, Any] = {}
    if kind == MIXED:
        sale["tenders"] = [{"kind": "card", "amount_fen": due_fen // 2, "reference": "T1"}, *sale["tenders"]]
    elif kind == CHEAPER:
        sale |= {"discount": {"rate_bp": DISCOUNT_BP, "reason": REASON}, "due_fen": None}
    elif kind == REFUNDED:
        back_fen = min(due_fen, REFUND_FEN)
        refund = {"refund_id": fresh(), "sale_id": sale["sale_id"], "amount_fen": back_fen, "reason": REASON}
    slips = 1 + len({station for _, _, station in drawn} - {""}) + bool(refund)
    return AtCounter(json.dumps(sale).encode(), slips, json.dumps(refund).encode() if refund else b"")


def _table(kind: int, fresh: _Ids, dishes: list[Any], groups: Mapping[str, Any], dice: random.Random) -> AtTable:
    order_id = fresh()
    first, second = dice.sample(dishes, LINES + 2)[:LINES], dice.sample(dishes, 2)
    adds, stations = _adds(first, fresh, groups, dice)
    more, more_stations = _adds(second, fresh, groups, dice)
    later = [[*more, {"do": "send"}]]
    slips = len(stations) + len(more_stations) + 1
    if kind == VOIDED:
        gone = adds[0]
        later.append([{"do": "void", "line_id": gone["line_id"], "qty": gone["qty"], "reason": REASON}])
        slips += bool(first[0].get("station"))
    elif kind == TREATED:
        later.append([{"do": "discount", "rate_bp": DISCOUNT_BP, "reason": REASON}])
    parted = kind == PARTED
    return AtTable(
        order_id=order_id,
        opening={
            "order_id": order_id,
            "service": "dine_in",
            "covers": dice.randint(1, 6),
            "steps": [*adds, {"do": "send"}],
        },
        later=tuple(json.dumps({"request_id": fresh(), "steps": steps}).encode() for steps in later),
        sale_ids=tuple(fresh() for _ in range(1 + parted)),
        slips=slips + parted,
        first_part=tuple(line["line_id"] for line in more) if parted else (),
        by_card=dice.random() < 1 / 3,
    )


def _adds(
    dishes: list[Any], fresh: _Ids, groups: Mapping[str, Any], dice: random.Random
) -> tuple[list[dict[str, Any]], set[str]]:
    drawn = [_line(dish, groups, dice) for dish in dishes]
    steps = [{"do": "add", "line_id": fresh(), **line} for line, _, _ in drawn]
    return steps, {station for _, _, station in drawn} - {""}


def _line(dish: Any, groups: Mapping[str, Any], dice: random.Random) -> tuple[dict[str, Any], int, str]:  # noqa: ANN401 - JSON
    """Draw a line of a dish; gives it with what it costs and the station that cooks it."""
    chosen = [
        option
        for group in (groups[group_id] for group_id in dish["modifier_groups"])
        for option in dice.sample(group["options"], max(group["min"], dice.randint(0, 1)))
    ]
    qty = dice.randint(1, QTY_MAX)
    fen = qty * (dish["price_fen"] + sum(option["price_fen"] for option in chosen))
    line = {"dish_id": dish["id"], "qty": qty, "modifiers": [option["id"] for option in chosen]}
    return line, fen, dish.get("station", "")


def _is_plain(dish: Any) -> bool:  # noqa: ANN401 - JSON
    return not (dish.get("per_g") or dish.get("parts") or dish.get("open_price"))
