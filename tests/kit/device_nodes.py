"""A running node with printers of its own: the real wiring on a folder, and twins in this process behind real sockets."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.timers import Timers
from edge import wiring
from edge.domain.pricing import BasketLine
from edge.services.money.settle_sale import SaleAnswer, Settled, read_answer, settle_sale
from edge.services.ordering import import_menu
from edge.settings import EdgeSettings, StoreSettings, WebSettings
from sync.node import keys
from tests.kit.nodes import AT_TILL_1, MENU, grant, sell_command
from tests.kit.printers import RealClock
from tests.kit.waiting import PATIENCE_S

MISSING_SCANNER: dict[str, Any] = {
    "kind": "scanner",
    "id": "scanner-1",
    "name": "扫码枪",
    "address": "serial:///dev/serial/by-id/usb-no-such-scanner",
    "till": "1",
}
WRONG_ROW: dict[str, Any] = {"kind": "drawer", "id": "box", "printer": "nowhere"}


class DeviceNode:
    """A node at till 1 with two printers, `counter` and `kitchen`, a drawer, a scanner that is not there and a wrong row."""

    def __init__(
        self, folder: Path, extra: Sequence[dict[str, Any]] = (MISSING_SCANNER, WRONG_ROW), **counter: object
    ) -> None:
        self._ends = ExitStack()
        timers = Timers(RealClock())
        timers.start()
        self._ends.callback(timers.stop)
        self.twins = {
            name: PrinterTwin(name, (), folder / "twins", timers, lambda: None) for name in ("counter", "kitchen")
        }
        for twin in self.twins.values():
            twin.start()
            self._ends.callback(twin.stop)
        node_folder = folder / "node"
        node_folder.mkdir(parents=True)
        node_folder.chmod(0o700)
        # An enrolled node is the one that holds its keys.
        keys.load_or_make(node_folder / "keys.json")
        keys.write_secret(node_folder / "enrolment.json", msgspec.json.encode(grant()))
        rows = [
            {"kind": "printer", "id": "counter", "name": "前台小票机", "address": str(self.twins["counter"].address), **counter},
            {"kind": "printer", "id": "kitchen", "name": "热菜厨打", "address": str(self.twins["kitchen"].address),
             "stations": ["wok"]},
            {"kind": "drawer", "id": "drawer", "name": "钱箱", "printer": "counter"},
            *extra,
        ]  # fmt: skip
        self.settings = EdgeSettings(
            data_dir=str(node_folder),
            web=WebSettings(port=0),
            store=StoreSettings(tills=("1", "2")),
            devices=rows,
        )
        self.running = wiring.start(self.settings)
        self._ends.callback(self.running.stop)
        self.node = self.running.node
        import_menu.bring_into_force(self.node, MENU)
        self.url = f"http://127.0.0.1:{self.running.port}"
        self.pin = (node_folder / "cashier-pin.txt").read_text(encoding="ascii").strip()
        self._sold = 0

    def stop(self) -> None:
        self._ends.close()

    def fault(self, printer: str = "counter", **change: object) -> None:
        """Switch something at a twin: `paper_out=True`, `cover_open=False`."""
        self.twins[printer].prepare("fault", change)()

    def sell(self, lines: tuple[BasketLine, ...] | None = None) -> SaleAnswer:
        self._sold += 1
        settled = settle_sale(self.node, AT_TILL_1, sell_command(self._sold, lines))
        assert isinstance(settled, Settled), settled
        return read_answer(settled.answer)

    def slips(self, printer: str = "counter") -> list[str]:
        """What lies under a twin, slip by slip, as text."""
        return [slip.text for slip in self.twins[printer].twin.slips_after(0)]

    def until(self, happened: Any, timeout_s: float = PATIENCE_S) -> None:
        """Wait until something is so."""
        changed, seen = self.node.changed, 0
        over = time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < over, "it did not happen in time"
            seen = changed.wait(seen, 0.1)
