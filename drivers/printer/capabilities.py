"""Printer models by name: what python-escpos' database says of them, and what we know better.

The database (escpos-printer-db, CC-BY-4.0, as it comes with python-escpos) tells widths, codes, cutter and drawer, and nothing at
all about Chinese: no profile and no encoding in it names GBK. So a model of which we have no word is printed on with dots
(`raster_text`): slower, but right on any of them, and the calibration finds out whether it has Chinese characters.

Only the package's data file is read. Its own loader parses it as YAML for half a second, and leaves a new temporary folder
behind at every start, whatever ESCPOS_CAPABILITIES_PICKLE_DIR says (drivers.md §1).
"""

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from drivers.errors import DeviceRejected
from drivers.escpos.profile import DOTS_PER_COLUMN, PrinterProfile

_WIDTH_FOR_COLUMNS: Final = {32: 384, 42: 512, 48: 576}
_NO_PRINTERS: Final = frozenset({"AF-240", "OCD-100", "OCD-300", "default", "simple"})
"""Customer displays, and the two entries that are no model; for those there are `GENERIC_80` and `GENERIC_58`."""

_EPSON: Final = PrinterProfile("", width_dots=512, columns=42, buzzer="none", confirms="process_id")
_CLONE: Final = PrinterProfile("", width_dots=576, columns=48, confirms="paper_status")

_OURS: Final[dict[str, PrinterProfile]] = {
    name: replace(profile, name=name.lower(), model=name)
    for name, profile in {
        # Epson's Chinese models: 180 dpi and 42 columns for the T88 family, 203 dpi and 48 for the others; GS ( H answered.
        "TM-T88V": _EPSON,
        "TM-T88VI": _EPSON,
        "TM-T88VII": _EPSON,
        "TM-T82": replace(_EPSON, width_dots=576, columns=48),
        "TM-T82II": replace(_EPSON, width_dots=576, columns=48),
        "TM-T82III": replace(_EPSON, width_dots=576, columns=48),
        "TM-T20II": replace(_EPSON, width_dots=576, columns=48),
        "TM-m30": replace(_EPSON, width_dots=576, columns=48),
        "TM-m30II": replace(_EPSON, width_dots=576, columns=48),
        # No GS ( H on these, and QR codes not before the T88IV (drivers.md §2.4).
        "TM-T88II": replace(_EPSON, native_qr=False, confirms="paper_status"),
        "TM-T88III": replace(_EPSON, native_qr=False, confirms="paper_status"),
        # Makers who sell in China with GBK characters; kitchen models of Xprinter and Gprinter sound on ESC B.
        "XP-N160I": replace(_CLONE, buzzer="clone"),
        "XP-N160II": replace(_CLONE, buzzer="clone"),
        "XP-58": replace(_CLONE, width_dots=384, columns=32, native_qr=False, cutter=False),
        "XP-58IIH": replace(_CLONE, width_dots=384, columns=32, native_qr=False, cutter=False),
        "GP-L80180": replace(_CLONE, buzzer="clone"),
        "GP-5890": replace(_CLONE, width_dots=384, columns=32, native_qr=False, cutter=False),
        "TP805": _CLONE,
        "TP806": _CLONE,
        "TP808": _CLONE,
        "TP809": _CLONE,
        "SP-POS88V": replace(_CLONE, native_qr=False),
        "SP-POS890": replace(_CLONE, native_qr=False),
        "Sunmi-V2": replace(_CLONE, width_dots=384, columns=32, cutter=False, drawer=False, barcode=True),
        # 58 mm printers of ZiJiang, sold under many names; the database knows neither QR codes nor a knife on them.
        "POS-5890": replace(_CLONE, width_dots=384, columns=32, native_qr=False, barcode=False, cutter=False),
        "ZJ-5870": replace(_CLONE, width_dots=384, columns=32, native_qr=False, barcode=False, cutter=False),
        # The database gives this one 12 columns of font A, which is the width of a character in dots.
        "NT-80-V-UL": replace(_CLONE, raster_text=True),
    }.items()
}
"""Models with a word of our own, from the makers' manuals (drivers.md, Sources); none was tried on the machine itself."""


def models() -> list[str]:
    """Name the printer models that `from_capabilities` knows, in order of the alphabet.

    Raises:
        DeviceRejected: python-escpos is not installed.
    """
    return sorted(_OURS.keys() | (_database().keys() - _NO_PRINTERS), key=str.casefold)


def from_capabilities(name: str) -> PrinterProfile:
    """Give the profile of a model; capitals do not matter.

    Raises:
        DeviceRejected: nobody knows the model, or only python-escpos does and it is not installed.
    """
    wanted = name.casefold()
    for model, profile in _OURS.items():
        if model.casefold() == wanted:
            return profile
    for model, entry in _database().items():
        if model.casefold() == wanted and model not in _NO_PRINTERS:
            return _profile(model, entry)
    raise DeviceRejected(f"no printer model {name!r} is known; choose a generic profile and calibrate it")


def _profile(model: str, entry: dict[str, Any]) -> PrinterProfile:
    """Turn an entry of the database into a profile; where it is silent or odd, what any such printer can do."""
    features, media = entry["features"], entry["media"]
    columns = int(entry["fonts"]["0"]["columns"])
    told = media.get("width", {}).get("pixels")
    width_dots = told if isinstance(told, int) else _WIDTH_FOR_COLUMNS.get(columns, columns * DOTS_PER_COLUMN)
    width_dots -= width_dots % 8
    return PrinterProfile(
        model.lower(),
        width_dots=width_dots,
        # Some fonts are narrower than 12 dots, but hanzi are two columns of 12 on all of them.
        columns=min(columns, width_dots // DOTS_PER_COLUMN),
        native_qr=bool(features["qrCode"]),
        model=model,
        barcode=bool(features["barcodeB"]),
        raster_text=True,
        cutter=bool(features["paperFullCut"] or features["paperPartCut"]),
        drawer=bool(features["pulseStandard"]),
        confirms="paper_status",
    )


@lru_cache(maxsize=1)
def _database() -> dict[str, dict[str, Any]]:
    from importlib.resources import files  # noqa: PLC0415 - only where a model is looked up

    try:
        import escpos  # noqa: PLC0415 - optional; and its package alone starts nothing
    except ImportError:
        raise DeviceRejected(
            "the printer database is missing: install python-escpos, or choose a profile by its own name"
        ) from None
    read: dict[str, dict[str, dict[str, Any]]] = json.loads(
        files(escpos).joinpath("capabilities.json").read_text("utf-8")
    )
    return read["profiles"]
