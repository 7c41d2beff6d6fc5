"""Money in whole minor units (fen): parse and show, never a float."""

import re

_DECIMAL = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")


def parse_decimal_fen(text: str) -> int:
    """Read a price such as `3.95` with at most two decimals as whole minor units.

    Raises:
        ValueError: not a plain decimal, negative, or more than two decimals.
    """
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is not a price with at most two decimals"
        raise ValueError(message)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def plain(amount_fen: int) -> str:
    """Write an amount with two decimals, thousands commas and a true minus: `1,234.50`, `−0.50`."""
    sign = "−" if amount_fen < 0 else ""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{part:02d}"
