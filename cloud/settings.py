"""The hub's settings: one frozen tree, units in the names, defaults beside the fields."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sync.node import settings

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a web listener stands. Port 0 takes a free one, which `run` prints."""

    port: Port
    host: str = "127.0.0.1"
    threads: Annotated[int, msgspec.Meta(ge=4, le=256)] = 32


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MQTT broker. `store_host` and `store_port` are what enrolled stores are told, when it differs from ours.

    The token is read from `token_file`; where that is not set, the hub makes one at its first start and writes it to
    `broker-token.txt` and, under `username`, to the `broker-users.json` that the broker reads.
    """

    port: Port
    host: str = "127.0.0.1"
    username: str = "hub"
    token_file: str = ""
    store_host: str = ""
    store_port: Port = 0


class HubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the hub can be told.

    Attributes:
        data_dir: the folder of keys, secrets, database and logs; a relative path counts from the settings file.
        web: the console and the API.
        guest: the public page of invites, on a listener of its own without cookies.
        broker: where facts come from.
        public_url: what stores print in front of `/J/<code>`; the guest listener must be reachable under it.
        tenant: the name of the brand in topics; letters, digits and dashes.
        database: `sqlite` (a file in `data_dir`) or an SQLAlchemy URL.
        timezone: IANA name, for hours and for today.
        cutoff_minutes: a business day ends this long after local midnight.
        credit: batches that a store may have in flight.
        reconnect_cap_ms: the longest pause between two attempts to reach the broker.
        away_after_ms: a store unheard of for so long is shown as away.
        log_level: DEBUG, INFO, WARNING or ERROR.
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
    credit: Annotated[int, msgspec.Meta(ge=1, le=32)] = 8
    reconnect_cap_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 120_000
    away_after_ms: Annotated[int, msgspec.Meta(ge=1_000, le=86_400_000)] = 20_000
    log_level: Annotated[str, msgspec.Meta(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data_dir)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of hours and days."""
        return ZoneInfo(self.timezone)

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
    broker = msgspec.structs.replace(held.broker, token_file=token_file)
    return checked(msgspec.structs.replace(held, data_dir=str(base / held.data_dir), broker=broker), str(path))


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
        if not _is_loopback(listener.host):
            found.append(
                f"{name}.host {listener.host!r} is not loopback: without TLS the hub listens on this machine only; "
                "use 127.0.0.1 and put a TLS proxy in front"
            )
    if held.web.port != 0 and (held.web.host, held.web.port) == (held.guest.host, held.guest.port):
        found.append("web and guest need ports of their own: the guest page must not share the console's cookies")
    url = urlsplit(held.public_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        found.append(f"public_url {held.public_url!r} is no http address")
    if held.database != "sqlite" and "://" not in held.database:
        found.append("database is neither 'sqlite' nor a database URL")
    if found:
        raise settings.SettingsError(f"{where}: " + "; ".join(found))
    return held


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
