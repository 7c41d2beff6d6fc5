"""`zhanggui-edge doctor`: what is well with a node and its machine, what is not, and what to do about it.

It only looks: no device is opened, nothing is written but what SQLite needs to read its own file. A running node is asked
over its socket, because no other process opens its files; a stopped one is looked at from outside.
"""

import importlib.util
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from drivers.discovery import Candidate
from drivers.errors import DeviceRejected
from drivers.transport.address import (
    Address,
    FileAddress,
    HidAddress,
    PcscAddress,
    SerialAddress,
    UsbAddress,
    parse,
)
from edge.db import copies, figures
from edge.domain.device_rows import DeviceRows, DrawerRow, read_rows
from edge.services.care import status as statuses
from edge.services.care.alarms import REFUSALS
from edge.services.care.status import Desk
from edge.services.copies import boot_check, snapshots
from edge.services.copies import drill as drills
from edge.services.copies.boot_check import DamagedFileError
from edge.services.devices.device_care import DeviceCare, DevicesReport, found_of, line_of, unseen
from edge.services.hub import enrolment, recovery
from edge.services.node import VERSION
from edge.settings import EdgeSettings
from sync.contract.times import local_text
from sync.node import database
from sync.node.ports import Clock

Verdict = Literal["ok", "warn", "fail"]
Say = Callable[[str], str]

FREE_LEAST_BYTES: Final = 200_000_000
FREE_CALM_BYTES: Final = 1_000_000_000
BUILT_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before the program was written is wrong."""
CLOCK_AHEAD_MS: Final = 5 * 60_000
FAR_MS: Final = 4_102_444_800_000
"""2100-01-01: so is one so far ahead."""
HTMX: Final = Path(__file__).resolve().parents[1] / "web" / "static" / "vendor" / "htmx.min.js"

_MODULE_OF: Final[dict[type, tuple[str, str]]] = {
    SerialAddress: ("serial", "pyserial"),
    UsbAddress: ("usb", "pyusb"),
    PcscAddress: ("smartcard", "pyscard"),
}
_WELL: Final = frozenset({"ready", "busy", "connecting"})


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what, in a word or two.
        state: ok, warn (works, with something to see to) or fail.
        seen: what was found.
        remedy: what to do; empty when all is well.
    """

    name: str
    state: Verdict
    seen: str
    remedy: str = ""


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _chinese_font() -> str:
    from drivers.paper.fonts import system_fonts  # noqa: PLC0415 - looks through the font folders

    font = system_fonts().hanzi
    return "" if font is None else font.family


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def _port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Machine:
    """What is asked of the machine; a test puts in another one."""

    has_module: Callable[[str], bool] = _has_module
    chinese_font: Callable[[], str] = _chinese_font
    free_bytes: Callable[[Path], int] = _free_bytes
    may_use: Callable[[Path], bool] = _may_use
    port_is_free: Callable[[str, int], bool] = _port_is_free


def seen_by(desk: Desk, care: DeviceCare) -> dict[str, Any]:
    """Say what a running node knows of itself, as plain JSON data without secrets."""
    now = statuses.status(desk, None)
    with desk.node.db.read() as reader:
        tables, newest_ms = figures.rows_a_table(reader), figures.newest_fact_ms(reader)
        drill = copies.newest_drill(reader)
    return {
        "running": True,
        "version": VERSION,
        "pid": os.getpid(),
        "training": now.node.training,
        "epoch": now.node.epoch,
        "hub": msgspec.to_builtins(now.hub),
        "fenced": now.node.fenced,
        "trouble": desk.trouble(),
        "slips": {"waiting": now.printer.waiting, "parked": now.printer.parked},
        "tables": tables,
        "newest_fact_ms": newest_ms,
        "menu_version": now.menu_version,
        "copies": _copies_seen(desk.node.settings, drill),
        **msgspec.to_builtins(care.report()),
    }


def seen_outside(settings: EdgeSettings, found: Sequence[Candidate] = ()) -> dict[str, Any]:
    """Say what can be known of a stopped node without opening a device; the caller holds the folder's lock.

    Args:
        settings: its settings.
        found: what is plugged in.
    """
    folder = Path(settings.data_dir)
    rows = read_rows(settings.devices, settings.store.tills)
    grant = enrolment.load(folder)
    seen: dict[str, Any] = {
        "running": False,
        "version": VERSION,
        "training": grant is None,
        "epoch": None if grant is None else grant.epoch,
        "tables": {},
        "newest_fact_ms": 0,
        "pages": "",
        "copies": _copies_seen(settings, None),
        **msgspec.to_builtins(_report_of(rows, found, settings.store.tills[0])),
    }
    path = folder / "node.db"
    if path.exists():
        try:
            boot_check.refuse_unreadable(path)
            with boot_check.as_damage(path):
                seen.update(_read_of(path, settings))
        except DamagedFileError as error:
            seen["pages"] = error.found
    return seen


def _read_of(path: Path, settings: EdgeSettings) -> dict[str, Any]:
    db = database.Database(path)
    try:
        with db.read() as reader:
            return {
                "pages": "ok",
                "tables": figures.rows_a_table(reader),
                "newest_fact_ms": figures.newest_fact_ms(reader),
                "copies": _copies_seen(settings, copies.newest_drill(reader)),
            }
    finally:
        db.close()


def examine(
    settings: EdgeSettings, seen: Mapping[str, Any], clock: Clock, machine: Machine | None = None, *, say: Say = str
) -> list[Check]:
    """Look at everything.

    Args:
        settings: the node's.
        seen: of `seen_by` or `seen_outside`.
        clock: the machine's.
        machine: the machine; None = this one.
        say: gives the sentence of a key of the pages' words, so that a person reads here what the sync page says; without it the
            key itself stands there.
    """
    looked = machine or Machine()
    rows = read_rows(settings.devices, settings.store.tills)
    return [
        Check("settings", "ok", f"{len(rows.rows)} device rows can be used"),
        *_of_rows(rows),
        *_of_folder(settings, looked),
        *_of_database(settings, seen),
        *_of_copies(seen, clock.now_ms()),
        *_of_clock(settings, seen, clock.now_ms()),
        _of_fonts(looked),
        *_of_libraries(rows, looked),
        *_of_paths(rows, looked),
        _of_web(settings, seen, looked),
        _of_assets(),
        _of_hub(seen, say),
        *_of_devices(seen),
        *_of_slips(seen),
    ]


def is_well(checks: Sequence[Check]) -> bool:
    """Say whether nothing failed."""
    return all(check.state != "fail" for check in checks)


def as_json(checks: Sequence[Check], *, running: bool) -> dict[str, Any]:
    """Give the report as plain data."""
    return {"ok": is_well(checks), "running": running, "checks": [msgspec.to_builtins(check) for check in checks]}


def _report_of(rows: DeviceRows, found: Sequence[Candidate], till: str) -> DevicesReport:
    taken = {row.id for row in rows.rows}
    return DevicesReport(
        devices=tuple(line_of(view, ()) for view in unseen(rows)),
        problems=rows.problems,
        found=found_of(found, taken, till),
        lines=(),
    )


def _of_rows(rows: DeviceRows) -> Iterator[Check]:
    for problem in rows.problems:
        named = f" ({problem.id})" if problem.id else ""
        yield Check(
            "device row",
            "fail",
            f"row {problem.position}{named}, field {problem.field}: {problem.code}",
            problem.detail,
        )


def _of_folder(settings: EdgeSettings, machine: Machine) -> Iterator[Check]:
    folder = Path(settings.data_dir)
    if not folder.is_dir():
        yield Check(
            "data folder", "warn", f"{folder} is not there yet", "it is made when the node runs for the first time"
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not machine.may_use(folder):
        yield Check("data folder", "fail", f"{folder} may not be written", "give the folder to the account of the node")
    elif mode & 0o077:
        yield Check("data folder", "warn", f"{folder} is open to others ({mode:03o})", f"chmod 700 {folder}")
    else:
        yield Check("data folder", "ok", str(folder))
    free = machine.free_bytes(folder)
    said = f"{free // 1_000_000} MB free"
    if free < FREE_LEAST_BYTES:
        yield Check("disk space", "fail", said, "make room: without it sales cannot be kept")
    elif free < FREE_CALM_BYTES:
        yield Check("disk space", "warn", said, "make room soon; a busy day needs some 100 MB")
    else:
        yield Check("disk space", "ok", said)


def _of_database(settings: EdgeSettings, seen: Mapping[str, Any]) -> Iterator[Check]:
    try:
        database.refuse_unsafe()
    except database.UnsafeSqliteError as error:
        yield Check("SQLite", "fail", str(error), "install the locked packages again")
    path = Path(settings.data_dir) / "node.db"
    if seen["running"]:
        yield Check("node", "ok", f"runs as process {seen['pid']}, version {seen['version']}")
    else:
        yield Check("node", "ok", "is stopped; devices were not asked")
    if not path.exists():
        yield Check("database", "warn", "there is none yet", "it is made when the node runs for the first time")
        return
    size = f"{path.stat().st_size // 1_000} kB"
    if not seen["running"] and seen["pages"] != "ok":
        yield Check("database", "fail", f"{size}; {seen['pages']}", boot_check.WAY_BACK)
    else:
        yield Check("database", "ok", f"{size}, {seen['tables'].get('facts', 0)} facts")


def _copies_seen(settings: EdgeSettings, drill: copies.Drill | None) -> dict[str, Any]:
    there = snapshots.listed(snapshots.backup_folder(settings))
    return {
        "count": len(there),
        "newest_ms": there[-1][0] if there else None,
        "drill_ms": None if drill is None else drill.at_ms,
        "drill_ok": drill is not None and drill.ok,
        "recovery": getattr(recovery.load(Path(settings.data_dir)), "state", ""),
    }


def _of_copies(seen: Mapping[str, Any], now_ms: int) -> Iterator[Check]:
    held = seen["copies"]
    if held["recovery"]:
        said = (
            "it is being brought back from the hub"
            if held["recovery"] == recovery.REPLACING
            else "it was restored from a copy"
        )
        yield Check("epoch", "fail", f"{said}, and sells nothing yet", "zhanggui-edge enrol --replace")
    if seen["training"]:
        return
    if held["newest_ms"] is None:
        yield Check(
            "copies", "warn", "there is none yet", "the night makes one; `zhanggui-edge drill --fresh` makes one now"
        )
        return
    hours = (now_ms - held["newest_ms"]) // 3_600_000
    said = f"{held['count']}, the newest {hours} h old"
    if now_ms - held["newest_ms"] > snapshots.OLD_AFTER_MS:
        yield Check(
            "copies",
            "warn",
            said,
            "look into the log why the night makes none; is there room in the folder of [backup]?",
        )
    else:
        yield Check("copies", "ok", said)
    if held["drill_ms"] is None:
        yield Check("drill", "warn", "none was held yet", "zhanggui-edge drill")
        return
    days = (now_ms - held["drill_ms"]) // 86_400_000
    if not held["drill_ok"]:
        yield Check(
            "drill",
            "fail",
            f"the last one, {days} days ago, did not hold",
            "zhanggui-edge drill says what does not come back",
        )
    elif now_ms - held["drill_ms"] > drills.OLD_AFTER_MS:
        yield Check("drill", "fail", f"the last one was {days} days ago", "zhanggui-edge drill")
    else:
        yield Check("drill", "ok", f"{days} days ago, it held")


def _of_clock(settings: EdgeSettings, seen: Mapping[str, Any], now_ms: int) -> Iterator[Check]:
    zone = settings.store.timezone
    said = f"{local_text(now_ms, ZoneInfo(zone))} in {zone}"
    yield Check("time zone", "ok", zone)
    remedy = "set the clock of this machine, and let it follow a time server"
    if not BUILT_MS <= now_ms <= FAR_MS:
        yield Check("clock", "fail", said, remedy)
    elif seen["newest_fact_ms"] > now_ms + CLOCK_AHEAD_MS:
        newest = local_text(seen["newest_fact_ms"], ZoneInfo(zone))
        yield Check("clock", "fail", f"{said}, but the newest fact is of {newest}", remedy)
    else:
        yield Check("clock", "ok", said)


def _of_fonts(machine: Machine) -> Check:
    font = machine.chinese_font()
    if font:
        return Check("Chinese font", "ok", font)
    remedy = "install fonts-wqy-microhei, or another Chinese font; until then rare characters are printed as squares"
    return Check("Chinese font", "warn", "none on this machine", remedy)


def _addresses(rows: DeviceRows) -> Iterator[tuple[str, Address]]:
    for row in rows.rows:
        if not isinstance(row, DrawerRow):
            try:
                yield row.id, parse(row.address)
            except DeviceRejected:
                continue


def _of_libraries(rows: DeviceRows, machine: Machine) -> Iterator[Check]:
    needed: dict[type, list[str]] = {}
    for device_id, where in _addresses(rows):
        needed.setdefault(type(where), []).append(device_id)
    for kind, (module, package) in _MODULE_OF.items():
        users = needed.get(kind, [])
        if machine.has_module(module):
            yield Check(package, "ok", "is installed")
        elif users:
            yield Check(
                package, "fail", f"is missing; {', '.join(users)} cannot be reached without it", f"install {package}"
            )
        else:
            yield Check(package, "ok", "is not installed, and no device needs it")


def _of_paths(rows: DeviceRows, machine: Machine) -> Iterator[Check]:
    for device_id, where in _addresses(rows):
        if not isinstance(where, SerialAddress | FileAddress | HidAddress):
            continue
        path = Path(where.path)
        if not path.exists():
            yield Check(
                "device path", "warn", f"{device_id}: nothing is at {path}", "plug it in, or correct its address"
            )
        elif not machine.may_use(path):
            group = "input" if isinstance(where, HidAddress) else "lp" if isinstance(where, FileAddress) else "dialout"
            remedy = f"put the account of the node into the group {group}, then start the node again"
            yield Check("device path", "fail", f"{device_id}: {path} may not be used", remedy)
        else:
            yield Check("device path", "ok", f"{device_id}: {path}")


def _of_web(settings: EdgeSettings, seen: Mapping[str, Any], machine: Machine) -> Check:
    where = f"{settings.web.host}:{settings.web.port}"
    if seen["running"]:
        return Check("web port", "ok", f"{where} is served by the node")
    if settings.web.port == 0 or machine.port_is_free(settings.web.host, settings.web.port):
        return Check("web port", "ok", f"{where} is free")
    return Check("web port", "fail", f"{where} is taken by another program", "stop that program, or set web.port")


def _of_assets() -> Check:
    if HTMX.exists():
        return Check("page assets", "ok", "are in place")
    remedy = "copy them with the set-up command of the README; until then the device page does not refresh by itself"
    return Check("page assets", "warn", "htmx is missing", remedy)


def _of_hub(seen: Mapping[str, Any], say: Say) -> Check:
    if seen["copies"]["recovery"]:
        return Check(
            "hub", "warn", "there is no link before this node has its new epoch", "zhanggui-edge enrol --replace"
        )
    if seen["training"]:
        return Check("hub", "warn", "this node is not enrolled: training only", "zhanggui-edge enrol")
    if not seen["running"]:
        return Check("hub", "ok", f"enrolled, epoch {seen['epoch']}; the link is not up while the node is stopped")
    hub = seen["hub"]
    waits = f"{sum(hub['waiting'].values())} facts wait"
    if seen.get("fenced"):
        return Check("hub", "fail", f"replaced, {waits}", f"{say('sheet.fenced_what')} {say('sheet.fenced_works')}")
    if hub["state"] == "connected":
        return Check("hub", "ok", f"connected, {waits}")
    standing = "never connected" if hub["state"] == "never" else "away"
    if hub["refusal"]:
        return Check(
            "hub", "fail", f"{standing}, {waits}; it refused: {hub['refusal']}", say(refused_key(hub["refusal"]))
        )
    if trouble := seen.get("trouble"):
        return Check("hub", "warn", f"{standing}, {waits}; {trouble}", say(f"link.trouble.{trouble}"))
    remedy = "sales go on and are kept here; look at the network and the broker's address"
    return Check("hub", "warn", f"{standing}, {waits}", remedy)


def refused_key(reason: str) -> str:
    """Name the words for why the hub keeps no session with this node."""
    return f"sheet.refused_{reason if reason in REFUSALS else 'other'}"


def _of_devices(seen: Mapping[str, Any]) -> Iterator[Check]:
    if not seen["running"]:
        return
    for device in seen["devices"]:
        cause = f" ({device['cause']})" if device["cause"] else ""
        said = f"{device['id']}: {device['state']}{cause}"
        remedy = device["detail"] or "look at the device page"
        if device["cause"] == "training":
            yield Check(device["kind"], "ok", f"{said}: printers do not run in training")
        elif device["held"]:
            yield Check(device["kind"], "warn", f"{said}, on hold", "release it on the device page")
        elif device["state"] in _WELL:
            yield Check(device["kind"], "ok", said)
        elif device["state"] == "degraded":
            yield Check(device["kind"], "warn", said, remedy)
        else:
            yield Check(device["kind"], "fail", said, remedy)


def _of_slips(seen: Mapping[str, Any]) -> Iterator[Check]:
    if not seen["running"]:
        return
    waiting, parked = seen["slips"]["waiting"], seen["slips"]["parked"]
    said = f"{waiting} wait for a printer, {parked} for a person"
    if parked:
        yield Check("slips", "warn", said, "print or discard them on the till or the device page")
    else:
        yield Check("slips", "ok", said)
