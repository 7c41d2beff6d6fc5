"""Reads what somebody wants to publish: a price list or a flat menu as CSV or XLSX, a whole menu as JSON or TOML.

Every mistake of a file is told at once, each with its line, its column and what to write instead; nothing is guessed.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import msgspec

from cloud.services.publish_tables import File, Mistake, Sheet, UnreadableFile, bytes_of, read_table
from sync.contract import limits, menu
from sync.contract.menu import Category, Dish, Menu, ModifierGroup
from sync.contract.words import Name

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
PRICE_COLUMNS = ("code", "price", "price_fen", "name_zh", "name_en")
MENU_COLUMNS = (
    "code", "name_zh", "name_en", "category", "category_zh", "category_en", "price", "price_fen", "id", "station",
    "initials", "per_g", "modifier_groups",
)  # fmt: skip


@dataclass
class Priced:
    """Prices by code as a file has them, and the line of each."""

    prices: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_prices(file: File) -> Priced:
    """Read a price list: the columns `code` and `price` (whole amounts, as 38.00) or `price_fen`.

    Raises:
        UnreadableFile: with everything that is wrong.
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
        found.prices[code] = price_fen
    if not sheet.rows:
        sheet.wrong(0, "", "the file has no line below its head", "write a line for each dish: its code and its price")
    _stop_at_mistakes(sheet)
    return found


def read_menu(file: File, base: Menu | None) -> Menu:
    """Read a menu: whole from JSON or TOML, flat from CSV or XLSX.

    A flat menu has no groups of choices: they are kept from `base`, and its column `modifier_groups` names them by id.

    Args:
        file: the file.
        base: the menu published last; its currency, categories, ids and groups stay where the file says nothing.

    Raises:
        UnreadableFile: with everything that is wrong.
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
        if dish is None:
            continue
        if dish.code in lines:
            sheet.wrong(
                line, "code", f"{dish.code} stands in line {lines[dish.code]} already", "keep one of the two lines"
            )
            continue
        lines[dish.code] = line
        _note_category(sheet, line, row, categories)
        dishes.append(dish)
    if not sheet.rows:
        sheet.wrong(0, "", "the file has no line below its head", "write a line for each dish")
    used = {dish.category for dish in dishes}
    made = Menu(
        currency="CNY" if base is None else base.currency,
        categories=tuple(one for one in categories.values() if one.id in used),
        dishes=tuple(dishes),
        modifier_groups=groups,
    )
    if not sheet.mistakes:
        for sentence in menu.mistakes(made):
            sheet.wrong(0, "", sentence, "mend the line of that dish or category")
    _stop_at_mistakes(sheet)
    return made


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Write mistakes for people, a line each."""
    return "\n".join(
        f"{f'line {one.line}' if one.line else 'the file'}{f', {one.column}' if one.column else ''}: "
        f"{one.wrong}; {one.remedy}"
        for one in mistakes
    )


def _whole_menu(file: File) -> Menu:
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
    if found:
        raise UnreadableFile(found)
    return msgspec.structs.replace(made, version=0)


def _dish(
    sheet: Sheet, line: int, row: Mapping[str, str], held: Mapping[str, Dish], groups: Sequence[ModifierGroup]
) -> Dish | None:
    before = len(sheet.mistakes)
    code = row.get("code", "")
    _is_code(sheet, line, "code", code)
    price_fen = _price(sheet, line, row)
    for column in ("name_zh", "name_en", "category"):
        if not row.get(column):
            sheet.wrong(line, column, "it is empty", "write it")
    per_g = row.get("per_g", "") or "0"
    if per_g not in {"0", *map(str, limits.PER_G)}:
        sheet.wrong(
            line, "per_g", f"{per_g} grams is no unit of price", f"leave it empty, or write one of {limits.PER_G}"
        )
    known = {group.id for group in groups}
    wanted = tuple(one for one in re.split(r"[\s,;，；]+", row.get("modifier_groups", "")) if one)
    for group in wanted:
        if group not in known:
            sheet.wrong(
                line, "modifier_groups", f"there is no group {group}",
                f"name one of {', '.join(sorted(known)) or 'none'}, or publish a whole menu as JSON or TOML",
            )  # fmt: skip
    if len(sheet.mistakes) > before:
        return None
    same = held.get(code)
    return Dish(
        id=row.get("id") or (same.id if same is not None else code),
        code=code,
        name=Name(row["name_zh"], row["name_en"]),
        category=row["category"],
        price_fen=price_fen,
        station=row.get("station") or (same.station if same is not None else ""),
        initials=row.get("initials") or (same.initials if same is not None else ""),
        modifier_groups=wanted if "modifier_groups" in row else same.modifier_groups if same is not None else (),
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


def _price(sheet: Sheet, line: int, row: Mapping[str, str]) -> int:
    """Read a price in fen; 0 and a mistake where there is none that can be used."""
    whole = "price_fen" in row and bool(row["price_fen"])
    column = "price_fen" if whole else "price"
    text = row.get(column, "").replace(",", "").replace("，", "").removeprefix("¥").removeprefix("￥").strip()
    try:
        amount = Decimal(text) if whole else Decimal(text) * 100
    except InvalidOperation:
        sheet.wrong(line, column, f"{row.get(column, '')!r} is no amount", "write it like 38.00")
        return 0
    if not amount.is_finite() or amount != amount.to_integral_value():
        sheet.wrong(line, column, f"{text} is no whole number of fen", "write at most two decimals, such as 38.50")
        return 0
    if not 0 < amount <= limits.PRICE_FEN_MAX:
        top = limits.PRICE_FEN_MAX // 100
        sheet.wrong(line, column, f"{text} is not above 0 and up to {top}", "check the amount and its unit")
        return 0
    return int(amount)


def _is_code(sheet: Sheet, line: int, column: str, code: str) -> bool:
    if _CODE.fullmatch(code) is None:
        sheet.wrong(line, column, f"{code!r} is no code", "write letters, digits, dots and dashes, as in the menu")
        return False
    return True


def _stop_at_mistakes(sheet: Sheet) -> None:
    if sheet.mistakes:
        raise UnreadableFile(sorted(sheet.mistakes, key=lambda one: one.line))
