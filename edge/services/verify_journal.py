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

from edge.db import journal, print_jobs, projections, sales
from edge.db.journal import Stored
from edge.db.migrations import steps
from edge.services.node import Node
from edge.services.settle_sale import read_answer
from sync.contract import envelope, facts, messages, trade
from sync.contract.facts import ContractError
from sync.contract.messages import Ack, Welcome
from sync.contract.trade import SalePaid
from sync.node import migrate, sealing
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
        _compare(reader, rebuilt, report)
        _check_counter(reader, walk, report)
        _check_slips(reader, report)
        _check_answers(reader, report)
    for (epoch, lane), seq in sorted(walk.seq.items()):
        report.lanes[str(lane)] = {"epoch": epoch, "seq": seq}
    return report


def _walk(node: Node, reader: Reader, rebuilt: Tx, report: Report, anchors: set[tuple[int, int, int]]) -> _Walk:
    walk = _Walk()
    store = "" if node.enrolment is None else node.enrolment.store
    rebuilt.execute("BEGIN")
    for epoch, stored in journal.by_number(reader):
        report.facts += 1
        place = (epoch, stored.lane)
        before = walk.chain.get(place, facts.genesis(store, epoch, stored.lane))
        expected_seq = walk.seq.get(place, 0) + 1
        if stored.seq != expected_seq:
            walk.missing(report, place, expected_seq)
        elif stored.n != walk.n + 1:
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
        _replay(rebuilt, stored, epoch, store, report)
    rebuilt.execute("COMMIT")
    return walk


def _replay(rebuilt: Tx, stored: Stored, epoch: int, store: str, report: Report) -> None:
    try:
        fact = facts.decode(stored.raw)
        named = (fact.store, fact.epoch, fact.lane, fact.seq, fact.n, fact.id, fact.kind, fact.at_ms)
        columns = (store, epoch, stored.lane, stored.seq, stored.n, stored.fact_id.hex(), stored.kind, stored.at_ms)
        if named != columns:
            report.found(stored.lane, stored.seq, "the fact's bytes name another place than its row")
        projections.project(rebuilt, fact)
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
    if node.enrolment is None:
        return
    grant = node.enrolment
    for epoch, lane, seq, proof in journal.proofs(reader):
        down = sealing.link_keys(
            node.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=epoch
        ).down
        party = sealing.Party(grant.tenant, grant.store, grant.node, epoch)
        try:
            signed_seq, signed_chain = _signed_word(sealing.Opener(grant.hub_signing_key, down, party), proof, lane)
        except ContractError as error:
            report.found(lane, seq, f"the hub's word is not the hub's: {error}")
            continue
        if signed_seq != seq:
            report.found(lane, min(seq, signed_seq) + 1, "the hub signed another place than the lane says")
        elif 0 < seq <= walk.seq.get((epoch, lane), 0) and walk.chains_at.get((epoch, lane, seq)) != signed_chain:
            report.found(lane, seq, "the hub signed another chain for this fact")


def _signed_word(opener: sealing.Opener, proof: bytes, lane: int) -> tuple[int, bytes]:
    opened = envelope.take_apart(proof)
    plain = opener.open(opened)
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


def _check_answers(reader: Reader, report: Report) -> None:
    """Hold every stored answer against its sale: a repeat is answered from it, and the lists are read from it."""
    wrong = 0
    after = 0
    while page := sales.page(reader, after, ANSWERS_PAGE):
        for row in page:
            stored = sales.stored_answer(reader, row.sale_id)
            if stored is None or not _answers_for(stored.answer, reader, row):
                wrong += 1
                report.found(0, row.seq, f"the stored answer of sale {row.sale_id} does not say what its fact says")
        after = page[-1].n
    report.projections["requests"] = wrong == 0


def _answers_for(raw: bytes, reader: Reader, row: sales.SaleRow) -> bool:
    try:
        answer = read_answer(raw)
        fact = facts.decode(journal.fact_of_sale(reader, row.epoch, row.seq))
        sale = trade.read_trade(fact)
    except (ContractError, LookupError, msgspec.ValidationError, *facts.UNREADABLE):
        return False
    return isinstance(sale, SalePaid) and (
        (answer.sale_id, answer.receipt_no, answer.till, answer.total_fen, answer.lines, answer.tenders)
        == (sale.sale_id, sale.receipt_no, sale.till, sale.total_fen, sale.lines, sale.tenders)
        and (answer.n, answer.store, answer.business_day, answer.saved_ms) == (fact.n, fact.store, fact.day, fact.at_ms)
    )
