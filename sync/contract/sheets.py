"""A table of cells as rows by the names of their columns, each with its line; and every mistake in it, told at once (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

FILE_BYTES_MAX = 8 * 1024 * 1024
ROWS_MAX = 20_000
CELL_CHARS_MAX = 4_000
_ALIASES = {
    "编码": "code", "代码": "code", "菜号": "code", "价格": "price", "单价": "price", "中文名": "name_zh", "菜名": "name_zh",
    "英文名": "name_en", "分类": "category", "分类中文名": "category_zh", "分类英文名": "category_en", "出品": "station",
    "首字母": "initials", "计价克数": "per_g", "做法组": "modifier_groups", "时价": "open_price", "税目": "tax", "上菜顺序": "course",
    "打包费": "packing", "过敏原": "allergens", "套餐": "parts", "不打折": "no_discount",
}  # fmt: skip


class Mistake(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that cannot be taken: where it stands, what is wrong, what to do. Line 0 is the file as a whole.

    `code` names the sort of mistake and `values` what stands in its sentence, for a page that says it in another language.
    """

    line: int
    column: str
    wrong: str
    remedy: str
    code: str = ""
    values: tuple[tuple[str, str], ...] = ()


class UnreadableFile(ValueError):
    """The file cannot be taken; every mistake is in `mistakes`."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(f"{len(mistakes)} mistakes")
        self.mistakes = list(mistakes)


@dataclass(frozen=True)
class File:
    """A file as it was handed in: its name, whose ending says what it is, and its bytes."""

    name: str
    raw: bytes

    @property
    def kind(self) -> str:
        """The ending of the name, such as `.csv`."""
        _, dot, ending = self.name.rpartition(".")
        return f".{ending.lower()}" if dot else ""


@dataclass
class Sheet:
    """Rows of a table with their lines, and the mistakes found so far."""

    rows: list[tuple[int, dict[str, str]]]
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, line: int, column: str, wrong: str, remedy: str, code: str = "", /, **values: str) -> None:
        """Note a mistake."""
        self.mistakes.append(
            Mistake(line=line, column=column, wrong=wrong, remedy=remedy, code=code, values=tuple(values.items()))
        )


def sheet_of(lines: Iterable[tuple[int, list[str]]], columns: Sequence[str], needed: Sequence[str]) -> Sheet:
    """Put lines of cells under the names of the first line that is not empty; a price column is always needed.

    Args:
        lines: the number of each line with its cells.
        columns: the names that a column may have.
        needed: those that must be there.

    Raises:
        UnreadableFile: the table lacks a column, or is empty.
    """
    head: list[str] | None = None
    sheet = Sheet([])
    for line, cells in lines:
        if not any(cells):
            continue
        if head is None:
            head = [_ALIASES.get(cell, cell.lower()) for cell in cells]
            _check_head(sheet, line, head, columns, needed)
            continue
        if line > ROWS_MAX:
            sheet.wrong(line, "", f"more than {ROWS_MAX} lines", "part the file", "too_long", n=str(ROWS_MAX))
            break
        _check_cells(sheet, line, head, cells)
        # Cells too many are told above; a line may end early, as spreadsheets write it.
        row = dict(zip(head, cells, strict=False))
        sheet.rows.append((line, {name: value for name, value in row.items() if name}))
    if head is None:
        wanted = ", ".join(needed)
        raise UnreadableFile([of_file("the file is empty", f"write a head line: {wanted}, price", "empty_file")])
    return sheet


def of_file(wrong: str, remedy: str, code: str = "", /, **values: str) -> Mistake:
    """Make a mistake of the file as a whole."""
    return Mistake(line=0, column="", wrong=wrong, remedy=remedy, code=code, values=tuple(values.items()))


def bytes_of(file: File) -> bytes:
    """Give the bytes of a file that is not too large.

    Raises:
        UnreadableFile: it is.
    """
    if len(file.raw) > FILE_BYTES_MAX:
        most = FILE_BYTES_MAX >> 20
        raise UnreadableFile([of_file(f"more than {most} MB", "save the sheet alone", "too_large", n=str(most))])
    return file.raw


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Write mistakes for people, a line each."""
    return "\n".join(
        f"{f'line {one.line}' if one.line else 'the file'}{f', {one.column}' if one.column else ''}: "
        f"{one.wrong}; {one.remedy}"
        for one in mistakes
    )


def _check_head(sheet: Sheet, line: int, head: list[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    for name in dict.fromkeys(head):
        if name and name not in columns:
            known = ", ".join(columns)
            sheet.wrong(line, name[:40], "no such column is known", f"use {known}", "unknown_column", known=known)
        if name and head.count(name) > 1:
            sheet.wrong(line, name[:40], "the column stands twice", "keep one of the two", "column_twice")
    missing = [name for name in needed if name not in head]
    if not {"price", "price_fen"} & set(head):
        missing.append("price")
    if missing:
        lacking = ", ".join(missing)
        sheet.wrong(line, "", f"the column {lacking} is missing", "write it into the head line", "column_missing",
                    columns=lacking)  # fmt: skip
        raise UnreadableFile(sheet.mistakes)


def _check_cells(sheet: Sheet, line: int, head: list[str], cells: list[str]) -> None:
    """Refuse what stands under no name: `101,40,50` under `code,price` would else sell at 40."""
    filled = max(place for place, cell in enumerate(cells, start=1) if cell)
    if filled > len(head):
        sheet.wrong(
            line, "", f"it has {filled} cells, the head {len(head)}",
            "take out what is too many; put quotes round an amount with a comma", "too_many_cells",
            n=str(filled), most=str(len(head)),
        )  # fmt: skip
    for place, (name, cell) in enumerate(zip(head, cells, strict=False), start=1):
        if cell and not name:
            sheet.wrong(line, "", f"its cell {place} stands under no name", "name the column, or empty the cell",
                        "no_name", n=str(place))  # fmt: skip
