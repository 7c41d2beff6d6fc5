"""The fault menu of the printer twin, as data: what can be switched, within which bounds, and what the switches are now.

The same names serve the address (`virtual://printer/kitchen?paper_out=1&slow_ms_per_kb=200`), the page and the HTTP door.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from drivers.errors import DeviceRejected
from drivers.virtual.menu import MenuRow, rejected

SLOW_MS_PER_KB_MAX: Final = 60_000
DIE_AT_BYTE_MAX: Final = 10_000_000
WAIT_MS_MAX: Final = 600_000
REMEMBERS_OPEN_COMMAND: Final = True
"""Whether twins remember a command that a closed connection left open, as printers do (drivers.md §2.3); the one place to
switch it for all of them."""

_UNSET = msgspec.UNSET
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=DIE_AT_BYTE_MAX)]
_Wait = Annotated[int, msgspec.Meta(ge=0, le=WAIT_MS_MAX)]
_Slow = Annotated[int, msgspec.Meta(ge=0, le=SLOW_MS_PER_KB_MAX)]
_Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
_Few = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
_Some = Annotated[int, msgspec.Meta(ge=1, le=DIE_AT_BYTE_MAX)]
_Word = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[ -~]*$")]


class Faults(msgspec.Struct, frozen=True):
    """The switches as they stand.

    What stops the printing (the twin goes offline, says so, takes bytes until its buffer is full, prints them when mended):

    Attributes:
        paper_out: no paper.
        cover_open: the cover is open.
        offline: it says that it is offline and gives no cause, as with the FEED button held or a menu open.
        cutter_error: the knife is stuck.
        fatal_error: broken for good (unrecoverable error).
        overheated_ms: the head is too hot; it recovers by itself so many ms after the switch was moved. 0 = cool.
        near_end: the paper is about to end. It goes on printing.

    What is wrong with its answers, while it prints on:

    Attributes:
        mute: answers nothing at all.
        one_way: answers nothing either, by nature, so nobody calls it a fault.
        answer_late_ms: every answer comes so late.
        answer_split: every byte of an answer comes by itself.
        lose_answers: the next so many confirmations (GS ( H, GS r) are lost on the way.
        asb_noise: automatic status is mixed in before and after every answer.
        no_process_id: knows no GS ( H.
        no_paper_status: knows no GS r.
        maker, model, serial: what it says it is; empty = a twin's own words. Changed = the address belongs to another now.

    What happens to the power and the wire:

    Attributes:
        power: whether it is on.
        slow_ms_per_kb: ms it takes for each 1,024 bytes.
        die_at_byte: number N still to come: N bytes of print data from now are taken, then the power goes (once). Status
            questions are not counted. None = not armed.
        paper_out_at_byte, cover_open_at_byte: the same for the paper and the cover: out in the middle of a picture.
        die_in: every time the power is on, `die_at_byte` is drawn below this number. None = not armed.
        seed: what those draws begin with; the same seed dies at the same bytes.
        power_back_ms: the power comes back by itself so long after it went. 0 = a person switches it on.
        refuse: refuses connections although it is on.
        never_reads: accepts a connection and never reads from it.
        held_by_other: somebody else holds its single connection.
        idle_close_s: closes a connection that is silent for so long.
        kanji_off: wakes up in single-byte mode; in force from the next power-on, like the DIP switch it stands for.
        remembers_open_command: a picture that was broken off swallows what the next connection sends, until it is full.

    The drawer on its connector:

    Attributes:
        drawer_open: open; a pulse opens it, a person closes it.
        drawer_stuck: a pulse does not open it.
        no_drawer: nothing is plugged in, so nothing is sensed.
    """

    paper_out: bool = False
    cover_open: bool = False
    offline: bool = False
    cutter_error: bool = False
    fatal_error: bool = False
    overheated_ms: int = 0
    near_end: bool = False
    mute: bool = False
    one_way: bool = False
    answer_late_ms: int = 0
    answer_split: bool = False
    lose_answers: int = 0
    asb_noise: bool = False
    no_process_id: bool = False
    no_paper_status: bool = False
    maker: str = ""
    model: str = ""
    serial: str = ""
    power: bool = True
    slow_ms_per_kb: int = 0
    die_at_byte: int | None = None
    paper_out_at_byte: int | None = None
    cover_open_at_byte: int | None = None
    die_in: int | None = None
    seed: int = 0
    power_back_ms: int = 0
    refuse: bool = False
    never_reads: bool = False
    held_by_other: bool = False
    idle_close_s: int = 90
    kanji_off: bool = False
    remembers_open_command: bool = REMEMBERS_OPEN_COMMAND
    drawer_open: bool = False
    drawer_stuck: bool = False
    no_drawer: bool = False

    @property
    def stopped(self) -> bool:
        """Whether something keeps it from printing, power aside."""
        return self.paper_out or self.cover_open or self.offline or self.failed

    @property
    def failed(self) -> bool:
        """Whether it reports an error of the machine."""
        return self.cutter_error or self.fatal_error or self.overheated_ms > 0


class FaultChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish to move some switches; what is left out stays as it is."""

    paper_out: bool | msgspec.UnsetType = _UNSET
    cover_open: bool | msgspec.UnsetType = _UNSET
    offline: bool | msgspec.UnsetType = _UNSET
    cutter_error: bool | msgspec.UnsetType = _UNSET
    fatal_error: bool | msgspec.UnsetType = _UNSET
    overheated_ms: _Wait | msgspec.UnsetType = _UNSET
    near_end: bool | msgspec.UnsetType = _UNSET
    mute: bool | msgspec.UnsetType = _UNSET
    one_way: bool | msgspec.UnsetType = _UNSET
    answer_late_ms: _Wait | msgspec.UnsetType = _UNSET
    answer_split: bool | msgspec.UnsetType = _UNSET
    lose_answers: _Few | msgspec.UnsetType = _UNSET
    asb_noise: bool | msgspec.UnsetType = _UNSET
    no_process_id: bool | msgspec.UnsetType = _UNSET
    no_paper_status: bool | msgspec.UnsetType = _UNSET
    maker: _Word | msgspec.UnsetType = _UNSET
    model: _Word | msgspec.UnsetType = _UNSET
    serial: _Word | msgspec.UnsetType = _UNSET
    power: bool | msgspec.UnsetType = _UNSET
    slow_ms_per_kb: _Slow | msgspec.UnsetType = _UNSET
    die_at_byte: _Bytes | msgspec.UnsetType | None = _UNSET
    paper_out_at_byte: _Bytes | msgspec.UnsetType | None = _UNSET
    cover_open_at_byte: _Bytes | msgspec.UnsetType | None = _UNSET
    die_in: _Some | msgspec.UnsetType | None = _UNSET
    seed: int | msgspec.UnsetType = _UNSET
    power_back_ms: _Wait | msgspec.UnsetType = _UNSET
    refuse: bool | msgspec.UnsetType = _UNSET
    never_reads: bool | msgspec.UnsetType = _UNSET
    held_by_other: bool | msgspec.UnsetType = _UNSET
    idle_close_s: _Seconds | msgspec.UnsetType = _UNSET
    kanji_off: bool | msgspec.UnsetType = _UNSET
    remembers_open_command: bool | msgspec.UnsetType = _UNSET
    drawer_open: bool | msgspec.UnsetType = _UNSET
    drawer_stuck: bool | msgspec.UnsetType = _UNSET
    no_drawer: bool | msgspec.UnsetType = _UNSET


FAULT_MENU: Final = (
    MenuRow("power", "switch", "fault.power"),
    MenuRow("paper_out", "switch", "fault.paper_out"),
    MenuRow("cover_open", "switch", "fault.cover_open"),
    MenuRow("near_end", "switch", "fault.near_end"),
    MenuRow("drawer_open", "switch", "fault.drawer_open"),
    MenuRow("mute", "switch", "fault.mute"),
    MenuRow("slow_ms_per_kb", "number", "fault.slow", "unit.ms_per_kb", SLOW_MS_PER_KB_MAX),
    MenuRow("die_at_byte", "number", "fault.die", "unit.byte", DIE_AT_BYTE_MAX, empty=True),
    MenuRow("offline", "switch", "fault.offline", more=True),
    MenuRow("cutter_error", "switch", "fault.cutter_error", more=True),
    MenuRow("fatal_error", "switch", "fault.fatal_error", more=True),
    MenuRow("overheated_ms", "number", "fault.overheated", "unit.ms", WAIT_MS_MAX, more=True),
    MenuRow("paper_out_at_byte", "number", "fault.paper_out_at", "unit.byte", DIE_AT_BYTE_MAX, empty=True, more=True),
    MenuRow("cover_open_at_byte", "number", "fault.cover_open_at", "unit.byte", DIE_AT_BYTE_MAX, empty=True, more=True),
    MenuRow("die_in", "number", "fault.die_in", "unit.byte", DIE_AT_BYTE_MAX, empty=True, more=True),
    MenuRow("seed", "number", "fault.seed", "", 2**31, more=True),
    MenuRow("power_back_ms", "number", "fault.power_back", "unit.ms", WAIT_MS_MAX, more=True),
    MenuRow("one_way", "switch", "fault.one_way", more=True),
    MenuRow("asb_noise", "switch", "fault.asb_noise", more=True),
    MenuRow("answer_split", "switch", "fault.answer_split", more=True),
    MenuRow("answer_late_ms", "number", "fault.answer_late", "unit.ms", WAIT_MS_MAX, more=True),
    MenuRow("lose_answers", "number", "fault.lose_answers", "unit.answers", 1_000, more=True),
    MenuRow("no_process_id", "switch", "fault.no_process_id", more=True),
    MenuRow("no_paper_status", "switch", "fault.no_paper_status", more=True),
    MenuRow("maker", "text", "fault.maker", more=True),
    MenuRow("model", "text", "fault.model", more=True),
    MenuRow("serial", "text", "fault.serial", more=True),
    MenuRow("refuse", "switch", "fault.refuse", more=True),
    MenuRow("never_reads", "switch", "fault.never_reads", more=True),
    MenuRow("held_by_other", "switch", "fault.held_by_other", more=True),
    MenuRow("idle_close_s", "number", "fault.idle_close", "unit.seconds", 86_400, 1, 90, more=True),
    MenuRow("kanji_off", "switch", "fault.kanji_off", more=True),
    MenuRow("remembers_open_command", "switch", "fault.remembers", more=True),
    MenuRow("drawer_stuck", "switch", "fault.drawer_stuck", more=True),
    MenuRow("no_drawer", "switch", "fault.no_drawer", more=True),
)


def changed(faults: Faults, change: FaultChange) -> Faults:
    """Apply a change."""
    wanted = {name: value for name in FaultChange.__struct_fields__ if (value := getattr(change, name)) is not _UNSET}
    return msgspec.structs.replace(faults, **wanted)


def from_query(pairs: Iterable[tuple[str, str]]) -> FaultChange:
    """Read the switches of an address, where everything is text and 1 is on.

    Raises:
        DeviceRejected: a name or value is not on the menu.
    """
    try:
        return msgspec.convert(dict(pairs), FaultChange, strict=False)
    except msgspec.ValidationError as error:
        raise DeviceRejected(rejected(error, FaultChange)) from error
