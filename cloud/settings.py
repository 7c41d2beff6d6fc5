"""The hub's settings: one frozen tree, units in the names, defaults beside the fields."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sync.node import settings

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a web listener stands. Port 0 takes a free one, which `run` prints.

    With `tls` (console only) it shows a certificate of the hub's own CA for `names`, and may stand on any address.
    `proxy_hops` (guest page only; the console has `console.proxy_hops`): proxies in front of it that add to `X-Forwarded-For`;
    how often a phone may ask is counted by the address that is read from there.
    """

    port: Port
    host: str = "127.0.0.1"
    threads: Annotated[int, msgspec.Meta(ge=4, le=256)] = 32
    tls: bool = False
    names: tuple[str, ...] = ()
    proxy_hops: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MQTT broker. `store_host` and `store_port` are what enrolled stores are told, when it differs from ours.

    The token is read from `token_file`; where that is not set, the hub makes one at its first start and writes it to
    `broker-token.txt` and, under `username`, to the `broker-users.json` that the broker reads.

    `tls`: `off` (loopback only), `server` (a managed broker: its certificate is checked, users sign in by token) or
    `mutual` (config/mosquitto/mosquitto-tls.conf: certificates of the hub's CA are the users). `ca_file`: who signs the
    broker's certificate where it is not the hub's own CA. `files`: the folder that `broker-files` made, where the hub keeps
    the list of revoked certificates up to date; empty = nowhere.
    """

    port: Port
    host: str = "127.0.0.1"
    username: str = "hub"
    token_file: str = ""
    store_host: str = ""
    store_port: Port = 0
    tls: Annotated[str, msgspec.Meta(pattern="^(off|server|mutual)$")] = "off"
    ca_file: str = ""
    files: str = ""


class EnrolmentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which enrolments a person at the console must approve: `never`, `replacement` of a live store, or `always`."""

    approval: Annotated[str, msgspec.Meta(pattern="^(never|replacement|always)$")] = "replacement"


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people sign in to the console.

    Attributes:
        totp: `required`: roles that change things need a second factor; `optional`: whoever set one up is asked for it;
            empty: required as soon as `public_url` leads beyond this machine.
        public_url: where people reach the console through the TLS proxy; empty when they sit at this machine.
        proxy_hops: proxies in front of the web listener that add to `X-Forwarded-For`; who asks is read from there.
    """

    totp: Annotated[str, msgspec.Meta(pattern="^(required|optional|)$")] = ""
    public_url: str = ""
    proxy_hops: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Backups of the hub. Only in a folder outside the data folder do they make what stores sent durable.

    Attributes:
        folder: where they lie; empty = `backups` in the data folder. A relative path counts from the settings file.
        every_minutes: what is lost at most when the machine is.
        keep_days: how far one can go back; stores keep their facts a week longer at least.
    """

    folder: str = ""
    every_minutes: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    keep_days: Annotated[int, msgspec.Meta(ge=2, le=50)] = 35


class MemberSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members: where the second copy of their keys lies, and how far stores spend points without asking.

    Attributes:
        keys_copy: a folder outside the data folder for a second copy of the members' keys, which are in no backup: without
            them nobody's name and phone number can be read again. Empty = none. A relative path counts from the settings file.
        grant_member_max: points of one member that a store is given at once.
        grant_store_max: points of all members together that a store may hold: what is at stake where a node is stolen.
        alone_max: points that one person may give or take by hand in a day without a second one.
    """

    keys_copy: str = ""
    grant_member_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 5_000
    grant_store_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 500_000
    alone_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 1_000


class HubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the hub can be told.

    Attributes:
        data_dir: the folder of keys, secrets, database and logs; a relative path counts from the settings file.
        web: the console and the API.
        guest: the public page of invites, on a listener of its own without cookies.
        broker: where facts come from.
        public_url: what stores print in front of `/J/<code>`; the guest listener must be reachable under it.
        tenant: the name of the brand in topics; letters, digits and dashes.
        database: `sqlite` (a file in `data_dir`), or `postgresql://user@host:5432/name`.
        timezone: IANA name, for hours and for today.
        cutoff_minutes: a business day ends this long after local midnight.
        credit: batches that a store may have in flight.
        catch_ups: stores with a backlog that may catch up at once; others wait their turn, and live ones never do.
        stream_days: for how long a step of a down stream is kept as it is; older ones become a snapshot. Twice the longest
            outage that a store may sit out is enough for it never to need one.
        reconnect_cap_ms: the longest pause between two attempts to reach the broker.
        away_after_ms: a store unheard of for so long is shown as away.
        log_level: DEBUG, INFO, WARNING or ERROR.
        console: how people sign in.
        enrolment: who must approve new nodes.
        backup: where backups lie, how often one is made, how long it is kept.
        members: the copy of members' keys, and how far points go without asking.
    """

    data_dir: str
    web: ListenSettings
    guest: ListenSettings
    broker: BrokerSettings
    public_url: str
    tenant: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,31}$")] = "zhanggui"
    database: str = "sqlite"
    timezone: str = "Asia/Shanghai"
    cutoff_minutes: Annotated[int, msgspec.Meta(ge=0, le=720)] = 240
    credit: Annotated[int, msgspec.Meta(ge=1, le=32)] = 16
    catch_ups: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 8
    stream_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 30
    reconnect_cap_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 120_000
    away_after_ms: Annotated[int, msgspec.Meta(ge=1_000, le=86_400_000)] = 20_000
    log_level: Annotated[str, msgspec.Meta(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    console: ConsoleSettings = ConsoleSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    backup: BackupSettings = BackupSettings()
    members: MemberSettings = MemberSettings()

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data_dir)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of hours and days."""
        return ZoneInfo(self.timezone)

    @property
    def totp_required(self) -> bool:
        """Whether roles that change things must have a second factor."""
        if self.console.totp:
            return self.console.totp == "required"
        host = urlsplit(self.console.public_url).hostname
        return host is not None and not _is_loopback(host)

    def __repr__(self) -> str:
        """Say everything but a password in the database's URL."""
        shown = ", ".join(
            f"{name}={_without_password(self.database) if name == 'database' else getattr(self, name)!r}"
            for name in self.__struct_fields__
        )
        return f"HubSettings({shown})"

    @property
    def on_postgresql(self) -> bool:
        """Whether several processes may share the database."""
        return self.database.partition("://")[0].partition("+")[0] == "postgresql"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return f"sqlite:///{self.folder / 'hub.db'}" if self.database == "sqlite" else self.database


def load(path: Path) -> HubSettings:
    """Read the hub's settings from a TOML file and `HUB__…` in the environment; relative paths count from the file.

    Raises:
        SettingsError: with every field that cannot be used and what is wrong with it.
    """
    held = settings.load(path, HubSettings, "HUB")
    base = path.resolve().parent
    token_file = str(base / held.broker.token_file) if held.broker.token_file else ""
    ca_file = str(base / held.broker.ca_file) if held.broker.ca_file else ""
    broker = msgspec.structs.replace(held.broker, token_file=token_file, ca_file=ca_file)
    folder = str(base / held.backup.folder) if held.backup.folder else ""
    backup = msgspec.structs.replace(held.backup, folder=folder)
    keys_copy = str(base / held.members.keys_copy) if held.members.keys_copy else ""
    members = msgspec.structs.replace(held.members, keys_copy=keys_copy)
    data_dir = str(base / held.data_dir)
    return checked(
        msgspec.structs.replace(held, data_dir=data_dir, broker=broker, backup=backup, members=members), str(path)
    )


def checked(held: HubSettings, where: str) -> HubSettings:
    """Check what types cannot say.

    Raises:
        SettingsError: with one sentence for each mistake.
    """
    found: list[str] = []
    try:
        ZoneInfo(held.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(f"timezone {held.timezone!r} is no time zone that this machine knows")
    for name, listener in (("web", held.web), ("guest", held.guest)):
        if not _is_loopback(listener.host) and not (name == "web" and listener.tls):
            found.append(
                f"{name}.host {listener.host!r} is not loopback: without TLS the hub listens on this machine only; "
                "use 127.0.0.1 and put a TLS proxy in front"
            )
    if held.web.port != 0 and (held.web.host, held.web.port) == (held.guest.host, held.guest.port):
        found.append("web and guest need ports of their own: the guest page must not share the console's cookies")
    if held.web.proxy_hops:
        found.append("web.proxy_hops: the proxies in front of the console are told in console.proxy_hops")
    if held.guest.tls:
        found.append("guest.tls: guests' phones do not trust the hub's CA; put a TLS proxy in front of the guest page")
    if held.broker.tls == "off" and not _is_loopback(held.broker.store_host or held.broker.host):
        found.append("broker.tls is off: a broker beyond this machine needs TLS; use 'mutual', or 'server' with users")
    if held.members.keys_copy and Path(held.members.keys_copy).resolve().is_relative_to(held.folder.resolve()):
        found.append("members.keys_copy lies in data_dir: a copy is of use only on another disk")
    if held.broker.ca_file and not Path(held.broker.ca_file).is_file():
        found.append(f"broker.ca_file {held.broker.ca_file!r} is not there")
    url = urlsplit(held.public_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        found.append(f"public_url {held.public_url!r} is no http address")
    console_url = urlsplit(held.console.public_url)
    if held.console.public_url and (console_url.scheme not in {"http", "https"} or not console_url.hostname):
        found.append(f"console.public_url {held.console.public_url!r} is no http address")
    elif console_url.scheme == "http" and not _is_loopback(console_url.hostname or ""):
        found.append("console.public_url must be https: passwords would cross the network in clear")
    if held.database != "sqlite" and not held.on_postgresql and not held.database.startswith("sqlite:///"):
        # Not repeated: it may hold a password.
        found.append("database is neither 'sqlite' nor of the form postgresql://user@host:5432/name")
    if found:
        raise settings.SettingsError(f"{where}: " + "; ".join(found))
    return held


def _without_password(url: str) -> str:
    return repr(re.sub(r"(?<=[?&]password=)[^&]*", "***", re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", url)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
