"""`bench restore`: a hub loses its database and comes back from its last backup; how long it takes and how much is missing.

A busy store trades with a real hub, on SQLite and on PostgreSQL. Two backups are made as the clock would make them, some more
facts come in, and the database is gone for good. Then, as a person would do it, `restore` fills an empty one, the hub opens, the
store greets, and sends again what the hub lacks.

RTO: from the command to the WELCOME that the store gets. RPO: how old the newest moment is that comes back from the backup alone,
at the worst: the span between two backups and what making one takes. What the stores still have is not lost at all.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud.db import journal
from cloud.services import restore, verify
from cloud.services.backup import Backups
from cloud.settings import BackupSettings, BrokerSettings, HubSettings, ListenSettings
from cloud.wiring import Core, open_core
from scripts.bench_processes import BenchError
from scripts.bench_replace import NAME, STORE, Days
from scripts.postgres import DURABLE, Cluster
from sync.contract import envelope, facts, limits, messages, topics
from sync.contract.enrolling import Enrolled
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Hello, LaneHead, Welcome
from sync.node import certificates, enrolling, keys, sealing
from sync.node.passwords import Cost
from sync.node.ports import SystemChance, SystemClock

RTO_MAX_S = 900.0
RPO_MAX_S = 300.0
FACTS = 40_000
LATER = 0.02
"""What comes in between two backups, and between the last one and the end, as a share of all there is."""
DATABASES = ("sqlite", "postgresql")
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
NODE = "0" * 32
BATCH = limits.BATCH_FACTS_MAX


@dataclass
class Store:
    """A store that still has every fact it ever sent."""

    sealer: sealing.Sealer
    opener: sealing.Opener
    tenant: str
    days: Days
    raws: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    chains: dict[int, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin where every lane begins."""
        self.topics = topics.of_store(self.tenant, STORE)
        self.chains = {lane: [facts.genesis(STORE, 1, lane)] for lane in self.raws}

    def trade(self, core: Core, count: int) -> None:
        """Let so many facts happen, and send them."""
        ends = {lane: len(raws) for lane, raws in self.raws.items()}
        self.happen(count)
        self.send(core, ends)

    def happen(self, count: int) -> None:
        """Let so many facts happen."""
        for row in self.days.rows(count):
            self.raws[row["lane"]].append(row["raw"])
            self.chains[row["lane"]].append(row["chain"])

    def send(self, core: Core, after: dict[int, int]) -> None:
        """Send what lies behind these places."""
        for message in self.batches(after):
            core.ingest.receive([message])

    def batches(self, after: dict[int, int]) -> Iterator[tuple[str, bytes]]:
        """Seal what lies behind these places."""
        for lane, raws in self.raws.items():
            for first in range(after[lane], len(raws), BATCH):
                some = raws[first : first + BATCH]
                wire = self.sealer.seal(
                    MessageKind.FACTS,
                    envelope.frame_facts(some),
                    lane=lane,
                    first_seq=first + 1,
                    count=len(some),
                    chain_before=self.chains[lane][first],
                    chain_after=self.chains[lane][first + len(some)],
                )
                yield self.topics.facts(lane), wire

    def greet(self, core: Core) -> dict[int, int]:
        """Open a session; gives what the hub says that it holds.

        Raises:
            BenchError: there is none.
        """
        for said in self.heard(core.ingest.receive([self.hello()])):
            if isinstance(said, Welcome):
                return {lane: place.seq for lane, place in said.lanes.items()}
        raise BenchError("the restored hub does not welcome its store")

    def hello(self) -> tuple[str, bytes]:
        """Seal a greeting."""
        heads = {
            lane: LaneHead(
                head_seq=len(raws), head_chain=self.chains[lane][-1], acked_seq=0, acked_chain=b"", oldest_seq=1
            )
            for lane, raws in self.raws.items()
        }
        hello = Hello(nonce=b"bench", boot="b", software="bench", wall_ms=0, hlc=0, lanes=heads, streams={})
        return self.topics.hello, self.sealer.seal(MessageKind.HELLO, messages.encode(hello))

    def heard(self, replies: list[tuple[str, bytes]]) -> list[Ack | Welcome]:
        """Open what the hub promises."""
        kinds: dict[MessageKind, type[Ack | Welcome]] = {MessageKind.ACK: Ack, MessageKind.WELCOME: Welcome}
        opened = [envelope.take_apart(wire) for topic, wire in replies if topic.startswith(f"{self.topics.prefix}/")]
        return [
            messages.decode(self.opener.open(one), kinds[one.header.kind]) for one in opened if one.header.kind in kinds
        ]


def measure(count: int, folder: Path, urls: Iterator[str]) -> dict[str, Any]:
    """Lose a hub's database and bring it back.

    Args:
        count: facts that the hub holds.
        folder: an empty one.
        urls: gives the database, and then an empty one in its place.

    Returns:
        Facts, seconds of each part, RTO and RPO in seconds, what was missing before and after the store came back.

    Raises:
        BenchError: the hub that came back is not the one that was lost.
    """
    clock, later = SystemClock(), max(BATCH, int(count * LATER))
    settings = _settings(folder, next(urls))
    core = _open(settings)
    try:
        store = _enrolled(core)
        store.trade(core, count)
        core.projector.catch_up()
        copies = Backups(core.database, settings, core.identity, clock, SystemChance())
        first = copies.make()
        store.trade(core, later)
        core.projector.catch_up()
        second = copies.make()
        drill = restore.drill(copies)
        if not drill.ok:
            raise BenchError(f"the drill did not hold: {drill.checks}")
        store.trade(core, later)
        identity, held = core.identity, _count(core)
        if held != sum(len(raws) for raws in store.raws.values()):
            raise BenchError(f"the hub took only {held} facts")
    finally:
        core.database.close()
    settings = _settings(folder, next(urls))
    begun_ms = clock.monotonic_ms()
    back = restore.restore(settings, identity, copies.folder, None, (clock, SystemChance()))
    core = _open(settings)
    try:
        places = store.greet(core)
        rto_ms = clock.monotonic_ms() - begun_ms
        missing = held - _count(core)
        store.send(core, places)
        core.projector.catch_up()
        proof = verify.verify(core.database, core.hub.zone, settings.folder)
        lost = held - _count(core)
        if lost or not proof.ok or back.facts != first.facts + second.facts:
            raise BenchError(f"the restored hub lacks {lost} facts; verify says {proof.as_json()}")
    finally:
        core.database.close()
    return {
        "facts": held,
        "backup_s": round(first.took_ms / 1000, 2),
        "next_backup_s": round(second.took_ms / 1000, 2),
        "drill_s": round(drill.rto_ms / 1000, 2),
        "restore_s": round(back.took_ms / 1000, 2),
        "rto_s": round(rto_ms / 1000, 2),
        "rpo_s": round(settings.backup.every_minutes * 60 + second.took_ms / 1000, 2),
        "facts_within_rto": int(back.facts / max(rto_ms, 1) * RTO_MAX_S * 1000),
        "missing_before_stores": missing,
        "lost": lost,
    }


def urls_of(name: str, folder: Path, cluster: Cluster | None) -> Iterator[str]:
    """Give the hub's database, and at the second time an empty one: the first is gone by then."""
    if cluster is None:
        yield "sqlite"
        for path in (folder / "hub").glob("hub.db*"):
            path.unlink()
        yield "sqlite"
        return
    before = cluster.make_database(f"before_{name}")
    yield cluster.url(before)
    cluster.drop_database(before)
    yield cluster.url(cluster.make_database(f"after_{name}"))


def run(databases: list[str], count: int) -> dict[str, Any]:
    """Measure on each database; gives the figures, and what is not as it should be."""
    found: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for name in databases:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-restore-")))
            cluster = stack.enter_context(Cluster(DURABLE)) if name == "postgresql" else None
            found[name] = measure(count, folder, urls_of(name, folder, cluster))
    return {"ok": not missed(found), "missed": missed(found), **found}


def missed(found: dict[str, Any]) -> list[str]:
    """Name the bounds that a measurement did not keep."""
    bounds = (("rto_s", RTO_MAX_S), ("rpo_s", RPO_MAX_S))
    return [f"{name}.{key}" for name, figures in found.items() for key, most in bounds if figures[key] >= most]


def _settings(folder: Path, url: str) -> HubSettings:
    return HubSettings(
        data_dir=str(folder / "hub"),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
        database=url,
        backup=BackupSettings(folder=str(folder / "apart")),
    )


def _open(settings: HubSettings) -> Core:
    core = open_core(settings, clock=SystemClock(), chance=SystemChance(), cost=CHEAP, worker="bench")
    assert core.leases is not None
    core.leases.tend()
    return core


def _enrolled(core: Core) -> Store:
    own = keys.make_identity(b"the store of a bench, unharmed")
    code = core.hub.enrolment.make_code(STORE, NAME).code
    tls_key = certificates.seeded_key(own.public.signing)
    granted = core.hub.enrolment.redeem(enrolling.make_request(own, tls_key, store=STORE, code=code, node=NODE))
    if not isinstance(granted, Enrolled):
        raise BenchError("the store was not enrolled")
    party = sealing.Party(granted.tenant, STORE, NODE, granted.epoch)
    hub = core.identity.public
    link = sealing.link_keys(own, hub.agreement, tenant=granted.tenant, store=STORE, epoch=granted.epoch)
    opener = sealing.Opener(hub.signing, link.down, party)
    days = Days(core.hub.clock.now_ms())
    return Store(sealing.Sealer(own, link.up, party, SystemChance()), opener, granted.tenant, days)


def _count(core: Core) -> int:
    with core.database.read() as reader:
        return journal.count_facts(reader)


def main(arguments: list[str]) -> int:
    """Measure, and print the result as one line of JSON."""
    parser = argparse.ArgumentParser(prog="dev.py bench restore", description=__doc__)
    parser.add_argument("--facts", type=int, default=FACTS, help=f"facts that the hub holds (default {FACTS})")
    parser.add_argument("--db", action="append", choices=DATABASES, help="only on this one; more than once for several")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    found = run(chosen.db or list(DATABASES), chosen.facts)
    if chosen.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            print(f"{key}: {value}")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
