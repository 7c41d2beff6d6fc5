"""Run a broker as a process of its own: the embedded one (amqtt) or the system's Mosquitto, with the same rights.

Prints one line of JSON when it really accepts connections; SIGTERM ends it. The process that was started is the
broker itself in both cases (`pid`), so killing it kills the broker and nothing stays behind.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

HOST = "127.0.0.1"
HUB = "hub"
PACKET_BYTES_MAX = 524_288
"""Twice the limit that clients keep to (`sync.contract.limits.WIRE_BYTES_MAX`), as in config/mosquitto."""
READY_TIMEOUT_S = 60
CHANGE_LOOK_S = 0.25
TEMPLATES = Path(__file__).resolve().parent.parent / "config" / "mosquitto"

_USER = re.compile(r"hub|store-([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)-[1-9][0-9]{0,9}")
"""A store's user is `store-<id>-<epoch>`: each epoch has a token of its own, and all of a store's epochs the same rights.
The ids are those of `sync.contract.ids`: none can hold a wildcard or a slash, which would widen a rule."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,128}")
_STORE_TOPIC_LEVEL = 3
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


class UsersError(Exception):
    """The file of users cannot be used; the message says why and never shows a token."""


def read_users(path: Path) -> dict[str, str]:
    """Read user names and tokens, and refuse a file that others may read.

    Raises:
        UsersError: not readable, readable by others, not JSON, or a name or token of the wrong form.
    """
    try:
        mode = path.stat().st_mode
        users = json.loads(path.read_bytes())
    except OSError as error:
        raise UsersError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsersError(f"{path} is not JSON") from error
    if mode & 0o077:
        raise UsersError(f"{path} must be readable by its owner only: chmod 600")
    if not isinstance(users, dict) or not users:
        raise UsersError(f"{path} must be an object of user name and token")
    for name, token in users.items():
        if _USER.fullmatch(name) is None:
            raise UsersError(f"{name!r} is no user: 'hub' or 'store-', the id of a store, '-' and its epoch")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise UsersError(f"the token of {name} must be 20 to 128 characters of A-Z a-z 0-9 _ -")
    return users


def token_fits(users: dict[str, str], username: str | None, token: str | None) -> bool:
    """Compare a token in a time that tells nothing about it, nor whether the user exists."""
    wanted = hashlib.sha256(users.get(username or "", "").encode()).digest()
    given = hashlib.sha256((token or "").encode()).digest()
    return hmac.compare_digest(wanted, given) and bool(token) and (username or "") in users


def store_of(username: str) -> str | None:
    """Give the store that a user is a node of; None for the hub and for whoever is no user of ours."""
    found = _USER.fullmatch(username)
    return None if found is None else found[1]


def may(username: str, topic: str, *, write: bool) -> bool:
    """Say whether a user may write to a topic, or read it (or a filter of topics)."""
    if username == HUB:
        return True
    levels, store = topic.split("/"), store_of(username)
    if levels[0] != "rs1" or store is None:
        return False
    if not write and levels[2:] == ["head"] and levels[1] != "#":
        return True
    return (
        len(levels) > _STORE_TOPIC_LEVEL + 1
        and levels[_STORE_TOPIC_LEVEL] == store
        and "#" not in levels[:_STORE_TOPIC_LEVEL]
    )


class StoreRights(BaseAuthPlugin, BaseTopicPlugin):  # type: ignore[misc]
    """Signs users in by token and keeps each store to its own topics.

    amqtt's own password file costs an Argon2 hash on the event loop for each sign-in; a random token needs no slow hash.
    """

    @dataclass
    class Config:
        """Where the users are."""

        users_file: str

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._path = Path(self.config.users_file)
        self._read_at_ns = -1
        self._users: dict[str, str] = {}

    async def authenticate(self, *, session: Session) -> bool:
        """Let in who has the token; a user added to the file meanwhile is known at once."""
        self._read_again()
        return token_fits(self._users, session.username, session.password)

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Decide on a publish, a subscription or a delivery; who is a user no more has no right any more."""
        self._read_again()
        if session is None or topic is None or session.username not in self._users:
            return False
        return may(session.username, topic, write=action == Action.PUBLISH)

    def _read_again(self) -> None:
        with contextlib.suppress(OSError, UsersError):  # a file being replaced: the users known so far stay
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns != self._read_at_ns:
                self._users = read_users(self._path)
                self._read_at_ns = changed_ns


class PacketTooLargeError(Exception):
    """Ends the connection; amqtt itself would take up to 256 MB into memory."""


class BoundedReader(StreamReaderAdapter):  # type: ignore[misc]
    """Refuses to read more than one allowed packet at a time."""

    async def read(self, n: int = -1) -> bytes:
        """Read exactly `n` bytes."""
        if n > PACKET_BYTES_MAX:
            raise PacketTooLargeError(f"a packet of {n} bytes")
        data: bytes = await super().read(n)
        return data


class EmbeddedBroker(Broker):  # type: ignore[misc]
    """amqtt with a packet limit and without Nagle's algorithm."""

    async def stream_connected(self, reader: StreamReader, writer: StreamWriter, listener_name: str) -> None:
        """Take a connection; asyncio sets NODELAY by itself today, which nothing promises."""
        accepted = writer.get_extra_info("socket")
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self._client_connected(listener_name, BoundedReader(reader), StreamWriterAdapter(writer))


async def run_embedded(port: int, users_file: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        amqtt.errors.BrokerError: the port cannot be had.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    broker = EmbeddedBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {f"{__name__}.{StoreRights.__name__}": {"users_file": str(users_file)}},
        }
    )
    await broker.start()
    try:
        strangers = await asyncio.to_thread(strangers_refused, port)
        if not strangers:
            raise UsersError("the broker let a stranger in; it is stopped again")
        announce(port, "embedded", os.getpid())
        await ended.wait()
    finally:
        # Clients that do not go may hold amqtt's shutdown up; the process ends anyway.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(broker.shutdown(), 3)


def strangers_refused(port: int, *, tls: bool = False) -> bool:
    """Sign in without a name: True when a broker answers and refuses, which also proves that it accepts connections.

    Args:
        port: on the loopback address.
        tls: speak TLS, and show no certificate.

    Raises:
        OSError: nobody answers there.
    """
    client_id = b"probe"
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + len(client_id).to_bytes(2, "big") + client_id
    with socket.create_connection((HOST, port), timeout=5) as plain:
        link: socket.socket = plain
        if tls:
            # Nothing secret is said, and whether we are let in is all that is asked.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                link = context.wrap_socket(plain)
                link.sendall(bytes([0x10, len(body)]) + body)
                return link.recv(4) == b""
            except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
                return True
        link.sendall(bytes([0x10, len(body)]) + body)
        answer = link.recv(4)
    if len(answer) < 4 or answer[0] != 0x20:  # noqa: PLR2004 - CONNACK, MQTT 3.1.1 §3.2
        raise ConnectionError("something else than a broker listens there")
    return answer[3] != 0


def announce(port: int, kind: str, pid: int) -> None:
    """Print the one line that whoever started us waits for."""
    print(json.dumps({"ready": True, "port": port, "kind": kind, "pid": pid}), flush=True)


def write_mosquitto_files(port: int, data: Path, users: dict[str, str], *, stock_limits: bool = False) -> Path:
    """Write configuration, hashed tokens and rights below `data`; give the path of the configuration.

    Args:
        stock_limits: leave Mosquitto its own queue limits, under which it drops messages silently.

    Raises:
        click.ClickException: `mosquitto_passwd` is not installed, or fails.
    """
    data.mkdir(parents=True, exist_ok=True)
    passwords, rights, config = data / "mosquitto.passwd", data / "mosquitto.acl", data / "mosquitto.conf"
    passwords.unlink(missing_ok=True)
    with os.fdopen(os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}:{token}\n" for name, token in users.items())
    # -U hashes the file in place, so no token is ever an argument that `ps` shows.
    hashed = subprocess.run([program("mosquitto_passwd"), "-U", passwords], check=False, capture_output=True, text=True)
    if hashed.returncode:
        raise click.ClickException(f"mosquitto_passwd failed: {hashed.stderr.strip()}")
    blocks = [
        f"\nuser {name}\ntopic read rs1/+/head\ntopic readwrite rs1/+/+/{store}/+/#\n"
        for name in users
        if (store := store_of(name)) is not None
    ]
    write_private(rights, (TEMPLATES / "acl").read_text(encoding="utf-8") + "".join(blocks))
    lines = filled_in(
        "mosquitto.conf", {"listener": f"{port} {HOST}", "password_file": str(passwords), "acl_file": str(rights)}
    )
    if stock_limits:
        lines = [line for line in lines if not line.startswith(("max_queued_", "max_inflight_"))]
    if os.geteuid() == 0:
        lines.append("user root")  # otherwise it becomes the user mosquitto, who cannot read its owner's files
    write_private(config, "\n".join(lines) + "\n")
    return config


def _write_anew(port: int, data: Path, users: Path, *, stock_limits: bool) -> Path:
    return write_mosquitto_files(port, data, read_users(users), stock_limits=stock_limits)


def write_mosquitto_tls_files(port: int, data: Path, certificates: Path) -> Path:
    """Write the configuration for certificates below `data`; give its path.

    Args:
        port: the port of the loopback address.
        data: where the files go.
        certificates: the folder that `zhanggui-hub broker-files` wrote: ca.pem, broker.pem, broker-key.pem, crl.pem.

    Raises:
        click.ClickException: a file is missing there.
    """
    data.mkdir(parents=True, exist_ok=True)
    places = {
        "cafile": certificates / "ca.pem",
        "certfile": certificates / "broker.pem",
        "keyfile": certificates / "broker-key.pem",
        "crlfile": certificates / "crl.pem",
    }
    missing = [path.name for path in places.values() if not path.is_file()]
    if missing:
        raise click.ClickException(
            f"{certificates} has no {', '.join(missing)}; `zhanggui-hub broker-files` makes them"
        )
    rights, config = data / "mosquitto.acl", data / "mosquitto.conf"
    write_private(rights, (TEMPLATES / "acl-tls").read_text(encoding="utf-8"))
    values = {"listener": f"{port} {HOST}", "acl_file": str(rights)}
    lines = filled_in("mosquitto-tls.conf", values | {key: str(path) for key, path in places.items()})
    if os.geteuid() == 0:
        lines.append("user root")
    write_private(config, "\n".join(lines) + "\n")
    return config


def filled_in(template: str, values: dict[str, str]) -> list[str]:
    """Give the lines of a file of config/mosquitto with values of our own.

    Raises:
        click.ClickException: a key does not stand exactly once.
    """
    lines = (TEMPLATES / template).read_text(encoding="utf-8").splitlines()
    for key, value in values.items():
        places = [index for index, line in enumerate(lines) if line.startswith(f"{key} ")]
        if len(places) != 1:
            raise click.ClickException(f"config/mosquitto/{template} must have one line '{key}', not {len(places)}")
        lines[places[0]] = f"{key} {value}"
    return lines


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads (Mosquitto warns about others from 2.0.16 on)."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def program(name: str) -> str:
    """Find a program, also where Debian keeps servers for root.

    Raises:
        click.ClickException: it is not installed.
    """
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_SBIN))
    if found is None:
        raise click.ClickException(
            f"{name} is not installed. On Debian or Ubuntu: apt-get install mosquitto — or use --kind embedded."
        )
    return found


def run_mosquitto(
    port: int, config: Path, watched: Sequence[Path], rewrite: Callable[[], object], *, tls: bool = False
) -> None:
    """Become Mosquitto; a grandchild waits until it answers, announces it, and stays to tell it what changed.

    Args:
        port: where it listens.
        config: its settings.
        watched: the files of users or certificates that the hub writes.
        rewrite: makes Mosquitto's own files of them.
        tls: whether it speaks TLS.
    """
    binary = program("mosquitto")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # noqa: FBT003 - the pipe closes when Mosquitto ends, which is how the grandchild notices
    pid = os.getpid()
    if os.fork() == 0:
        if os.fork() == 0:
            os.close(writing)
            if announce_when_ready(port, pid, reading, tls=tls):
                tell_what_changed(pid, reading, watched, rewrite)
        os._exit(0)
    os.wait()
    os.close(reading)
    os.execv(binary, [binary, "-c", str(config)])


def announce_when_ready(port: int, pid: int, lifeline: int, *, tls: bool = False) -> bool:
    """Try to sign in until refused; silent when Mosquitto ends first, for it has said why itself.

    Returns:
        Whether it runs and turns strangers away.
    """
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError):
            if strangers_refused(port, tls=tls):
                announce(port, "mosquitto", pid)
                return True
            os.kill(pid, signal.SIGTERM)
            return False
        if select.select([lifeline], [], [], 0.05)[0]:
            break
    return False


def tell_what_changed(pid: int, lifeline: int, watched: Sequence[Path], rewrite: Callable[[], object]) -> None:
    """Have Mosquitto read its files again whenever the hub wrote one; ends with Mosquitto.

    Under systemd `zhanggui-broker.path` does this. A change counts when a look later nothing has changed further.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for Mosquitto, with whose end this ends
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, whose handle is wanted
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # whoever reads the line must find its end
    told = before = _state_of(watched)
    while not select.select([lifeline], [], [], CHANGE_LOOK_S)[0]:
        now = _state_of(watched)
        settled, before = now == before, now
        if not settled or now == told:
            continue
        try:
            rewrite()
        except (UsersError, click.ClickException) as error:
            print(f"the broker's files stay as they are: {error}", file=sys.stderr, flush=True)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
        told = now


def _state_of(watched: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Give what tells one writing of a file from another; None where it does not stand at the moment."""
    found: list[tuple[int, int] | None] = []
    for path in watched:
        try:
            held = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((held.st_ino, held.st_mtime_ns))
    return found


def port_is_free(port: int) -> bool:
    """Tell whether we may listen there; otherwise the broker of somebody else would be announced as ours."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


@click.command()
@click.option("--kind", type=click.Choice(["embedded", "mosquitto"]), default="embedded", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="TCP port on the loopback address.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for its files.")
@click.option("--users", type=click.Path(path_type=Path), help="JSON {user: token}, mode 600; not with --tls.")
@click.option(
    "--tls",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Mosquitto with certificates: the folder that `zhanggui-hub broker-files` wrote.",
)
@click.option("--stock-limits", is_flag=True, help="Leave Mosquitto its own queue limits; for chaos runs.")
@click.option(
    "--only-write",
    is_flag=True,
    help="Write Mosquitto's files anew and end; for a Mosquitto that another program runs.",
)
def main(
    *, kind: str, port: int, data: Path, users: Path | None, tls: Path | None, only_write: bool, stock_limits: bool
) -> None:
    """Run a broker on the loopback address until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    for noisy in ("amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if (users is None) == (tls is None):
        raise click.UsageError("give --users, or --tls with certificates")
    if tls is not None and kind != "mosquitto":
        raise click.UsageError("--tls goes with --kind mosquitto")
    if not only_write and not port_is_free(port):
        raise click.ClickException(f"port {port} is taken")
    try:
        if tls is not None:
            write, watched = partial(write_mosquitto_tls_files, port, data, tls), [tls / "crl.pem", tls / "broker.pem"]
            config = write()
        elif kind == "mosquitto":
            assert users is not None
            write, watched = partial(_write_anew, port, data, users, stock_limits=stock_limits), [users]
            config = write()
        else:
            assert users is not None
            read_users(users)
            data.mkdir(parents=True, exist_ok=True)
            asyncio.run(run_embedded(port, users))
            return
    except UsersError as error:
        raise click.ClickException(str(error)) from error
    if not only_write:
        run_mosquitto(port, config, watched, write, tls=tls is not None)


if __name__ == "__main__":
    main()
