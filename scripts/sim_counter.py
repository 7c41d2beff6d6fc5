"""A counter with one printer under bad luck: the real node's services, queue and drivers over a twin's machine, life after life."""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from drivers.escpos import encoder
from drivers.printer.profiles import PROFILES
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import VirtualPrinter
from edge.db import journal, print_jobs
from edge.db.migrations import steps
from edge.db.print_jobs import Job
from edge.devices.print_queue import PrintQueue
from edge.devices.printers import PortPrinter
from edge.devices.registry import Registry
from edge.domain.device_rows import PrinterRow, read_rows
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.printing import slip_papers, slips, spool
from edge.settings import EdgeSettings, StoreSettings
from scripts import sim_store
from scripts.sim_faults import Doom, Killed, MortalStorage
from scripts.sim_paper import Tray, TwinWire, mend, read_slip
from sync.contract import ids
from sync.contract.menu import Menu
from sync.contract.words import Name
from sync.node import keys, migrate
from sync.node.passwords import Vault
from sync.node.ports import IdSource, ManualClock, SeededChance

PROFILES_USED = ("epson-80", "clone-80", "clone-80-image-qr", "epson-58", "clone-58")
STATION = "wok"
STEPS_MAX = 400
"""So many steps of the queue settle anything that can be settled; more is a queue that turns in circles."""
LIFE_STEPS_MAX = 40
SLIP_BYTES = 1_800
"""Somewhat more than a slip has, so that the printer also dies between two of them."""
_WAIT_MS = 700
MISFORTUNE = 0.7
CARE = 0.3
"""How often something happens after a sale, and how often somebody comes by to mend, or to look at the parked slips."""

MENU: Menu = msgspec.structs.replace(
    sim_store.MENU,
    dishes=tuple(
        msgspec.structs.replace(dish, station=STATION if dish.id == "d1" else "") for dish in sim_store.MENU.dishes
    ),
)


@dataclass
class Luck:
    """What befell the jobs, counted."""

    counts: dict[str, int] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Count one more."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Counter:
    """One till, one printer, one person who mends things and presses "print again"."""

    def __init__(self, seed: int, number: int, *, marking: bool) -> None:
        """Build the shop.

        Args:
            seed: of the whole simulation.
            number: which counter of it, so that each has luck and a printer model of its own.
            marking: whether a repeat carries its mark; switched off to see that it would be noticed.
        """
        name = f"{seed}/{number}"
        self.dice = random.Random(name)
        self.luck = Luck()
        self.tray = Tray()
        self.clock = ManualClock()
        self.expected: dict[str, str] = {}
        self._name = name
        self._marking = marking
        self._doom = Doom()
        self._disk = migrate.inline(steps)
        self._identity = keys.make_identity(name.encode().ljust(32, b".")[:32])
        profile = PROFILES_USED[number % len(PROFILES_USED)]
        self._machine = VirtualPrinter(PROFILES[profile], "counter")
        row = {"kind": "printer", "id": "counter", "address": "tcp://127.0.0.1:9", "profile": profile,
               "stations": ["receipt", STATION], "ask_after_min": 0}  # fmt: skip
        self._settings = EdgeSettings(data_dir=".", store=StoreSettings(tills=("1", "2")), devices=[row])
        self._rows = read_rows(self._settings.devices, self._settings.store.tills)
        assert not self._rows.problems, self._rows.problems
        self._lives = 0
        self._sold = 0
        self._live()

    # ----------------------------------------------------------------------------------------------------------- lives
    def _live(self) -> None:
        """Begin a life as `edge.wiring` does."""
        self._lives += 1
        chance = SeededChance(f"{self._name}/{self._lives}")
        storage = MortalStorage(self._disk, self._doom, lambda: None)
        node = Node(
            settings=self._settings,
            db=storage,
            clock=self.clock,
            chance=chance,
            ids=IdSource(self.clock, chance),
            identity=self._identity,
            enrolment=_grant(),
            vault=Vault(self._identity.journal, sim_store.CHEAP),
            zone=sim_store.ZONE,
            devices=self._rows,
        )
        storage.write(lambda tx: journal.open_epoch(tx, "sim", 1))
        import_menu.load_in_force(node)
        import_menu.bring_into_force(node, MENU)
        spool.recover(node)
        self.node = node
        registry = Registry(self._rows.rows, self.clock, lambda: None)
        [row] = self._rows.of(PrinterRow)
        mine = spool.NodeSpool(node, row.id)
        device = PortPrinter(registry.entry_of(row), self._wire, self.clock, mine)
        self._queue = PrintQueue(registry.entry_of(row), mine, device, self.clock)

    def _wire(self) -> TwinWire:
        self._connection = TwinWire(self._machine, self.tray, self.clock, self._doom)
        return self._connection

    def _mortal(self, deed: Callable[[], object]) -> None:
        """Do something that may be the node's last; then it starts again, as a service manager starts it."""
        try:
            deed()
        except Killed:
            self.luck.note("node killed")
            self._doom.disarm()
            self._connection.close()
            self._live()

    # ----------------------------------------------------------------------------------------------------------- a day
    def serve(self, sales: int) -> None:
        """Sell, with something going wrong around most slips, until every slip is settled."""
        for _ in range(sales):
            self._sell()
            if self.dice.random() < MISFORTUNE:
                self._misfortune()
                self._work(self.dice.randint(1, 6))
        self._finish()

    def close(self) -> None:
        """Free the file."""
        self._disk.close()

    def _sell(self) -> None:
        self._sold += 1
        self.clock.advance(self.dice.randint(1_000, 60_000))
        dishes = self.dice.sample(["d1", "d2", "d3"], self.dice.randint(1, 3))
        command = SellCommand(
            sale_id=ids.uuid7(self.clock.now_ms(), self.dice.randbytes(10)).hex(),
            lines=tuple(BasketLine(dish_id=dish_id, qty=self.dice.randint(1, 4)) for dish_id in dishes),
            tenders=(AskedTender(kind="cash", received_fen=50_000),),
        )
        # Selling is another simulation's matter; here no sale dies, so that every one must come out.
        self._doom.disarm()
        settled = settle_sale(self.node, sim_store.TILLS[self._sold % 2], command)
        assert isinstance(settled, Settled), settled
        for job in self._jobs_of(command.sale_id):
            document = slip_papers.document(self.node, job, self._machine.profile)
            self.expected[job.job_id] = read_slip(
                encoder.encode(document, self._machine.profile).data, complete=True
            ).text

    def _jobs_of(self, sale_id: str) -> list[Job]:
        with self.node.db.read() as reader:
            return print_jobs.of_subject(reader, sale_id)

    def _misfortune(self) -> None:
        """Draw what happens next at the printer or to the node."""
        draw = self.dice.choice
        kind = draw(
            ["die", "die", "die", "answers", "kill", "kill", "kill", "mute", "paper", "cover", "power", "kanji"]
        )
        self.luck.note(kind)
        at = self.dice.randrange(SLIP_BYTES)
        change = {
            "die": FaultChange(die_at_byte=at),
            "answers": FaultChange(lose_answers=self.dice.randint(1, 3)),
            "mute": FaultChange(mute=True),
            "paper": FaultChange(paper_out_at_byte=at),
            "cover": FaultChange(cover_open_at_byte=at),
            "power": FaultChange(power=False),
            "kanji": FaultChange(kanji_off=draw([True, False]), die_at_byte=at),
        }
        if kind == "kill":
            self._doom.arm(self.dice.randint(1, LIFE_STEPS_MAX))
        else:
            self.tray.take(self._machine.switch(change[kind]).paper)

    def _work(self, steps: int) -> None:
        for _ in range(steps):
            self._mortal(self._queue.step)
            self.clock.advance(_WAIT_MS)
            if self.dice.random() < CARE:
                mend(self._machine, self.tray)
            if self.dice.random() < CARE:
                self._mortal(self._look_after_slips)

    def _finish(self) -> None:
        """Mend everything, and let the person send again what is parked until nothing is left."""
        for _ in range(STEPS_MAX):
            mend(self._machine, self.tray)
            self._doom.disarm()
            self._mortal(self._look_after_slips)
            self._mortal(self._queue.step)
            self.clock.advance(_WAIT_MS)
            if not slips.open_jobs(self.node):
                return

    def _look_after_slips(self) -> None:
        for job in slips.open_jobs(self.node):
            if job.state not in slips.PARKED:
                continue
            if self._marking or job.state == "held":
                slips.retry(self.node, job.job_id)
            else:
                # What a spool without marks would do: the same slip once more, as if it had never left.
                job_id = job.job_id
                self.node.db.write(
                    lambda tx, job_id=job_id: tx.execute(  # type: ignore[misc]
                        "UPDATE print_jobs SET state = 'queued', reason = '' WHERE job_id = ?", (job_id,)
                    )
                )


def _grant() -> Enrolment:
    key = keys.make_identity(b"the hub of a sim, which is away ").public
    return Enrolment(
        tenant="sim",
        store="sim",
        epoch=1,
        node="0" * 32,
        hub_signing=base64.b64encode(key.signing).decode(),
        hub_agreement=base64.b64encode(key.agreement).decode(),
        name=Name("巷里小馆", "Lane Bistro"),
        broker=Broker(host="127.0.0.1", port=9, username="store-sim", token=""),
        public_url="http://127.0.0.1:8701",
    )
