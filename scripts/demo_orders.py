"""Orders for the demo: from a CSV of real order lines, or a generated day of the demo restaurant (pure, seeded)."""

import csv
import gzip
import io
import json
import random
import zlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from sync.contract import limits
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, mistakes
from sync.contract.money import parse_decimal_fen
from sync.contract.words import Name, has_control

COLUMNS = ("order_id", "ordered_at", "item", "qty", "unit_price")
DEMO_MENU = Path(__file__).resolve().parent.parent / "config" / "demo" / "menu.json"
_NOTES_FEN = (1_000, 2_000, 5_000, 10_000)
_MISTAKES_SHOWN = 5


class OrdersError(ValueError):
    """The file cannot be used; the message says in which line and why."""


@dataclass(frozen=True)
class OrderLine:
    """A dish, how many, and which choices; the weight of a dish by weight."""

    dish_id: str
    qty: int
    modifiers: tuple[str, ...] = ()
    weight_g: int = 0


@dataclass(frozen=True)
class Order:
    """What one guest orders, what it must cost by the driver's own arithmetic, and what is handed over."""

    lines: tuple[OrderLine, ...]
    total_fen: int
    received_fen: int


@dataclass(frozen=True)
class Day:
    """A menu and the orders that are dealt to the stores in turn."""

    menu: Menu
    orders: list[Order] = field(default_factory=list)


def from_file(path: Path, sales: int | None) -> Day:
    """Read order lines and make them a menu (one dish per item and price) and orders.

    Args:
        path: CSV, or CSV in gzip, with the columns order_id, ordered_at, item, qty, unit_price.
        sales: how many orders are wanted; None takes all.

    Raises:
        OrdersError: unreadable, a column is missing, a line is wrong, or there are fewer orders than wanted.
    """
    rows = list(csv.DictReader(io.StringIO(_text(path), newline="")))
    if not rows or set(COLUMNS) - set(rows[0]):
        missing = ", ".join(sorted(set(COLUMNS) - set(rows[0] if rows else ())))
        raise OrdersError(f"{path.name}: line 1: the columns {missing} are missing")
    dishes: dict[tuple[str, int], str] = {}
    baskets: dict[str, list[tuple[str, int, int]]] = {}
    found: list[str] = []
    for number, row in enumerate(rows, start=2):
        try:
            order_id, item, qty, price_fen = _row(row)
        except ValueError as error:
            found.append(f"line {number}: {error}")
            continue
        dish_id = dishes.setdefault((item, price_fen), f"x{len(dishes) + 1:04d}")
        baskets.setdefault(order_id, []).append((dish_id, qty, price_fen))
    if found:
        more = f" (and {len(found) - _MISTAKES_SHOWN} more)" if len(found) > _MISTAKES_SHOWN else ""
        raise OrdersError(f"{path.name}: " + "; ".join(found[:_MISTAKES_SHOWN]) + more)
    if sales is not None and len(baskets) < sales:
        raise OrdersError(f"{path.name} holds {len(baskets)} orders, {sales} were asked for; lower --sales")
    menu = _menu_of(dishes)
    wrong = mistakes(menu)
    if wrong:
        raise OrdersError(f"{path.name}: as a menu: " + "; ".join(wrong[:_MISTAKES_SHOWN]))
    orders = [_order_of(basket) for basket in baskets.values()]
    return Day(menu, orders[:sales])


def generated(sales: int, seed: int) -> Day:
    """Make a day of the demo restaurant: more soup at noon than at dawn is not modelled, baskets and choices are."""
    tree = json.loads(DEMO_MENU.read_text(encoding="utf-8"))
    menu = _decoded(tree)
    groups = {group.id: group for group in menu.modifier_groups}
    dice = random.Random(seed)
    return Day(menu, [_drawn(menu, groups, dice) for _ in range(sales)])


def demo_menu() -> Menu:
    """Read the menu of the demo restaurant."""
    return _decoded(json.loads(DEMO_MENU.read_text(encoding="utf-8")))


def _decoded(tree: object) -> Menu:
    from sync.contract.menu import checked  # noqa: PLC0415 - the only use

    return checked(json.dumps(tree).encode())


def _drawn(menu: Menu, groups: dict[str, ModifierGroup], dice: random.Random) -> Order:
    lines: list[OrderLine] = []
    total_fen = 0
    for dish in dice.sample(menu.dishes, k=min(len(menu.dishes), dice.choice((1, 2, 2, 3, 3, 3, 4, 5, 7)))):
        qty = dice.choice((1, 1, 1, 1, 2, 2, 3))
        weight_g = 0
        modifiers: list[str] = []
        each_fen = dish.price_fen
        if dish.per_g:
            qty, weight_g = 1, dice.randint(80, 1_500)
            each_fen = _weighed_fen(dish, weight_g)
        for group in (groups[name] for name in dish.modifier_groups):
            wanted = max(group.min, min(group.max, dice.choice((0, 1, 1))))
            for option in dice.sample(group.options, k=wanted):
                modifiers.append(option.id)
                each_fen += option.price_fen
        lines.append(OrderLine(dish.id, qty, tuple(modifiers), weight_g))
        total_fen += each_fen * qty
    return Order(tuple(lines), total_fen, _handed_over(total_fen, dice.random()))


def _weighed_fen(dish: Dish, weight_g: int) -> int:
    """Price a weight by the driver's own arithmetic, so that the product's is checked and not repeated."""
    exact_fen = Decimal(dish.price_fen) * weight_g / dish.per_g
    return int(exact_fen.quantize(Decimal(1), ROUND_HALF_UP))


def _order_of(basket: list[tuple[str, int, int]]) -> Order:
    merged: Counter[str] = Counter()
    prices: dict[str, int] = {}
    for dish_id, qty, price_fen in basket:
        merged[dish_id] += qty
        prices[dish_id] = price_fen
    total_fen = sum(prices[dish_id] * qty for dish_id, qty in merged.items())
    lines = tuple(OrderLine(dish_id, qty) for dish_id, qty in merged.items())
    return Order(lines, total_fen, _handed_over(total_fen, (total_fen % 97) / 97))


def _handed_over(total_fen: int, mood: float) -> int:
    """Exact money from one guest in three, otherwise the next round of some note."""
    if mood < 1 / 3:
        return total_fen
    note_fen = _NOTES_FEN[int(mood * 100) % len(_NOTES_FEN)]
    return -(-total_fen // note_fen) * note_fen


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except OSError as error:
        raise OrdersError(f"{path}: not readable: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise OrdersError(f"{path.name}: the gzip file is cut short or damaged") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise OrdersError(f"{path.name}: line {line}: not UTF-8") from error


def _row(row: dict[str, str | None]) -> tuple[str, str, int, int]:
    values = {column: row.get(column) for column in COLUMNS}
    empty = [column for column, value in values.items() if value is None or not value.strip()]
    if empty:
        raise ValueError(f"{', '.join(empty)} is empty")
    if None in row:
        raise ValueError("there are more values than columns")
    order_id, item, qty_text, price_text = (
        str(values[name]).strip() for name in ("order_id", "item", "qty", "unit_price")
    )
    if not qty_text.isascii() or not qty_text.isdigit() or not 1 <= int(qty_text) <= limits.LINE_QTY_MAX:
        raise ValueError(f"qty {qty_text!r} is not a whole number from 1 to {limits.LINE_QTY_MAX}")
    price_fen = parse_decimal_fen(price_text)
    if price_fen > limits.PRICE_FEN_MAX:
        raise ValueError(f"unit_price {price_text} is above {limits.PRICE_FEN_MAX / 100:.2f}")
    if len(item) > limits.NAME_CHARS_MAX or has_control(item):
        raise ValueError(f"item has a control character or more than {limits.NAME_CHARS_MAX} characters")
    return order_id, item, int(qty_text), price_fen


def _menu_of(dishes: dict[tuple[str, int], str]) -> Menu:
    return Menu(
        currency="CNY",
        categories=(Category("all", Name("全部", "All")),),
        dishes=tuple(
            Dish(
                id=dish_id,
                code=dish_id[1:],
                name=Name(item, item),
                category="all",
                price_fen=price_fen,
                initials="".join(word[0] for word in item.lower().split() if word[0].isalnum()),
            )
            for (item, price_fen), dish_id in dishes.items()
        ),
    )
