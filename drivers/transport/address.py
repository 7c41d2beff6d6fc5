"""Where a device is, as one line of text that a person writes into the settings (pure).

`str(address)` writes what `parse` reads, so an address on a screen can be copied back into a file. Options that have their
usual value are left out. The standard library's URL tools are not used: rules of the house may import this module, and they
may import nothing that does I/O.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal, cast, get_args

from drivers.errors import DeviceRejected

DEFAULT_TCP_PORT: Final = 9100
BAUDS: Final = (300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600)
Parity = Literal["N", "E", "O"]
Flow = Literal["none", "rtscts", "xonxoff"]
TwinKind = Literal["printer", "scanner", "card_reader", "scale", "display"]

SAMPLES: Final = {
    "tcp": "tcp://192.168.1.50:9100",
    "serial": "serial:///dev/serial/by-id/usb-Maker_Device-if00?baud=9600",
    "usb": "usb://04b8:0202",
    "file": "file:///dev/usb/lp0",
    "hid": "hid:///dev/input/by-id/usb-Maker_Scanner-event-kbd",
    "pcsc": "pcsc://ACS%20ACR122U",
    "virtual": "virtual://printer/kitchen",
}
"""A good address of each kind."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?")
_TWIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FAULT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@+,")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A device that listens on the network: `tcp://host:port`, an IPv6 host in brackets."""

    host: str
    port: int = DEFAULT_TCP_PORT

    def __post_init__(self) -> None:
        if _HOST.fullmatch(self.host) is None and _IPV6.fullmatch(self.host) is None:
            raise _wrong("tcp", f"{self.host!r} is no host name and no IP address")
        if not 1 <= self.port <= 65_535:
            raise _wrong("tcp", f"port {self.port} is not within 1 to 65535")

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial port: `serial:///dev/…?baud=9600&bits=8&parity=N&stop=1&flow=none`.

    The path should be one under `/dev/serial/by-id` or `by-path`: `ttyUSBn` is given out anew at every plugging in.
    """

    path: str
    baud: int = 9_600
    bits: int = 8
    parity: Parity = "N"
    stop: int = 1
    flow: Flow = "none"

    def __post_init__(self) -> None:
        _checked_path("serial", self.path)
        _one_of("serial", "baud", self.baud, BAUDS)
        _one_of("serial", "bits", self.bits, (7, 8))
        _one_of("serial", "parity", self.parity, get_args(Parity))
        _one_of("serial", "stop", self.stop, (1, 2))
        _one_of("serial", "flow", self.flow, get_args(Flow))

    def __str__(self) -> str:
        options = [
            (field.name, str(getattr(self, field.name)))
            for field in fields(self)[1:]
            if getattr(self, field.name) != field.default
        ]
        return f"serial://{_quote(self.path)}{_query(options)}"


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A USB device of the printer class: `usb://vendor:product/serial`, the ids as four hexadecimal digits.

    Attributes:
        serial: what the device says its serial number is; empty = the only one of this vendor and product; `@1-2.3` = the
            one plugged in there (bus 1, ports 2 and 3), for printers without a serial number.
    """

    vendor: int
    product: int
    serial: str = ""

    def __post_init__(self) -> None:
        if not (0 <= self.vendor <= 0xFFFF and 0 <= self.product <= 0xFFFF):
            raise _wrong("usb", "vendor and product are four hexadecimal digits each")
        if not self.serial.isprintable():
            raise _wrong("usb", "the serial number holds something that cannot be printed")

    def __str__(self) -> str:
        tail = f"/{_quote(self.serial)}" if self.serial else ""
        return f"usb://{self.vendor:04x}:{self.product:04x}{tail}"


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A device file that takes bytes: `file:///dev/usb/lp0`. One-way unless it answers."""

    path: str

    def __post_init__(self) -> None:
        _checked_path("file", self.path)

    def __str__(self) -> str:
        return f"file://{_quote(self.path)}"


@dataclass(frozen=True, slots=True)
class HidAddress:
    """A device that types: `hid:///dev/input/by-id/…-event-kbd`."""

    path: str

    def __post_init__(self) -> None:
        _checked_path("hid", self.path)

    def __str__(self) -> str:
        return f"hid://{_quote(self.path)}"


@dataclass(frozen=True, slots=True)
class PcscAddress:
    """A card reader of the PC/SC service: `pcsc://part of its name`; empty = the only reader there is."""

    reader: str = ""

    def __post_init__(self) -> None:
        if not self.reader.isprintable():
            raise _wrong("pcsc", "the reader's name holds something that cannot be printed")

    def __str__(self) -> str:
        return f"pcsc://{_quote(self.reader)}"


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """A virtual device: `virtual://printer/kitchen?paper_out=1`.

    Attributes:
        kind: what it stands in for.
        name: what its desk calls it.
        faults: how it is set at its start, in the order written; the twin knows the names.
    """

    kind: TwinKind
    name: str
    faults: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _one_of("virtual", "kind", self.kind, get_args(TwinKind))
        # The name becomes part of a file's name, so it can never hold a slash or a dot.
        if _TWIN_NAME.fullmatch(self.name) is None:
            raise _wrong("virtual", f"a name has 1 to 32 of a-z, 0-9, - and _, not {self.name!r}")
        names = [name for name, _ in self.faults]
        if len(set(names)) != len(names):
            raise _wrong("virtual", "a fault is set twice")
        if not all(_FAULT.fullmatch(name) and value.isprintable() for name, value in self.faults):
            raise _wrong("virtual", "faults are written name=value, as in ?paper_out=1&slow_ms_per_kb=200")

    def __str__(self) -> str:
        return f"virtual://{self.kind}/{self.name}{_query(self.faults)}"


Address = TcpAddress | SerialAddress | UsbAddress | FileAddress | HidAddress | PcscAddress | VirtualAddress


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        DeviceRejected: it is none; the sentence says what is wrong and shows a good one.
    """
    scheme, colon, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not colon or scheme not in SAMPLES:
        raise DeviceRejected(f"{text!r} is no device address; good ones are: {', '.join(SAMPLES.values())}")
    body, _, query = rest.partition("?")
    options = list(_options(scheme, query))
    if options and scheme not in ("serial", "virtual"):
        raise _wrong(scheme, f"nothing may follow a ? here, but {options[0][0]!r} does")
    match scheme:
        case "tcp":
            return parse_tcp(body)
        case "serial":
            return _serial(_unquote(scheme, body), options)
        case "usb":
            return _usb(body)
        case "file":
            return FileAddress(_unquote(scheme, body))
        case "hid":
            return HidAddress(_unquote(scheme, body))
        case "pcsc":
            return PcscAddress(_unquote(scheme, body))
        case _:
            kind, _, name = body.partition("/")
            return VirtualAddress(cast("TwinKind", kind), name, tuple(options))


def place(address: Address) -> str:
    """Name what only one device row can use: the address without its options."""
    return str(address).partition("?")[0]


def parse_tcp(body: str) -> TcpAddress:
    """Read `host:port` or `host` (port 9100); an IPv6 host stands in brackets.

    Raises:
        DeviceRejected: it is neither.
    """
    host, colon, port = body.rpartition(":")
    if not colon or body.endswith("]"):
        host, port = body, str(DEFAULT_TCP_PORT)
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise _wrong("tcp", "an IPv6 address stands in brackets, as in tcp://[fd00::5]:9100")
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise _wrong("tcp", f"the port is a number from 1 to 65535, not {port!r}")
    return TcpAddress(host.removeprefix("[").removesuffix("]"), int(port))


def _serial(path: str, options: list[tuple[str, str]]) -> SerialAddress:
    values = dict(options)
    if len(values) != len(options):
        raise _wrong("serial", "an option stands twice")
    strange = sorted(set(values) - {"baud", "bits", "parity", "stop", "flow"})
    if strange:
        raise _wrong("serial", f"there is no option {strange[0]!r}; there are baud, bits, parity, stop and flow")
    return SerialAddress(
        path,
        baud=_number("baud", values.get("baud", "9600")),
        bits=_number("bits", values.get("bits", "8")),
        parity=cast("Parity", values.get("parity", "N").upper()),
        stop=_number("stop", values.get("stop", "1")),
        flow=cast("Flow", values.get("flow", "none").lower()),
    )


def _usb(body: str) -> UsbAddress:
    ids, _, serial = body.partition("/")
    found = re.fullmatch(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})", ids)
    if found is None:
        raise _wrong("usb", f"vendor and product are four hexadecimal digits each, as lsusb shows them, not {ids!r}")
    return UsbAddress(int(found[1], 16), int(found[2], 16), _unquote("usb", serial))


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        raise _wrong("serial", f"{name} is a number, not {text!r}")
    return int(text)


def _one_of(scheme: str, name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise _wrong(scheme, f"{name} is one of {', '.join(map(str, allowed))}, not {value!r}")


def _checked_path(scheme: str, path: str) -> None:
    if not path.startswith("/") or path.endswith("/"):
        raise _wrong(
            scheme, f"the path of a device begins with / (three slashes in all) and ends in a name, not {path!r}"
        )
    if not path.isprintable():
        raise _wrong(scheme, "the path holds something that cannot be printed")


def _options(scheme: str, query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise _wrong(scheme, f"options are written name=value and joined with &, not {part!r}")
        yield _unquote(scheme, name), _unquote(scheme, value)


def _query(options: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    written = "&".join(f"{name}={_quote(value)}" for name, value in options)
    return f"?{written}" if written else ""


def _quote(text: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def _unquote(scheme: str, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    if raw.count(b"%") != len(_PERCENT.findall(text)):
        raise _wrong(scheme, "a % is followed by two hexadecimal digits; the sign itself is written %25")
    try:
        return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), raw).decode()
    except UnicodeDecodeError as error:
        raise _wrong(scheme, "what the % signs stand for is no UTF-8") from error


def _wrong(scheme: str, why: str) -> DeviceRejected:
    return DeviceRejected(f"{why}; a good address is {SAMPLES[scheme]}")
