"""Prove the journal: every link of the chain, the hub's signed word, and every projection rebuilt from facts.

What each check finds:
* chain — a flipped byte, an exchanged or inserted fact;
* gaps in seq and in `n` — a deleted fact;
* keyed seals — a journal that was edited and chained anew by somebody without the node's key file;
* lane heads and the hub's signed acknowledgement — a tail that was cut;
* rebuilt projections — a table that says something else than the facts;
* counter, spool and stored answers — what is no projection, and still must not contradict the facts.
"""

from dataclasses import dataclass, field

import msgspec

from edge.db import handover, journal, print_jobs, projections, sales
from edge.db.archives import ArchiveLane, ArchiveRow
from edge.db.journal import Stored
from edge.db.migrations import steps
from edge.services.money.settle_sale import read_answer
from edge.services.node import Node
from sync.contract import envelope, facts, kinds, messages
from sync.contract.facts import ContractError, UnknownKind
from sync.contract.handover import Handover
from sync.contract.messages import Ack, Welcome
from sync.contract.trade import SalePaid
from sync.node import generations, keys, migrate, sealing
from sync.node.archives import ArchiveLost
from sync.node.database import Reader, Tx

FINDINGS_MAX = 20
ANSWERS_PAGE = 500


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where."""

    lane: int | None
    seq: int | None
    what: str


@dataclass
class Report:
    """The result; `ok` is true when nothing was found."""

    facts: int = 0
    lanes: dict[str, dict[str, int]] = field(default_factory=dict)
    projections: dict[str, bool] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    parked: int = 0
    """Facts of kinds that only the newer version knows which ran on this file; it reads them when it comes back."""

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.findings

    @property
    def bad_seq(self) -> str | None:
        """Lane and seq of the first fault, as `lane:seq`."""
        first = next((finding for finding in self.findings if finding.seq is not None), None)
        return None if first is None else f"{first.lane}:{first.seq}"

    def found(self, lane: int | None, seq: int | None, what: str) -> None:
        """Note a fault; the first twenty are kept."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(lane, seq, what))

    def as_json(self) -> dict[str, object]:
        """The report under the keys of the command table (DESIGN §14)."""
        return {
            "ok": self.ok,
            "facts": self.facts,
            "lanes": self.lanes,
            "bad_seq": self.bad_seq,
            "projections": self.projections,
            "parked": self.parked,
            "findings": [{"lane": one.lane, "seq": one.seq, "what": one.what} for one in self.findings],
        }


@dataclass
class _Walk:
    """Where the walk along the lanes stands, per (epoch, lane)."""

    seq: dict[tuple[int, int], int] = field(default_factory=dict)
    chain: dict[tuple[int, int], bytes] = field(default_factory=dict)
    n: int = 0
    chains_at: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    missed: set[tuple[int, int, int]] = field(default_factory=set)
    brought: set[int] = field(default_factory=set)
    unread: list[ArchiveLane] = field(default_factory=list)
    """What lies in archives that could not be read: it is taken from their record, and the tables cannot be compared."""

    def lost(self, report: Report, row: ArchiveRow, lanes: list[ArchiveLane], what: str) -> None:
        """Note an archive that cannot be read, and go on behind it, so that one lost file is one finding."""
        report.found(lanes[0].lane, lanes[0].first_seq, what)
        self.unread += lanes
        self.n = max(self.n, row.last_n)
        for lane in lanes:
            self.seq[lane.epoch, lane.lane] = max(self.seq.get((lane.epoch, lane.lane), 0), lane.last_seq)
            self.chain[lane.epoch, lane.lane] = lane.chain_after

    def is_unread(self, epoch: int, lane: int, seq: int) -> bool:
        """Say whether a fact lies in an archive that could not be read."""
        return any(
            (one.epoch, one.lane) == (epoch, lane) and one.first_seq <= seq <= one.last_seq for one in self.unread
        )

    def may_skip(self, epoch: int, n: int) -> bool:
        """Say whether numbers may be left out before this one.

        An epoch begins at its floor, and one that was brought back from the hub lacks what never got there.
        """
        return epoch in self.brought or n == facts.number_floor(epoch) + 1

    def missing(self, report: Report, place: tuple[int, int], seq: int) -> None:
        """Note once that a lane lacks a fact: the commit numbers and the lane itself may both say so."""
        if (*place, seq) not in self.missed:
            self.missed.add((*place, seq))
            report.found(place[1], seq, "a fact is missing or stands in a wrong place")


def verify(node: Node) -> Report:
    """Walk the whole journal once and compare; reads one consistent view and changes nothing."""
    report = Report()
    with node.db.read() as reader, migrate.scratch(steps) as rebuilt:
        anchors = {(epoch, lane, seq) for epoch, lane, seq, _ in journal.proofs(reader)}
        walk = _walk(node, reader, rebuilt, report, anchors)
        _check_heads(reader, walk, report)
        _check_anchors(node, reader, walk, report)
        if not walk.unread:
            _compare(reader, rebuilt, report)
        _check_counter(reader, walk, report)
        _check_slips(reader, report)
        _check_answers(node, reader, report)
    for (epoch, lane), seq in sorted(walk.seq.items()):
        report.lanes[str(lane)] = {"epoch": epoch, "seq": seq}
    return report


def _walk(node: Node, reader: Reader, rebuilt: Tx, report: Report, anchors: set[tuple[int, int, int]]) -> _Walk:
    walk = _Walk(brought=handover.brought_epochs(reader))
    newer = bool(migrate.beyond(reader, steps))
    store = "" if node.granted is None else node.granted.store
    rebuilt.execute("BEGIN")
    for epoch, stored in node.archives.walk(reader, lambda row, lanes, what: walk.lost(report, row, lanes, what)):
        report.facts += 1
        place = (epoch, stored.lane)
        before = walk.chain.get(place, facts.genesis(store, epoch, stored.lane))
        expected_seq = walk.seq.get(place, 0) + 1
        if stored.seq != expected_seq:
            walk.missing(report, place, expected_seq)
        elif stored.n != walk.n + 1 and not walk.may_skip(epoch, stored.n):
            # This lane goes on without a hole, so what stood in the hole was of the other lane.
            other = (epoch, 1 - stored.lane)
            walk.missing(report, other, walk.seq.get(other, 0) + 1)
        walk.seq[place], walk.n = stored.seq, stored.n
        chain = facts.link(before, stored.raw)
        if chain != stored.chain:
            report.found(stored.lane, stored.seq, "the bytes do not fit the chain")
        elif node.identity.seal_of(chain) != stored.seal:
            report.found(stored.lane, stored.seq, "the seal is not this node's: the chain was made anew")
        # Go on from what is stored, so that one fault is one finding and not the whole tail.
        walk.chain[place] = stored.chain
        if (*place, stored.seq) in anchors:
            walk.chains_at[(*place, stored.seq)] = stored.chain
        _replay(rebuilt, stored, (store, epoch), report, newer=newer)
    rebuilt.execute("COMMIT")
    return walk


def _replay(rebuilt: Tx, stored: Stored, where: tuple[str, int], report: Report, *, newer: bool) -> None:
    store, epoch = where
    try:
        fact = facts.decode(stored.raw)
        named = (fact.store, fact.epoch, fact.lane, fact.seq, fact.n, fact.id, fact.kind, fact.at_ms)
        columns = (store, epoch, stored.lane, stored.seq, stored.n, stored.fact_id.hex(), stored.kind, stored.at_ms)
        if named != columns:
            report.found(stored.lane, stored.seq, "the fact's bytes name another place than its row")
        projections.project(rebuilt, fact)
    except UnknownKind as error:
        if newer:
            report.parked += 1
        else:
            report.found(stored.lane, stored.seq, f"not readable: {error}")
    except ContractError as error:
        report.found(stored.lane, stored.seq, f"not readable: {error}")
    except Exception as error:  # noqa: BLE001 - a doubled number or id breaks a constraint of the rebuilt tables
        report.found(stored.lane, stored.seq, f"cannot be replayed: {error}")


def _check_heads(reader: Reader, walk: _Walk, report: Report) -> None:
    for epoch in journal.epochs(reader):
        for lane, head in journal.heads(reader, epoch).items():
            seq = walk.seq.get((epoch, lane), 0)
            if seq < max(head.head_seq, head.acked_seq):
                report.found(lane, seq + 1, "the tail is cut: the lane's head or the hub's word lies beyond it")
            elif seq > 0 and (head.head_seq != seq or head.head_chain != walk.chain[(epoch, lane)]):
                report.found(lane, seq, "the lane's head is not its last fact")


def _check_anchors(node: Node, reader: Reader, walk: _Walk, report: Report) -> None:
    """Hold the journal against what the hub signed, which nobody at the store can make up."""
    grant = node.granted
    if grant is None:
        return
    for epoch, lane, seq, proof in journal.proofs(reader):
        try:
            # What was brought back is vouched for under the epoch that brought it.
            signed_epoch = envelope.take_apart(proof).header.epoch
            party = sealing.Party(grant.tenant, grant.store, grant.node, signed_epoch)
            hub = keys.PublicKeys(grant.hub_signing_key, grant.hub_agreement_key)
            opener = generations.proof_opener(node.identity, hub, party)
            signed_seq, signed_chain = _signed_word(opener, proof, (epoch, lane))
        except ContractError as error:
            report.found(lane, seq, f"the hub's word is not the hub's: {error}")
            continue
        if signed_seq != seq:
            report.found(lane, min(seq, signed_seq) + 1, "the hub signed another place than the lane says")
        elif walk.is_unread(epoch, lane, seq):
            continue
        elif 0 < seq <= walk.seq.get((epoch, lane), 0) and walk.chains_at.get((epoch, lane, seq)) != signed_chain:
            report.found(lane, seq, "the hub signed another chain for this fact")


def _signed_word(opener: sealing.Opener, proof: bytes, place: tuple[int, int]) -> tuple[int, bytes]:
    opened = envelope.take_apart(proof)
    plain = opener.open(opened)
    epoch, lane = place
    if opened.header.kind is envelope.MessageKind.HANDOVER:
        for one in messages.decode(plain, Handover).lanes:
            if (one.epoch, one.lane) == place:
                return one.seq, one.chain
        raise ContractError("it speaks of other lanes")
    if opened.header.epoch != epoch:
        raise ContractError("it speaks of another epoch")
    if opened.header.kind is envelope.MessageKind.WELCOME:
        held = messages.decode(plain, Welcome).lanes[lane]
        return held.seq, held.chain
    ack = messages.decode(plain, Ack)
    if ack.lane != lane:
        raise ContractError("it speaks of another lane")
    return ack.seq, ack.chain


def _compare(reader: Reader, rebuilt: Tx, report: Report) -> None:
    for table in projections.TABLES:
        live, again = projections.rows_of(reader, table), projections.rows_of(rebuilt, table)
        report.projections[table] = live == again
        if live != again:
            differing = set(live).symmetric_difference(again)
            first = min(differing, key=str)
            lane, seq = projections.place_of(reader, table, first) or projections.place_of(rebuilt, table, first) or (
                None, None)  # fmt: skip
            report.found(lane, seq, f"the table {table} does not say what the facts say")


def _check_counter(reader: Reader, walk: _Walk, report: Report) -> None:
    """Hold the commit counter against the last fact: a lower one would number the next fact twice."""
    same = journal.counter(reader, "n") == walk.n
    report.projections["counters"] = same
    if not same:
        report.found(None, None, "the commit counter is not the last fact's number")


def _check_slips(reader: Reader, report: Report) -> None:
    """Hold the spool against the facts: what was printed may not wait to be printed again without its mark."""
    wrong = print_jobs.contradicting(reader)
    report.projections["print_jobs"] = not wrong
    for job_id, seq in wrong:
        report.found(1, seq, f"the slip {job_id} does not say what the facts say")


def _check_answers(node: Node, reader: Reader, report: Report) -> None:
    """Hold every stored answer against its sale: a repeat is answered from it, and the lists are read from it."""
    wrong = 0
    after = 0
    while page := sales.page(reader, after, ANSWERS_PAGE):
        for row in page:
            stored = sales.stored_answer(reader, row.sale_id)
            if stored is None or not _answers_for(node, stored.answer, reader, row):
                wrong += 1
                report.found(0, row.seq, f"the stored answer of sale {row.sale_id} does not say what its fact says")
        after = page[-1].n
    report.projections["requests"] = wrong == 0


def _answers_for(node: Node, raw: bytes, reader: Reader, row: sales.SaleRow) -> bool:
    try:
        answer = read_answer(raw)
        fact = facts.decode(node.archives.trade_fact(reader, row.epoch, row.seq))
        sale = kinds.read(fact)
    except ArchiveLost:
        # The walk names the file; what its sales were answered cannot be held against anything.
        return True
    except (ContractError, LookupError, msgspec.ValidationError, *facts.UNREADABLE):
        return False
    return isinstance(sale, SalePaid) and (
        (answer.sale_id, answer.receipt_no, answer.till, answer.total_fen, answer.lines, answer.tenders)
        == (sale.sale_id, sale.receipt_no, sale.till, sale.total_fen, sale.lines, sale.tenders)
        and (answer.n, answer.store, answer.business_day, answer.saved_ms) == (fact.n, fact.store, fact.day, fact.at_ms)
    )
