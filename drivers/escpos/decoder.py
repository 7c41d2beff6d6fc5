"""ESC/POS bytes read back into what they do: pure, the same whatever the chunks, and never thrown by garbage.

Keeps what a printer keeps (kanji mode, code page, sizes, alignment, the stored QR code). Unknown bytes are listed with their
offset, and decoding goes on at the next one.
"""

import codecs
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drivers.escpos.frames import DLE, UNKNOWN, frame_length
from drivers.escpos.modes import INTRODUCERS, Modes, interpret
from drivers.escpos.ops import (
    Aligned,
    AutoStatusSet,
    BarcodePrinted,
    BuzzerSounded,
    Characters,
    DrawerPulse,
    FeedDots,
    FeedLines,
    IdentityAsked,
    LineEnd,
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
    Truncated,
    Unknown,
)
from drivers.escpos.transcript import transcript

__all__ = ["Decoded", "Decoder", "decode", "marks_paper", "summed_up", "text_of", "transcript"]

_RUN_CHARACTERS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole stream, decoded.

    Attributes:
        complete: the last thing on the paper is a cut, and no command was broken off.
        unknown: the bytes that no command explains, with their offsets.
        tail: the command that the stream ended inside, with its offset.
        qr: the contents of the QR codes in order, undecodable bytes escaped.
        text: what stands on the paper, one line per line, without blanks at the end of a line.
        commands: how many commands there were, characters not counted.
    """

    ops: list[Op]
    complete: bool
    unknown: list[tuple[int, bytes]]
    tail: tuple[int, bytes] | None
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
        self._modes = Modes(kanji=power_on_kanji)

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
            self._wanted = 0
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
            introduced = data[at] in INTRODUCERS and len(data) > at + 1 and data[at + 1] >= 0x20
            length = 2 if introduced else 1
            ops.append(Unknown(self._offset + at, bytes(data[at : at + length])))
            return length
        if at + length > len(data):
            self._wanted = at + length
            return 0
        ops.append(self._interpret(self._offset + at, bytes(data[at : at + length])))
        return length

    def _interpret(self, offset: int, raw: bytes) -> Op:
        op = interpret(self._modes, offset, raw)
        if isinstance(op, Reset):
            self._modes = Modes(kanji=self._power_on_kanji)
        return op

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
            ops.append(Characters(self._offset + at, raw, "".join(text), wide, self._modes.style_of(wide=wide)))
            return end - at
        found = self._character(at)
        if found is None:
            return 0
        ops.append(Unknown(self._offset + at, bytes(data[at : at + found[1]])))
        return found[1]

    def _character(self, at: int) -> tuple[str, int, bool] | None:
        """Read one character as (text, bytes, wide); text is empty for bytes that are none; None while it is not all there."""
        data = self._pending
        first = data[at]
        if first < 0x7F:
            return chr(first), 1, False
        if first == 0x7F:
            return "", 1, False
        if not self._modes.kanji:
            return _single_byte(first, self._modes.code_page), 1, False
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


# What may follow the last cut without being the beginning of another slip. A command that never came whole was never obeyed.
_NOTHING_ON_PAPER: Final = (
    Aligned, AutoStatusSet, BuzzerSounded, DrawerPulse, IdentityAsked, PaperAsked, ProcessIdAsked, RealTimeRequest, Reset,
    Setting, StatusAsked, Truncated,
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
        tail=next(((op.offset, op.raw) for op in ops if isinstance(op, Truncated)), None),
        qr=[op.data.decode("utf-8", "backslashreplace") for op in ops if isinstance(op, QrPrinted)],
        text=text_of(ops),
        commands=sum(not isinstance(op, (Characters, Unknown)) for op in ops),
    )


_ENDS_LINE: Final = (LineEnd, FeedDots, FeedLines, PaperCut, Raster, QrPrinted, BarcodePrinted)


def text_of(ops: Iterable[Op]) -> str:
    """Give the text on the paper, one line per printed line, blanks at line ends dropped."""
    lines: list[str] = []
    line = ""
    for op in ops:
        if isinstance(op, Characters):
            line += op.text
        elif isinstance(op, _ENDS_LINE) and (line or isinstance(op, LineEnd)):
            lines.append(line.rstrip())
            line = ""
    return "\n".join([*lines, line.rstrip()] if line else lines)
