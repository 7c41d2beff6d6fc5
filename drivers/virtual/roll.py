"""Slips as the roll page draws them: rows of runs on a grid of cells, as plain data for JSON."""

import base64
from functools import lru_cache
from typing import Any

from drivers.escpos.decoder import decode
from drivers.escpos.profile import PrinterProfile
from drivers.paper.rows import BlankRow, CutRow, NoteRow, QrRow, RasterRow, Row, Run, TextRow, set_rows
from drivers.virtual.paper_store import Slip


def slip_view(slip: Slip) -> dict[str, Any]:
    """Describe one slip for the page."""
    return {
        "index": slip.index,
        "complete": slip.complete,
        "reprint": slip.reprint,
        "drawer_pulses": slip.drawer_pulses,
        "rows": rows_view(slip.data, slip.profile),
    }


@lru_cache(maxsize=256)
def rows_view(data: bytes, profile: PrinterProfile) -> list[dict[str, Any]]:
    """Describe the rows of a slip's bytes."""
    ops = decode(data, power_on_kanji=profile.power_on_kanji).ops
    return [_row(row) for row in set_rows(ops, profile.width_dots) if not isinstance(row, CutRow)]


def _row(row: Row) -> dict[str, Any]:
    match row:
        case TextRow():
            runs = [_run(run) for run in row.runs]
            return {"kind": "text", "align": row.align, "height_dots": row.height_dots, "runs": runs}
        case QrRow():
            return {
                "kind": "qr",
                "align": row.align,
                "module_dots": row.module_dots,
                "matrix": row.matrix,
                "data": row.data,
            }
        case RasterRow():
            return {
                "kind": "raster",
                "align": row.align,
                "width": row.width_bytes * 8,
                "height": row.rows,
                "scale_x": row.scale_x,
                "scale_y": row.scale_y,
                "dots_b64": base64.b64encode(row.dots).decode("ascii"),
            }
        case BlankRow():
            return {"kind": "blank", "height_dots": row.height_dots}
        case NoteRow():
            return {"kind": row.kind, "detail": row.detail}
        case CutRow():
            raise AssertionError("cuts part slips and are no rows of one")


def _run(run: Run) -> dict[str, Any]:
    style = run.style
    return {
        "text": run.text,
        "wide": run.wide,
        "width": style.width,
        "height": style.height,
        "bold": style.bold,
        "underline": style.underline,
        "inverse": style.inverse,
    }
