"""Reads a table out of a CSV or XLSX file: rows by the names of their columns, each with its line."""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import msgspec

FILE_BYTES_MAX = 8 * 1024 * 1024
ROWS_MAX = 20_000
CELL_CHARS_MAX = 400
_ALIASES = {
    "编码": "code", "代码": "code", "菜号": "code", "价格": "price", "单价": "price", "中文名": "name_zh", "菜名": "name_zh",
    "英文名": "name_en", "分类": "category", "分类中文名": "category_zh", "分类英文名": "category_en", "出品": "station",
    "首字母": "initials", "计价克数": "per_g", "做法组": "modifier_groups",
}  # fmt: skip


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """Something that cannot be published: where it stands, what is wrong, what to do. Line 0 is the file as a whole."""

    line: int
    column: str
    wrong: str
    remedy: str


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
        return PurePath(self.name).suffix.lower()


@dataclass
class Sheet:
    """Rows of a table with their lines, and the mistakes found so far."""

    rows: list[tuple[int, dict[str, str]]]
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, line: int, column: str, wrong: str, remedy: str) -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(line=line, column=column, wrong=wrong, remedy=remedy))


def read_table(file: File, columns: Sequence[str], needed: Sequence[str]) -> Sheet:
    """Read a table; a price column is always needed.

    Args:
        file: the file.
        columns: the names that a column may have.
        needed: those that must be there.

    Raises:
        UnreadableFile: it is no table, or lacks a column.
    """
    if file.kind == ".csv":
        lines = _csv_lines(file)
    elif file.kind == ".xlsx":
        lines = _xlsx_lines(file)
    else:
        raise UnreadableFile([of_file(f"{file.name} is neither CSV nor XLSX", "save the table as .csv or .xlsx")])
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
            sheet.wrong(line, "", f"more than {ROWS_MAX} lines", "part the file")
            break
        _check_cells(sheet, line, head, cells)
        # Cells too many are told above; a line may end early, as spreadsheets write it.
        row = dict(zip(head, cells, strict=False))
        sheet.rows.append((line, {name: value for name, value in row.items() if name}))
    if head is None:
        raise UnreadableFile([of_file("the file is empty", f"write a head line: {', '.join(needed)}, price")])
    return sheet


def _check_head(sheet: Sheet, line: int, head: list[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    for name in head:
        if name and name not in columns:
            sheet.wrong(line, name, "no such column is known", f"use {', '.join(columns)}")
        if name and head.count(name) > 1:
            sheet.wrong(line, name, "the column stands twice", "keep one of the two")
    missing = [name for name in needed if name not in head]
    if not {"price", "price_fen"} & set(head):
        missing.append("price")
    if missing:
        sheet.wrong(line, "", f"the column {', '.join(missing)} is missing", "write it into the head line")
        raise UnreadableFile(sheet.mistakes)


def _check_cells(sheet: Sheet, line: int, head: list[str], cells: list[str]) -> None:
    """Refuse what stands under no name: `101,40,50` under `code,price` would else sell at 40."""
    filled = max(place for place, cell in enumerate(cells, start=1) if cell)
    if filled > len(head):
        sheet.wrong(
            line, "", f"it has {filled} cells, the head {len(head)}",
            "take out what is too many; put quotes round an amount with a comma",
        )  # fmt: skip
    for place, (name, cell) in enumerate(zip(head, cells, strict=False), start=1):
        if cell and not name:
            sheet.wrong(line, "", f"its cell {place} stands under no name", "name the column, or empty the cell")


def _csv_lines(file: File) -> Iterator[tuple[int, list[str]]]:
    raw = bytes_of(file)
    text = _decoded(raw)
    dialect = "excel-tab" if "\t" in text.split("\n", 1)[0] else "excel"
    # Without `strict` the cell `"40"50` would be read as 4050.
    reader = csv.reader(io.StringIO(text, newline=""), dialect, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, [_cell(cell) for cell in cells]
    except csv.Error as error:
        wrong = Mistake(
            line=reader.line_num, column="", wrong=f"not a table: {error}", remedy="save it again as CSV, UTF-8"
        )
        raise UnreadableFile([wrong]) from error


def _decoded(raw: bytes) -> str:
    # Excel in China writes GB 18030 unless told otherwise; UTF-8 is tried first and hardly ever fits by accident.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile([of_file("the file is neither UTF-8 nor GB 18030", "save it again as CSV, UTF-8")])


def _xlsx_lines(file: File) -> Iterator[tuple[int, list[str]]]:
    # Only who publishes a workbook needs the library; the hub itself must not carry it in memory.
    import openpyxl  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    raw = bytes_of(file)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(one.file_size for one in packed.infolist()) > 16 * FILE_BYTES_MAX:
                raise UnreadableFile([of_file("the file unpacks to far too much", "save the sheet alone")])
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableFile([of_file("the file is no XLSX workbook", "save it again as .xlsx")]) from error
    try:
        sheet = book.worksheets[0]
        for line, cells in enumerate(sheet.iter_rows(values_only=True, max_row=ROWS_MAX + 2), start=1):
            yield line, [_cell(_text_of(cell)) for cell in cells]
    finally:
        book.close()


def _text_of(cell: object) -> str:
    """Write a cell as a person sees it: 101 and not 101.0."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def _cell(text: str) -> str:
    return text.strip()[:CELL_CHARS_MAX]


def bytes_of(file: File) -> bytes:
    """Give the bytes of a file that is not too large.

    Raises:
        UnreadableFile: it is.
    """
    if len(file.raw) > FILE_BYTES_MAX:
        raise UnreadableFile([of_file(f"more than {FILE_BYTES_MAX >> 20} MB", "save the sheet alone")])
    return file.raw


def of_file(wrong: str, remedy: str) -> Mistake:
    """Make a mistake of the file as a whole."""
    return Mistake(line=0, column="", wrong=wrong, remedy=remedy)
