"""How the device page says things: states, causes, remedies, times, events; no code of ours ever stands there bare."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from drivers.escpos.profile import PrinterProfile
from edge.db.print_jobs import Job
from edge.domain.device_rows import DeviceRow, DrawerRow, PrinterRow, RowProblem
from edge.domain.device_view import DeviceView, LogLine
from edge.services.devices.device_care import wire_of
from edge.web import words
from sync.contract.times import local_text

SHAPES: Final = {
    "ready": "ok",
    "busy": "ok",
    "connecting": "ring",
    "absent": "ring",
    "degraded": "fault",
    "error": "danger",
    "unknown": "unknown",
}
"""The shape beside each state: colour never speaks alone (screens.md §1)."""
ICONS: Final = {
    "printer": "printer",
    "drawer": "drawer",
    "scanner": "scanner",
    "card_reader": "card",
    "display": "computer",
    "scale": "scale",
}
COUNTED: Final = {
    "printer": ("jobs", "bytes", "reconnects", "errors", "unprintable"),
    "drawer": ("jobs", "errors"),
}
_COUNTED_ELSE: Final = ("events", "bytes", "reconnects", "errors")
_PICTURES: Final = {"paper_out": "paper_out", "cover_open": "cover_open", "near_end": "near_end"}
_PICTURE_OF_STATE: Final = {
    "ready": "well",
    "busy": "well",
    "degraded": "well",
    "error": "fault",
    "absent": "away",
    "unknown": "unknown",
    "connecting": "unknown",
}
_STUCK: Final = frozenset({"not_opened", "was_open"})
_OUTCOMES: Final = frozenset({"opened", "not_opened"})
_DAY_CHARS: Final = len("2026-01-01 ")
_PROFILE_FIELDS: Final = (
    "width_dots",
    "columns",
    "raster_text",
    "hanzi_size",
    "fourbyte",
    "native_qr",
    "barcode",
    "buzzer",
    "cutter",
)


@dataclass(frozen=True)
class Speaker:
    """Puts things into words in one language. The raised dot takes no spaces (screens.md §2).

    Attributes:
        language: `zh` or `en`.
        zone: the store's, for times.
        now_ms: wall time, so that today's times need no date.
    """

    language: str
    zone: tzinfo
    now_ms: int

    def text(self, key: str, **params: object) -> str:
        """Give the words of a key; the key itself where the catalogue has none, which a test forbids."""
        said = words.catalogue()[self.language].get(key)
        return key if said is None else said.format(**params)

    def has(self, key: str) -> bool:
        """Say whether there are words for a key."""
        return key in words.catalogue()[self.language]

    def one_of(self, table: str, code: str) -> str:
        """Give the words of a code in a table, or those for any other."""
        key = f"{table}.{code}"
        return self.text(key if self.has(key) else f"{table}.other")

    def count(self, key: str, n: int, **params: object) -> str:
        """Give a sentence with a number in it."""
        return self.text(f"{key}_one" if n == 1 else key, n=n, **params)

    def time(self, at_ms: int | None) -> str:
        """Write an instant: the time alone when it was today."""
        if not at_ms:
            return self.text("devices.never")
        said, today = local_text(at_ms, self.zone), local_text(self.now_ms, self.zone)
        return said[_DAY_CHARS:] if said[:_DAY_CHARS] == today[:_DAY_CHARS] else said

    # ------------------------------------------------------------------------------------------------------------ devices
    def cause(self, code: str) -> str:
        """Say why, in a few words; nothing for no cause."""
        return self.one_of("cause", code) if code else ""

    def remedy(self, code: str) -> str:
        """Say what to do about it, in one sentence."""
        return self.one_of("remedy", code) if code else ""

    def state(self, view: DeviceView) -> str:
        """Say how a device is: the state, and the cause with it."""
        if view.held:
            return self.text("devices.on_hold")
        cause = self.cause(view.cause)
        return self.text(f"state.{view.state}") + (f"·{cause}" if cause else "")

    def shape(self, view: DeviceView) -> str:
        """Name the shape of a state."""
        return "fault" if view.held else SHAPES[view.state]

    def what_it_is(self, row: DeviceRow) -> str:
        """Say what kind of device a row is, where it stands and how it is connected."""
        parts = [self.text(f"devices.kind_{row.__struct_config__.tag}")]
        if isinstance(row, DrawerRow):
            parts.append(self.text("devices.on_printer", printer=row.printer))
        else:
            parts.append(self.text(f"devices.wire_{wire_of(row)}"))
        tills = row.tills if isinstance(row, PrinterRow | DrawerRow) else (row.till,)
        parts += [self.text("devices.till_of", till=till) for till in tills]
        return "·".join(parts)

    def counters(self, view: DeviceView) -> list[tuple[str, str]]:
        """Give the figures of a device with their names."""
        names = COUNTED.get(view.kind, _COUNTED_ELSE)
        return [(self.text(f"devices.count_{name}"), f"{getattr(view.counters, name):,}") for name in names]

    def facts(self, view: DeviceView) -> list[tuple[str, str]]:
        """Give what is known of a device with its names; how it confirms in words."""
        known = [(self.text("devices.fact_address"), view.address)]
        for name, value in view.facts:
            if not value or name == "unknown_model":
                continue
            if name == "confirms":
                value = self.text(f"devices.confirms_{value}")  # noqa: PLW2901 - the words for it
            key = f"devices.fact_{name}"
            known.append((self.text(key) if self.has(key) else name, value.replace("|", " ").strip()))
        return known

    def picture(self, view: DeviceView) -> str:
        """Name the drawing that shows a device as it is; empty for one that has none."""
        if view.kind == "drawer":
            return "drawer_stuck" if view.cause in _STUCK else "drawer_shut"
        if view.kind != "printer":
            return ""
        return _PICTURES.get(view.cause, _PICTURE_OF_STATE[view.state])

    def event(self, line: LogLine) -> tuple[str, str]:
        """Say what happened, and its detail."""
        kind, _, rest = line.what.partition(".")
        if kind == "state":
            cause = self.cause(line.detail)
            return self.text(f"state.{rest}") + (f"·{cause}" if cause else ""), ""
        key = "devices.log_" + line.what.replace(".", "_")
        said = self.text(key) if self.has(key) else self.text("devices.log_other", what=line.what)
        return said, self.cause(line.detail) if line.what in _OUTCOMES else line.detail

    def problem(self, problem: RowProblem) -> str:
        """Say what is wrong with a row of the settings and what to write."""
        key = f"row.{problem.code}"
        return self.text(key if self.has(key) else "row.other", field=problem.field)

    # -------------------------------------------------------------------------------------------------------------- slips
    def slip(self, job: Job) -> str:
        """Name a slip."""
        key = f"devices.slip_{job.document}"
        return self.text(key if self.has(key) else "devices.slip_receipt", number=job.label)

    def slip_state(self, job: Job) -> str:
        """Say how a slip is and why."""
        copy = self.text("job.copy", n=job.copy) if job.copy > 0 else ""
        parts = [self.time(job.created_ms), self.text(f"job.{job.state}"), self.cause(job.reason), copy]
        return "·".join(part for part in parts if part)

    # -------------------------------------------------------------------------------------------------------- calibration
    def option(self, value: str) -> str:
        """Name an answer of the calibration; figures and letters name themselves."""
        return self.text(f"calibrate.{value}") if value in {"yes", "no", "none"} else value

    def compared(self, before: PrinterProfile, after: PrinterProfile) -> list[tuple[str, str, str]]:
        """List what differs between two profiles: the field, before, after."""
        found = []
        for name in _PROFILE_FIELDS:
            old, new = getattr(before, name), getattr(after, name)
            if old != new:
                found.append((self.text(f"calibrate.is_{name}"), self._value(old), self._value(new)))
        return found

    def _value(self, value: object) -> str:
        if isinstance(value, bool):
            return self.text("calibrate.yes" if value else "calibrate.no")
        key = f"calibrate.value_{value}"
        return self.text(key) if self.has(key) else str(value)


def worst_first(views: Sequence[DeviceView]) -> list[DeviceView]:
    """List the devices that need a look, the worst first."""
    rank = {"error": 0, "unknown": 1, "absent": 2, "degraded": 3}
    return sorted((view for view in views if view.state in rank), key=lambda view: rank[view.state])
