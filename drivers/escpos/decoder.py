"""ESC/POS bytes read back into what they do: pure, the same whatever the chunks, and never thrown by garbage.

Keeps what a printer keeps (kanji mode, code page, sizes, alignment, the stored QR code). Unknown bytes are listed with their
offset, and decoding goes on at the next one.
"""

import codecs
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from drivers.escpos.frames import DLE, ESC, FS, GS, UNKNOWN, frame_length
from drivers.escpos.ops import (
    Aligned,
    AutoStatusSet,
    Characters,
    DrawerPulse,
    FeedDots,
    FeedLines,
    IdentityAsked,
    LineEnd,
    NotDrawn,
    Op,
    PaperAsked,
    PaperCut,
    ProcessIdAsked,
    QrPrinted,
    Raster,
    RealTimeRequest,
    Reset,
    Setting,
    StatusAsked,
    TextStyle,
    Truncated,
    Unknown,
)
from drivers.escpos.transcript import transcript

__all__ = ["Decoded", "Decoder", "decode", "marks_paper", "summed_up", "text_of", "transcript"]

_RUN_CHARACTERS_MAX: Final = 512
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
_INTRODUCERS: Final = {DLE: "DLE", ESC: "ESC", FS: "FS", GS: "GS"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole stream, decoded.

    Attributes:
        complete: the last thing on the paper is a cut, and no command was broken off.
        unknown: the bytes that no command explains, with their offsets.
        qr: the contents of the QR codes in order, undecodable bytes escaped.
        text: what stands on the paper, one line per line, without blanks at the end of a line.
        commands: how many commands there were, characters not counted.
    """

    ops: list[Op]
    complete: bool
    unknown: list[tuple[int, bytes]]
    qr: list[str]
    text: str
    commands: int


class Decoder:
    """Turns a stream of bytes into ops as soon as each is certain."""

    def __init__(self, *, power_on_kanji: bool = True) -> None:
        """Begin as a printer that was just switched on.

        Args:
            power_on_kanji: whether it wakes up, and is after ESC @, in Chinese mode.
        """
        self._power_on_kanji = power_on_kanji
        self._pending = bytearray()
        self._offset = 0
        self._wanted = 0
        self._reset()

    def _reset(self) -> None:
        self._kanji = self._power_on_kanji
        self._code_page = "cp437"
        self._style = TextStyle()
        self._wide_width = 1
        self._wide_height = 1
        self._wide_underline = False
        self._qr_data = b""
        self._qr_dots = 3
        self._qr_level = "L"

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for the rest of their command or line."""
        return len(self._pending)

    def may_be_status_question(self, byte: int) -> bool:
        """Whether this next byte could begin or go on with a DLE EOT question, rather than be print data."""
        if not self._pending or self._pending[0] >= 0x20:
            return byte == DLE
        if self._pending[0] != DLE:
            return False
        return byte == 0x04 if len(self._pending) == 1 else self._pending[1] == 0x04

    def feed(self, data: bytes) -> list[Op]:
        """Take bytes, cut anywhere; give the ops that are complete now."""
        self._pending += data
        if len(self._pending) < self._wanted:
            return []
        return self._work(ended=False)

    def finish(self) -> list[Op]:
        """Say that nothing more comes (end of file, power cut): give the line so far and what was broken off."""
        ops = self._work(ended=True)
        if self._pending:
            ops.append(Truncated(self._offset, bytes(self._pending)))
            self._offset += len(self._pending)
            self._pending.clear()
        return ops

    def _work(self, *, ended: bool) -> list[Op]:
        ops: list[Op] = []
        at = 0
        data = self._pending
        self._wanted = 0
        while at < len(data):
            taken = self._command(at, ops) if data[at] < 0x20 else self._characters(at, ops, ended=ended)
            if taken == 0:
                break
            at += taken
        self._offset += at
        self._wanted = max(0, self._wanted - at)
        del data[:at]
        return ops

    # ------------------------------------------------------------------------------------------------------ commands
    def _command(self, at: int, ops: list[Op]) -> int:
        data = self._pending
        length = frame_length(data, at)
        if length is None:
            return 0
        if length == UNKNOWN:
            # With its selector, unless that is a control byte: it may begin the next command.
            introduced = data[at] in _INTRODUCERS and len(data) > at + 1 and data[at + 1] >= 0x20
            length = 2 if introduced else 1
            ops.append(Unknown(self._offset + at, bytes(data[at : at + length])))
            return length
        if at + length > len(data):
            self._wanted = at + length
            return 0
        ops.append(self._interpret(self._offset + at, bytes(data[at : at + length])))
        return length

    def _interpret(self, offset: int, raw: bytes) -> Op:
        introducer = raw[0]
        if introducer == 0x0A:
            return LineEnd(offset, raw)
        if introducer in _SINGLE_NAMES:
            return Setting(offset, raw, _SINGLE_NAMES[introducer])
        interpret = _INTERPRETERS.get((introducer, raw[1]))
        if interpret is not None and (op := interpret(self, offset, raw)) is not None:
            return op
        name = f"{_INTRODUCERS[introducer]} {chr(raw[1])}"
        if raw[1] in b"(*&8kvQq2^/p" and not (introducer == ESC and raw[1] in b"2p"):
            return NotDrawn(offset, raw, f"{name} {chr(raw[2])}" if raw[1] in b"(8" else name)
        return Setting(offset, raw, name)

    def _esc_at(self, offset: int, raw: bytes) -> Op:
        self._reset()
        return Reset(offset, raw)

    def _print_mode(self, offset: int, raw: bytes) -> Op:
        mode = raw[2]
        self._style = replace(
            self._style,
            width=2 if mode & 0x20 else 1,
            height=2 if mode & 0x10 else 1,
            bold=bool(mode & 0x08),
            underline=bool(mode & 0x80),
        )
        return Setting(offset, raw, "ESC !")

    def _bold(self, offset: int, raw: bytes) -> Op:
        self._style = replace(self._style, bold=bool(raw[2] & 1))
        return Setting(offset, raw, f"ESC {chr(raw[1])}")

    def _underline(self, offset: int, raw: bytes) -> Op:
        self._style = replace(self._style, underline=raw[2] in (1, 2, 49, 50))
        return Setting(offset, raw, "ESC -")

    def _inverse(self, offset: int, raw: bytes) -> Op:
        self._style = replace(self._style, inverse=bool(raw[2] & 1))
        return Setting(offset, raw, "GS B")

    def _size(self, offset: int, raw: bytes) -> Op:
        self._style = replace(self._style, width=(raw[2] >> 4 & 7) + 1, height=(raw[2] & 7) + 1)
        return Setting(offset, raw, "GS !")

    def _wide_mode(self, offset: int, raw: bytes) -> Op:
        self._wide_width = 2 if raw[2] & 0x04 else 1
        self._wide_height = 2 if raw[2] & 0x08 else 1
        self._wide_underline = bool(raw[2] & 0x80)
        return Setting(offset, raw, "FS !")

    def _wide_quadruple(self, offset: int, raw: bytes) -> Op:
        self._wide_width = self._wide_height = 2 if raw[2] & 1 else 1
        return Setting(offset, raw, "FS W")

    def _wide_underlined(self, offset: int, raw: bytes) -> Op:
        self._wide_underline = raw[2] in (1, 2, 49, 50)
        return Setting(offset, raw, "FS -")

    def _kanji_mode(self, offset: int, raw: bytes) -> Op:
        self._kanji = raw[1:] == b"&"
        return Setting(offset, raw, "FS &" if self._kanji else "FS .")

    def _code_table(self, offset: int, raw: bytes) -> Op:
        self._code_page = _CODE_PAGES.get(raw[2], "cp437")
        return Setting(offset, raw, "ESC t")

    def _align(self, offset: int, raw: bytes) -> Op | None:
        align = _ALIGN.get(raw[2])
        return None if align is None else Aligned(offset, raw, align)

    def _gs_parenthesis(self, offset: int, raw: bytes) -> Op | None:
        """Read the GS ( families that matter to us: k (two-dimensional codes) and H (process id)."""
        family, body = raw[2:3], raw[5:]
        if family == b"H" and body[:2] == b"00" and len(body) == 6:
            return ProcessIdAsked(offset, raw, body[2:])
        if family == b"k" and body[:1] == b"1" and len(body) >= 3:
            return self._qr(offset, raw, body)
        return None

    def _qr(self, offset: int, raw: bytes, body: bytes) -> Op | None:
        match body[1]:
            case 0x43:
                self._qr_dots = min(16, max(1, body[2]))
            case 0x45:
                self._qr_level = _QR_LEVELS.get(body[2], "L")
            case 0x50:
                self._qr_data = body[3:]
            case 0x51 if self._qr_data:
                return QrPrinted(offset, raw, self._qr_data, self._qr_dots, self._qr_level)
            case 0x41:
                pass
            case _:
                return None
        return Setting(offset, raw, f"GS ( k {body[1]}")

    # ---------------------------------------------------------------------------------------------------- characters
    def _characters(self, at: int, ops: list[Op], *, ended: bool) -> int:
        """Take a run of characters of one width; 0 while it may go on. A run ends at a control byte or the other width."""
        data = self._pending
        text: list[str] = []
        end = at
        wide: bool | None = None
        while end < len(data) and data[end] >= 0x20 and len(text) < _RUN_CHARACTERS_MAX:
            found = self._character(end)
            if found is None:
                if not ended:
                    return 0
                break
            character, length, is_wide = found
            if wide is None:
                wide = is_wide
            if not character or is_wide != wide:
                break
            text.append(character)
            end += length
        if text:
            if end == len(data) and len(text) < _RUN_CHARACTERS_MAX and not ended:
                return 0
            assert wide is not None
            raw = bytes(data[at:end])
            ops.append(Characters(self._offset + at, raw, "".join(text), wide, self._style_of(wide=wide)))
            return end - at
        found = self._character(at)
        if found is None:
            return 0
        ops.append(Unknown(self._offset + at, bytes(data[at : at + found[1]])))
        return found[1]

    def _style_of(self, *, wide: bool) -> TextStyle:
        if not wide:
            return self._style
        return replace(
            self._style,
            width=max(self._style.width, self._wide_width),
            height=max(self._style.height, self._wide_height),
            underline=self._style.underline or self._wide_underline,
        )

    def _character(self, at: int) -> tuple[str, int, bool] | None:
        """Read one character as (text, bytes, wide); text is empty for bytes that are none; None while it is not all there."""
        data = self._pending
        first = data[at]
        if first < 0x7F:
            return chr(first), 1, False
        if first == 0x7F:
            return "", 1, False
        if not self._kanji:
            return _single_byte(first, self._code_page), 1, False
        length = _double_byte_length(data, at)
        if length is None:
            return None
        if length == 1:
            return "", 1, True
        return _double_byte(bytes(data[at : at + length])), length, True


def _double_byte_length(data: bytearray, at: int) -> int | None:
    """Measure a GBK or GB18030 character: 2 or 4, 1 for a byte that begins none, None while more is needed."""
    if data[at] in (0x80, 0xFF):
        return 1
    following = data[at + 1 : at + 4]
    if not following:
        return None
    if 0x40 <= following[0] <= 0xFE and following[0] != 0x7F:
        return 2
    # Four bytes alternate between 81..FE and 30..39. A control byte after a lead byte is obeyed, not swallowed.
    for byte, (low, high) in zip(following, ((0x30, 0x39), (0x81, 0xFE), (0x30, 0x39)), strict=False):
        if not low <= byte <= high:
            return 1
    return 4 if len(following) == 3 else None


@lru_cache(maxsize=30_000)
def _double_byte(raw: bytes) -> str:
    try:
        character = raw.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "" if unicodedata.category(character[0]) == "Co" else character


@lru_cache(maxsize=4_096)
def _single_byte(byte: int, code_page: str) -> str:
    character = codecs.decode(bytes((byte,)), code_page, "ignore")
    return character if character.isprintable() or character == "\u00a0" else ""


def _gs_r(_: Decoder, offset: int, raw: bytes) -> Op:
    return PaperAsked(offset, raw, raw[2])


def _gs_v(_: Decoder, offset: int, raw: bytes) -> Op | None:
    if raw[2] != 0x30:
        return None
    mode = raw[3] & 3
    width_bytes, rows = int.from_bytes(raw[4:6], "little"), int.from_bytes(raw[6:8], "little")
    return Raster(offset, raw, width_bytes, rows, raw[8:], 2 if mode & 1 else 1, 2 if mode & 2 else 1)


def _drawer(_: Decoder, offset: int, raw: bytes) -> Op:
    return DrawerPulse(offset, raw, 5 if raw[2] & 1 else 2, real_time=False)


def _dle_dc4(_: Decoder, offset: int, raw: bytes) -> Op:
    if raw[2] == 1:
        return DrawerPulse(offset, raw, 5 if raw[3] & 1 else 2, real_time=True)
    return RealTimeRequest(offset, raw, f"DLE DC4 {raw[2]}")


_Interpret = Callable[[Decoder, int, bytes], Op | None]
_INTERPRETERS: Final[dict[tuple[int, int], _Interpret]] = {
    (DLE, 0x04): lambda _, offset, raw: StatusAsked(offset, raw, raw[2]),
    (DLE, 0x05): lambda _, offset, raw: RealTimeRequest(offset, raw, f"DLE ENQ {raw[2]}"),
    (DLE, 0x14): _dle_dc4,
    (ESC, ord("@")): Decoder._esc_at,  # noqa: SLF001 - the table belongs to the class above
    (ESC, ord("!")): Decoder._print_mode,  # noqa: SLF001
    (ESC, ord("E")): Decoder._bold,  # noqa: SLF001
    (ESC, ord("G")): Decoder._bold,  # noqa: SLF001
    (ESC, ord("-")): Decoder._underline,  # noqa: SLF001
    (ESC, ord("t")): Decoder._code_table,  # noqa: SLF001
    (ESC, ord("a")): Decoder._align,  # noqa: SLF001
    (ESC, ord("J")): lambda _, offset, raw: FeedDots(offset, raw, raw[2]),
    (ESC, ord("d")): lambda _, offset, raw: FeedLines(offset, raw, raw[2]),
    (ESC, ord("p")): _drawer,
    (ESC, ord("i")): lambda _, offset, raw: PaperCut(offset, raw, partial=True),
    (ESC, ord("m")): lambda _, offset, raw: PaperCut(offset, raw, partial=True),
    (FS, ord("!")): Decoder._wide_mode,  # noqa: SLF001
    (FS, ord("W")): Decoder._wide_quadruple,  # noqa: SLF001
    (FS, ord("-")): Decoder._wide_underlined,  # noqa: SLF001
    (FS, ord("&")): Decoder._kanji_mode,  # noqa: SLF001
    (FS, ord(".")): Decoder._kanji_mode,  # noqa: SLF001
    (GS, ord("!")): Decoder._size,  # noqa: SLF001
    (GS, ord("B")): Decoder._inverse,  # noqa: SLF001
    (GS, ord("(")): Decoder._gs_parenthesis,  # noqa: SLF001
    (GS, ord("V")): lambda _, offset, raw: PaperCut(offset, raw, partial=raw[2] not in (0, 48, 65, 97)),
    (GS, ord("v")): _gs_v,
    (GS, ord("r")): _gs_r,
    (GS, ord("a")): lambda _, offset, raw: AutoStatusSet(offset, raw, raw[2]),
    (GS, ord("I")): lambda _, offset, raw: IdentityAsked(offset, raw, raw[2]),
}

# What may follow the last cut without being the beginning of another slip. A command that never came whole was never obeyed.
_NOTHING_ON_PAPER: Final = (
    Aligned, AutoStatusSet, DrawerPulse, IdentityAsked, PaperAsked, ProcessIdAsked, RealTimeRequest, Reset, Setting, StatusAsked,
    Truncated,
)  # fmt: skip


def marks_paper(op: Op) -> bool:
    """Whether an op leaves something on the paper or moves it."""
    return not isinstance(op, _NOTHING_ON_PAPER)


def decode(data: bytes, *, power_on_kanji: bool = True) -> Decoded:
    """Decode a whole stream; garbage gives unknown bytes, never an exception."""
    decoder = Decoder(power_on_kanji=power_on_kanji)
    ops = decoder.feed(data) + decoder.finish()
    return summed_up(ops)


def summed_up(ops: list[Op]) -> Decoded:
    """Sum up the ops of a whole stream."""
    marks = [op for op in ops if marks_paper(op)]
    return Decoded(
        ops=ops,
        complete=bool(marks) and isinstance(marks[-1], PaperCut) and not any(isinstance(op, Truncated) for op in ops),
        unknown=[(op.offset, op.raw) for op in ops if isinstance(op, Unknown)],
        qr=[op.data.decode("utf-8", "backslashreplace") for op in ops if isinstance(op, QrPrinted)],
        text=text_of(ops),
        commands=sum(not isinstance(op, (Characters, Unknown)) for op in ops),
    )


def text_of(ops: Iterable[Op]) -> str:
    """Give the text on the paper, one line per printed line, blanks at line ends dropped."""
    lines: list[str] = []
    line = ""
    for op in ops:
        if isinstance(op, Characters):
            line += op.text
        elif isinstance(op, (LineEnd, FeedDots, FeedLines, PaperCut)) and (line or isinstance(op, LineEnd)):
            lines.append(line.rstrip())
            line = ""
    return "\n".join([*lines, line.rstrip()] if line else lines)
