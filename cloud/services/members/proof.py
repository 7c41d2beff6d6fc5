"""Proves the book from its entries, lots and draws: every night, and with `verify`."""

import logging
from dataclasses import dataclass, field

import msgspec

from cloud.db import ledger as rows
from cloud.db import proofs
from cloud.db.engine import HubDatabase, Reader, Turn
from cloud.db.proofs import ProofRow, Wrong
from sync.node.ports import Clock

SHOWN_MAX = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proof:
    """What a proof found."""

    entries: int
    wrongs: list[Wrong] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every law holds."""
        return not self.wrongs


def prove(reader: Reader) -> Proof:
    """Hold the whole book against its laws, on one consistent view."""
    return Proof(rows.count_entries(reader), proofs.wrongs(reader, SHOWN_MAX))


def prove_with_facts(reader: Reader) -> Proof:
    """Hold the book against its laws, and see that no fact of points is missing from it. It reads every fact."""
    found = prove(reader)
    return Proof(found.entries, found.wrongs + proofs.unbooked(reader, SHOWN_MAX))


def prove_and_keep(database: HubDatabase, clock: Clock) -> Proof:
    """Prove the book and keep what was found, for the page and the alarm."""
    began_ms = clock.monotonic_ms()
    with database.read() as reader:
        found = prove(reader)
    took_ms = clock.monotonic_ms() - began_ms
    findings = msgspec.json.encode([{"law": one.law, "where": one.where} for one in found.wrongs])
    with database.write(Turn.PROJECTOR) as tx:
        proofs.keep_proof(tx, ProofRow(clock.now_ms(), int(found.ok), found.entries, took_ms, findings))
    if found.ok:
        log.info("ledger.proven", extra={"entries": found.entries, "took_ms": took_ms})
    else:
        log.error("ledger.broken", extra={"findings": len(found.wrongs), "law": found.wrongs[0].law})
    return found
