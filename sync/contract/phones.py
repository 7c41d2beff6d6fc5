"""Phone numbers as people say and type them, brought to the one way they are kept (E.164, ITU-T), alike at node and hub.

Mobiles of the mainland are known by their plan; a number with its country code is taken as it stands.
"""

import re
import unicodedata
from typing import Final

MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
"""A mobile of the mainland: 11 digits (Telecommunications network numbering plan, MIIT 2017)."""
_E164 = re.compile(r"[1-9][0-9]{6,14}")
_BETWEEN = re.compile(r"[\s\-().·]+")
_CHINA = "86"
TAIL_DIGITS: Final = 4


def normal(text: str) -> str | None:
    """Give a number as `+` and digits; None when it is none.

    `138 1234 5678`, `138-1234-5678`, `+86 13812345678`, `8613812345678`, `0086…` and full-width digits are all one number.
    """
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text))
    abroad = plain.startswith(("+", "00"))
    digits = plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("00")
    if not digits.isascii() or not digits.isdecimal():
        return None
    if MOBILE.fullmatch(digits) and not abroad:
        return f"+{_CHINA}{digits}"
    if digits.startswith(_CHINA):
        return f"+{digits}" if MOBILE.fullmatch(digits.removeprefix(_CHINA)) else None
    return f"+{digits}" if abroad and _E164.fullmatch(digits) else None


def masked(phone: str) -> str:
    """Show a number so that its owner knows it and nobody else learns it: `138****8000`."""
    national = phone.removeprefix(f"+{_CHINA}")
    digits = national.removeprefix("+")
    return f"{digits[:3]}****{digits[-TAIL_DIGITS:]}" if len(digits) > TAIL_DIGITS + 3 else "****"


def tail(phone: str) -> str:
    """Give the last four digits."""
    return phone[-TAIL_DIGITS:]
