"""Settings of a node: every field with its unit, its default and its bound."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sync.contract import house, ids
from sync.contract.house import Rules
from sync.contract.words import LOCALES
from sync.node import settings as reading
from sync.node.settings import SettingsError

PRINTER_TABLE: Final = (
    "$.printer: printers stand among the devices now; write it as [[devices]] with"
    ' kind = "printer", id = "counter", address = "tcp://HOST:9100", profile = "epson-80", and leave [printer] out'
)
TOKEN_CHARS_MIN: Final = 16
UNITS_MAX: Final = 24
"""Notes and coins that a count may ask for."""
HOUSE_DOMAINS: Final = (".local", ".lan", ".internal", ".home.arpa")
"""No name below these belongs to anybody outside the house."""
HOUSE_NAME: Final = re.compile(
    r"(?=.{1,100}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:local|lan|internal|home\.arpa)"
)
GUEST_URL: Final = re.compile(r"http://[a-zA-Z0-9.-]{1,100}(?::[0-9]{1,5})?")
PLATFORM_URL: Final = re.compile(
    r"https://[a-zA-Z0-9.-]{1,100}(?::[0-9]{1,5})?|http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?"
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the till page is served."""

    host: str = "127.0.0.1"
    """Address to listen on. Without TLS only this machine may be named."""
    port: Port = 8600
    """TCP port; 0 takes a free one and the log says which."""
    streams_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 32
    """How many browsers may follow live events; threads are this and 16 more."""
    lan_host: str = ""
    """Address on which other machines of the house are served, over TLS: one of this machine's, or 0.0.0.0 for all of them. Empty = not
    at all."""
    lan_port: Port = 8643
    """TCP port of it; 0 takes a free one and the log says which."""
    lan_names: tuple[str, ...] = ()
    """Names beside its addresses under which it is reached; each ends in .local, .lan, .internal or .home.arpa."""
    guest_host: str = ""
    """Address on which guests' phones are served (scan to order), without TLS and without anything else: one of this machine's, or 0.0.0.0
    for all of them. Empty = not at all."""
    guest_port: Port = 8680
    """TCP port of it; 0 takes a free one and the log says which."""
    guest_url: str = ""
    """How the codes on the tables begin, such as http://192.168.1.10:8680; empty = by the first address of this machine."""


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the restaurant is, apart from what enrolment tells."""

    name_zh: str = ""
    """What the store is called in Chinese, until HQ says it at the enrolment."""
    name_en: str = ""
    """The same in English."""
    address: str = ""
    """Where it is, for receipts."""
    languages: tuple[str, ...] = LOCALES
    """Languages that its people read, the first one first."""
    timezone: str = "Asia/Shanghai"
    """IANA name of the zone in which days and hours are counted."""
    cutoff_minutes: Annotated[int, msgspec.Meta(ge=0, le=720)] = 240
    """Minutes after midnight at which the business day ends."""
    tills: tuple[str, ...] = ("1", "2")
    """Tills that may sign in; each has its own gapless receipt numbers."""
    quick_cash_fen: tuple[int, ...] = (1_000, 2_000, 5_000, 10_000)
    """Notes on the quick keys."""
    menu_file: str = ""
    """A menu (TOML or JSON) to bring into force at start when it differs from the one in force; empty keeps that. Once a menu
    that HQ published was in force here, the file says nothing any more."""
    invite_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 30
    """For how many days an invite on a receipt may be used."""
    members: bool = True
    """Guests may become members here, and bills earn points: on the receipt of whoever is none, for whoever claims it."""
    variance_ask_fen: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 500
    """When the drawer is counted: a difference beyond this asks for a reason. 0 = any difference does."""
    denominations_fen: tuple[int, ...] = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10)
    """Notes and coins that the count of a drawer asks for, the largest first."""


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The way to the hub."""

    reconnect_cap_ms: Annotated[int, msgspec.Meta(ge=1_000, le=120_000)] = 120_000
    """The longest pause between two attempts."""
    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 250
    """How long trade facts wait for company before they are sent."""


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long facts stay in the table before they move into archive files."""

    keep_days: Annotated[int, msgspec.Meta(ge=7, le=3_650)] = 60
    """Business days that stay. Longer than the hub can be set back in time, by a week at least."""


class BackupSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Copies of the node's file."""

    folder: str = ""
    """Where they lie: best a second disk. Empty = `backups` in the data folder, which the same dead disk takes along."""
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 4
    """Local hour at which the night's copy is made."""


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may read `/metrics`."""

    token: str = ""
    """What a program shows as its bearer token; 16 characters at least. Empty = only programs on this machine may read."""


class PaymentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where guests' payment codes are charged."""

    gateway: Literal["", "fake"] = ""
    """Empty = nowhere; `fake` = the shipped gateway that moves no money, for trials and teaching."""


class PlatformSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A takeaway platform that orders come from."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9]{1,16}$")]
    """What the node calls it; stands on sales and in facts, and stays what it is."""
    name_zh: Annotated[str, msgspec.Meta(max_length=20)] = ""
    name_en: Annotated[str, msgspec.Meta(max_length=20)] = ""
    """What people call it; empty = its id."""
    kind: Literal["fake"] = "fake"
    """`fake` = the shipped platform that nobody orders at, for trials and teaching."""
    url: str = ""
    """Where it answers; empty = the shipped one is started with the node, on this machine."""
    auto: bool = True
    """Orders are accepted by themselves where every dish is there; else a person accepts each."""
    till: str = ""
    """The till whose numbers and shift they are when they are accepted by themselves; empty = the first one."""


class IntakeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders that come from takeaway platforms."""

    platforms: tuple[PlatformSettings, ...] = ()
    """The platforms; none = no orders come from anywhere."""
    every_s: Annotated[int, msgspec.Meta(ge=1, le=60)] = 3
    """How often each is asked for news, in seconds."""


class EdgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a node is told."""

    data_dir: str
    """Folder of the database, the keys and the log."""
    web: WebSettings = WebSettings()
    store: StoreSettings = StoreSettings()
    link: LinkSettings = LinkSettings()
    journal: JournalSettings = JournalSettings()
    backup: BackupSettings = BackupSettings()
    metrics: MetricsSettings = MetricsSettings()
    payments: PaymentSettings = PaymentSettings()
    intake: IntakeSettings = IntakeSettings()
    house: Rules = Rules()
    """What the house charges beside its dishes, its taxes, how cash is rounded."""
    devices: Any = ()
    """What is plugged in, one `[[devices]]` table each; read leniently by `edge.domain.device_rows`, so that a wrong row never
    keeps the node from starting."""
    twins_dir: str = ""
    """Folder in which virtual devices say where they are; empty = `twins` in the data folder."""
    log_level: str = "INFO"
    """What is logged at least: DEBUG, INFO, WARNING or ERROR."""


def load(path: Path) -> EdgeSettings:
    """Read a node's settings; relative paths count from the settings file.

    Raises:
        SettingsError: naming every field that is wrong.
    """
    try:
        read = reading.load(path, EdgeSettings, "EDGE")
    except SettingsError as error:
        if "unknown field `printer`" not in str(error):
            raise
        raise SettingsError(f"{error}; {PRINTER_TABLE}") from error
    found = mistakes(read)
    if found:
        raise SettingsError(f"{path}: " + "; ".join(found))
    return _placed(read, path.resolve().parent)


def without_file(folder: Path) -> EdgeSettings:
    """Give the settings of a node that was started without a file: what a wizard asks is kept in its database (`settings_here`)."""
    read = reading.convert(reading.from_environment("EDGE") | {"data_dir": str(folder)}, EdgeSettings, "EDGE__")
    if found := mistakes(read):
        raise SettingsError("; ".join(found))
    return _placed(read, Path.cwd())


def _placed(read: EdgeSettings, base: Path) -> EdgeSettings:
    store = msgspec.structs.replace(
        read.store, menu_file=str(base / read.store.menu_file) if read.store.menu_file else ""
    )
    backup = msgspec.structs.replace(read.backup, folder=str(base / read.backup.folder) if read.backup.folder else "")
    read = msgspec.structs.replace(read, data_dir=str(base / read.data_dir), store=store, backup=backup)
    return msgspec.structs.replace(read, twins_dir=str(base / read.twins_dir if read.twins_dir else twins_folder(read)))


def mistakes(read: EdgeSettings) -> list[str]:
    """Name what is wrong with settings beyond the shape of each field."""
    found: list[str] = []
    if not is_loopback(read.web.host):
        found.append("$.web.host: without TLS only a loopback address such as 127.0.0.1 may be named")
    found += _lan_mistakes(read.web)
    if not read.store.tills or any(ids.TILL_ID.fullmatch(till) is None for till in read.store.tills):
        found.append("$.store.tills: one to eight letters or digits each, at least one till")
    if any(note <= 0 for note in read.store.quick_cash_fen):
        found.append("$.store.quick_cash_fen: notes are above zero")
    units = read.store.denominations_fen
    if not 0 < len(units) <= UNITS_MAX or len(set(units)) != len(units) or min(units) <= 0:
        found.append(f"$.store.denominations_fen: 1 to {UNITS_MAX} different notes and coins, above zero")
    found += _intake_mistakes(read)
    try:
        ZoneInfo(read.store.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(f"$.store.timezone: there is no zone {read.store.timezone!r}; write it like Asia/Shanghai")
    if read.metrics.token and len(read.metrics.token) < TOKEN_CHARS_MIN:
        found.append(f"$.metrics.token: {TOKEN_CHARS_MIN} characters at least, or empty")
    if not read.store.languages or set(read.store.languages) - set(LOCALES):
        found.append(f"$.store.languages: one or both of {', '.join(LOCALES)}")
    found += [f"$.house.{mistake}" for mistake in house.rule_mistakes(read.house)]
    if read.log_level not in LOG_LEVELS:
        found.append(f"$.log_level: one of {', '.join(LOG_LEVELS)}")
    return found


def _intake_mistakes(read: EdgeSettings) -> list[str]:
    found: list[str] = []
    named = [one.id for one in read.intake.platforms]
    if len(set(named)) != len(named):
        found.append("$.intake.platforms: each id once")
    for one in read.intake.platforms:
        if one.till and one.till not in read.store.tills:
            found.append(f"$.intake.platforms: till {one.till} of {one.id} is none of the store's")
        if one.url and PLATFORM_URL.fullmatch(one.url) is None:
            found.append(
                f"$.intake.platforms: {one.id}: url is https://, or http:// on this machine, and nothing behind the port"
            )
    return found


def _lan_mistakes(web: WebSettings) -> list[str]:
    found: list[str] = []
    for place, host in (("lan_host", web.lan_host), ("guest_host", web.guest_host)):
        if host and not _is_address(host):
            found.append(f"$.web.{place}: an IPv4 address of this machine, 0.0.0.0 for all of them, or empty")
    if any(HOUSE_NAME.fullmatch(name) is None for name in web.lan_names):
        found.append(f"$.web.lan_names: names in lower case that end in {', '.join(HOUSE_DOMAINS)}")
    if web.guest_url and GUEST_URL.fullmatch(web.guest_url) is None:
        found.append("$.web.guest_url: http://, a name or address, perhaps a port, and nothing behind it")
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def twins_folder(settings: EdgeSettings) -> Path:
    """Give the folder in which virtual devices say where they are."""
    return Path(settings.twins_dir) if settings.twins_dir else Path(settings.data_dir) / "twins"


def is_loopback(host: str) -> bool:
    """Say whether a host can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
