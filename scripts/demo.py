"""`dev.py demo`: the whole product on one machine, for a person to try (default) or to prove itself (`--check`)."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

from scripts import demo_orders
from scripts.demo_orders import Day, OrdersError
from scripts.demo_world import StartError, World

DEFAULT_SALES = 600
SALES_MIN = 12
"""Fewer cannot be dealt to two stores and three thirds with a fault in each."""
WATCH_S = 1.0
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the demo; exit 0 if and only if all is well."""
    asked = _arguments()
    # A closed terminal or a polite kill must not leave processes behind: both end like Ctrl-C, through every `finally`.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        day = _day(asked)
    except OrdersError as error:
        _refuse(str(error), as_json=asked.json)
    folder = Path(tempfile.mkdtemp(prefix="zhanggui-demo-"))
    try:
        sys.exit(_check(asked, day, folder) if asked.check else _show(asked, day, folder))
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(EXIT_INTERRUPTED)
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="sell a day without a person and judge it")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    parser.add_argument("--sales", type=int, help=f"orders to sell with --check (default {DEFAULT_SALES})")
    parser.add_argument("--orders", type=Path, help="order lines as CSV or CSV.gz: " + ",".join(demo_orders.COLUMNS))
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    parser.add_argument("--seed", type=int, default=1, help="of the generated day")
    parser.add_argument("--break", dest="spoil", choices=("lose", "double", "unmark"), help="spoil one sale on purpose")
    parser.add_argument("--keep", action="store_true", help="keep the demo's folder and say where it is")
    asked = parser.parse_args()
    if asked.sales is not None and asked.sales < SALES_MIN:
        parser.error(f"--sales takes {SALES_MIN} or more")
    if asked.spoil and not asked.check:
        parser.error("--break goes with --check")
    return asked


def _day(asked: argparse.Namespace) -> Day:
    if asked.orders is not None:
        return demo_orders.from_file(asked.orders, asked.sales)
    if asked.check:
        return demo_orders.generated(asked.sales or DEFAULT_SALES, asked.seed)
    return Day(demo_orders.demo_menu())


def _show(asked: argparse.Namespace, day: Day, folder: Path) -> int:
    """Start everything, say where it is, and wait for Ctrl-C; what ends by itself is started again."""
    world = World(folder, asked.broker, day.menu, _say, fixed_ports=True)
    try:
        world.start()
        _wait_for_page(world.stores[0].url)
        # What reads paper is not needed for the page: it is up by now.
        from scripts import demo_members  # noqa: PLC0415

        club = demo_members.show(world, _say)
        print(_welcome(world, club), flush=True)
        while True:
            time.sleep(WATCH_S)  # noqa: TID251 - between two looks at other processes
            for process in world.ended():
                _say(f"{process.name} ended; starting it again, as a service manager would")
                process.start()
    except (StartError, RuntimeError) as error:
        _refuse(str(error), as_json=asked.json)
    except KeyboardInterrupt:
        _say("stopping")
        return 0
    finally:
        world.stop()


def _check(asked: argparse.Namespace, day: Day, folder: Path) -> int:
    """Sell the day, judge it, print the verdict."""
    # The judge brings the picture and QR libraries; the demo for people starts faster without them.
    from scripts import demo_day, demo_judge, demo_members  # noqa: PLC0415

    world = World(folder, asked.broker, day.menu, _say)
    try:
        world.start()
        setup_s = _wait_for_page(world.stores[0].url)
        sales, outage, desks = demo_day.sell_day(world, day.orders, _say, asked.spoil)
        demo_day.settle_paper_and_wire(world, desks, _say)
        if asked.spoil == "unmark":
            demo_day.repeat_bytes_unmarked(world)
        club = demo_members.join_from_paper(world, desks, _say)
        verdict = demo_judge.judge(world, sales, len(day.orders), outage, club, _say)
    except (StartError, RuntimeError) as error:
        _refuse(str(error), as_json=asked.json)
    finally:
        world.stop()
        if asked.keep:
            _say(f"everything is kept in {folder}")
    verdict.setup_to_page_s = round(setup_s, 1)
    verdict.setup_cache = os.environ.get("ZHANGGUI_SETUP_CACHE", "none")
    for rule in verdict.failed:
        _say(f"FAILED: {rule}")
    print(verdict.as_json() if asked.json else _as_text(verdict.as_json()), flush=True)
    return 0 if verdict.ok else 1


def _wait_for_page(url: str) -> float:
    """Wait for the till's page; gives the seconds since set-up began."""
    began = float(os.environ.get("ZHANGGUI_SETUP_STARTED", _PROCESS_BEGAN))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{url}/till/", timeout=5).close()  # noqa: S310 - our own address
            return time.time() - began  # noqa: TID251 - against the wall time that dev.py handed over
        time.sleep(0.05)  # noqa: TID251 - between two looks at another process
    raise StartError(f"the till's page at {url} did not come")


def _welcome(world: World, club: list[str]) -> str:
    lines = ["", "掌柜 Zhanggui is running. Ctrl-C stops all of it.", ""]
    for store in world.stores:
        lines += [
            f"  {store.name.zh} · {store.name.en}",
            f"    till          {store.url}/till/    PIN {store.pin} (tills 1 and 2)",
            f"    paper roll    {store.roll_url}/    (faults can be switched there)",
            f"    devices       {store.url}/devices    (what each is doing; virtual ones have a page of their own)",
        ]
    lines += [
        "  总部 · HQ",
        f"    console       {world.console_url}/    password {world.console_password}",
        f"    invite page   {world.guest_url}/J/…    (what the QR on a receipt opens)",
        *club,
        "",
    ]
    return "\n".join(lines)


def _say(message: str) -> None:
    elapsed_s = time.time() - float(os.environ.get("ZHANGGUI_SETUP_STARTED", _PROCESS_BEGAN))  # noqa: TID251
    print(f"[{elapsed_s:6.1f} s] {message}", file=sys.stderr, flush=True)


def _refuse(message: str, *, as_json: bool) -> NoReturn:
    print(message, file=sys.stderr)
    if as_json:
        print(json.dumps({"ok": False, "error": message}, ensure_ascii=False), flush=True)
    sys.exit(2)


def _as_text(line: str) -> str:
    return "\n".join(f"{name:24} {value}" for name, value in json.loads(line).items())


_PROCESS_BEGAN = str(time.time())  # noqa: TID251 - set-up time counts wall seconds across processes

if __name__ == "__main__":
    main()
