"""Reads a table out of a CSV or XLSX file, and a menu out of a table or a whole menu file."""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence

from sync.contract import menu_table
from sync.contract.menu import Menu
from sync.contract.menu_table import Carte
from sync.contract.sheets import (
    CELL_CHARS_MAX,
    FILE_BYTES_MAX,
    ROWS_MAX,
    File,
    Mistake,
    Sheet,
    UnreadableFile,
    bytes_of,
    of_file,
    sheet_of,
)


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
        return sheet_of(_csv_lines(file), columns, needed)
    if file.kind == ".xlsx":
        return sheet_of(_xlsx_lines(file), columns, needed)
    raise UnreadableFile(
        [of_file(f"{file.name} is neither CSV nor XLSX", "save the table as .csv or .xlsx", "no_table", name=file.name)]
    )


def read_menu(file: File, base: Menu | None) -> Carte:
    """Read a menu: whole from JSON or TOML, flat from CSV or XLSX.

    Args:
        file: the file.
        base: the menu that it is to replace; what a flat file says nothing of stays as it is there.

    Raises:
        UnreadableFile: it is no table and no menu, or lacks a column; every other mistake is in what is given back.
    """
    if file.kind in {".json", ".toml"}:
        return menu_table.whole_menu(file)
    return menu_table.menu_of(read_table(file, menu_table.COLUMNS, menu_table.NEEDED), base)


def as_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Write a table as CSV that spreadsheets of all languages open: UTF-8 with its mark."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


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
            line=reader.line_num, column="", wrong=f"not a table: {error}", remedy="save it again as CSV, UTF-8",
            code="broken_csv",
        )  # fmt: skip
        raise UnreadableFile([wrong]) from error


def _decoded(raw: bytes) -> str:
    # Excel in China writes GB 18030 unless told otherwise; UTF-8 is tried first and hardly ever fits by accident.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile(
        [of_file("the file is neither UTF-8 nor GB 18030", "save it again as CSV, UTF-8", "bad_encoding")]
    )


def _xlsx_lines(file: File) -> Iterator[tuple[int, list[str]]]:
    # Only who reads a workbook needs the library; a node or hub must not carry it in memory.
    import openpyxl  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    raw = bytes_of(file)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(one.file_size for one in packed.infolist()) > 16 * FILE_BYTES_MAX:
                raise UnreadableFile([of_file("the file unpacks to far too much", "save the sheet alone", "too_large")])
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableFile(
            [of_file("the file is no XLSX workbook", "save it again as .xlsx", "no_workbook")]
        ) from error
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
