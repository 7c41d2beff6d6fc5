"""Tell systemd how the process is (sd_notify): ready, alive, stopping; alive only while every vital part answers.

Plain Python instead of a library: the protocol is one datagram of lines, and what is worth having is the judgement before it.
systemd restarts a process whose pings stop for `WatchdogSec`; a process that pings from a thread of its own whatever happens
beside it would never be restarted, which is the common mistake.
"""

import faulthandler
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, MutableMapping

from sync.node.ports import Clock

WEB_TIMEOUT_S = 10.0
PINGS_A_PERIOD = 3
"""Pings in the time after which systemd gives up, so that one that comes late is no end."""

STOP_HUNG_S = 20.0
"""A stop that takes longer says where it stands, before the service manager's patience ends (30 s for a node)."""

Vitals = dict[str, Callable[[], bool]]
"""The parts without which the process is of no use, by name; each says within bounded time whether it is alive."""

log = logging.getLogger(__name__)


def stop_in_view(stop: Callable[[], None], hung_s: float = STOP_HUNG_S) -> None:
    """Stop; when that takes too long, write to stderr at which line every thread stands (no values, so no secrets)."""
    faulthandler.dump_traceback_later(hung_s)
    try:
        stop()
    finally:
        faulthandler.cancel_dump_traceback_later()


class Notifier:
    """The way to the service manager; without `NOTIFY_SOCKET` nobody listens and nothing is sent."""

    def __init__(self, address: str = "") -> None:
        # A leading @ stands for the zero byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, *lines: str) -> bool:
        """Send lines such as `READY=1`; false when nobody listens, which is no reason to stop."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
                # The manager reads at its leisure; a full queue must not hold the process.
                way.settimeout(1.0)
                way.connect(self._address)
                way.send("\n".join(lines).encode())
        except OSError as error:
            log.warning("watchdog.unheard", extra={"detail": str(error)})
            return False
        return True


class Pulse:
    """When a loop last came round; the loop beats, the watchdog looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat_ms: int | None = clock.monotonic_ms()

    def beat(self) -> None:
        """Say that the loop came round."""
        self._beat_ms = self._clock.monotonic_ms()

    def rest(self) -> None:
        """Say that the loop waits for work, which may take for ever; the next beat ends it."""
        self._beat_ms = None

    def within(self, limit_ms: int) -> bool:
        """Say whether it rests, or came round within so many ms."""
        beat_ms = self._beat_ms
        return beat_ms is None or self._clock.monotonic_ms() - beat_ms <= limit_ms


def web_answers(host: str, port: int, path: str, timeout_s: float = WEB_TIMEOUT_S, *, tls: bool = False) -> bool:
    """Say whether a listener of ours still takes a connection and answers it; any HTTP status will do."""
    asking = http.client.HTTPConnection(host, port, timeout=timeout_s)
    if tls:
        # It is our own port: whether it lives is asked, not who it is, and its certificate may name another host.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asking = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    try:
        asking.request("GET", path, headers={"Connection": "close"})
        asking.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
    return True


class Watchdog:
    """The thread that asks every vital part and pings only when all of them answered."""

    def __init__(self, notifier: Notifier, vitals: Vitals, period_s: float | None) -> None:
        """Make it; `start` begins.

        Args:
            notifier: where to ping.
            vitals: what must be alive.
            period_s: after how long a silence systemd restarts us; None = it does not watch.
        """
        self._notifier = notifier
        self._vitals = vitals
        self._period_s = period_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._silent = False

    def start(self) -> None:
        """Say that the process serves, and go on pinging."""
        self._notifier.tell("READY=1", "STATUS=serving")
        if self._period_s is not None:
            self._thread.start()

    def stop(self) -> None:
        """Say that the process is about to end; call it before anything is stopped."""
        self._notifier.tell("STOPPING=1", "STATUS=stopping")
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=WEB_TIMEOUT_S)

    def look(self) -> list[str]:
        """Name the parts that do not answer, and ping when there are none."""
        dead = [name for name, alive in list(self._vitals.items()) if not alive()]
        if not dead:
            self._silent = False
            self._notifier.tell("WATCHDOG=1", "STATUS=serving")
        elif not self._silent:
            # Once: a restart is coming, and the log should say why and not how long.
            self._silent = True
            log.error("watchdog.silent", extra={"parts": dead})
            self._notifier.tell(f"STATUS=no answer from: {', '.join(dead)}")
        return dead

    def _run(self) -> None:
        assert self._period_s is not None
        while not self._stopping.wait(self._period_s / PINGS_A_PERIOD):
            self.look()


def from_environment(environment: MutableMapping[str, str], pid: int) -> tuple[Notifier, float | None]:
    """Take what systemd told this process: whom to notify, and after how long a silence it acts.

    The variables are taken out, so that no child process speaks in our name.

    Args:
        environment: usually `os.environ`.
        pid: of this process; the period counts only for the process that it was meant for.
    """
    told: Mapping[str, str | None] = {
        name: environment.pop(name, None) for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    }
    usec, meant = told["WATCHDOG_USEC"], told["WATCHDOG_PID"]
    watched = usec is not None and usec.isdigit() and int(usec) > 0 and meant in {None, str(pid)}
    return Notifier(told["NOTIFY_SOCKET"] or ""), int(usec) / 1_000_000 if watched and usec else None
