"""Lines of a slip, set in columns: wrapping, the right-hand column, rules. Pure; works on cleaned text only."""

import re
from typing import Final

from drivers.escpos.text import columns_of

_COLUMN_GAP: Final = 1
_LEFT_COLUMNS_MIN: Final = 8
# A word of ASCII, a stretch of blanks, or one double-byte character: the places where a line may break.
_PIECES: Final = re.compile(r" +|[!-~]+|[^ -~]")
# Signs that must not begin a line (避头), as every Chinese reader expects.
_NO_LINE_START: Final = frozenset("，。、；：？！）】》」』％,.;:?!)]}%")


def wrap(cleaned: str, columns: int) -> list[str]:
    """Break cleaned text into lines of at most so many columns.

    Latin words stay whole when they fit, hanzi break anywhere except before closing punctuation; no double-byte character
    is ever cut in two. An empty text gives one empty line.

    Args:
        columns: at least 2, the width of one hanzi.
    """
    assert columns >= 2, "a line must hold one hanzi"
    if columns_of(cleaned) <= columns:
        return [cleaned.rstrip(" ")]
    lines: list[str] = []
    line, used = "", 0
    for piece in _PIECES.findall(cleaned):
        width = columns_of(piece)
        if used + width <= columns:
            line, used = line + piece, used + width
            continue
        if piece[0] == " ":
            if line:
                lines.append(line.rstrip(" "))
            line, used = "", 0
            continue
        carried = _carried_with(line, piece)
        if carried and used > columns_of(carried):
            line = line[: -len(carried)]
        else:
            carried = ""
        if line:
            lines.append(line.rstrip(" "))
        line, used = "", 0
        for part in _cut_to_width(carried + piece, columns):
            if line:
                lines.append(line)
            line, used = part, columns_of(part)
    if line or not lines:
        lines.append(line.rstrip(" "))
    return lines


def _carried_with(line: str, piece: str) -> str:
    """What must move to the next line together with a sign that may not begin one: the hanzi before it."""
    if piece[0] not in _NO_LINE_START or not line or line[-1] <= "\x7f" or line[-1] in _NO_LINE_START:
        return ""
    return line[-1]


def _cut_to_width(piece: str, columns: int) -> list[str]:
    parts: list[str] = []
    part, used = "", 0
    for character in piece:
        width = 1 if character <= "\x7f" else 2
        if used + width > columns:
            parts.append(part)
            part, used = "", 0
        part, used = part + character, used + width
    parts.append(part)
    return parts


def set_columns(left: str, right: str, columns: int) -> list[str]:
    """Set a left part that wraps against a right part at the right edge of the first line.

    When the right part leaves the left less than 8 columns, the right part stands on lines of its own below. Each line is at
    most `columns` wide, and the right edge of the right part is exactly there.
    """
    right = right.strip(" ")
    right_columns = columns_of(right)
    left_columns = columns - right_columns - (_COLUMN_GAP if right else 0)
    taken = columns_of(left)
    if right and 2 <= taken <= left_columns:
        return [left + " " * (columns - taken - right_columns) + right]
    if left_columns < min(_LEFT_COLUMNS_MIN, max(taken, 1)):
        own_lines = [" " * (columns - columns_of(line)) + line for line in wrap(right, columns)]
        return (wrap(left, columns) if left else []) + own_lines
    lines = wrap(left, left_columns) if left_columns >= 2 else [""]
    if right:
        first = lines[0]
        lines[0] = first + " " * (columns - columns_of(first) - right_columns) + right
    return lines


def rule(kind: str, columns: int) -> str:
    """Draw a rule in ASCII; box-drawing characters turn into hanzi on many printers (drivers.md §1)."""
    if kind == "double":
        return "=" * columns
    if kind == "dashed":
        return ("- " * columns)[:columns].rstrip(" ")
    return "-" * columns
