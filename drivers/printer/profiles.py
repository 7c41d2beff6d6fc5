"""The printers we know by name, the generic ones, and profiles as JSON for settings and files."""

from dataclasses import asdict, fields
from typing import Any, Final, get_args

from drivers.errors import DeviceRejected
from drivers.escpos.profile import BuzzerKind, Confirms, HanziSize, PrinterProfile
from drivers.printer import capabilities

GENERIC_80: Final = PrinterProfile(
    "generic-80", width_dots=576, columns=48, native_qr=False, barcode=False, confirms="paper_status"
)
"""Any 80 mm printer with Chinese characters: asks only for what all of them do; codes are sent as dots."""
GENERIC_58: Final = PrinterProfile(
    "generic-58", width_dots=384, columns=32, native_qr=False, barcode=False, cutter=False, confirms="paper_status"
)
"""Any 58 mm printer with Chinese characters; these have no knife."""

PROFILES: Final[dict[str, PrinterProfile]] = {
    profile.name: profile
    for profile in (
        PrinterProfile("epson-80", width_dots=576, columns=48),
        PrinterProfile("epson-80-42", width_dots=512, columns=42),
        PrinterProfile("epson-58", width_dots=384, columns=32),
        PrinterProfile("epson-80-gb18030", width_dots=576, columns=48, fourbyte=True),
        PrinterProfile("clone-80", width_dots=576, columns=48, confirms="paper_status"),
        PrinterProfile("clone-80-image-qr", width_dots=576, columns=48, native_qr=False, confirms="paper_status"),
        PrinterProfile("clone-58", width_dots=384, columns=32, confirms="paper_status"),
        GENERIC_80,
        GENERIC_58,
    )
}
"""Profiles by name. "epson" = answers GS ( H; "clone" = confirms with GS r 1."""

WIDTH_DOTS_MAX: Final = 1_152
_CHOICES: Final = {
    "charset": ("gbk",),
    "hanzi_size": get_args(HanziSize),
    "buzzer": get_args(BuzzerKind),
    "confirms": get_args(Confirms),
}
_TYPES: Final = {field.name: field.type for field in fields(PrinterProfile)}


def profile_for_columns(columns: int) -> PrinterProfile:
    """Give the full-featured profile for a paper of 32, 42 or 48 columns.

    Raises:
        KeyError: no such width is known.
    """
    for profile in PROFILES.values():
        if profile.columns == columns and profile.process_id:
            return profile
    raise KeyError(columns)


def known(name: str) -> tuple[PrinterProfile, bool]:
    """Find the profile for a name in `PROFILES` or a printer's model; capitals do not matter.

    Returns:
        The profile and True; for a name that nobody knows, the generic one of the width that the name speaks of and False,
        so that the caller says so: it prints, and the calibration finds out the rest.
    """
    if name in PROFILES:
        return PROFILES[name], True
    try:
        return capabilities.from_capabilities(name), True
    except DeviceRejected:
        return GENERIC_58 if "58" in name else GENERIC_80, False


def to_json(profile: PrinterProfile) -> dict[str, Any]:
    """Give a profile as plain JSON data, every field named."""
    return asdict(profile)


def from_json(data: object) -> PrinterProfile:
    """Read a profile from JSON data. `name`, `width_dots` and `columns` must be there; what is left out has its default.

    Raises:
        DeviceRejected: the sentence names the field and what it may be.
    """
    if not isinstance(data, dict):
        raise DeviceRejected("a printer profile is an object with name, width_dots and columns")
    for key in data:
        if key not in _TYPES:
            raise DeviceRejected(f"profile: there is no field {key!r}; known are {', '.join(_TYPES)}")
    for key in ("name", "width_dots", "columns"):
        if key not in data:
            raise DeviceRejected(f"profile: {key} is missing")
    for key, value in data.items():
        _check_field(key, value)
    width_dots, columns = data["width_dots"], data["columns"]
    if not 96 <= width_dots <= WIDTH_DOTS_MAX or width_dots % 8:
        raise DeviceRejected(
            f"profile: width_dots is 96 to {WIDTH_DOTS_MAX} in steps of 8; 80 mm paper has 576, 58 mm 384"
        )
    if not 8 <= columns <= width_dots // 12:
        raise DeviceRejected(
            f"profile: columns is 8 to {width_dots // 12}, since each takes 12 of the {width_dots} dots"
        )
    profile = PrinterProfile(**data)
    if not profile.answers and profile.confirms != "none":
        raise DeviceRejected('profile: a printer that does not answer cannot confirm; set confirms to "none"')
    return profile


def _check_field(key: str, value: object) -> None:
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise DeviceRejected(f"profile: {key} is {value!r}; it may be {', '.join(_CHOICES[key])}")
    elif _TYPES[key] is bool:
        if not isinstance(value, bool):
            raise DeviceRejected(f"profile: {key} is true or false, not {value!r}")
    elif _TYPES[key] is int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise DeviceRejected(f"profile: {key} is a whole number, not {value!r}")
    elif not isinstance(value, str) or len(value) > 64 or not value.isprintable() or (key == "name" and not value):
        raise DeviceRejected(f"profile: {key} is a text of at most 64 characters")
