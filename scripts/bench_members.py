"""`bench members`: what members cost at the till, and how long it takes to find one and to prove the book.

What is measured, each by the product's own code on files (`synchronous=FULL`):

* earning: a sale is paid for with members off, for nobody (its receipt holds the points) and for a member, in turn, at a store that
  has cards and years of points behind it; what the dearer of the two adds to the p95 counts;
* the hub's look-up of a phone number among a million members, with the card that a till is sent;
* the node's look-up among fifty thousand, with a profile to open;
* a signed code from paper, taken apart and verified;
* the nightly proof of a book of a million entries, with lots and draws.

Beside the times stands what the processor worked for each (`cpu`), which a busy machine changes little, and how many times the work of a
sale without members a sale with them is. Members, points and entries are laid straight into the tables, by the triggers that guard them.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from cloud.db import members as member_rows
from cloud.db.engine import HubDatabase
from cloud.services.members import cards, people, proof
from cloud.services.members.shared import Shared
from edge.services.members import view
from edge.services.members.view import MembersFound
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.node import Node
from scripts.bench_figures import percentile
from scripts.bench_guests import member_of, phone_of
from scripts.bench_members_hub import fill_book, fill_hub
from scripts.bench_members_node import POSTS_A_MEMBER, PROFILED, fill_node, fill_past
from sync.contract import codes
from sync.node import keys
from tests.kit.member_tills import Till, World
from tests.kit.nodes import AT_TILL_1, sell_command

EARN_ADDED_P95_MS_MAX = 3.0
HUB_LOOKUP_P95_MS_MAX = 20.0
NODE_LOOKUP_P95_MS_MAX = 5.0
VERIFY_CODE_MS_MAX = 0.3
PROOF_S_MAX = 60.0
MEMBERS = 1_000_000
AT_NODE = 50_000
ENTRIES = 1_000_000
SALES = 400
LOOKUPS = 500
CODES = 500
WARM_UP = 20


@dataclass(frozen=True)
class Found:
    """The figures under the keys of the command table (DESIGN §14)."""

    earn_added_p95_ms: float
    hub_lookup_p95_ms: float
    node_lookup_p95_ms: float
    verify_code_ms: float
    proof_s: float
    members: int
    entries: int
    at_node: int = 0
    posts: int = 0
    earn_times: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every bar is kept."""
        return (
            self.earn_added_p95_ms <= EARN_ADDED_P95_MS_MAX
            and self.hub_lookup_p95_ms <= HUB_LOOKUP_P95_MS_MAX
            and self.node_lookup_p95_ms <= NODE_LOOKUP_P95_MS_MAX
            and self.verify_code_ms <= VERIFY_CODE_MS_MAX
            and self.proof_s <= PROOF_S_MAX
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="bench members", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--at-node", type=int, default=AT_NODE)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--sales", type=int, default=SALES)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-members-") as folder:
        found = run(Path(folder), asked.members, asked.at_node, asked.entries, asked.sales)
    told = {"ok": found.ok, **asdict(found)}
    print(json.dumps(told) if asked.as_json else "\n".join(f"{name}: {value}" for name, value in told.items()))
    sys.exit(0 if found.ok else 1)


def run(folder: Path, members: int, at_node: int, entries: int, sales: int) -> Found:
    """Measure everything in a folder."""
    world = World(folder)
    try:
        till = world.till("near")
        _say(f"{at_node} members at the node, and {POSTS_A_MEMBER * at_node} earnings behind it")
        fill_node(till.node, at_node)
        fill_past(till.node, at_node)
        _say(f"paying {sales} times with members off, for nobody and for a member")
        paid = pay_in_turn(till, at_node, sales)
        at_till = look_up_at_node(till, at_node)
        code = verify_codes(till)
        _say(f"{members} members at the hub")
        fill_hub(world.hub.shared, members)
        at_hub = look_up_at_hub(world.hub.shared, members)
        _say(f"a book of {entries} entries")
        fill_book(world.database, entries)
        proof_took, proven = prove(world.database)
    finally:
        world.close()
    return Found(
        earn_added_p95_ms=round(max(paid[held].p95_ms for held in (NOBODYS, MEMBERS_OWN)) - paid[OFF].p95_ms, 3),
        hub_lookup_p95_ms=round(at_hub.p95_ms, 3),
        node_lookup_p95_ms=round(at_till.p95_ms, 3),
        verify_code_ms=round(code.mean_ms, 4),
        proof_s=round(proof_took.mean_ms / 1_000, 2),
        members=members,
        entries=proven,
        at_node=at_node,
        posts=POSTS_A_MEMBER * at_node,
        earn_times=round(paid[MEMBERS_OWN].cpu_ms / paid[OFF].cpu_ms, 3),
        cpu={
            "sale_ms": round(paid[OFF].cpu_ms, 3),
            "sale_for_nobody_ms": round(paid[NOBODYS].cpu_ms, 3),
            "sale_for_member_ms": round(paid[MEMBERS_OWN].cpu_ms, 3),
            "hub_lookup_ms": round(at_hub.cpu_ms, 3),
            "node_lookup_ms": round(at_till.cpu_ms, 3),
            "verify_code_ms": round(code.cpu_ms, 4),
            "proof_s": round(proof_took.cpu_ms / 1_000, 2),
        },
    )


class Watch:
    """How long pieces of the same work took, and what the processor worked for them, all threads of this process together."""

    def __init__(self) -> None:
        self._took_ms: list[float] = []
        self._cpu_ms: list[float] = []

    def time(self, work: Callable[[], object]) -> None:
        """Do the work once."""
        cpu, before = time.process_time(), time.perf_counter()
        work()
        self._took_ms.append((time.perf_counter() - before) * 1_000)
        self._cpu_ms.append((time.process_time() - cpu) * 1_000)

    @property
    def p95_ms(self) -> float:
        """The p95, without the first ones."""
        return percentile(self._took_ms[WARM_UP:], 95)

    @property
    def mean_ms(self) -> float:
        """The mean, without the first ones where there are more."""
        took = self._took_ms[WARM_UP:] or self._took_ms
        return sum(took) / len(took)

    @property
    def cpu_ms(self) -> float:
        """The mean of what the processor worked."""
        worked = self._cpu_ms[WARM_UP:] or self._cpu_ms
        return sum(worked) / len(worked)


# ----------------------------------------------------------------------------------------------------------- at the till

OFF, NOBODYS, MEMBERS_OWN = range(3)


def pay_in_turn(till: Till, members: int, sales: int) -> list[Watch]:
    """Pay in turn with members off, for nobody, and for a member."""
    dice = random.Random(2)
    on = till.node
    plain = msgspec.structs.replace(on.settings, store=msgspec.structs.replace(on.settings.store, members=False))
    off = replace(on, settings=plain)
    watches = [Watch() for _ in range(3)]
    for number in range(3 * (sales + WARM_UP)):
        arm = number % 3
        command = sell_command(10_000_000 + number)
        if arm == MEMBERS_OWN:
            command = msgspec.structs.replace(command, member_id=member_of(dice.randrange(members)))
        watches[arm].time(partial(_pay, off if arm == OFF else on, command))
    return watches


def _pay(node: Node, command: SellCommand) -> None:
    done = settle_sale(node, AT_TILL_1, command)
    if not isinstance(done, Settled):
        raise SystemExit(f"a sale was refused: {done}")


def look_up_at_node(till: Till, members: int) -> Watch:
    """Find members who are known here by phone, as a till does, with what it is shown of them."""
    dice = random.Random(3)

    def look() -> None:
        number = dice.randrange(min(members, PROFILED))
        found = view.found(till.node, phone_of(number))
        if (
            not isinstance(found, MembersFound)
            or [one.member_id for one in found.members] != [member_of(number)]
            or not found.members[0].name
        ):
            raise SystemExit("the node does not find its own member")

    return _timed(look, LOOKUPS)


def verify_codes(till: Till) -> Watch:
    """Take a code from paper apart and verify it."""
    invite = till.kit.invite("0" * 32)
    public = till.kit.identity.public.signing

    def check() -> None:
        apart = codes.take_apart(invite.code)
        if apart is None or not keys.verified(public, apart.signed, apart.signature):
            raise SystemExit("a code of our own does not hold")

    return _timed(check, CODES)


# ------------------------------------------------------------------------------------------------------------- at the hub


def look_up_at_hub(shared: Shared, count: int) -> Watch:
    """Find members by phone at the hub, with the card that a till is sent."""
    dice = random.Random(1)

    def look() -> None:
        with shared.database.read() as reader:
            found = people.find_phone(reader, shared, phone_of(dice.randrange(2, count)))
            row = None if found is None else member_rows.member(reader, found)
            if row is None:
                raise SystemExit("the hub does not find a member")
            cards.card_of(reader, shared, row, "near", (1, 1))

    return _timed(look, LOOKUPS)


def prove(database: HubDatabase) -> tuple[Watch, int]:
    """Prove the book as the night does; gives how long it took, and the entries."""
    proven: list[proof.Proof] = []

    def work() -> None:
        with database.read() as reader:
            proven.append(proof.prove(reader))

    watch = Watch()
    watch.time(work)
    if not proven[0].ok:
        raise SystemExit(f"the book does not hold: {proven[0].wrongs[0]}")
    return watch, proven[0].entries


def _timed(work: Callable[[], object], count: int) -> Watch:
    watch = Watch()
    for _ in range(count + WARM_UP):
        watch.time(work)
    return watch


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
