"""A menu as a flat table: one line a dish, and back (pure). HQ publishes by it, a store without HQ's menu imports by it.

Every mistake is told at once, each with its line, its column and what to write instead; nothing is guessed. What a table has no column
for (the groups of choices) and what its columns leave empty is kept from the menu before, so a short table loses nothing.

The column `parts` says what a set menu consists of, its groups one after the other with `;` between, each as
`id|中文名|English name|min-max|dish*quantity+surcharge,dish`: `main|主菜|Main dish|1-1|d101,d104+5.00;rice|饭|Rice|1-1|d102*2`.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec

from sync.contract import limits, menu
from sync.contract.menu import ALLERGENS, Category, Dish, Menu, ModifierGroup, PartChoice, PartGroup
from sync.contract.sheets import File, Mistake, Sheet, UnreadableFile, bytes_of
from sync.contract.words import Name

COLUMNS: Final = (
    "code", "name_zh", "name_en", "category", "category_zh", "category_en", "price", "price_fen", "id", "station",
    "initials", "per_g", "modifier_groups", "open_price", "tax", "course", "packing", "allergens", "parts", "no_discount",
)  # fmt: skip
NEEDED: Final = ("code", "name_zh", "name_en", "category")
_WRITTEN: Final = tuple(name for name in COLUMNS if name != "price_fen")
_AMOUNT = re.compile(r"-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
"""Commas part thousands and nothing else: `40,50` would be 4050 without them."""
_HANZI = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
DISH_HANZI_MAX: Final = 10
"""What a tile and a kitchen slip hold of a name in one piece."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_CHOICE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,47})(?:\*(\d{1,3}))?(?:\+(\d{1,7}(?:\.\d{1,2})?))?", re.ASCII)
_BOUNDS = re.compile(r"(\d{1,2})-(\d{1,2})", re.ASCII)
_WORDS: Final = {"1": True, "yes": True, "y": True, "true": True, "是": True, "√": True,
                 "0": False, "no": False, "n": False, "false": False, "否": False}  # fmt: skip
_GROUP_CELLS = 5
NOTHING: Final = "-"
"""A cell that takes back what the menu before says, where an empty one keeps it."""


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


@dataclass(frozen=True)
class _Base:
    """What the menu before says of dishes by their code, of groups and of categories."""

    dishes: Mapping[str, Dish]
    groups: tuple[ModifierGroup, ...]


def menu_of(sheet: Sheet, base: Menu | None) -> Carte:
    """Read a flat menu.

    Args:
        sheet: its lines (`COLUMNS`, of which `NEEDED` must be there).
        base: the menu that it is to replace; what the table says nothing of stays as it is there.
    """
    held = _Base(
        {} if base is None else {dish.code: dish for dish in base.dishes}, () if base is None else base.modifier_groups
    )
    categories = {} if base is None else {one.id: one for one in base.categories}
    lines: dict[str, int] = {}
    dishes: list[Dish] = []
    for line, row in sheet.rows:
        dish = _dish(sheet, line, row, held)
        if row.get("category"):
            _note_category(sheet, line, row, categories)
        if dish is None:
            continue
        if dish.code in lines:
            first = str(lines[dish.code])
            sheet.wrong(line, "code", f"{dish.code} stands in line {first} already", "keep one of the two lines",
                        "code_twice", code=dish.code, line=first)  # fmt: skip
            continue
        lines[dish.code] = line
        dishes.append(dish)
    if not sheet.rows:
        sheet.wrong(0, "", "the file has no line below its head", "write a line for each dish", "no_lines")
    used = {row.get("category", "") for _, row in sheet.rows}
    made = Menu(
        currency="CNY" if base is None else base.currency,
        categories=tuple(one for one in categories.values() if one.id in used),
        dishes=tuple(dishes),
        modifier_groups=held.groups,
    )
    # A file with no dish that can be read has told why.
    if dishes:
        for sentence in menu.mistakes(made):
            sheet.wrong(0, "", sentence, "mend the line of that dish or category")
    unpriced = {dish.code for dish in dishes if not dish.price_fen}
    return Carte(made, lines, unpriced, sheet.mistakes)


def whole_menu(file: File) -> Carte:
    """Read a whole menu from JSON or TOML.

    Raises:
        UnreadableFile: it has not the shape of a menu.
    """
    raw = bytes_of(file)
    try:
        tree = tomllib.loads(raw.decode()) if file.kind == ".toml" else json.loads(raw)
        made = msgspec.convert(tree, Menu)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        wrong = Mistake(
            line=0, column="", wrong=str(error), remedy="write it like the node's menu file", code="no_menu"
        )
        raise UnreadableFile([wrong]) from error
    found = [
        Mistake(line=0, column="", wrong=sentence, remedy="mend that entry of the file")
        for sentence in menu.mistakes(made)
    ]
    return Carte(msgspec.structs.replace(made, version=0), mistakes=found)


def rows_of(made: Menu) -> list[list[str]]:
    """Write a menu as a table with a head line; `menu_of` over the same menu reads it back as it is.

    Groups of choices are named only, as a table has no place for them.
    """
    categories = {one.id: one.name for one in made.categories}
    return [list(_WRITTEN), *([_cells(dish, categories)[name] for name in _WRITTEN] for dish in made.dishes)]


def price(sheet: Sheet, line: int, row: Mapping[str, str]) -> int | None:
    """Read a price in fen; None and a mistake where there is none that can be used, or two that differ."""
    if not row.get("price_fen"):
        return amount(sheet, line, "price", row.get("price", ""))
    fen = amount(sheet, line, "price_fen", row["price_fen"])
    if fen is not None and row.get("price") and amount(sheet, line, "price", row["price"]) not in {fen, None}:
        sheet.wrong(line, "price_fen", f"{row['price_fen']} fen are not {row['price']}", "keep one of the two",
                    "two_prices", fen=row["price_fen"], price=row["price"])  # fmt: skip
        return None
    return fen


def amount(sheet: Sheet, line: int, column: str, cell: str, *, zero: bool = False) -> int | None:
    """Read an amount in fen; None and a mistake where there is none that can be used."""
    text = cell.replace("，", ",").removeprefix("¥").removeprefix("￥").strip()
    if _AMOUNT.fullmatch(text) is None:
        sheet.wrong(line, column, f"{cell!r} is no amount", "write it like 38.00", "no_amount", cell=cell)
        return None
    fen = Decimal(text.replace(",", "")) * (1 if column == "price_fen" else 100)
    if fen != fen.to_integral_value():
        sheet.wrong(line, column, f"{text} is no whole number of fen", "write at most two decimals, such as 38.50",
                    "no_whole_fen", cell=text)  # fmt: skip
        return None
    if not (0 if zero else 1) <= fen <= limits.PRICE_FEN_MAX:
        least, top = "0" if zero else "0.01", limits.PRICE_FEN_MAX // 100
        sheet.wrong(line, column, f"{text} does not lie within {least} and {top}", "check the amount and its unit",
                    "out_of_bounds", cell=text, least=least, most=str(top))  # fmt: skip
        return None
    return int(fen)


def is_code(sheet: Sheet, line: int, column: str, code: str) -> bool:
    """Say whether a cell can be a code, and note a mistake where it cannot."""
    if _CODE.fullmatch(code) is None:
        sheet.wrong(line, column, f"{code!r} is no code", "write letters, digits, dots and dashes, as in the menu",
                    "no_code", cell=code)  # fmt: skip
        return False
    return True


def _dish(sheet: Sheet, line: int, row: Mapping[str, str], base: _Base) -> Dish | None:
    """Read a dish; None without what it is known by. Anything else that is wrong is left out of it, and told."""
    code = row.get("code", "")
    known_by = is_code(sheet, line, "code", code)
    price_fen = price(sheet, line, row)
    for column in ("name_zh", "name_en", "category"):
        if not row.get(column):
            sheet.wrong(line, column, "it is empty", "write it", "empty_cell")
            known_by = False
    hanzi = sum(_HANZI.fullmatch(each) is not None for each in row.get("name_zh", ""))
    if hanzi > DISH_HANZI_MAX:
        sheet.wrong(line, "name_zh", f"{row['name_zh']} has {hanzi} hanzi", f"a tile and a slip hold {DISH_HANZI_MAX}: shorten it",
                    "long_name", cell=row["name_zh"], most=str(DISH_HANZI_MAX))  # fmt: skip
    same = base.dishes.get(code)
    reading = _Reading(sheet, line, row)
    groups = reading.groups({group.id for group in base.groups})
    per_g, open_price, course = reading.per_g(), reading.yes("open_price"), reading.course()
    packing_fen, allergens, parts = reading.packing(), reading.allergens(), reading.parts()
    no_discount, tax = reading.yes("no_discount"), reading.text("tax")
    if not known_by:
        return None
    was = same if same is not None else Dish(id=code, code=code, name=Name("", ""), category="", price_fen=0)
    return Dish(
        id=row.get("id") or was.id,
        code=code,
        name=Name(row["name_zh"], row["name_en"]),
        category=row["category"],
        price_fen=price_fen or 0,
        station=row.get("station") or was.station,
        initials=row.get("initials") or was.initials,
        modifier_groups=was.modifier_groups if groups is None else groups,
        per_g=was.per_g if per_g is None else per_g,
        open_price=was.open_price if open_price is None else open_price,
        tax=was.tax if tax is None else tax,
        course=was.course if course is None else course,
        packing_fen=was.packing_fen if packing_fen is None else packing_fen,
        allergens=was.allergens if allergens is None else allergens,
        parts=was.parts if parts is None else parts,
        no_discount=was.no_discount if no_discount is None else no_discount,
    )


@dataclass(frozen=True)
class _Reading:
    """The cells of a line that may be empty; None is what says nothing, so that the menu before does."""

    sheet: Sheet
    line: int
    row: Mapping[str, str]

    def text(self, column: str) -> str | None:
        """Give a word; `NOTHING` takes it back."""
        cell = self.row.get(column, "")
        return None if not cell else "" if cell == NOTHING else cell

    def groups(self, known: set[str]) -> tuple[str, ...] | None:
        """Give the groups of choices; the column is the word of the table even where it is empty."""
        if "modifier_groups" not in self.row:
            return None
        wanted = _listed(self.row["modifier_groups"])
        for group in wanted:
            if group not in known:
                names = ", ".join(sorted(known)) or "none"
                self.sheet.wrong(
                    self.line, "modifier_groups", f"there is no group {group}",
                    f"name one of {names}, or publish a whole menu as JSON or TOML", "no_group", cell=group, known=names,
                )  # fmt: skip
        return tuple(one for one in wanted if one in known)

    def per_g(self) -> int | None:
        """Give for how many grams the price is."""
        cell = self.row.get("per_g", "")
        if cell and cell not in {"0", *map(str, limits.PER_G)}:
            units = " / ".join(map(str, limits.PER_G))
            self.sheet.wrong(
                self.line, "per_g", f"{cell} grams is no unit of price",
                f"leave it empty, or write one of {limits.PER_G}", "no_unit", cell=cell, known=units,
            )  # fmt: skip
            return 0
        return int(cell) if cell else None

    def yes(self, column: str) -> bool | None:
        """Give a yes or a no."""
        cell = self.row.get(column, "").lower()
        if not cell:
            return None
        if cell not in _WORDS:
            self.sheet.wrong(self.line, column, f"{cell!r} is neither yes nor no", "write yes, no or nothing", "no_yes",
                             cell=cell)  # fmt: skip
        return _WORDS.get(cell)

    def course(self) -> int | None:
        """Give the course."""
        cell = self.row.get("course", "")
        if not cell:
            return None
        if not (cell.isascii() and cell.isdigit() and len(cell) == 1):
            self.sheet.wrong(self.line, "course", f"{cell!r} is no course", f"write 0 to {limits.COURSE_MAX}",
                             "no_course", cell=cell, most=str(limits.COURSE_MAX))  # fmt: skip
            return None
        return int(cell)

    def packing(self) -> int | None:
        """Give what packing costs."""
        cell = self.row.get("packing", "")
        return amount(self.sheet, self.line, "packing", cell, zero=True) if cell else None

    def allergens(self) -> tuple[str, ...] | None:
        """Give what of the allergens is in it."""
        cell = self.text("allergens")
        if not cell:
            return None if cell is None else ()
        found = _listed(cell.lower())
        for one in found:
            if one not in ALLERGENS:
                names = ", ".join(ALLERGENS)
                self.sheet.wrong(self.line, "allergens", f"there is no allergen {one}", f"there are {names}",
                                 "no_allergen", cell=one, known=names)  # fmt: skip
        return tuple(one for one in found if one in ALLERGENS)

    def parts(self) -> tuple[PartGroup, ...] | None:
        """Give what a set menu consists of."""
        cell = self.text("parts")
        if not cell:
            return None if cell is None else ()
        found = [self._part(text.strip()) for text in cell.split(";") if text.strip()]
        return tuple(one for one in found if one is not None)

    def _part(self, text: str) -> PartGroup | None:
        cells = [one.strip() for one in text.split("|")]
        bounds = _BOUNDS.fullmatch(cells[3]) if len(cells) == _GROUP_CELLS else None
        choices = [_CHOICE.fullmatch(one.strip()) for one in cells[-1].split(",")]
        if bounds is None or not all(cells[:3]) or not all(choices):
            self.sheet.wrong(
                self.line, "parts", f"{text[:60]!r} is no group of a set menu",
                "write id|中文名|English name|1-1|dish*quantity+surcharge,dish", "no_part", cell=text[:60],
            )  # fmt: skip
            return None
        return PartGroup(
            id=cells[0],
            name=Name(cells[1], cells[2]),
            choices=tuple(
                PartChoice(one[1], int(one[2] or 1), int(Decimal(one[3] or 0) * 100)) for one in choices if one
            ),
            min=int(bounds[1]),
            max=int(bounds[2]),
        )


def _note_category(sheet: Sheet, line: int, row: Mapping[str, str], categories: dict[str, Category]) -> None:
    category, zh, en = row["category"], row.get("category_zh", ""), row.get("category_en", "")
    if zh and en:
        categories[category] = Category(category, Name(zh, en))
    elif category not in categories:
        sheet.wrong(
            line, "category", f"{category} is new and has no name",
            "write category_zh and category_en in its first line", "new_category", cell=category,
        )  # fmt: skip
        categories[category] = Category(category, Name(category, category))


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(one for one in re.split(r"[\s,;，；]+", cell) if one)


def _cells(dish: Dish, categories: Mapping[str, Name]) -> dict[str, str]:
    named = categories.get(dish.category, Name("", ""))
    return {
        "code": dish.code,
        "name_zh": dish.name.zh,
        "name_en": dish.name.en,
        "category": dish.category,
        "category_zh": named.zh,
        "category_en": named.en,
        "price": _decimal(dish.price_fen),
        "id": dish.id,
        "station": dish.station,
        "initials": dish.initials,
        "per_g": str(dish.per_g) if dish.per_g else "",
        "modifier_groups": " ".join(dish.modifier_groups),
        "open_price": "yes" if dish.open_price else "no",
        "tax": dish.tax or NOTHING,
        "course": str(dish.course),
        "packing": _decimal(dish.packing_fen),
        "allergens": " ".join(dish.allergens) or NOTHING,
        "parts": ";".join(_group_text(group) for group in dish.parts) or NOTHING,
        "no_discount": "yes" if dish.no_discount else "no",
    }


def _group_text(group: PartGroup) -> str:
    choices = ",".join(
        one.dish_id + (f"*{one.qty}" if one.qty != 1 else "") + (f"+{_decimal(one.price_fen)}" if one.price_fen else "")
        for one in group.choices
    )
    names = (_plain(group.name.zh), _plain(group.name.en))
    return "|".join((group.id, *names, f"{group.min}-{group.max}", choices))


def _plain(name: str) -> str:
    """Take out of a name what parts the groups of the column."""
    return re.sub(r"[|;]", "/", name)


def _decimal(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
