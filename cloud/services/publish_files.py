"""Reads a price list that somebody wants to publish, as CSV or XLSX. Every mistake is told at once; nothing is guessed."""

from dataclasses import dataclass, field

from sync.contract import menu_table
from sync.contract.sheets import File, Mistake
from sync.node.tables import read_table

PRICE_COLUMNS = ("code", "price", "price_fen", "name_zh", "name_en")


@dataclass
class Priced:
    """Prices by code as a file has them, the line of each code, and what is wrong with the file so far.

    A code whose amount is wrong has a line and no price.
    """

    prices: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
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
        price_fen = menu_table.price(sheet, line, row)
        if not menu_table.is_code(sheet, line, "code", code):
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
