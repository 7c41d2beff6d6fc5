"""The hub's judgement on a batch, as a pure function of what it holds and what the header claims (protocol §5.4).

The unit of truth is the fact, not the batch: a resend may be cut differently, so a batch may begin below the
checkpoint. What lies below is checked for being the same history and skipped; what lies above is taken.
"""

import itertools
from dataclasses import dataclass

from sync.contract import facts
from sync.contract.facts import ContractError
from sync.contract.messages import LaneCheckpoint


@dataclass(frozen=True)
class Rules:
    """The guards of ingest. They are all on; the simulation switches one off at a time and must notice."""

    contiguous: bool = True
    dedupe: bool = True
    ack_after_commit: bool = True


@dataclass(frozen=True)
class Duplicate:
    """Nothing new: acknowledge again, touch no table."""


@dataclass(frozen=True)
class Gap:
    """Something is missing before this batch: acknowledge what is held and ask for `from_seq`."""

    from_seq: int


@dataclass(frozen=True)
class Take:
    """Take the facts from index `skip` on; behind them the lane stands at `checkpoint`. `chains` has the value behind each."""

    skip: int
    checkpoint: LaneCheckpoint
    chains: tuple[bytes, ...]


@dataclass(frozen=True)
class Fork:
    """Another history claims seqs that are held: stop acknowledging this store and alarm a person."""

    seq: int


Judgement = Duplicate | Gap | Take | Fork


def judge_place(first_seq: int, count: int, held: LaneCheckpoint, rules: Rules) -> Duplicate | Gap | int:
    """Judge by numbers alone, before any fact is read.

    Returns:
        `Duplicate`, `Gap`, or how many leading facts are already held.
    """
    last_seq = first_seq + count - 1
    if rules.dedupe and last_seq <= held.seq:
        return Duplicate()
    if rules.contiguous and first_seq > held.seq + 1:
        return Gap(held.seq + 1)
    return max(0, held.seq + 1 - first_seq) if rules.dedupe else 0


def judge_chain(
    raws: list[bytes], skip: int, chain_before: bytes, chain_after: bytes, held: LaneCheckpoint
) -> Take | Fork:
    """Follow the chain through a batch and see whether it continues the history that is held.

    Args:
        raws: the facts' bytes, the first at the header's `first_seq`.
        skip: how many of them are already held.
        chain_before: the header's claim before the first fact.
        chain_after: the header's claim behind the last.
        held: the lane's checkpoint.

    Raises:
        ContractError: `bad_chain`, when the batch contradicts its own header.
    """
    chain = chain_before
    for raw in raws[:skip]:
        chain = facts.link(chain, raw)
    if chain != held.chain:
        return Fork(held.seq)
    chains = tuple(itertools.accumulate(raws[skip:], facts.link, initial=chain))[1:]
    chain = chains[-1] if chains else chain
    if chain != chain_after:
        raise ContractError("bad_chain")
    return Take(skip, LaneCheckpoint(held.seq + len(raws) - skip, chain), chains)


def check_fact(raw: bytes, *, store: str, epoch: int, lane: int, seq: int) -> facts.Fact:
    """Read a fact and check that it is the one its place says.

    Raises:
        ContractError: no fact, or a fact that names another store, epoch, lane or seq.
    """
    fact = facts.decode(raw)
    if (fact.store, fact.epoch, fact.lane, fact.seq) != (store, epoch, lane, seq):
        message = f"the fact in place {store}/{epoch}/{lane}/{seq} names another place"
        raise ContractError(message)
    return fact
