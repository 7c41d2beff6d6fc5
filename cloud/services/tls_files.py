"""Which certificates the hub itself uses, and what stores are told of the broker: settings and CA put together."""

import logging
import stat
from pathlib import Path

from cloud.services.authority import CA_FILE, CRL_FILE, Authority
from cloud.services.enrol import Grants
from cloud.settings import HubSettings
from sync.engine.tls import TlsFiles
from sync.node import keys

LOOPBACK = ("localhost", "127.0.0.1", "::1")

log = logging.getLogger(__name__)


def grants(settings: HubSettings) -> Grants:
    """Give what every enrolled node is told of the broker."""
    broker = settings.broker
    return Grants(
        settings.tenant,
        broker.store_host or broker.host,
        broker.store_port or broker.port,
        settings.public_url,
        tls=broker.tls,
        broker_ca=Path(broker.ca_file).read_text(encoding="ascii") if broker.ca_file else "",
    )


def of_broker(settings: HubSettings, authority: Authority) -> TlsFiles:
    """Give what the hub needs to reach a broker over TLS. A certificate that is due is made anew here."""
    ca = settings.broker.ca_file or str(authority.folder / CA_FILE)
    if settings.broker.tls == "server":
        return TlsFiles(ca=ca)
    certificate, key = authority.hub_client()
    return TlsFiles(ca=ca, certificate=str(certificate), key=str(key))


def of_web(settings: HubSettings, authority: Authority) -> tuple[Path, Path]:
    """Give certificate and key of the console and the API."""
    return authority.server("web", tuple(dict.fromkeys((*settings.web.names, settings.web.host, *LOOPBACK))))


def write_for_broker(authority: Authority, folder: Path, hosts: tuple[str, ...]) -> list[str]:
    """Write what a broker needs into a folder, private to its owner; its group may read where the folder hands on its group.

    Args:
        authority: the CA.
        folder: where; made when missing.
        hosts: the names and addresses under which the hub and the stores reach the broker.

    Returns:
        The names of the files.
    """
    certificate, key = authority.server("broker", hosts)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority.ensure_crl()
    names = [CA_FILE, CRL_FILE, certificate.name, key.name]
    for name in names:
        _place(authority, folder, name)
    return names


def refresh_crl(authority: Authority, folder: Path) -> None:
    """Give the broker the list of revoked certificates as it is now; a path unit (config/systemd) has it read again.

    Nothing is raised: what cannot be written is said in the log and tried again with the next one and at each start. Until
    then the hub itself refuses whoever was revoked.
    """
    try:
        _place(authority, folder, CRL_FILE)
    except OSError as error:
        log.error(  # noqa: TRY400 - the reason is known; where it happened says no more
            "authority.crl_not_given",
            extra={"reason": error.strerror, "do": "check [broker] files; `broker-files` makes it"},
        )


def _place(authority: Authority, folder: Path, name: str) -> None:
    mode = 0o640 if folder.stat().st_mode & stat.S_ISGID else 0o600
    keys.write_secret(folder / name, (authority.folder / name).read_bytes(), mode)


def console_url(settings: HubSettings, port: int = 0) -> str:
    """Give the address under which nodes reach the hub, as far as the settings say it."""
    if settings.console.public_url:
        return settings.console.public_url.rstrip("/")
    scheme = "https" if settings.web.tls else "http"
    host = settings.web.names[0] if settings.web.names else settings.web.host
    return f"{scheme}://{host}:{port or settings.web.port}"
