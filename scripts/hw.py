"""`dev.py hw`: try the real devices of this machine, one by one, as the node would; never part of the tests.

Without an address it lists what is plugged in and writes to nothing: a probing byte may print or open a drawer, so a device is
only spoken to when its address is given here. Nothing that is scanned or swiped is shown whole, because it may be a payment
code or a card.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from drivers import discovery
from drivers.card.magstripe import MagstripeReader, MemberCard
from drivers.card.nfc import Ask, NfcReader, Uid
from drivers.display.displays import DISPLAYS
from drivers.display.screen import Screen
from drivers.errors import DeviceError
from drivers.escpos import encoder
from drivers.paper.glyphs import system_glyphs
from drivers.printer import drawer, printing, profiles
from drivers.printer.printing import Learned
from drivers.scale.dialects import DIALECTS
from drivers.scanner.framer import Framer, Scan
from drivers.scanner.keys import Keyboard, KeyReader
from drivers.transport.address import HidAddress, PcscAddress, parse
from drivers.transport.open_port import ports_for
from drivers.transport.port import Port
from edge.receipts import care
from sync.node.ports import SystemClock

OPEN_MS = 3_000
LISTEN_MS = 50
TAG = b"HW01"


def say(text: str) -> None:
    """One line for a person."""
    print(text, file=sys.stderr, flush=True)


def listed() -> dict[str, Any]:
    """Say what is plugged in."""
    found = discovery.candidates(discovery.this_machine())
    for one in found:
        kinds = ", ".join(f"{kind} {score}" for kind, score in one.kinds) or "not supported"
        say(f"{one.address or '(no address)'}: {one.seen} ({kinds})")
    if not found:
        say("nothing that looks like one of our devices is plugged in")
    return {"ok": True, "found": [{"address": one.address, "seen": one.seen, "kinds": one.kinds} for one in found]}


def try_printer(address: str, model: str, pin: int | None) -> dict[str, Any]:
    """Ask a printer how it is, print a test slip, and open its drawer when a pin is given."""
    clock, ports = SystemClock(), ports_for(parse(address))
    profile, is_known = profiles.known(model)
    status = printing.check(ports, profile, clock)
    say(f"{profile.name}{'' if is_known else ' (model unknown)'}: {status.state} {status.detail}")
    about = care.PrinterFacts("hw", "hw", profile.name, profile.columns, profile.width_dots)
    slip = encoder.encode(care.test_slip(about, clock.now_ms(), ZoneInfo("UTC"), 0), profile, system_glyphs())
    outcome = printing.print_through(
        ports, slip.data, job_tag=TAG, profile=profile, clock=clock, before_first_byte=lambda: None, learned=Learned()
    )
    learned = outcome.learned or Learned()
    told = {
        "ok": outcome.state in {"confirmed", "sent"},
        "state": outcome.state,
        "reason": outcome.reason,
        "confirms": learned.confirms,
        "identity": learned.identity,
        "unprintable": slip.unprintable,
    }
    if pin is not None:
        told["drawer"] = drawer.kick(ports, profile, clock, pin=5 if pin == 5 else 2).state  # noqa: PLR2004 - a pin
    return told


def try_display(address: str, protocol: str) -> dict[str, Any]:
    """Show two lines."""
    display, port = DISPLAYS[protocol](), ports_for(parse(address))()
    port.open(OPEN_MS)
    try:
        data = display.initial() + display.show(Screen("Zhanggui", "Total      12.34", "12.34", "total"))
        while data:
            data = data[port.write(data, OPEN_MS) :]
    finally:
        port.close()
    return {"ok": True, "shown": "two lines; look at the display"}


def heard(port: Port, seconds: float) -> Iterator[bytes]:
    """Give what comes, piece by piece, silence included, for so long."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        yield port.read(LISTEN_MS)


def listen(address: str, seconds: float, take: Callable[[Port, bytes, int], list[str]]) -> dict[str, Any]:
    """Listen to a device and tell what it says, secrets left out."""
    clock, port = SystemClock(), ports_for(parse(address))()
    port.open(OPEN_MS)
    events: list[str] = []
    say(f"listening to {port.identity() or address} for {seconds:.0f} s ...")
    try:
        for data in heard(port, seconds):
            for event in take(port, data, clock.monotonic_ms()):
                say(event)
                events.append(event)
    finally:
        port.close()
    return {"ok": bool(events), "events": events}


def scans(address: str) -> Callable[[Port, bytes, int], list[str]]:
    """Tell scans by their length."""
    reader: Framer | KeyReader = KeyReader() if isinstance(parse(address), HidAddress) else Framer()

    def take(_: Port, data: bytes, now_ms: int) -> list[str]:
        found = reader.feed(data, now_ms) if data else reader.tick(now_ms)
        return [
            f"scan of {len(one.text)} characters" if isinstance(one, Scan) else f"noise: {one.reason}" for one in found
        ]

    return take


def cards(address: str) -> Callable[[Port, bytes, int], list[str]]:
    """Tell cards by their kind."""
    at = parse(address)
    if isinstance(at, PcscAddress):
        chips = NfcReader()

        def tap(port: Port, data: bytes, now_ms: int) -> list[str]:
            told: list[str] = []
            for one in chips.feed(data, now_ms) if data else chips.tick(now_ms):
                if isinstance(one, Ask):
                    port.write(one.apdu, OPEN_MS)
                else:
                    told.append("a chip" if isinstance(one, Uid) else f"unread: {one.reason}")
            return told

        return tap
    stripes, keyboard = MagstripeReader(), Keyboard()

    def swipe(_: Port, data: bytes, now_ms: int) -> list[str]:
        typed = keyboard.typed(data) if isinstance(at, HidAddress) else data
        found = stripes.feed(typed, now_ms) if data else stripes.tick(now_ms)
        return [
            f"member card, track {one.track}" if isinstance(one, MemberCard) else type(one).__name__ for one in found
        ]

    return swipe


def weights(protocol: str) -> Callable[[Port, bytes, int], list[str]]:
    """Tell every reading."""
    dialect = DIALECTS[protocol]()
    asked_ms = 0

    def take(port: Port, data: bytes, now_ms: int) -> list[str]:
        nonlocal asked_ms
        if dialect.question and now_ms - asked_ms >= dialect.poll_ms:
            asked_ms = now_ms
            port.write(dialect.question, OPEN_MS)
        return [repr(one) for one in dialect.feed(data)]

    return take


def main(arguments: list[str]) -> int:
    """Try what was asked for."""
    parser = argparse.ArgumentParser(prog="dev.py hw", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    for kind in ("printer", "scanner", "card", "scale", "display"):
        what.add_argument(f"--{kind}", metavar="ADDRESS", help=f"try the {kind} at this address")
    parser.add_argument("--profile", default="generic-80", help="the printer's profile or model")
    parser.add_argument(
        "--drawer-pin", type=int, choices=(2, 5), help="also open the drawer on this pin of the printer"
    )
    parser.add_argument("--protocol", help=f"of a scale ({', '.join(DIALECTS)}) or display ({', '.join(DISPLAYS)})")
    parser.add_argument("--seconds", type=float, default=20, help="how long to listen")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    try:
        told = _tried(chosen)
    except KeyError as error:
        parser.error(f"--protocol: there is no {error}")
    except DeviceError as error:
        told = {"ok": False, "error": f"{error}: {error.hint}", "code": error.code}
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for key, value in told.items():
            print(f"{key}: {value}")
    return 0 if told["ok"] else 1


def _tried(chosen: argparse.Namespace) -> dict[str, Any]:
    if chosen.printer:
        return try_printer(chosen.printer, chosen.profile, chosen.drawer_pin)
    if chosen.scanner:
        return listen(chosen.scanner, chosen.seconds, scans(chosen.scanner))
    if chosen.card:
        return listen(chosen.card, chosen.seconds, cards(chosen.card))
    if chosen.scale:
        return listen(chosen.scale, chosen.seconds, weights(chosen.protocol or "toledo-8217"))
    if chosen.display:
        return try_display(chosen.display, chosen.protocol or "cd5220")
    return listed()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
