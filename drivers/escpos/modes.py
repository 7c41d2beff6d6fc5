"""What a printer keeps between commands, and what each framed command does to it or puts on the paper."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from drivers.escpos import barcode
from drivers.escpos.frames import DLE, ESC, FS, GS
from drivers.escpos.ops import (
    Aligned,
    AutoStatusSet,
    BarcodePrinted,
    BuzzerSounded,
    DrawerPulse,
    FeedDots,
    FeedLines,
    IdentityAsked,
    LineEnd,
    NotDrawn,
    Op,
    PaperAsked,
    PaperCut,
    PictureKept,
    ProcessIdAsked,
    QrPrinted,
    Raster,
    RealTimeRequest,
    Reset,
    Setting,
    StatusAsked,
    TextStyle,
)

_CODE_PAGES: Final = {
    0: "cp437",
    2: "cp850",
    3: "cp860",
    4: "cp863",
    5: "cp865",
    16: "cp1252",
    17: "cp866",
    18: "cp852",
    19: "cp858",
}
_ALIGN: Final[dict[int, Literal["left", "centre", "right"]]] = {
    0: "left", 1: "centre", 2: "right", 48: "left", 49: "centre", 50: "right",
}  # fmt: skip
_QR_LEVELS: Final = {48: "L", 49: "M", 50: "Q", 51: "H"}
_SINGLE_NAMES: Final = {0x00: "NUL", 0x09: "HT", 0x0C: "FF", 0x0D: "CR", 0x18: "CAN"}
INTRODUCERS: Final = {DLE: "DLE", ESC: "ESC", FS: "FS", GS: "GS"}


@dataclass(slots=True)
class Graphics:
    """The picture that GS ( L has put by until it is printed."""

    width_bytes: int = 0
    rows: int = 0
    dots: bytes = b""
    scale_x: int = 1
    scale_y: int = 1


@dataclass(slots=True)
class Modes:
    """Everything that ESC @ sets back.

    Attributes:
        kanji: whether bytes from 0x81 on are read in pairs.
        wide_width: what FS ! and FS W add to hanzi; likewise `wide_height`, `wide_underline`.
    """

    kanji: bool
    code_page: str = "cp437"
    style: TextStyle = field(default_factory=TextStyle)
    wide_width: int = 1
    wide_height: int = 1
    wide_underline: bool = False
    qr_data: bytes = b""
    qr_dots: int = 3
    qr_level: str = "L"
    bar_height_dots: int = 162
    bar_module_dots: int = 3
    bar_text: int = 0
    graphics: Graphics = field(default_factory=Graphics)

    def style_of(self, *, wide: bool) -> TextStyle:
        """Say how the next character is drawn."""
        if not wide:
            return self.style
        return replace(
            self.style,
            width=max(self.style.width, self.wide_width),
            height=max(self.style.height, self.wide_height),
            underline=self.style.underline or self.wide_underline,
        )


def interpret(modes: Modes, offset: int, raw: bytes) -> Op:
    """Obey one framed command: change the modes, and give the op. After a `Reset` the caller takes new modes."""
    introducer = raw[0]
    if introducer == 0x0A:
        return LineEnd(offset, raw)
    if introducer in _SINGLE_NAMES:
        return Setting(offset, raw, _SINGLE_NAMES[introducer])
    command = _COMMANDS.get((introducer, raw[1]))
    if command is not None and (op := command(modes, offset, raw)) is not None:
        return op
    name = f"{INTRODUCERS[introducer]} {chr(raw[1])}"
    if raw[1] in b"(*&8kvQq2^/pZ" and not (introducer == ESC and raw[1] in b"2p"):
        return NotDrawn(offset, raw, f"{name} {chr(raw[2])}" if raw[1] in b"(8" else name)
    return Setting(offset, raw, name)


def _print_mode(modes: Modes, offset: int, raw: bytes) -> Op:
    mode = raw[2]
    modes.style = replace(
        modes.style,
        width=2 if mode & 0x20 else 1,
        height=2 if mode & 0x10 else 1,
        bold=bool(mode & 0x08),
        underline=bool(mode & 0x80),
    )
    return Setting(offset, raw, "ESC !")


def _bold(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.style = replace(modes.style, bold=bool(raw[2] & 1))
    return Setting(offset, raw, f"ESC {chr(raw[1])}")


def _underline(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.style = replace(modes.style, underline=raw[2] in (1, 2, 49, 50))
    return Setting(offset, raw, "ESC -")


def _inverse(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.style = replace(modes.style, inverse=bool(raw[2] & 1))
    return Setting(offset, raw, "GS B")


def _size(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.style = replace(modes.style, width=(raw[2] >> 4 & 7) + 1, height=(raw[2] & 7) + 1)
    return Setting(offset, raw, "GS !")


def _wide_mode(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.wide_width = 2 if raw[2] & 0x04 else 1
    modes.wide_height = 2 if raw[2] & 0x08 else 1
    modes.wide_underline = bool(raw[2] & 0x80)
    return Setting(offset, raw, "FS !")


def _wide_quadruple(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.wide_width = modes.wide_height = 2 if raw[2] & 1 else 1
    return Setting(offset, raw, "FS W")


def _wide_underlined(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.wide_underline = raw[2] in (1, 2, 49, 50)
    return Setting(offset, raw, "FS -")


def _kanji_mode(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.kanji = raw[1:] == b"&"
    return Setting(offset, raw, "FS &" if modes.kanji else "FS .")


def _code_table(modes: Modes, offset: int, raw: bytes) -> Op:
    modes.code_page = _CODE_PAGES.get(raw[2], "cp437")
    return Setting(offset, raw, "ESC t")


def _align(_: Modes, offset: int, raw: bytes) -> Op | None:
    align = _ALIGN.get(raw[2])
    return None if align is None else Aligned(offset, raw, align)


def _gs_parenthesis(modes: Modes, offset: int, raw: bytes) -> Op | None:
    """Read the GS ( families that matter: k (two-dimensional codes), H (process id), L (pictures), D (real-time commands)."""
    family, body = raw[2:3], raw[5:]
    if family == b"H" and body[:2] == b"00" and len(body) == 6:
        return ProcessIdAsked(offset, raw, body[2:])
    if family == b"k" and body[:1] == b"1" and len(body) >= 3:
        return _qr(modes, offset, raw, body)
    if family == b"L":
        return _graphics(modes, offset, raw, body)
    if family == b"D":
        return Setting(offset, raw, "GS ( D")
    return None


def _gs_8(modes: Modes, offset: int, raw: bytes) -> Op | None:
    return _graphics(modes, offset, raw, raw[7:]) if raw[2:3] == b"L" else None


def _graphics(modes: Modes, offset: int, raw: bytes, body: bytes) -> Op | None:
    """Read GS ( L and GS 8 L: function 112 puts a picture by (one tone, colour 1), 50 prints it."""
    if body[:3] == b"0p0" and len(body) >= 10 and body[5:6] == b"1":
        across, rows = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
        width_bytes = (across + 7) // 8
        dots = body[10 : 10 + width_bytes * rows].ljust(width_bytes * rows, b"\x00")
        modes.graphics = Graphics(width_bytes, rows, dots, min(2, max(1, body[3])), min(2, max(1, body[4])))
        return PictureKept(offset, raw, "GS ( L 112")
    if body[:1] == b"0" and body[1:2] in (b"2", b"\x02"):
        kept = modes.graphics
        if not kept.dots:
            return Setting(offset, raw, "GS ( L 50")
        return Raster(offset, raw, kept.width_bytes, kept.rows, kept.dots, kept.scale_x, kept.scale_y)
    return None


def _qr(modes: Modes, offset: int, raw: bytes, body: bytes) -> Op | None:
    match body[1]:
        case 0x43:
            modes.qr_dots = min(16, max(1, body[2]))
        case 0x45:
            modes.qr_level = _QR_LEVELS.get(body[2], "L")
        case 0x50:
            modes.qr_data = body[3:]
        case 0x51 if modes.qr_data:
            return QrPrinted(offset, raw, modes.qr_data, modes.qr_dots, modes.qr_level)
        case 0x41:
            pass
        case _:
            return None
    return Setting(offset, raw, f"GS ( k {body[1]}")


def _bar_setting(modes: Modes, offset: int, raw: bytes) -> Op:
    match raw[1:2]:
        case b"h":
            modes.bar_height_dots = max(1, raw[2])
        case b"w":
            modes.bar_module_dots = min(6, max(1, raw[2]))
        case _:
            modes.bar_text = raw[2] & 3
    return Setting(offset, raw, f"GS {chr(raw[1])}")


def _barcode(modes: Modes, offset: int, raw: bytes) -> Op | None:
    """Read GS k: form A up to NUL, form B counted. Data that makes no barcode is left undrawn, as printers leave it."""
    data = raw[3:-1] if raw[2] < 65 else raw[4:]
    kind = barcode.KIND_OF.get(raw[2], "")
    bars = barcode.modules(kind, data)
    if not bars:
        return None
    return BarcodePrinted(
        offset,
        raw,
        kind,
        bars,
        barcode.readable(kind, data),
        modes.bar_module_dots,
        modes.bar_height_dots,
        text_above=bool(modes.bar_text & 1),
        text_below=bool(modes.bar_text & 2),
    )


def _raster(_: Modes, offset: int, raw: bytes) -> Op | None:
    if raw[2] != 0x30:
        return None
    mode = raw[3] & 3
    width_bytes, rows = int.from_bytes(raw[4:6], "little"), int.from_bytes(raw[6:8], "little")
    return Raster(offset, raw, width_bytes, rows, raw[8:], 2 if mode & 1 else 1, 2 if mode & 2 else 1)


def _bit_image(_: Modes, offset: int, raw: bytes) -> Op | None:
    """Read ESC *: columns of 8 or 24 dots, top bit first, turned into rows. 8-dot columns are three dots apart."""
    mode, across = raw[2], int.from_bytes(raw[3:5], "little")
    if mode not in (0, 1, 32, 33) or not across:
        return None
    height = 3 if mode in (32, 33) else 1
    columns = [int.from_bytes(raw[at : at + height], "big") for at in range(5, len(raw), height)]
    width_bytes = (across + 7) // 8
    rows = [
        int("".join("1" if column >> bit & 1 else "0" for column in columns).ljust(width_bytes * 8, "0"), 2)
        for bit in range(height * 8 - 1, -1, -1)
    ]
    dots = b"".join(row.to_bytes(width_bytes, "big") for row in rows)
    return Raster(offset, raw, width_bytes, len(rows), dots, 2 if mode in (0, 32) else 1, 1)


def _drawer(_: Modes, offset: int, raw: bytes) -> Op:
    return DrawerPulse(offset, raw, 5 if raw[2] & 1 else 2, real_time=False)


def _real_time(_: Modes, offset: int, raw: bytes) -> Op:
    if raw[2] == 1:
        return DrawerPulse(offset, raw, 5 if raw[3] & 1 else 2, real_time=True)
    return RealTimeRequest(offset, raw, f"DLE DC4 {raw[2]}")


def _esc_parenthesis(_: Modes, offset: int, raw: bytes) -> Op | None:
    body = raw[5:]
    return BuzzerSounded(offset, raw, body[2]) if raw[2:3] == b"A" and body[:1] == b"0" and len(body) == 4 else None


_Command = Callable[[Modes, int, bytes], Op | None]
_COMMANDS: Final[dict[tuple[int, int], _Command]] = {
    (DLE, 0x04): lambda _, offset, raw: StatusAsked(offset, raw, raw[2]),
    (DLE, 0x05): lambda _, offset, raw: RealTimeRequest(offset, raw, f"DLE ENQ {raw[2]}"),
    (DLE, 0x14): _real_time,
    (ESC, ord("@")): lambda _, offset, raw: Reset(offset, raw),
    (ESC, ord("!")): _print_mode,
    (ESC, ord("(")): _esc_parenthesis,
    (ESC, ord("*")): _bit_image,
    (ESC, ord("B")): lambda _, offset, raw: BuzzerSounded(offset, raw, raw[2]),
    (ESC, ord("E")): _bold,
    (ESC, ord("G")): _bold,
    (ESC, ord("-")): _underline,
    (ESC, ord("t")): _code_table,
    (ESC, ord("a")): _align,
    (ESC, ord("J")): lambda _, offset, raw: FeedDots(offset, raw, raw[2]),
    (ESC, ord("d")): lambda _, offset, raw: FeedLines(offset, raw, raw[2]),
    (ESC, ord("p")): _drawer,
    (ESC, ord("i")): lambda _, offset, raw: PaperCut(offset, raw, partial=True),
    (ESC, ord("m")): lambda _, offset, raw: PaperCut(offset, raw, partial=True),
    (FS, ord("!")): _wide_mode,
    (FS, ord("W")): _wide_quadruple,
    (FS, ord("-")): _wide_underlined,
    (FS, ord("&")): _kanji_mode,
    (FS, ord(".")): _kanji_mode,
    (GS, ord("!")): _size,
    (GS, ord("B")): _inverse,
    (GS, ord("(")): _gs_parenthesis,
    (GS, ord("8")): _gs_8,
    (GS, ord("h")): _bar_setting,
    (GS, ord("w")): _bar_setting,
    (GS, ord("H")): _bar_setting,
    (GS, ord("k")): _barcode,
    (GS, ord("V")): lambda _, offset, raw: PaperCut(offset, raw, partial=raw[2] not in (0, 48, 65, 97)),
    (GS, ord("v")): _raster,
    (GS, ord("r")): lambda _, offset, raw: PaperAsked(offset, raw, raw[2]),
    (GS, ord("a")): lambda _, offset, raw: AutoStatusSet(offset, raw, raw[2]),
    (GS, ord("I")): lambda _, offset, raw: IdentityAsked(offset, raw, raw[2]),
}
