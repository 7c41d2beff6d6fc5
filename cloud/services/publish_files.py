"""Reads what somebody wants to publish: a price list or a flat menu as CSV or XLSX, a whole menu as JSON or TOML.

Every mistake of a file is told at once, each with its line, its column and what to write instead; nothing is guessed. Two
kinds leave nothing that could be judged further and stand alone: a table without the columns that it needs, and a JSON or
TOML that has not the shape of a menu, whose first wrong place is told.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from cloud.services.publish_tables import File, Mistake, Sheet, UnreadableFile, bytes_of, read_table
from sync.contract import limits, menu
from sync.contract.menu import Category, Dish, Menu, ModifierGroup
from sync.contract.words import Name

_AMOUNT = re.compile(r"-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
"""Commas part thousands and nothing else: `40,50` would be 4050 without them."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
PRICE_COLUMNS = ("code", "price", "price_fen", "name_zh", "name_en")
MENU_COLUMNS = (
    "code", "name_zh", "name_en", "category", "category_zh", "category_en", "price", "price_fen", "id", "station",
    "initials", "per_g", "modifier_groups",
)  # fmt: skip


@dataclass
class Priced:
    """Prices by code as a file has them, the line of each code, and what is wrong with the file so far.

    A code whose amount is wrong has a line and no price.
    """

    prices: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


@dataclass
class Carte:
    """A menu as a file has it, the line of each code, and what is wrong with the file so far.

    With mistakes the menu is good for looking for more of them only: it lacks dishes that could not be read, and those of
    `unpriced` stand in it without their price.
    """

    menu: Menu
    lines: dict[str, int] = field(default_factory=dict)
    unpriced: set[str] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)


def read_prices(file: File) -> Priced:
    """Read a price list: the columns `code` and `price` (whole amounts, as 38.00) or `price_fen`.

    Raises:
        UnreadableFile: it is no table, or lacks a column; every other mistake is in what is given back.
    """
    sheet = read_table(file, PRICE_COLUMNS, needed=("code",))
    found = Priced()
    for line, row in sheet.rows:
        code = row.get("code", "")
        price_fen = _price(sheet, line, row)
        if not _is_code(sheet, line, "code", code):
            continue
        if code in found.lines:
            sheet.wrong(line, "code", f"{code} stands in line {found.lines[code]} already", "keep one of the two lines")
            continue
        found.lines[code] = line
        if price_fen is not None:
            found.prices[code] = price_fen
    if not sheet.rows:
        sheet.wrong(0, "", "the file has no line below its head", "write a line for each dish: its code and its price")
    found.mistakes = sheet.mistakes
    return found


def read_menu(file: File, base: Menu | None) -> Carte:
    """Read a menu: whole from JSON or TOML, flat from CSV or XLSX.

    A flat menu has no groups of choices: they are kept from `base`, and its column `modifier_groups` names them by id.

    Args:
        file: the file.
        base: the menu published last; its currency, categories, ids and groups stay where the file says nothing.

    Raises:
        UnreadableFile: it is no table and no menu, or lacks a column; every other mistake is in what is given back.
    """
    if file.kind in {".json", ".toml"}:
        return _whole_menu(file)
    sheet = read_table(file, MENU_COLUMNS, needed=("code", "name_zh", "name_en", "category"))
    held = {dish.code: dish for dish in base.dishes} if base is not None else {}
    groups = base.modifier_groups if base is not None else ()
    categories = {one.id: one for one in base.categories} if base is not None else {}
    lines: dict[str, int] = {}
    dishes: list[Dish] = []
    for line, row in sheet.rows:
        dish = _dish(sheet, line, row, held, groups)
        if row.get("category"):
            _note_category(sheet, line, row, categories)
        if dish is None:
            continue
        if dish.code in lines:
            sheet.wrong(
                line, "code", f"{dish.code} stands in line {lines[dish.code]} already", "keep one of the two lines"
            )
            continue
        lines[dish.code] = line
        dishes.append(dish)
    if not sheet.rows:
        sheet.wrong(0, "", "the file has no line below its head", "write a line for each dish")
    used = {row.get("category", "") for _, row in sheet.rows}
    made = Menu(
        currency="CNY" if base is None else base.currency,
        categories=tuple(one for one in categories.values() if one.id in used),
        dishes=tuple(dishes),
        modifier_groups=groups,
    )
    # A file with no dish that can be read has told why.
    if dishes:
        for sentence in menu.mistakes(made):
            sheet.wrong(0, "", sentence, "mend the line of that dish or category")
    unpriced = {dish.code for dish in dishes if not dish.price_fen}
    return Carte(made, lines, unpriced, sheet.mistakes)


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Write mistakes for people, a line each."""
    return "\n".join(
        f"{f'line {one.line}' if one.line else 'the file'}{f', {one.column}' if one.column else ''}: "
        f"{one.wrong}; {one.remedy}"
        for one in mistakes
    )


def _whole_menu(file: File) -> Carte:
    raw = bytes_of(file)
    try:
        tree = tomllib.loads(raw.decode()) if file.kind == ".toml" else json.loads(raw)
        made = msgspec.convert(tree, Menu)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise UnreadableFile(
            [Mistake(line=0, column="", wrong=str(error), remedy="write it like the node's menu file")]
        ) from error
    found = [
        Mistake(line=0, column="", wrong=sentence, remedy="mend that entry of the file")
        for sentence in menu.mistakes(made)
    ]
    return Carte(msgspec.structs.replace(made, version=0), mistakes=found)


def _dish(
    sheet: Sheet, line: int, row: Mapping[str, str], held: Mapping[str, Dish], groups: Sequence[ModifierGroup]
) -> Dish | None:
    """Read a dish; None without what it is known by. Anything else that is wrong is left out of it, and told."""
    code = row.get("code", "")
    known_by = _is_code(sheet, line, "code", code)
    price_fen = _price(sheet, line, row)
    for column in ("name_zh", "name_en", "category"):
        if not row.get(column):
            sheet.wrong(line, column, "it is empty", "write it")
            known_by = False
    per_g = row.get("per_g", "") or "0"
    if per_g not in {"0", *map(str, limits.PER_G)}:
        sheet.wrong(
            line, "per_g", f"{per_g} grams is no unit of price", f"leave it empty, or write one of {limits.PER_G}"
        )
        per_g = "0"
    known = {group.id for group in groups}
    wanted = tuple(one for one in re.split(r"[\s,;，；]+", row.get("modifier_groups", "")) if one)
    for group in wanted:
        if group not in known:
            sheet.wrong(
                line, "modifier_groups", f"there is no group {group}",
                f"name one of {', '.join(sorted(known)) or 'none'}, or publish a whole menu as JSON or TOML",
            )  # fmt: skip
    if not known_by:
        return None
    same = held.get(code)
    return Dish(
        id=row.get("id") or (same.id if same is not None else code),
        code=code,
        name=Name(row["name_zh"], row["name_en"]),
        category=row["category"],
        price_fen=price_fen or 0,
        station=row.get("station") or (same.station if same is not None else ""),
        initials=row.get("initials") or (same.initials if same is not None else ""),
        modifier_groups=(
            tuple(one for one in wanted if one in known)
            if "modifier_groups" in row
            else same.modifier_groups
            if same is not None
            else ()
        ),
        per_g=int(per_g) if row.get("per_g") or same is None else same.per_g,
    )


def _note_category(sheet: Sheet, line: int, row: Mapping[str, str], categories: dict[str, Category]) -> None:
    category, zh, en = row["category"], row.get("category_zh", ""), row.get("category_en", "")
    if zh and en:
        categories[category] = Category(category, Name(zh, en))
    elif category not in categories:
        sheet.wrong(
            line, "category", f"{category} is new and has no name",
            "write category_zh and category_en in its first line",
        )  # fmt: skip
        categories[category] = Category(category, Name(category, category))


def _price(sheet: Sheet, line: int, row: Mapping[str, str]) -> int | None:
    """Read a price in fen; None and a mistake where there is none that can be used, or two that differ."""
    if not row.get("price_fen"):
        return _amount(sheet, line, "price", row.get("price", ""))
    fen = _amount(sheet, line, "price_fen", row["price_fen"])
    if fen is not None and row.get("price") and _amount(sheet, line, "price", row["price"]) not in {fen, None}:
        sheet.wrong(line, "price_fen", f"{row['price_fen']} fen are not {row['price']}", "keep one of the two")
        return None
    return fen


def _amount(sheet: Sheet, line: int, column: str, cell: str) -> int | None:
    text = cell.replace("，", ",").removeprefix("¥").removeprefix("￥").strip()
    if _AMOUNT.fullmatch(text) is None:
        sheet.wrong(line, column, f"{cell!r} is no amount", "write it like 38.00")
        return None
    amount = Decimal(text.replace(",", "")) * (1 if column == "price_fen" else 100)
    if amount != amount.to_integral_value():
        sheet.wrong(line, column, f"{text} is no whole number of fen", "write at most two decimals, such as 38.50")
        return None
    if not 0 < amount <= limits.PRICE_FEN_MAX:
        top = limits.PRICE_FEN_MAX // 100
        sheet.wrong(line, column, f"{text} is not above 0 and up to {top}", "check the amount and its unit")
        return None
    return int(amount)


def _is_code(sheet: Sheet, line: int, column: str, code: str) -> bool:
    if _CODE.fullmatch(code) is None:
        sheet.wrong(line, column, f"{code!r} is no code", "write letters, digits, dots and dashes, as in the menu")
        return False
    return True
