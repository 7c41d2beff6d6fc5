"""`dev.py offline`: the uplink is cut and every function of the register is done at the counter; what the guest does not get, failed.

A store sells once with the network there. Then broker, hub and payment gateway are away, with `--hours N` the node's clock goes on by
that much while it sells on, and the drivers of `scripts/offline/` do what `edge/functions.toml` lists. A function without a driver
fails; "queued" is no pass. `--online` is the counter-check: nothing is cut, and then nothing may fail.
"""

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from edge.domain import functions
from edge.domain.functions import Function, Offline
from scripts.demo_world import ROOT, StartError
from scripts.offline import frame
from scripts.offline.counter import API, DISH_FEN, PINS, Counter
from scripts.offline.elsewhere import leave_open
from scripts.offline.frame import Missed, Result
from scripts.offline.house import enrol_code
from scripts.offline.live_codes import make_code
from scripts.offline.world import TABLES, OfflineWorld, wait_for

REGISTER = ROOT / "edge" / "functions.toml"
TARGET = 0.95
STEP_H = 12
"""The clock goes on in steps of a shift; in each the store sells a little."""
PEOPLE = (("cashier", "Cai Cashier"), ("supervisor", "Su Supervisor"), ("manager", "Ma Manager"))


@dataclass
class Report:
    """What the drive came to.

    Attributes:
        hours: that passed at the node without the network.
        functions: of persons; what only machines ask for is driven too, and stands in `machines_failed`.
        limited: those that passed within a limit that the register names.
        score, score_weighted: the share that passed, of functions and of presses.
        score_strict: the share that goes whole: what is limited counts as failed.
        failed: the ids of what the guest did not get, and why.
        expected: what the register says needs the network; the drive is well when that is what failed.
        broken: what needs the network and failed before the cut too; its driver shows nothing.
    """

    ok: bool = False
    online: bool = False
    hours: float = 0
    functions: int = 0
    passed: int = 0
    score: float = 0.0
    score_weighted: float = 0.0
    score_strict: float = 0.0
    limited: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    machines_failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(arguments: list[str]) -> int:
    """Drive, and say what came of it; exit 0 when exactly what needs the network failed."""
    asked = _arguments(arguments)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="zhanggui-offline-"))
    try:
        report = drive(folder, hours=asked.hours, online=asked.online, only=tuple(asked.only.split(",")))
    except (StartError, Missed) as error:
        sys.exit(f"the drive did not come to the functions: {error}")
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    told = vars(report)
    print(json.dumps(told, ensure_ascii=False) if asked.json else _as_text(told), flush=True)
    return 0 if report.ok else 1


def drive(folder: Path, *, hours: float = 0, online: bool = False, only: tuple[str, ...] = ("",)) -> Report:
    """Drive every function of the register.

    Args:
        hours: let so many pass at the node after the cut.
        online: cut nothing.
        only: drive those only whose id begins with one of these.

    Raises:
        StartError: a process did not come up.
        Missed: the store could not be made ready.
    """
    began = time.monotonic()
    register = [one for one in functions.read(REGISTER.read_text(encoding="utf-8")) if one.id.startswith(only)]
    known = frame.drivers()
    with opened(folder) as counter:
        if any(one.id == "elsewhere.drop" for one in register):
            leave_open(counter)
        # A driver that fails with the network there as well would show nothing by failing without it.
        counter.before["hub_state"] = "connected"
        needed = [] if online else [one for one in register if one.offline is Offline.NETWORK]
        broken = [one.id for one in (_driven(counter, each, known) for each in needed) if not one.passed]
        if not online:
            cut(counter)
        counter.before["hub_state"] = "connected" if online else "away"
        pass_hours(counter, hours)
        results = [_driven(counter, one, known) for one in register]
    report = judged(register, results, online=online)
    report.broken, report.ok = broken, report.ok and not broken
    report.hours, report.seconds = hours, round(time.monotonic() - began, 1)
    return report


def judged(register: list[Function], results: list[Result], *, online: bool) -> Report:
    """Put results into figures."""
    people = {one.id: one for one in functions.of_people(tuple(register))}
    mine = [one for one in results if one.id in people]
    plain, weighted = frame.score(mine)
    limited = [one.id for one in mine if one.passed and people[one.id].offline is Offline.LIMITED]
    strict, _ = frame.score([Result(one.id, one.presses, "limited") if one.id in limited else one for one in mine])
    report = Report(
        online=online,
        functions=len(mine),
        passed=sum(one.passed for one in mine),
        score=round(plain, 4),
        score_weighted=round(weighted, 4),
        score_strict=round(strict, 4),
        limited=limited,
        failed=[one.id for one in mine if not one.passed],
        expected=[] if online else [one.id for one in people.values() if one.offline is Offline.NETWORK],
        why={one.id: one.why for one in results if not one.passed},
        machines_failed=[one.id for one in results if one.id not in people and not one.passed],
    )
    report.ok = report.failed == report.expected and not report.machines_failed
    return report


def _driven(counter: Counter, one: Function, known: dict[str, frame.Driver]) -> Result:
    driver = known.get(one.id)
    if driver is None:
        return Result(one.id, one.presses, "nobody drives it")
    began = time.monotonic()
    try:
        driver(counter)
        why = ""
    except Missed as missed:
        why = str(missed)
    except Exception as error:  # noqa: BLE001 - a driver that breaks shows nothing
        why = f"{type(error).__name__}: {error}"
    _say(f"{'ok  ' if not why else 'FAIL'} {one.id} ({time.monotonic() - began:.1f} s) {why}")
    return Result(one.id, one.presses, why)


# -------------------------------------------------------------------------------------------------------- before the cut
@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Counter]:
    """Open a store with people, tables, a float, and a first sale that HQ has."""
    world = OfflineWorld(folder, _say)
    world.start()
    counter = Counter(world, world.store.pin)
    try:
        _hire(counter)
        _furnish(counter)
        wait_for(lambda: counter.do("GET", "status")["hub"]["state"] == "connected", "the way to HQ")
        _sell_online(counter)
        yield counter
    finally:
        counter.close()
        world.stop()


def _hire(counter: Counter) -> None:
    first = counter.stranger()
    answer = first.ask("POST", f"{API}/session", {"pin": counter.first_pin, "till": "1"})
    frame.hold(answer.fine, f"the first manager signs in: {answer.body}")
    for role, name in PEOPLE:
        body = {"request_id": counter.id(), "name": name, "role": role, "locale": "zh-CN", "pin": PINS[role]}
        added = first.ask("POST", f"{API}/people", body)
        frame.hold(added.fine, f"{name} is put in: {added.body}")
        counter.people[role] = added.body["id"]


def _furnish(counter: Counter) -> None:
    over = counter.do("GET", "floor")["version"]
    tables = [
        {"id": f"t{n}", "name": f"T{n}", "seats": 4, "x": 5 * ((n - 1) % 10), "y": 4 * ((n - 1) // 10), "width": 3, "height": 3}
        for n in range(1, TABLES + 1)
    ]  # fmt: skip
    hall = {"id": "hall", "name": {"zh": "\u5927\u5385", "en": "Hall"}, "columns": 60, "rows": 60, "tables": tables}
    counter.do("POST", "floor", {"request_id": counter.id(), "over": over, "areas": [hall]}, "manager")
    counter.do("POST", "shift/open", {"request_id": counter.id(), "float_fen": 30_000})


def _sell_online(counter: Counter) -> None:
    """Sell once while everything is there, and leave what is undecided when the network goes."""
    sale = counter.sell()
    counter.paper.comes(sale["receipt_no"])
    order_id, paid = _charged(counter)
    frame.hold(paid["state"] == "taken", f"with the network a code is charged: {paid}")
    counter.pay(order_id, tenders=[{"kind": "code", "payment_id": paid["payment_id"]}])
    # A guest's password is still being typed when the line goes: nobody knows what became of these.
    faults = counter.do("GET", "gateway/faults", who="manager")
    counter.do("PUT", "gateway/faults", {**faults, "guest_confirms": -1}, "manager")
    for name in ("hanging", "accepted"):
        order_id, found = _charged(counter)
        counter.before[name], counter.before[f"{name}_order"] = found["payment_id"], order_id
    counter.do("PUT", "gateway/faults", faults, "manager")
    counter.before["bill_day"] = sale["business_day"]
    heading = "kind,payment_id,refund_no,provider,reference,amount_fen,at"
    row = f"pay,{paid['payment_id']},,{paid['provider']},{paid['reference']},{DISH_FEN},{sale['business_day']} 12:00:00"
    counter.before["bill_file"] = f"{heading}\n{row}\n"
    counter.before["enrol_code"] = enrol_code(counter)
    counter.before["live_code"] = make_code(counter)

    def sent() -> bool:
        waiting = counter.do("GET", "status")["hub"]["waiting"]
        return bool(waiting["trade"] == 0)

    wait_for(sent, "HQ to have all that was sold")


def _charged(counter: Counter) -> tuple[str, dict[str, Any]]:
    """Charge a code for a table's one dish; gives its order and what came of it."""
    order_id, _ = counter.opened()
    body = {
        "payment_id": counter.id(), "kind": "code", "amount_fen": DISH_FEN, "order_id": order_id, "handle": counter.payment_code(),
    }  # fmt: skip
    return order_id, counter.do("POST", "payments", body)


# --------------------------------------------------------------------------------------------------------------- the cut
def cut(counter: Counter) -> None:
    """Take the network away: HQ, the broker, and the payment gateway."""
    counter.world.cut()
    faults = counter.do("GET", "gateway/faults", who="manager")
    counter.do("PUT", "gateway/faults", {**faults, "away": True}, "manager")
    wait_for(lambda: counter.do("GET", "status")["hub"]["state"] == "away", "the node to see that HQ is away")
    _say("the uplink is cut")


def pass_hours(counter: Counter, hours: float) -> None:
    """Let hours pass while the store sells on."""
    left = hours
    while left > 0:
        step = min(STEP_H, left)
        counter.world.move_on(step, counter.now_ms)
        left -= step
        counter.paper.comes(counter.sell()["receipt_no"])
    if hours:
        _say(f"{hours:g} hours later")


# ----------------------------------------------------------------------------------------------------------------- saying
def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py offline", description=__doc__)
    parser.add_argument("--hours", type=float, default=0, help="let so many hours pass at the node after the cut")
    parser.add_argument("--online", action="store_true", help="cut nothing: then nothing may fail")
    parser.add_argument(
        "--only", default="", help="drive those only whose id begins with one of these, parted by commas"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the drive")
    asked = parser.parse_args(arguments)
    if not 0 <= asked.hours <= 24 * 365:
        parser.error("--hours takes 0 to a year")
    return asked


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _as_text(told: dict[str, Any]) -> str:
    lines = [f"{name:18} {value}" for name, value in told.items() if name != "why"]
    return "\n".join([*lines, *(f"  {name}: {why}" for name, why in told["why"].items())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
