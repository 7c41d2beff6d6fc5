"""The bars of a barcode: what GS k is sent, and the same symbol as modules for printers and pictures that need dots.

Modules are a string of 1 (bar) and 0 (gap), quiet zones not included. CODE128 is written in the form of GS k: `{B` chooses a
set, `{{` is a brace (Epson ESC/POS reference, GS k).
"""

from typing import Final

from drivers.document import Barcode, ean_check_digit

QUIET_MODULES: Final = 10
"""White on either side; CODE128 and ITF ask for ten modules, EAN-13 for eleven and seven."""
MODULE_DOTS: Final = 2
"""The narrowest bar that GS w can ask for: 0.25 mm at 203 dpi."""

FORM_B: Final = {"EAN13": 67, "EAN8": 68, "CODE39": 69, "ITF": 70, "CODE128": 73}
"""The `m` of GS k whose data is counted; form A (`m` below 65, up to NUL) cannot hold CODE128."""
KIND_OF: Final = {
    0: "UPC-A", 1: "UPC-E", 2: "EAN13", 3: "EAN8", 4: "CODE39", 5: "ITF", 6: "CODABAR",
    65: "UPC-A", 66: "UPC-E", 67: "EAN13", 68: "EAN8", 69: "CODE39", 70: "ITF", 71: "CODABAR", 72: "CODE93", 73: "CODE128",
}  # fmt: skip

# Widths of bars and gaps in modules, by symbol value (ISO/IEC 15417 table 1); 103 to 105 start, then comes the stop.
_CODE128: Final = (  # noqa: SIM905 - a table reads best as the standard prints it
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 "
    "122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 "
    "322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 "
    "112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 "
    "331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 "
    "112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 "
    "124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 "
    "411311 113141 114131 311141 411131 211412 211214 211232 "
    "2331112"
).split()
# Widths in modules of the 43 characters and of the asterisk (ISO/IEC 16388), wide = 3.
_CODE39_ORDER: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%*"
_CODE39: Final = (  # noqa: SIM905
    "111331311 311311113 113311113 313311111 111331113 311331111 113331111 111311313 311311311 113311311 "
    "311113113 113113113 313113111 111133113 311133111 113133111 111113313 311113311 113113311 111133311 "
    "311111133 113111133 313111131 111131133 311131131 113131131 111111333 311111331 113111331 111131331 "
    "331111113 133111113 333111111 131131113 331131111 133131111 131111313 331111311 133111311 131313111 "
    "131311131 131113131 111313131 131131311 "
).split()
_EAN_LEFT: Final = "3211 2221 2122 1411 1132 1231 1114 1312 1213 3112".split()  # noqa: SIM905
# Which of the left digits of an EAN-13 are drawn mirrored, by the digit before them.
_EAN_PARITY: Final = "000000 001011 001101 001110 010011 011001 011100 010101 010110 011010".split()  # noqa: SIM905
_ITF: Final = "11331 31113 13113 33111 11313 31311 13311 11133 31131 13131".split()  # noqa: SIM905
_CODE128_START: Final = {"A": 103, "B": 104, "C": 105}
_CODE128_SWITCH: Final = {"A": 101, "B": 100, "C": 99}
_CODE128_FUNCTION: Final = {"1": 102, "2": 97, "3": 96}
_CODE128_STOP: Final = 106


def payload(element: Barcode) -> bytes:
    """Give the data of GS k for a barcode."""
    data = element.printed
    return ("{B" + data.replace("{", "{{") if element.kind == "CODE128" else data).encode("ascii")


def modules(kind: str, data: bytes) -> str:
    """Draw the bars that GS k would draw for this data; empty when they cannot be drawn (wrong data, unknown kind)."""
    text = data.decode("latin-1")
    digits = text.isascii() and text.isdigit()
    match kind:
        case "UPC-A" if digits and len(text) in {11, 12}:
            return _ean13("0" + text)
        case "EAN13" if digits and len(text) in {12, 13}:
            return _ean13(text)
        case "EAN8" if digits and len(text) in {7, 8}:
            return _ean8(text)
        case "ITF" if digits and len(text) % 2 == 0:
            return _itf(text)
        case "CODE39":
            return _code39(text)
        case "CODE128":
            return _code128(text)
        case _:
            return ""


def readable(kind: str, data: bytes) -> str:
    """Give the characters that stand below the bars."""
    text = data.decode("latin-1")
    if kind != "CODE128":
        return text
    shown, code_set, at = "", "B", 0
    while at < len(text):
        character = text[at]
        if character == "{" and text[at + 1 : at + 2] != "{":
            code_set = text[at + 1 : at + 2] if text[at + 1 : at + 2] in _CODE128_START else code_set
            at += 2
            continue
        at += 2 if character == "{" else 1
        shown += f"{ord(character):02d}" if code_set == "C" else character
    return "".join(character if character.isprintable() else " " for character in shown)


def rows(bars: str, module_dots: int, height_dots: int) -> list[bytes]:
    """Draw modules as rows of packed dots, with their quiet zone."""
    quiet = "0" * (QUIET_MODULES * module_dots)
    bits = quiet + "".join(module * module_dots for module in bars) + quiet
    width_bytes = (len(bits) + 7) // 8
    return [int(bits.ljust(width_bytes * 8, "0"), 2).to_bytes(width_bytes, "big")] * height_dots


def dots_across(bars: str, module_dots: int) -> int:
    """Count the dots of a symbol with its quiet zone."""
    return (len(bars) + 2 * QUIET_MODULES) * module_dots


def _drawn(widths: str, *, first: str = "1") -> str:
    bar, gap = ("1", "0") if first == "1" else ("0", "1")
    return "".join((bar if index % 2 == 0 else gap) * int(width) for index, width in enumerate(widths))


def _ean13(text: str) -> str:
    digits = text[:12] + ean_check_digit(text[:12])
    parity = _EAN_PARITY[int(digits[0])]
    left = "".join(
        _drawn(_EAN_LEFT[int(digit)][::-1] if mirrored == "1" else _EAN_LEFT[int(digit)], first="0")
        for digit, mirrored in zip(digits[1:7], parity, strict=True)
    )
    return f"101{left}01010{_ean_right(digits[7:])}101"


def _ean8(text: str) -> str:
    digits = text[:7] + ean_check_digit(text[:7])
    left = "".join(_drawn(_EAN_LEFT[int(digit)], first="0") for digit in digits[:4])
    return f"101{left}01010{_ean_right(digits[4:])}101"


def _ean_right(digits: str) -> str:
    return "".join(_drawn(_EAN_LEFT[int(digit)]) for digit in digits)


def _itf(digits: str) -> str:
    pairs = "".join(
        _drawn("".join(bar + gap for bar, gap in zip(_ITF[int(first)], _ITF[int(second)], strict=True)))
        for first, second in zip(digits[::2], digits[1::2], strict=True)
    )
    return f"1010{pairs}{_drawn('311')}"


def _code39(text: str) -> str:
    text = text.strip("*")
    if not text or not set(text) <= set(_CODE39_ORDER[:-1]):
        return ""
    return "0".join(_drawn(_CODE39[_CODE39_ORDER.index(character)]) for character in f"*{text}*")


def _code128(text: str) -> str:
    symbols = _code128_symbols(text)
    if len(symbols) < 2:
        return ""
    check = (symbols[0] + sum(index * symbol for index, symbol in enumerate(symbols))) % 103
    return "".join(_drawn(_CODE128[symbol]) for symbol in [*symbols, check, _CODE128_STOP])


def _code128_symbols(text: str) -> list[int]:
    """Read the data of GS k as symbol values; empty when it is not well formed."""
    symbols: list[int] = []
    code_set, at = "", 0
    while at < len(text):
        character = text[at]
        if character == "{":
            told = text[at + 1 : at + 2]
            at += 2
            if told in _CODE128_START:
                symbols.append(_CODE128_SWITCH[told] if symbols else _CODE128_START[told])
                code_set = told
                continue
            if told in _CODE128_FUNCTION and symbols:
                symbols.append(_CODE128_FUNCTION[told])
                continue
            if told != "{" or code_set != "B":
                return []
        else:
            at += 1
        value = _code128_value(code_set, ord(character))
        if value is None:
            return []
        symbols.append(value)
    return symbols


def _code128_value(code_set: str, code: int) -> int | None:
    match code_set:
        case "A" if code < 0x60:
            return code - 32 if code >= 32 else code + 64
        case "B" if 32 <= code < 128:
            return code - 32
        case "C" if code < 100:
            return code
        case _:
            return None
