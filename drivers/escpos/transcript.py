"""A stream of ops as text that a person can review: golden files, and the decode command."""

from collections.abc import Iterable
from typing import Final

from drivers.escpos.ops import (
    Aligned,
    AutoStatusSet,
    BarcodePrinted,
    BuzzerSounded,
    Characters,
    DrawerPulse,
    FeedDots,
    FeedLines,
    LineEnd,
    NotDrawn,
    Op,
    PaperCut,
    ProcessIdAsked,
    QrPrinted,
    Raster,
    Reset,
    Setting,
    StatusAsked,
    TextStyle,
    Truncated,
    Unknown,
)

_ALIGNED: Final = (QrPrinted, Raster, BarcodePrinted)


def transcript(ops: Iterable[Op]) -> str:
    """Write ops as lines: `[centre] [bold] [2x2] text`, one bracketed line for each event that is not text.

    Settings that only matter through the text after them (sizes, kanji mode) show on that text, not as lines of their own.
    """
    lines: list[str] = []
    line = ""
    align = "left"
    style = TextStyle()

    def end_line() -> None:
        nonlocal line, style
        mark = f"[{align}] " if align != "left" and line else ""
        lines.append(mark + line)
        line, style = "", TextStyle()

    for op in ops:
        match op:
            case Characters():
                if op.style != style:
                    line += _style_marks(op.style)
                    style = op.style
                line += op.text
            case LineEnd():
                end_line()
            case Aligned():
                align = op.align
            case Setting():
                pass
            case _:
                if line:
                    end_line()
                if isinstance(op, Reset):
                    align = "left"
                if (event := _event(op)) is not None:
                    lines.append(f"[{align}] {event}" if align != "left" and isinstance(op, _ALIGNED) else event)
    if line:
        end_line()
        lines[-1] += " [no line end]"
    return "\n".join(lines) + "\n"


def _style_marks(style: TextStyle) -> str:
    marks = ""
    if style.bold:
        marks += "[bold] "
    if style.underline:
        marks += "[underline] "
    if style.inverse:
        marks += "[inverse] "
    if (style.width, style.height) != (1, 1):
        marks += f"[{style.width}x{style.height}] "
    return marks or "[plain] "


def _event(op: Op) -> str:
    match op:
        case Reset():
            return "[reset]"
        case FeedDots():
            return f"[feed {op.dots} dots]"
        case FeedLines():
            return f"[feed {op.lines} lines]"
        case QrPrinted():
            return f"[qr {op.level} {op.module_dots} dots] {op.data.decode('utf-8', 'backslashreplace')}"
        case Raster():
            return f"[raster {op.width_bytes * 8 * op.scale_x}x{op.rows * op.scale_y}]"
        case BarcodePrinted():
            return f"[barcode {op.kind} {op.module_dots}x{op.height_dots} dots] {op.text}"
        case BuzzerSounded():
            return f"[buzzer {op.times}]"
        case PaperCut():
            return "[cut]" if op.partial else "[full cut]"
        case DrawerPulse():
            return f"[drawer pin {op.pin}{' in real time' if op.real_time else ''}]"
        case StatusAsked():
            return f"[status {op.question}?]"
        case ProcessIdAsked():
            return f"[process id {op.tag.decode('ascii', 'backslashreplace')}?]"
        case AutoStatusSet():
            return f"[automatic status {op.mask:#04x}]"
        case NotDrawn():
            return f"[not drawn: {op.name}, {len(op.raw)} bytes]"
        case Unknown():
            return f"[unknown at {op.offset}: {op.raw.hex(' ')}]"
        case Truncated():
            return f"[broken off at {op.offset}: {len(op.raw)} bytes]"
        case _:
            return f"[{type(op).__name__}: {op.raw.hex(' ')}]"
