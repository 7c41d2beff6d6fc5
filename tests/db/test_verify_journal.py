"""The proof of the journal: what was changed behind the node's back is found, and the first wrong fact is named."""

import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.db import projections
from edge.services.care import verify_journal
from edge.services.care.verify_journal import Report
from edge.services.node import Node
from edge.services.printing import slips
from edge.services.printing.spool import NodeSpool
from sync.contract import facts
from sync.node import keys
from sync.node.database import InlineDatabase, Tx
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, EPOCH, STORE, Rig, acknowledge, basket, store_identity

CASES = 200 if os.environ.get("ZHANGGUI_DEEP") else 40
PROJECTIONS = tuple(reversed(projections.TABLES))
HELD_AGAINST = ("counters", "print_jobs", "requests")
"""No projections, and still they may not contradict the facts."""


@dataclass(frozen=True)
class Original:
    """A file that was closed, what its facts are, and the node that wrote it."""

    path: Path
    node: Node
    places: list[tuple[int, int]]


def trade(rig: Rig) -> None:
    """A lunch with both tills: some slips printed, one parked and sent again, one given up."""
    spool = NodeSpool(rig.node)
    for number in range(1, 13):
        rig.sell(number, AT_TILL_1 if number % 3 else AT_TILL_2, basket(("d101", number % 4 + 1), ("d102", 1)))
        rig.clock.advance(60_000)
        job = spool.next_job()
        if job is None or number % 4 == 0:
            continue
        spool.begin(job)
        spool.settle(job, "unknown" if number % 5 == 0 else "confirmed", "")
        if number == 5:
            slips.retry(rig.node, job.job_id)
        if number == 10:
            slips.discard(rig.node, job.job_id, "guest has left")


def original(folder: Path, *, acknowledged: bool) -> Original:
    with Rig(folder) as rig:
        trade(rig)
        if acknowledged:
            acknowledge(rig, 0)
            acknowledge(rig, 1)
        places = rig.rows("SELECT lane, seq FROM facts ORDER BY n")
        assert {lane for lane, _ in places} == {0, 1}
        assert verify_journal.verify(rig.node).ok
        node = rig.node
    return Original(folder / "node.db", node, [(lane, seq) for lane, seq in places])


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Everything is acknowledged by the hub."""
    return original(tmp_path_factory.mktemp("answered"), acknowledged=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """The hub never answered."""
    return original(tmp_path_factory.mktemp("alone"), acknowledged=False)


def verified(
    source: Original, folder: Path, tamper: Callable[[Tx], object], identity: keys.Identity | None = None
) -> Report:
    """Copy the file, change the copy with its triggers dropped, verify the copy."""
    copied = folder / "copy.db"
    shutil.copy(source.path, copied)
    with closing(InlineDatabase(str(copied))) as db:
        db.tx.execute("DROP TRIGGER facts_are_never_edited")
        db.tx.execute("DROP TRIGGER facts_are_never_deleted")
        db.tx.execute("PRAGMA foreign_keys=OFF")
        db.write(tamper)
        return verify_journal.verify(replace(source.node, db=db, identity=identity or source.node.identity))


def fact_at(tx: Tx, place: tuple[int, int]) -> bytes:
    raw: bytes = tx.execute("SELECT raw FROM facts WHERE lane = ? AND seq = ?", place)[0][0]
    return raw


def chain_before(tx: Tx, place: tuple[int, int]) -> bytes:
    lane, seq = place
    if seq == 1:
        return facts.genesis(STORE, EPOCH, lane)
    before: bytes = tx.execute("SELECT chain FROM facts WHERE lane = ? AND seq = ?", (lane, seq - 1))[0][0]
    return before


def flip(tx: Tx, place: tuple[int, int], dice: random.Random) -> None:
    column = dice.choice(["raw", "raw", "raw", "chain", "seal", "fact_id"])
    held = bytearray(tx.execute(f"SELECT {column} FROM facts WHERE lane = ? AND seq = ?", place)[0][0])
    held[dice.randrange(len(held))] ^= 1 << dice.randrange(8)
    tx.execute(f"UPDATE facts SET {column} = ? WHERE lane = ? AND seq = ?", (bytes(held), *place))


def delete(tx: Tx, place: tuple[int, int], dice: random.Random) -> None:
    tx.execute("DELETE FROM facts WHERE lane = ? AND seq = ?", place)


def cut_tail(tx: Tx, place: tuple[int, int], dice: random.Random) -> None:
    """Drop everything of the lane from the fact on, and let the lane's head agree; at times its acknowledgement too."""
    lane, seq = place
    head = (seq - 1, chain_before(tx, place), lane)
    tx.execute("DELETE FROM facts WHERE lane = ? AND seq >= ?", place)
    tx.execute("UPDATE lanes SET head_seq = ?, head_chain = ? WHERE lane = ?", head)
    if dice.random() < 0.5:
        tx.execute("UPDATE lanes SET acked_seq = ?, acked_chain = ? WHERE lane = ?", head)


def recompute(tx: Tx, place: tuple[int, int], seal: Callable[[bytes], bytes] | None = None) -> None:
    """Change who sold, then make the chain of the lane anew, heads included."""
    lane, seq = place
    fact = facts.decode(fact_at(tx, place))
    forged = facts.encode(msgspec.structs.replace(fact, actor="somebody else"))
    chain = chain_before(tx, place)
    for at, raw in tx.execute("SELECT seq, raw FROM facts WHERE lane = ? AND seq >= ? ORDER BY seq", place):
        kept = forged if at == seq else raw
        chain = facts.link(chain, kept)
        tx.execute("UPDATE facts SET raw = ?, chain = ? WHERE lane = ? AND seq = ?", (kept, chain, lane, at))
        if seal is not None:
            tx.execute("UPDATE facts SET seal = ? WHERE lane = ? AND seq = ?", (seal(chain), lane, at))
    tx.execute("UPDATE lanes SET head_chain = ? WHERE lane = ?", (chain, lane))
    tx.execute("UPDATE lanes SET acked_chain = ? WHERE lane = ? AND acked_seq > 0", (chain, lane))


def edit(tx: Tx, place: tuple[int, int], dice: random.Random) -> None:
    """Without the key file the seals stay as they are, or are made with another key."""
    stranger = store_identity("stranger")
    recompute(tx, place, stranger.seal_of if dice.random() < 0.5 else None)


def swap(tx: Tx, one: tuple[int, int], other: tuple[int, int], dice: random.Random) -> None:
    """Exchange two facts of a lane: whole rows, or what they say."""
    lane = one[0]
    if dice.random() < 0.5:
        first, second = fact_at(tx, one), fact_at(tx, other)
        tx.execute("UPDATE facts SET raw = ? WHERE lane = ? AND seq = ?", (second, *one))
        tx.execute("UPDATE facts SET raw = ? WHERE lane = ? AND seq = ?", (first, *other))
        return
    for was, becomes in ((one[1], -1), (other[1], one[1]), (-1, other[1])):
        tx.execute("UPDATE facts SET seq = ? WHERE lane = ? AND seq = ?", (becomes, lane, was))


@pytest.mark.parametrize("kind", ["answered", "alone"])
@pytest.mark.parametrize("tamper", [flip, delete, edit])
def test_a_changed_fact_is_found_and_named(request, tmp_path, kind, tamper):
    source: Original = request.getfixturevalue(kind)
    dice = random.Random(f"{kind} {tamper.__name__}")
    for _ in range(CASES // 2):
        place = dice.choice(source.places)
        report = verified(source, tmp_path, partial(tamper, place=place, dice=dice))
        assert not report.ok
        assert report.bad_seq == f"{place[0]}:{place[1]}", report.findings


def test_two_exchanged_facts_are_found_and_the_first_is_named(answered, tmp_path):
    dice = random.Random("swap")
    for _ in range(CASES):
        one = dice.choice(answered.places)
        other = dice.choice([place for place in answered.places if place[0] == one[0] and place != one])
        report = verified(answered, tmp_path, partial(swap, one=one, other=other, dice=dice))
        assert not report.ok
        assert report.bad_seq == f"{one[0]}:{min(one[1], other[1])}", report.findings


def test_a_cut_tail_is_found_against_the_word_of_the_hub_and_the_first_missing_fact_is_named(answered, tmp_path):
    dice = random.Random("cut")
    for _ in range(CASES):
        place = dice.choice(answered.places)
        report = verified(answered, tmp_path, partial(cut_tail, place=place, dice=dice))
        assert not report.ok
        assert report.bad_seq == f"{place[0]}:{place[1]}", report.findings


def roll_back(source: Original, folder: Path, to_n: int) -> Report:
    """Everything after a commit number is gone, in both lanes, and every table is made to agree with it."""

    def tamper(tx: Tx) -> None:
        tx.execute("DELETE FROM facts WHERE n > ?", (to_n,))
        for lane in (0, 1):
            [(seq,)] = tx.execute("SELECT coalesce(max(seq), 0) FROM facts WHERE lane = ?", (lane,))
            head = (seq, chain_before(tx, (lane, seq + 1)), lane)
            tx.execute("UPDATE lanes SET head_seq = ?, head_chain = ? WHERE lane = ?", head)
            tx.execute("UPDATE lanes SET acked_seq = ?, acked_chain = ? WHERE lane = ? AND acked_seq > 0", head)
        for table in PROJECTIONS:
            tx.execute(f"DELETE FROM {table}")
        for (raw,) in tx.execute("SELECT raw FROM facts ORDER BY n"):
            projections.project(tx, facts.decode(raw))
        tx.execute("UPDATE counters SET value = ? WHERE name = 'n'", (to_n,))
        tx.execute("DELETE FROM requests WHERE request_id NOT IN (SELECT sale_id FROM sales)")

    return verified(source, folder, tamper)


def test_a_file_rolled_back_as_a_whole_is_found_by_the_word_of_the_hub_in_both_lanes(answered, tmp_path):
    report = roll_back(answered, tmp_path, to_n=9)
    [first, second] = [next(place for place in answered.places[9:] if place[0] == lane) for lane in (0, 1)]
    assert {(finding.lane, finding.seq) for finding in report.findings} >= {first, second}


def test_the_same_roll_back_without_the_word_of_the_hub_cannot_be_seen(alone, tmp_path):
    """The negative control: it is the hub's signed acknowledgement that finds it."""
    assert roll_back(alone, tmp_path, to_n=9).ok


def test_an_edit_chained_anew_with_the_key_is_found_by_the_word_of_the_hub_alone(answered, alone, tmp_path):
    """The negative control of the seals: whoever has the key file makes them, and then only the hub knows better."""
    place = (0, 7)
    with_key = lambda tx: recompute(tx, place, store_identity().seal_of)  # noqa: E731
    assert verified(alone, tmp_path, with_key).ok
    report = verified(answered, tmp_path, with_key)
    assert [finding.what for finding in report.findings] == ["the hub signed another chain for this fact"]


def test_a_stale_word_of_the_hub_does_not_pass_for_a_later_one(answered, tmp_path):
    def tamper(tx: Tx) -> None:
        tx.execute("UPDATE lanes SET acked_seq = acked_seq - 1 WHERE lane = 0")

    assert not verified(answered, tmp_path, tamper).ok


def test_a_word_of_the_hub_that_the_hub_did_not_sign_is_found(answered, tmp_path):
    def tamper(tx: Tx) -> None:
        [(proof,)] = tx.execute("SELECT ack_proof FROM lanes WHERE lane = 0")
        tx.execute("UPDATE lanes SET ack_proof = ? WHERE lane = 0", (proof[:-1] + bytes((proof[-1] ^ 1,)),))

    report = verified(answered, tmp_path, tamper)
    assert "bad_signature" in report.findings[0].what


def test_a_lane_set_back_to_nothing_is_found_by_the_word_of_the_hub(answered, tmp_path):
    report = verified(answered, tmp_path, cut_all)
    assert (1, 1) in {(finding.lane, finding.seq) for finding in report.findings}


def test_a_journal_emptied_behind_its_heads_is_found(alone, tmp_path):
    def tamper(tx: Tx) -> None:
        for table in ("facts", *PROJECTIONS):
            tx.execute(f"DELETE FROM {table}")

    report = verified(alone, tmp_path, tamper)
    assert {(finding.lane, finding.seq) for finding in report.findings if finding.seq} == {(0, 1), (1, 1)}


def cut_all(tx: Tx) -> None:
    tx.execute("DELETE FROM facts WHERE lane = 1")
    genesis = facts.genesis(STORE, EPOCH, 1)
    tx.execute(
        "UPDATE lanes SET head_seq = 0, acked_seq = 0, head_chain = ?, acked_chain = ? WHERE lane = 1",
        (genesis, genesis),
    )


@pytest.mark.parametrize(
    ("table", "sql", "seq"),
    [
        ("sales", "UPDATE sales SET total_fen = total_fen + 1 WHERE number = 3 AND till = '1'", "0:7"),
        ("sale_lines", "UPDATE sale_lines SET qty = 9 WHERE rowid = 1", "0:1"),
        ("sale_tenders", "DELETE FROM sale_tenders WHERE rowid = 2", "0:3"),
        ("invites", "UPDATE invites SET expires_day = '2099-01-01' WHERE seq = 4", "0:4"),
        ("day_totals", "UPDATE day_totals SET amount_fen = amount_fen - 1", None),
        ("prints", "UPDATE prints SET document = 'docket' WHERE seq = 2", "1:2"),
        ("sales", "INSERT INTO sales SELECT 'x', epoch, 99, 999, till, 99, 'x', day, at_ms, 1, currency FROM sales LIMIT 1",
         "0:99"),
    ],
)  # fmt: skip
def test_a_table_edited_by_hand_is_found(answered, tmp_path, table, sql, seq):
    report = verified(answered, tmp_path, lambda tx: tx.execute(sql))
    assert {name: report.projections[name] for name in PROJECTIONS} == {name: name != table for name in PROJECTIONS}
    assert report.bad_seq == seq


@pytest.mark.parametrize(
    ("table", "sql"),
    [
        ("counters", "UPDATE counters SET value = value - 3 WHERE name = 'n'"),
        ("print_jobs", "UPDATE print_jobs SET state = 'queued' WHERE state = 'confirmed'"),
        ("print_jobs", "UPDATE print_jobs SET copy = 0 WHERE copy > 0"),
        ("print_jobs", "DELETE FROM print_jobs WHERE state IN ('confirmed', 'discarded')"),
        ("requests", "DELETE FROM requests"),
        (
            "requests",
            "UPDATE requests SET answer = CAST(replace(CAST(answer AS TEXT), '\"qty\":1', '\"qty\":2') AS BLOB)",
        ),
    ],
)
def test_what_is_no_projection_may_not_contradict_the_facts_either(answered, tmp_path, table, sql):
    report = verified(answered, tmp_path, lambda tx: tx.execute(sql))
    assert not report.ok
    assert [name for name, same in report.projections.items() if not same] == [table]


@pytest.mark.parametrize("kind", ["answered", "alone"])
def test_an_untouched_copy_holds_and_every_table_rebuilt_equals_the_live_one(request, tmp_path, kind):
    source: Original = request.getfixturevalue(kind)
    report = verified(source, tmp_path, lambda tx: None)
    assert report.ok
    assert report.as_json() == {
        "ok": True,
        "facts": len(source.places),
        "lanes": {
            str(lane): {"epoch": EPOCH, "seq": max(seq for its, seq in source.places if its == lane)} for lane in (0, 1)
        },
        "bad_seq": None,
        "projections": dict.fromkeys((*PROJECTIONS, *HELD_AGAINST), True),
        "findings": [],
        "parked": 0,
    }


def test_the_journal_of_another_node_does_not_hold_under_this_nodes_key(answered, tmp_path):
    report = verified(answered, tmp_path, lambda tx: None, identity=store_identity("stranger"))
    assert not report.ok


def test_a_hundred_faults_are_reported_as_twenty(answered, tmp_path):
    report = verified(answered, tmp_path, lambda tx: tx.execute("UPDATE facts SET seal = x'00'"))
    assert len(report.findings) == verify_journal.FINDINGS_MAX
    as_json: dict[str, Any] = report.as_json()
    assert as_json["bad_seq"] == f"{answered.places[0][0]}:{answered.places[0][1]}"
