"""The store of the drive: a real node with twins, a hub and a broker that go away, and a clock that can be moved on."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts import demo_orders
from scripts.demo_world import StartError, Store, World
from scripts.offline.frame import Missed

HOUR_MS = 3_600_000
TABLES = 90
HOUSE = """
[house]
fapiao_url = "https://fapiao.example/{store}/{no}?day={day}&amount={amount}"

[intake]
every_s = 1
platforms = [{ id = "mt", name_zh = "Meituan", name_en = "Meituan", auto = false }]
"""
_PATIENCE_S = 60.0
_LOOK_S = 0.05


class OfflineWorld:
    """Broker, hub and one store that is open for business; `cut` takes the first two away."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say
        self._world = World(folder, "embedded", demo_orders.demo_menu(), say)
        self._ahead = folder / "ahead-ms"
        self.ahead_ms = 0

    @property
    def store(self) -> Store:
        """The store at whose counter the drive stands."""
        return self._world.stores[0]

    @property
    def other(self) -> Store:
        """Another store of the same house; nothing of it runs unless `open_other` was called."""
        return self._world.stores[1]

    def open_other(self) -> Store:
        """Open the other store for business as well, once."""
        if self.other.node.popen is None:
            self._world.run_store(self.other)
        return self.other

    @property
    def console_url(self) -> str:
        """Where the hub is, while it is there."""
        return self._world.console_url

    @property
    def console_password(self) -> str:
        """What opens the hub's console."""
        return self._world.console_password

    def start(self) -> None:
        """Start everything.

        Raises:
            StartError: something did not come up; what had been started is stopped again.
        """
        try:
            self._world.found()
            self._world.run_broker()
            self.store.config.write_text(self.store.config.read_text(encoding="utf-8") + HOUSE, encoding="utf-8")
            self._ahead.write_text("0", encoding="ascii")
            self.store.node.command = [
                sys.executable, "-m", "scripts.offline.node", "--config", str(self.store.config), "--ahead", str(self._ahead),
            ]  # fmt: skip
            self._world.run_store(self.store)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything."""
        self._world.stop()

    def cut(self) -> None:
        """Take hub and broker away, as a digger in the street does: no word of farewell."""
        self._world.broker.kill()
        self._world.hub.kill()

    def move_on(self, hours: float, now_ms: Callable[[], int]) -> None:
        """Let hours pass at the node.

        Args:
            hours: how many.
            now_ms: what the node says the time is.

        Raises:
            Missed: the node's clock did not move.
        """
        before_ms = now_ms()
        self.ahead_ms += int(hours * HOUR_MS)
        draft = self._ahead.with_suffix(".draft")
        draft.write_text(str(self.ahead_ms), encoding="ascii")
        draft.replace(self._ahead)
        assert self.store.node.popen is not None
        self.store.node.popen.send_signal(signal.SIGUSR1)
        wait_for(lambda: now_ms() - before_ms >= hours * HOUR_MS, f"the clock to go on by {hours} h")


def wait_for(is_so: Callable[[], object], what: str, patience_s: float = _PATIENCE_S) -> None:
    """Wait until something is so.

    Raises:
        Missed: it never was.
    """
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(StartError):
            if is_so():
                return
        if time.monotonic() > deadline:
            raise Missed(f"waited for {what}")
        time.sleep(_LOOK_S)  # noqa: TID251 - between two looks at another process
