"""Ten minutes of a busy evening, played as fast as the machine can, through real ptys and TCP and the runtime of a node.

A minute of it: 600 weights (ten a second) with 6 weighings among them, 24 scans at two tills, 8 swipes, 20 views on the display
and 6 sales with their slips and the drawer; twice garbage, twice a plug that is pulled, in mid-code where there are codes, and two
sales while the printer has no paper, no power, an open cover, or dies in the middle of the slip. Every event is judged when it
comes: none lost, none doubled, none invented (drivers.md §7).

The evening has a clock of its own, moved on by a tenth of a second when all that was done in it was heard and nothing that began
before goes on: a tenth of a second is a tenth of a second for every device, however slow the machine is. Only the printer, which
answers over TCP, has the machine's own clock.
"""

import os
import random
import re
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from drivers.virtual.faults import FaultChange
from drivers.virtual.keys import typed
from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.timers import Timers
from edge.devices.print_queue import PrintQueue
from edge.devices.printers import port_printer
from edge.domain.device_rows import DrawerRow
from edge.domain.guest_view import GuestView
from edge.services.devices.drawer import NodeKicks
from edge.services.printing import slips
from edge.services.printing.spool import NodeSpool
from scripts.sim_paper import Slip, read_slip
from sync.contract.words import Name
from sync.node.ports import SystemClock
from tests.kit.nodes import Rig
from tests.kit.till_world import TillWorld, descriptors, plug_path, resident_kb

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
MINUTES = 24 * 60 if DEEP else 10
WARM_UP_MINUTES = 2
TICK_MS = 100
LONGEST_WAIT_MS = 1
GROWTH_KB_MAX = 4_096
SLIP_KB = 8
"""What a slip may cost in this process for good: its paper and bytes at the twin, its page in the cache of the file."""

DISHES = (("101", "d101"), ("102", "d102"), ("103", "d103"))
PAN = "4111111111111111"


def rows(folder: Path, printer: str) -> list[dict[str, Any]]:
    def serial(name: str) -> str:
        return f"serial://{plug_path(folder, name)}?baud=9600"

    return [
        {"kind": "printer", "id": "counter", "address": printer},
        {"kind": "drawer", "id": "till-drawer", "printer": "counter"},
        {"kind": "scanner", "id": "gun", "address": serial("gun"), "till": "1"},
        {"kind": "scanner", "id": "keys", "address": f"hid://{plug_path(folder, 'keys')}", "till": "2"},
        {"kind": "scale", "id": "pan", "address": serial("pan"), "till": "1", "protocol": "st-gs"},
        {"kind": "card_reader", "id": "stripe", "address": serial("stripe"), "till": "1"},
        {"kind": "display", "id": "pole", "address": serial("pole"), "till": "1", "protocol": "cd5220"},
    ]


EMPTY = b"ST,GS,+   0.000kg\r\n"
HELLO = b"\r\x0c\x1b@\x0c"
VIEW_BYTES = 48
FAULTS = ("paper_out", "cover_open", "near_end", "asb_noise", "answer_split", "power", "dies")
MINUTE = {"scan": 24, "swipe": 8, "show": 20, "weigh": 6, "sell": 4, "sell_in_trouble": 2, "noise": 2, "replug": 2}


@dataclass
class Ledger:
    """What was done in the evening and is still to be seen, and how much of it there was."""

    scans: dict[str, deque[tuple[str, str]]] = field(default_factory=lambda: {"1": deque(), "2": deque()})
    """Of each till, in order: what its screen must still be told: kind, and value, code or reason."""
    weights: deque[tuple[str, int, str]] = field(default_factory=lambda: deque([("stable", 0, "")]))
    frames: int = 0
    done: Counter[str] = field(default_factory=Counter)
    downs: Counter[str] = field(default_factory=Counter)
    receipts: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Receipts whose first paper broke off: they must lie there once more, with the mark."""
    pulses: int = 0


class Evening:
    """The player: does at the counter what people and bad luck do, and keeps the ledger."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.chance = random.Random(seed)
        self.ledger = Ledger()
        self._numbers = iter(range(1, 10_000_000))
        self._frames: deque[bytes] = deque()
        self._timers = Timers(SystemClock())
        self.twin = PrinterTwin("counter", (), folder / "twin", self._timers, lambda: None)
        self.twin.start()
        self._timers.start()
        self.rig = Rig(folder / "node", devices=rows(folder, str(self.twin.address)))
        self.world = TillWorld(self.rig.node, folder, LONGEST_WAIT_MS)
        self.queue = self._queue(folder)

    def _queue(self, folder: Path) -> PrintQueue:
        node, registry = self.rig.node, self.world.registry
        row = node.devices.printer("counter")
        assert row is not None
        self.spool = NodeSpool(node, "counter")
        self.printer = registry.entry_of(row)
        device = port_printer(self.printer, folder, SystemClock(), self.spool)
        drawers = {each.id: registry.entry_of(each) for each in node.devices.of(DrawerRow)}
        return PrintQueue(self.printer, self.spool, device, node.clock, NodeKicks(node, "counter"), drawers)

    def __enter__(self) -> Self:
        with self.rig.db.read(), self.rig.db.read():
            pass  # two threads may read at once: both connections are there from the start, or the count would be luck
        self.world.__enter__()
        self.queue.start()
        self.world.plugs["pole"].heard(len(HELLO) + VIEW_BYTES)
        for name, supervised in self.world.supervised.items():
            self.world.until(lambda supervised=supervised: supervised.connected, name)  # type: ignore[misc]
        self.printer_is("ready")
        self.pass_ms(1_000)
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.stop()
        self.world.__exit__()
        self.rig.__exit__(None, None, None)
        self.twin.stop()
        self._timers.stop()

    # ---------------------------------------------------------------------------------------------------------- time
    def play(self, minutes: int) -> None:
        """Let so many minutes pass, each with all that belongs to one, in an order of chance."""
        for _ in range(minutes):
            until_ms = self.rig.clock.monotonic_ms() + 60_000
            acts = [act for act, times in MINUTE.items() for _ in range(times)]
            self.chance.shuffle(acts)
            for act in acts:
                getattr(self, act)()
                self.ledger.done[act] += 1
            self.pass_ms(max(until_ms - self.rig.clock.monotonic_ms(), TICK_MS))

    def tick(self) -> None:
        """Let a tenth of a second pass, with what the scale says in it."""
        if self.connected("pan"):
            self.ledger.frames += 1
            self.world.plugs["pan"].say(self._frames.popleft() if self._frames else EMPTY)
            self.world.until(lambda: self.world.counted("pan", "events") == self.ledger.frames, "the weight")
        self.world.pace.all_over()
        self.rig.clock.advance(TICK_MS)
        self.world.tills.sweep()
        self.look()

    def pass_ms(self, ms: int) -> None:
        for _ in range(ms // TICK_MS):
            self.tick()

    # ---------------------------------------------------------------------------------------------------------- judging
    def look(self) -> None:
        """Judge what came to the tills: each event must be the next that somebody caused."""
        for till, screen in self.world.screens.items():
            screen.look()
            for scan in screen.scans:
                expected = self.ledger.scans[till].popleft() if self.ledger.scans[till] else None
                assert (scan["kind"], scan["reason"] or scan["value"] or self.revealed(scan["handle"])) == expected
            for weight in screen.weights:
                expected_weight = self.ledger.weights.popleft() if self.ledger.weights else None
                assert (weight["state"], weight["weight_g"], weight["reason"]) == expected_weight
            screen.scans.clear()
            screen.weights.clear()

    def revealed(self, handle: str) -> str:
        """Take a payment code by its handle, as who charges it does."""
        code = self.world.tills.scanning.take_payment(handle)
        assert code is not None
        with code:
            return code.reveal()

    def told(self, till: str) -> None:
        """Wait until a till was told everything."""

        def is_told() -> bool:
            self.look()
            return not self.ledger.scans[till]

        self.world.until(is_told, f"till {till} to be told of {self.ledger.scans[till]}")

    def connected(self, name: str) -> bool:
        return self.world.supervised[name].connected

    def say(self, name: str, data: bytes) -> None:
        """Let a device say something, and wait until the node has made of it what there is to make."""
        world = self.world
        before = world.counted(name, "bytes")
        world.plugs[name].say(data)
        world.until(lambda: world.counted(name, "bytes") == before + len(data), f"{name} to be heard")
        ended = world.pace.ended[name]
        world.until(lambda: world.pace.ended[name] > ended, f"{name} to be understood")

    # ---------------------------------------------------------------------------------------------------------- devices
    def scan(self) -> None:
        """Scan a dish, a member's code, an address or a payment code; now and then with the trigger held."""
        number = next(self._numbers)
        kind, code, value = self.chance.choice((
            ("dish", *self.chance.choice(DISHES)),
            ("dish", *self.chance.choice(DISHES)),
            ("member", f"ZGM-{number:07d}", f"ZGM-{number:07d}"),
            ("payment", f"13{number:016d}", f"13{number:016d}"),
            ("url", f"https://example.com/{number}", f"https://example.com/{number}"),
        ))  # fmt: skip
        till, name = self.chance.choice((("1", "gun"), ("1", "gun"), ("1", "gun"), ("2", "keys")))
        self.ledger.scans[till].append((kind, value))
        for _ in range(self.chance.choice((1, 1, 1, 1, 10))):
            self.say(name, typed(f"{code}\r", 0) if name == "keys" else f"{code}\r".encode())
            # A short code counts when the line was silent behind it.
            self.tick()
        self.told(till)
        if kind == "dish":
            self.pass_ms(900)  # out of sight, so that the same dish counts again

    def swipe(self) -> None:
        """Draw a member's card, forwards or backwards, or a bank card."""
        what, number = self.chance.choice(("member", "member", "backwards", "bank")), f"{next(self._numbers):08d}"
        track = f";{PAN}=28122010000?" if what == "bank" else f";{number}?"
        self.ledger.scans["1"].append(("card", "bank_card") if what == "bank" else ("member", number))
        self.say("stripe", (track[::-1] if what == "backwards" else track).encode() + b"\r")
        self.told("1")
        self.pass_ms(300)

    def noise(self) -> None:
        """Let a device say what means nothing, as at another speed."""
        name = self.chance.choice(("gun", "stripe"))
        if name == "stripe":
            self.ledger.scans["1"].append(("unknown", "card_unread"))
        self.say(name, self.chance.choice((b"\xff\xfe\x80" * 7, b"\x80\xf8" * 40)) + b"\r")
        self.told("1")
        self.pass_ms(700)

    def replug(self) -> None:
        """Pull a device out, in the middle of a code if it sends any, and plug it in some seconds later."""
        name = self.chance.choice(("gun", "keys", "pan", "stripe", "pole"))
        world, plug, downs = self.world, self.world.plugs[name], self.ledger.downs[name]
        half = {"gun": b"69012345", "keys": typed("69012345", 0), "stripe": b";1234567"}
        if name in half:
            self.say(name, half[name])
        if name == "stripe":
            self.ledger.scans["1"].append(("unknown", "card_unread"))
        if name == "pan":
            self.pass_ms(len(self._frames) * TICK_MS + 500)
            self.ledger.weights += [("trouble", 0, "not_answering"), ("stable", 0, "")]
        self.ledger.downs[name] += 1
        plug.unplug()
        if name == "pole":
            world.supervisor.hurry(name)  # a display is looked at four times a second only
        world.turned(name, 2 * downs + 1)
        self.told("1")
        self.pass_ms(self.chance.choice((1_000, 3_000, 8_000)))
        plug.plug()
        world.supervisor.hurry(name)
        world.until(lambda: self.connected(name), f"{name} to be connected")
        if name == "pole":
            plug.heard(len(HELLO) + VIEW_BYTES)
        self.tick()
        world.turned(name, 2 * downs + 2)

    def weigh(self) -> None:
        """Put something on the scale, let it come to rest, take it off; now and then it is too much, or below zero."""
        self.pass_ms(len(self._frames) * TICK_MS)
        grams = self.chance.randrange(20, 15_000)
        trouble, reason = self.chance.choice((
            (b"", ""),
            (b"", ""),
            (b"OL,GS,+  99.999kg\r\n", "overload"),
            (b"ST,GS,-   0.050kg\r\n", "negative"),
        ))  # fmt: skip
        self._frames += [b"US,GS,+ %3d.%03dkg\r\n" % divmod(grams // 2, 1_000)] * 8
        self._frames += [trouble] * 8 if trouble else []
        self._frames += [b"ST,GS,+ %3d.%03dkg\r\n" % divmod(grams, 1_000)] * 15 + [EMPTY] * 5
        self.ledger.weights += [("unstable", 0, "")]
        self.ledger.weights += [("trouble", 0, reason), ("unstable", 0, "")] if trouble else []
        self.ledger.weights += [("stable", grams, ""), ("stable", 0, "")]

    def show(self) -> None:
        """Show the guest something new."""
        fen = 100 * next(self._numbers)
        view = self.chance.choice((
            GuestView(show="item", name=Name("宫保鸡丁", "Kung Pao chicken"), amount_fen=3_800, total_fen=fen),
            GuestView(show="total", total_fen=fen),
        ))  # fmt: skip
        upper = b"Kung Pao chick 38.00" if view.show == "item" else b" " * 20
        self.world.tills.display.show("1", view)
        expected = b"\x1bQA" + upper + b"\r\x1bQBTotal" + f"{fen // 100}.00".rjust(15).encode() + b"\r"
        assert self.world.plugs["pole"].heard(VIEW_BYTES) == expected
        self.tick()

    # ---------------------------------------------------------------------------------------------------------- printer
    def sell_in_trouble(self) -> None:
        """Sell while something is the matter with the printer, and mend it."""
        fault = self.chance.choice(FAULTS)
        switch = self.twin.server.switch
        if fault == "power":
            switch(FaultChange(power=False))
            self.spool.wake()
            self.printer_is("absent")
        else:
            at_byte = self.chance.randrange(100, 400)
            switch(FaultChange(die_at_byte=at_byte) if fault == "dies" else wish(fault, on=True))
        answer = self.sold(opens=fault != "power")
        if fault in {"paper_out", "cover_open", "power"}:
            self.slip_is("held")
            self.pass_ms(2_000)
        if fault == "dies":
            self.slip_is("unknown")
            self.printer_is("absent")
            self.ledger.broken.append(answer)
        if fault in {"power", "dies"}:
            self.ledger.downs["till-drawer"] += 1
            switch(FaultChange(power=True))
        else:
            switch(wish(fault, on=False))
        if fault not in {"near_end", "asb_noise", "answer_split"}:
            self.ledger.downs["counter"] += 1
        if fault == "dies":
            [job] = slips.open_jobs(self.rig.node)
            slips.retry(self.rig.node, job.job_id)
        self.printed()

    def sell(self) -> None:
        """Sell for cash: the drawer opens, the receipt is printed."""
        self.sold(opens=True)
        self.printed()

    def sold(self, *, opens: bool) -> str:
        answer = self.rig.sell(next(self._numbers))
        self.ledger.receipts.append(answer.receipt_no)
        waiting = "SELECT 1 FROM drawer_jobs WHERE state IN ('waiting', 'sending')"
        self.world.until(lambda: not self.rig.rows(waiting), "the drawer")
        self.ledger.pulses += opens
        self.twin.server.switch(FaultChange(drawer_open=False))
        return answer.receipt_no

    def printed(self) -> None:
        self.spool.wake()
        self.world.until(lambda: not slips.open_jobs(self.rig.node), "the slip to be printed")
        self.spool.wake()
        self.printer_is("ready")
        self.tick()

    def slip_is(self, state: str) -> None:
        self.world.until(lambda: [job.state for job in slips.open_jobs(self.rig.node)] == [state], f"a slip {state}")

    def printer_is(self, state: str) -> None:
        self.world.until(
            lambda: self.printer.view.state == state, f"the printer to be {state}, not {self.printer.view}"
        )

    # ---------------------------------------------------------------------------------------------------------- the end
    def closing_time(self) -> None:
        """Judge the whole evening."""
        self.pass_ms(len(self._frames) * TICK_MS + 1_000)
        ledger = self.ledger
        assert (ledger.scans, ledger.weights) == ({"1": deque(), "2": deque()}, deque())
        assert self.world.plugs["pole"].unheard() == b""
        for name in (*self.world.rows, "counter", "till-drawer"):
            assert self.world.turns_of(name) == [False, True] * ledger.downs[name], name
        assert self.twin.twin.state().drawer_pulses == ledger.pulses
        assert faults_on_paper(self.paper(), ledger.receipts, ledger.broken) == []

    def paper(self) -> list[Slip]:
        return [read_slip(slip.data, complete=slip.complete) for slip in self.twin.twin.slips_after(0)]


def wish(fault: str, *, on: bool) -> FaultChange:
    return msgspec.convert({fault: on}, FaultChange)


def faults_on_paper(paper: list[Slip], receipts: list[str], broken: list[str]) -> list[str]:
    """Say what is wrong with the paper: a receipt that is missing, doubled, marked or not against the ledger, or a stranger."""
    found = []
    whole = [slip for slip in paper if slip.complete]
    numbers = [(number, slip.marked) for slip in whole for number in re.findall(r"\b1-1-\d{6}\b", slip.text)[:1]]
    wanted = Counter((number, number in broken) for number in receipts)
    if Counter(numbers) != wanted:
        found.append(f"{Counter(numbers) - wanted} too much, {wanted - Counter(numbers)} missing")
    if len(whole) != len(numbers):
        found.append(f"{len(whole) - len(numbers)} slips are no receipts")
    if len(paper) - len(whole) > len(broken):
        found.append(f"{len(paper) - len(whole)} broken slips after {len(broken)} deaths")
    return found


@pytest.mark.timeout(8 * 3_600 if DEEP else 400)
def test_a_busy_evening_loses_doubles_and_invents_nothing_and_leaves_threads_files_and_memory_flat(tmp_path):
    with Evening(tmp_path, "evening") as evening:
        evening.play(WARM_UP_MINUTES)
        before, sold = (descriptors(), threading.active_count(), resident_kb()), len(evening.ledger.receipts)

        evening.play(MINUTES - WARM_UP_MINUTES)

        evening.closing_time()
        # What the printer's queue and its twin have open while they look at each other is closed again in a moment.
        evening.world.until(
            lambda: descriptors() <= before[0] and threading.active_count() <= before[1], f"no more than {before[:2]}"
        )
        grown_kb = resident_kb() - before[2]
        assert grown_kb < GROWTH_KB_MAX + SLIP_KB * (len(evening.ledger.receipts) - sold)
        assert evening.ledger.frames > 550 * MINUTES
        assert evening.ledger.done == {act: times * MINUTES for act, times in MINUTE.items()}


def test_the_judge_of_the_evening_sees_what_nobody_caused_what_is_missing_and_what_comes_twice(tmp_path):
    """Negative control: each kind of fault the evening looks for, made on purpose."""
    with Evening(tmp_path, "short") as evening:
        evening.sell()
        evening.pass_ms(1_000)
        evening.closing_time()
        scanning, paper, receipts = evening.world.tills.scanning, evening.paper(), evening.ledger.receipts

        scanning.scanned("1", "ZGM-0000001")
        with pytest.raises(AssertionError, match="None"):
            evening.look()
        evening.ledger.scans["1"].append(("member", "ZGM-0000002"))
        with pytest.raises(AssertionError, match="ZGM-0000002"):
            evening.closing_time()
        scanning.scanned("1", "ZGM-0000002")
        scanning.scanned("1", "ZGM-0000002")
        with pytest.raises(AssertionError, match="None"):
            evening.look()

    assert faults_on_paper(paper, receipts, []) == []
    assert faults_on_paper(paper * 2, receipts, []) != []
    assert faults_on_paper([], receipts, []) != []
    assert faults_on_paper(paper, receipts, receipts) != []
    assert faults_on_paper([*paper, Slip(complete=True, marked=False, text="?")], receipts, []) != []
    assert faults_on_paper([*paper, Slip(complete=False, marked=False, text="")], receipts, []) != []
