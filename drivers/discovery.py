"""What is plugged in: candidates for device rows, found by looking only. Nothing is opened, nothing is written to a device.

Names and folders are those of udev and sysfs on Linux; the roots are passed in, so a made-up tree can stand in for a machine.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from drivers.transport.address import FileAddress, HidAddress, PcscAddress, SerialAddress, UsbAddress, VirtualAddress
from drivers.transport.pcsc import reader_names
from drivers.transport.serial import stable_path, usb_fact
from drivers.transport.usb import PRINTER_CLASS

Kinds = tuple[tuple[str, int], ...]

CERTAIN: Final = 90
LIKELY: Final = 60
POSSIBLE: Final = 20

_WORDS: Final = {
    # Words in names and where they point. Only hints: a person decides.
    "printer": r"print|tm-[tumlp]\d|epson|xprinter|gprinter|rongta|sprt|bixolon|star_?tsp|tsp\d|citizen|pos-?(58|80)",
    "scanner": r"scan|bar_?code|honeywell|metrologic|symbol|zebra|datalogic|newland|mindeo|opticon",
    "card_reader": r"card|magtek|magstripe|msr|rfid|acr1\d\d|nfc",
    "display": r"display|vfd|pole|cd5220|ld220|line.?disp",
    "scale": r"scale|mettler|toledo|dibal|cas_corp|weigh",
}
_BY_VENDOR: Final = {
    # USB vendor ids, as the makers registered them; each with what such a device most likely is.
    "04b8": ("printer", LIKELY),  # Seiko Epson
    "0519": ("printer", LIKELY),  # Star Micronics
    "0416": ("printer", LIKELY),  # Winbond: the chip of many 58 mm and 80 mm clones
    "0483": ("printer", POSSIBLE),  # STMicroelectronics: clones, but scanners, too
    "0fe6": ("printer", LIKELY),  # ICS Advent: clones
    "1fc9": ("printer", POSSIBLE),  # NXP: clones
    "154f": ("printer", LIKELY),  # SNBC
    "1504": ("printer", LIKELY),  # Bixolon
    "2730": ("printer", LIKELY),  # Citizen
    "0c2e": ("scanner", CERTAIN),  # Honeywell, Metrologic
    "05e0": ("scanner", CERTAIN),  # Symbol, Zebra
    "05f9": ("scanner", CERTAIN),  # PSC, Datalogic
    "1eab": ("scanner", CERTAIN),  # Newland
    "065a": ("scanner", CERTAIN),  # Opticon
    "0801": ("card_reader", CERTAIN),  # MagTek
    "072f": ("card_reader", CERTAIN),  # ACS
    "0eb8": ("scale", CERTAIN),  # Mettler Toledo
    "0922": ("scale", POSSIBLE),  # Dymo
}
_BY_WIRE: Final = {
    # What a kind of connection can carry at all, and what that alone says. An adapter may hide anything with a plug.
    "serial": {"printer": POSSIBLE, "scanner": POSSIBLE, "scale": POSSIBLE, "display": POSSIBLE, "card_reader": 10},
    "usb": {"printer": CERTAIN},
    "file": {"printer": CERTAIN},
    "hid": {"scanner": POSSIBLE, "card_reader": POSSIBLE},
    "pcsc": {"card_reader": CERTAIN},
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that is plugged in.

    Attributes:
        address: what to write into a device row; empty when nothing of ours reaches it.
        seen: what the system says it is, for a person.
        kinds: kinds of device it may be with a score of 0 to 100 each, best first; empty = unsupported, listed all the same.
        vendor: USB vendor id, four hexadecimal digits; empty when unknown.
        product: USB product id, likewise.
    """

    address: str
    seen: str
    kinds: Kinds = ()
    vendor: str = ""
    product: str = ""


@dataclass(frozen=True)
class Roots:
    """Where to look; `readers` names card readers and is asked only when given."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    readers: Callable[[], list[str]] | None = None


def this_machine() -> Roots:
    """The machine the node runs on, card readers included."""
    return Roots(readers=reader_names)


def supported(candidate: Candidate) -> Kinds:
    """Score which kinds of device a candidate may be, best first, from its address, vendor and name.

    A connection that carries one kind only decides; names and vendors are hints; a bare adapter may be anything with a plug.
    """
    scheme = candidate.address.partition("://")[0]
    if not scheme:
        return ()
    scores: dict[str, int] = {}

    def hint(kind: str, score: int) -> None:
        scores[kind] = max(scores.get(kind, 0), score)

    for kind, score in _BY_WIRE[scheme].items():
        hint(kind, score)
    vendor = _BY_VENDOR.get(candidate.vendor)
    if vendor is not None:
        hint(*vendor)
    for kind, words in _WORDS.items():
        if re.search(words, candidate.seen, re.IGNORECASE):
            hint(kind, LIKELY)
    found = [(kind, score) for kind, score in scores.items() if kind in _BY_WIRE[scheme]]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def candidates(roots: Roots) -> list[Candidate]:
    """List what is plugged in, each device once, in the order of the addresses; what nothing of ours reaches comes last."""
    readers = roots.readers() if roots.readers is not None else []
    found: dict[tuple[str, str], Candidate] = {}
    looks = (_usb_devices(roots, cards=bool(readers)), _serial_ports(roots), _printer_files(roots), _keyboards(roots))
    for seen in chain(*looks, (Candidate(str(PcscAddress(name)), name) for name in readers)):
        key = (seen.address, "" if seen.address else seen.seen)
        found.setdefault(key, replace(seen, kinds=supported(seen)))
    return sorted(found.values(), key=lambda candidate: (not candidate.address, candidate.address, candidate.seen))


def _serial_ports(roots: Roots) -> Iterator[Candidate]:
    """Find serial ports by their lasting names; each port once, though it has a name in both folders."""
    nodes: dict[Path, list[Path]] = {}
    for folder in ("by-id", "by-path"):
        for name in _listed(roots.dev / "serial" / folder):
            with contextlib.suppress(OSError):
                nodes.setdefault(name.resolve(strict=True), []).append(name)
    for node, names in nodes.items():
        tty = node.name
        vendor, product = usb_fact(tty, "idVendor", roots.sys), usb_fact(tty, "idProduct", roots.sys)
        words = (usb_fact(tty, "manufacturer", roots.sys), usb_fact(tty, "product", roots.sys))
        # The by-id name says the maker in words; the path alone says only which socket.
        seen = " ".join(word for word in (*words, f"({names[0].name})") if word)
        yield Candidate(str(SerialAddress(stable_path(str(node), roots.dev, roots.sys))), seen, (), vendor, product)
    for port in _listed(roots.sys / "class" / "tty"):
        # The kernel makes more built-in ports than there are; the type of those that are not is 0.
        if re.fullmatch(r"ttyS\d+", port.name) and _fact(port, "type") not in ("", "0"):
            yield Candidate(str(SerialAddress(str(roots.dev / port.name))), f"built-in serial port {port.name}")


def _printer_files(roots: Roots) -> Iterator[Candidate]:
    """Find printers of the kernel's own driver."""
    for node in _listed(roots.dev / "usb"):
        if re.fullmatch(r"lp\d+", node.name):
            facts = _usb_facts_above(roots.sys / "class" / "usbmisc" / node.name / "device", roots.sys)
            seen = _named(facts) or f"printer file {node.name}"
            yield Candidate(
                str(FileAddress(str(node))), seen, (), facts.get("idVendor", ""), facts.get("idProduct", "")
            )


def _keyboards(roots: Roots) -> Iterator[Candidate]:
    """Find devices that type."""
    for node in _listed(roots.dev / "input" / "by-id"):
        if node.name.endswith("-event-kbd"):
            with contextlib.suppress(OSError):
                event = node.resolve(strict=True).name
                facts = _usb_facts_above(roots.sys / "class" / "input" / event / "device", roots.sys)
                seen = _named(facts) or node.name.removesuffix("-event-kbd").removeprefix("usb-")
                yield Candidate(
                    str(HidAddress(str(node))), seen, (), facts.get("idVendor", ""), facts.get("idProduct", "")
                )


def _usb_devices(roots: Roots, *, cards: bool) -> Iterator[Candidate]:
    """Find USB printers, and name what else hangs there that nothing of ours reaches (hubs left out)."""
    printers: list[tuple[str, dict[str, str]]] = []
    for folder in _listed(roots.sys / "bus" / "usb" / "devices"):
        facts = _usb_facts(folder)
        if ":" in folder.name or not facts.get("idVendor") or facts.get("bDeviceClass") == "09":
            continue
        interfaces = [place for place in _listed(folder) if place.name.startswith(f"{folder.name}:")]
        classes = {(_fact(place, "bInterfaceClass"), _fact(place, "bInterfaceProtocol")) for place in interfaces}
        if any(number == f"{PRINTER_CLASS:02x}" for number, _ in classes):
            printers.append((folder.name, facts))
            continue
        serial = any(child.name.startswith("tty") for place in interfaces for child in _listed(place))
        types = ("03", "01") in classes
        card = cards and any(number == "0b" for number, _ in classes)
        if not (serial or types or card):
            yield Candidate("", _named(facts) or folder.name, (), facts["idVendor"], facts.get("idProduct", ""))
    alike = Counter((facts["idVendor"], facts.get("idProduct"), facts.get("serial")) for _, facts in printers)
    for socket, facts in printers:
        single = alike[facts["idVendor"], facts.get("idProduct"), facts.get("serial")] == 1
        name = facts["serial"] if single and facts.get("serial") else f"@{socket}"
        with contextlib.suppress(ValueError):
            address = UsbAddress(int(facts["idVendor"], 16), int(facts.get("idProduct", ""), 16), name)
            yield Candidate(str(address), _named(facts) or "USB printer", (), facts["idVendor"], facts["idProduct"])


def _usb_facts(folder: Path) -> dict[str, str]:
    names = ("idVendor", "idProduct", "manufacturer", "product", "serial", "bDeviceClass")
    return {name: value for name in names if (value := _fact(folder, name))}


def _usb_facts_above(folder: Path, sys_root: Path) -> dict[str, str]:
    """Read the facts of the USB device that a device of a class hangs on; empty when it hangs on none."""
    with contextlib.suppress(OSError):
        start = folder.resolve(strict=True)
        for place in (start, *start.parents):
            if (place / "idVendor").is_file():
                return _usb_facts(place)
            if place == sys_root.resolve():
                break
    return {}


def _named(facts: dict[str, str]) -> str:
    serial = f"serial {facts['serial']}" if facts.get("serial") else ""
    return " ".join(word for word in (facts.get("manufacturer", ""), facts.get("product", ""), serial) if word)


def _fact(folder: Path, name: str) -> str:
    with contextlib.suppress(OSError):
        text = (folder / name).read_text(encoding="utf-8", errors="replace")[:200]
        return "".join(sign for sign in text if sign.isprintable()).strip()
    return ""


def _listed(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


@dataclass
class Watch:
    """Tells what came and what went between two looks."""

    _known: dict[str, Candidate] = field(default_factory=dict)

    def look(self, now: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
        """Compare with the last look; give (added, removed). A device that changed what it says is both."""
        found = {f"{candidate.address} {candidate.seen}": candidate for candidate in now}
        added = [candidate for key, candidate in found.items() if key not in self._known]
        removed = [candidate for key, candidate in self._known.items() if key not in found]
        self._known = found
        return added, removed


class Wakeups:
    """Events of the kernel that say "look again": `fileno` to wait on, `clear` to take what came. See `udev_wakeups`."""

    def __init__(self, monitor: Any) -> None:  # noqa: ANN401 - pyudev has no types
        self._monitor = monitor

    def fileno(self) -> int:
        """Give the descriptor that becomes readable."""
        return int(self._monitor.fileno())

    def clear(self) -> bool:
        """Take all that has come, without waiting; True when something was added (a reason to try again at once)."""
        actions = []
        while (event := self._monitor.poll(timeout=0)) is not None:
            actions.append(event.action)
        return "add" in actions

    def close(self) -> None:
        """Let go; the descriptor closes with the monitor."""
        self._monitor = None


SUBSYSTEMS: Final = ("tty", "usb", "usbmisc", "input")
UDEV_CONTROL: Final = Path("/run/udev/control")
"""There while udev runs; without it events would come before the names by id."""


def udev_wakeups(control: Path = UDEV_CONTROL) -> Wakeups | None:
    """Listen to udev, where there is one; None = the caller looks every 3 s and no sooner."""
    try:
        import pyudev  # noqa: PLC0415 - works without it; and it loads a C library
    except ImportError:
        return None
    if not control.exists():
        return None
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        for subsystem in SUBSYSTEMS:
            monitor.filter_by(subsystem)
        monitor.start()
    except (OSError, ValueError, ImportError):  # ImportError: pyudev without its C library
        return None
    return Wakeups(monitor)


def twin_candidates(twins_dir: Path) -> list[Candidate]:
    """List the virtual devices that run now."""
    found = []
    for file in _listed(twins_dir):
        kind, _, name = file.name.removesuffix(".json").partition("-")
        if file.suffix == ".json":
            with contextlib.suppress(ValueError):
                address = VirtualAddress(kind, name)  # type: ignore[arg-type]  # checked by the class itself
                found.append(Candidate(str(address), f"virtual {kind} {name}", ((kind, CERTAIN),)))
    return found
