"""The fault menu of the twin, as data: what can be switched, within which bounds, and what the switches are now."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

SLOW_MS_PER_KB_MAX: Final = 60_000
DIE_AT_BYTE_MAX: Final = 10_000_000


class Faults(msgspec.Struct, frozen=True):
    """The switches as they stand.

    Attributes:
        paper_out: no paper. The twin goes offline, says so, takes bytes until its buffer is full, and prints them when mended.
        cover_open: the same with an open cover.
        mute: prints, but answers nothing at all.
        slow_ms_per_kb: ms it takes for each 1,024 bytes.
        die_at_byte: number N still to come: N bytes of print data from now are taken, then the power goes (once). Status
            questions are not counted. None = not armed.
        power: whether it is on.
    """

    paper_out: bool = False
    cover_open: bool = False
    mute: bool = False
    slow_ms_per_kb: int = 0
    die_at_byte: int | None = None
    power: bool = True


class FaultChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish to move some switches; what is left out stays as it is."""

    paper_out: bool | msgspec.UnsetType = msgspec.UNSET
    cover_open: bool | msgspec.UnsetType = msgspec.UNSET
    mute: bool | msgspec.UnsetType = msgspec.UNSET
    slow_ms_per_kb: Annotated[int, msgspec.Meta(ge=0, le=SLOW_MS_PER_KB_MAX)] | msgspec.UnsetType = msgspec.UNSET
    die_at_byte: Annotated[int, msgspec.Meta(ge=0, le=DIE_AT_BYTE_MAX)] | msgspec.UnsetType | None = msgspec.UNSET
    power: bool | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class FaultSwitch:
    """One row of the menu; `words_key` names its text, `unit_key` the text after a number field."""

    name: str
    kind: Literal["switch", "number"]
    words_key: str
    unit_key: str = ""
    maximum: int = 0


FAULT_MENU: Final = (
    FaultSwitch("power", "switch", "fault.power"),
    FaultSwitch("paper_out", "switch", "fault.paper_out"),
    FaultSwitch("cover_open", "switch", "fault.cover_open"),
    FaultSwitch("mute", "switch", "fault.mute"),
    FaultSwitch("slow_ms_per_kb", "number", "fault.slow", "unit.ms_per_kb", SLOW_MS_PER_KB_MAX),
    FaultSwitch("die_at_byte", "number", "fault.die", "unit.byte", DIE_AT_BYTE_MAX),
)


def changed(faults: Faults, change: FaultChange) -> Faults:
    """Apply a change."""
    wanted = {
        name: value for name in FaultChange.__struct_fields__ if (value := getattr(change, name)) is not msgspec.UNSET
    }
    return msgspec.structs.replace(faults, **wanted)
