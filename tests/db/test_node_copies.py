"""Copies of a node, what a restored one may do, and the drill (ux-security §12 numbers 6 and 32)."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud.db import journal as hub_journal
from cloud.services import verify as hub_verify
from edge.db import copies
from edge.services.care import verify_journal
from edge.services.copies import drill, restore, snapshots
from edge.services.copies.snapshots import Shelf
from edge.services.hub import recovery
from edge.services.hub.handover_door import ReplaceError
from edge.services.money.settle_sale import settle_sale
from sync.contract import handover
from sync.contract.envelope import MessageKind, frame_facts
from sync.node import sealing
from sync.node import snapshots as files
from sync.node.ports import ManualClock, SeededChance
from sync.node.snapshots import Keyring, SnapshotError
from tests.kit.handovers import Blank, grant_at, let_in, projected, ship
from tests.kit.hub_stores import open_hub
from tests.kit.nodes import AT_TILL_1, START_MS, STORE, Rig, sell_command

DAY_MS = 86_400_000


@pytest.fixture
def rig(tmp_path) -> Iterator[Rig]:
    with Rig(tmp_path / "node") as made:
        for number in range(6):
            made.sell(number)
        yield made


def shelf_of(rig: Rig) -> Shelf:
    return Shelf(rig.folder, rig.folder.parent / "second disk", rig.identity, rig.clock, SeededChance("copies"))


def damaged(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


# ------------------------------------------------------------------------------------------------------------ copies


def test_a_copy_opens_to_the_file_as_it_was_and_hides_what_was_sold(rig: Rig, tmp_path):
    path = snapshots.make(shelf_of(rig))
    rig.sell(6)
    assert b"SQLite" not in path.read_bytes()
    assert b"sale.paid" not in path.read_bytes()
    meta = files.unseal(path, tmp_path / "opened.db", shelf_of(rig).keyring)
    assert snapshots.check(tmp_path / "opened.db") == (meta.at["n"], meta.at["facts"]) == (13, 13)
    assert [each.name for each in rig.folder.iterdir() if "making" in each.name] == []


@pytest.mark.parametrize("at", [0, 10, 40, 300, -1, -2000])
def test_a_flipped_byte_anywhere_is_refused(rig: Rig, tmp_path, at):
    path = snapshots.make(shelf_of(rig))
    damaged(path, at)
    with pytest.raises(SnapshotError):
        files.unseal(path, tmp_path / "opened.db", shelf_of(rig).keyring)
    assert not (tmp_path / "opened.db").exists()


@pytest.mark.parametrize("cut", [1, 100, 5_000])
def test_a_copy_that_is_cut_off_is_refused(rig: Rig, tmp_path, cut):
    path = snapshots.make(shelf_of(rig))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(SnapshotError):
        files.unseal(path, tmp_path / "opened.db", shelf_of(rig).keyring)


def test_frames_of_a_large_file_can_be_neither_dropped_nor_exchanged(tmp_path):
    identity = Rig(tmp_path / "node").identity
    ring, chance = Keyring(identity, SeededChance("x")), SeededChance("y")
    plain = tmp_path / "plain"
    plain.write_bytes(SeededChance("z").token(3 * files.FRAME_PLAIN_BYTES + 5))
    sealed = tmp_path / "sealed.zgs"
    with plain.open("rb") as source:
        files.seal(source, sealed, files.Meta(of="node", made_ms=1, name="s"), ring, chance)
    raw = sealed.read_bytes()
    start = 8 + int.from_bytes(raw[4:8], "big")
    frames = []
    while start < len(raw):
        size = 4 + int.from_bytes(raw[start : start + 4], "big")
        frames.append(raw[start : start + size])
        start += size
    head = raw[: len(raw) - sum(map(len, frames))]
    assert len(frames) == 4
    files.unseal(sealed, tmp_path / "back", ring)
    assert (tmp_path / "back").read_bytes() == plain.read_bytes()
    for wrong in (frames[:3], [frames[1], frames[0], *frames[2:]], [*frames, frames[3]], [frames[0], *frames]):
        sealed.write_bytes(head + b"".join(wrong))
        with pytest.raises(SnapshotError):
            files.unseal(sealed, tmp_path / "back", ring)


def test_another_nodes_key_opens_nothing_and_the_hubs_recovery_key_does(rig: Rig, tmp_path):
    hub, stranger = Rig(tmp_path / "a", seed="hub").identity, Rig(tmp_path / "b", seed="stranger").identity
    ring = Keyring(rig.identity, SeededChance("x"), hub.public.agreement)
    plain = tmp_path / "plain"
    plain.write_bytes(b"what was sold")
    with plain.open("rb") as source:
        files.seal(source, tmp_path / "c.zgs", files.Meta(of="node", made_ms=1, name="s"), ring, SeededChance("y"))
    with pytest.raises(SnapshotError, match="another key file"):
        files.unseal(tmp_path / "c.zgs", tmp_path / "out", Keyring(stranger, SeededChance("x")))
    files.unseal(tmp_path / "c.zgs", tmp_path / "out", Keyring(hub, SeededChance("x")))
    assert (tmp_path / "out").read_bytes() == b"what was sold"


def test_a_file_whose_chain_was_changed_gives_no_copy(rig: Rig):
    def forge(tx: Any) -> None:
        tx.execute("DROP TRIGGER facts_are_never_edited")
        tx.execute("UPDATE facts SET raw = x'7b7d' WHERE seq = 3 AND lane = 0")

    rig.db.write(forge)
    with pytest.raises(SnapshotError, match="chain breaks"):
        snapshots.make(shelf_of(rig))
    assert snapshots.listed(shelf_of(rig).folder) == []
    assert not snapshots.nightly(shelf_of(rig)), "and the till hears nothing of it"


def test_copies_thin_out_to_seven_days_four_weeks_twelve_months():
    times = [START_MS - day * DAY_MS for day in range(800)]
    kept = snapshots.kept(times)
    assert {START_MS - day * DAY_MS for day in range(7)} <= kept
    assert len([at for at in kept if at < START_MS - 45 * DAY_MS]) in {10, 11}
    assert len(kept) <= 7 + 4 + 12
    assert snapshots.kept(kept) == kept, "and stay so"


# ----------------------------------------------------------------------------------------------------------- restore


@dataclass
class House:
    rig: Rig
    blank: Blank
    shelf: Shelf


@pytest.fixture
def house(tmp_path, hub_url) -> Iterator[House]:
    """A store with a copy of last night, sales since, and a hub that has them."""
    clock = ManualClock(START_MS)
    core = open_hub(tmp_path / "hub", clock, hub_url)
    with Rig(tmp_path / "node") as rig:
        let_in(core, 1, rig.identity)
        rig._grant = grant_at(core, 1)
        rig.restart()
        for number in range(6):
            rig.sell(number)
        shelf = replace(shelf_of(rig), data=rig.folder)
        snapshots.make(shelf)
        for number in range(6, 10):
            rig.sell(number)
        ship(rig, core)
        blank = Blank(
            core, rig.folder, 2, rig.identity, Blank.at(core, tmp_path / "none", clock, epoch=9).client, clock
        )
        with core.database.write() as tx:
            from cloud.db import stores  # noqa: PLC0415

            stores.set_epoch(tx, rig._grant.store, 1)
        yield House(rig, blank, shelf)
    core.database.close()


def test_a_restored_node_sells_nothing_before_its_new_epoch_and_then_has_everything(house: House):
    before = projected(house.rig)
    house.rig.db.close()
    done = restore.restore(house.shelf, restore.NEWEST)
    assert (done.facts, (house.rig.folder / done.aside).exists()) == (13, True)
    held = recovery.load(house.rig.folder)
    assert held is not None
    house.rig.start()
    stopped = replace(house.rig.node, enrolment=None, recovery=held.state)
    assert getattr(settle_sale(stopped, AT_TILL_1, sell_command(50)), "code", "") == "needs_new_epoch"
    house.rig.db.close()
    let_in(house.blank.core, 2, house.rig.identity)
    assert recovery.begin(house.rig.folder, 2, "http://hub"), "the grant stands: go on with the facts"
    house.blank.bring_back()
    recovery.clear(house.rig.folder)
    with house.blank.rig() as again:
        assert projected(again) == before
        report = verify_journal.verify(again.node)
        assert report.ok, report.findings
        states = {row[0] for row in again.rows("SELECT DISTINCT state FROM print_jobs WHERE subject <> ''")}
        assert "queued" not in states, "a slip of then may be on paper: a person decides"
        again.sell(60)


def test_an_older_copy_serves_when_the_newest_is_damaged(house: House):
    house.rig.clock.advance(DAY_MS)
    newest = snapshots.make(house.shelf)
    damaged(newest, 5_000)
    house.rig.db.close()
    done = restore.restore(house.shelf, restore.NEWEST)
    assert (done.source == newest, done.facts) == (False, 13)
    house.rig.start()


def test_a_copy_that_does_not_hold_leaves_the_node_as_it_was(house: House):
    [(_, only)] = snapshots.listed(house.shelf.folder)
    damaged(only, 5_000)
    before = (house.rig.folder / "node.db").read_bytes()
    with pytest.raises(SnapshotError):
        restore.restore(house.shelf, str(only))
    assert (house.rig.folder / "node.db").read_bytes() == before
    assert recovery.load(house.rig.folder) is None


def test_enrolling_without_the_facts_is_refused_after_a_restore(house: House):
    house.rig.db.close()
    restore.restore(house.shelf, restore.NEWEST)
    with pytest.raises(recovery.RecoveryError, match="--replace"):
        recovery.refuse_plain_enrolment(house.rig.folder)
    house.rig.start()


# ------------------------------------------------------------------------------------------------------------- drill


def test_a_drill_of_a_sound_node_holds_is_signed_and_told_as_a_fact(rig: Rig):
    record = drill.hold(rig.node, shelf_of(rig), fresh=True)
    assert record.ok, record.checks
    assert [check.name for check in record.checks] == [name for name, _ in drill.DRILL_CHECKS]
    with rig.db.read() as reader:
        kept = copies.newest_drill(reader)
    assert kept is not None
    assert drill.proven(kept, rig.identity.public.signing)
    assert not drill.proven(kept._replace(record=kept.record.replace(b"true", b"null")), rig.identity.public.signing)
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'drill.done'") == [(1,)]
    assert verify_journal.verify(rig.node).ok
    assert [each.name for each in rig.folder.iterdir() if each.name.startswith("drill")] == []


def test_sales_after_the_copy_do_not_disturb_the_drill(rig: Rig):
    snapshots.make(shelf_of(rig))
    for number in range(6, 12):
        rig.sell(number)
    assert drill.hold(rig.node, shelf_of(rig)).ok


TAMPERINGS = {
    "a fact's bytes": [
        "DROP TRIGGER facts_are_never_edited",
        "UPDATE facts SET raw = x'7b7d' WHERE lane = 0 AND seq = 1",
    ],
    "a sale's total": ["UPDATE sales SET total_fen = total_fen + 1 WHERE number = 2"],
    "a line": ["UPDATE sale_lines SET amount_fen = amount_fen + 1 WHERE position = 0"],
    "a whole sale": [
        "DELETE FROM sale_lines WHERE sale_id = (SELECT min(sale_id) FROM sales)",
        "DELETE FROM sale_tenders WHERE sale_id = (SELECT min(sale_id) FROM sales)",
        "DELETE FROM invites WHERE sale_id = (SELECT min(sale_id) FROM sales)",
        "DELETE FROM sales WHERE sale_id = (SELECT min(sale_id) FROM sales)",
    ],
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_drill_against_a_tampered_live_file_fails(rig: Rig, what):
    snapshots.make(shelf_of(rig))
    rig.db.write(lambda tx: [tx.execute(statement) for statement in TAMPERINGS[what]])
    record = drill.hold(rig.node, shelf_of(rig))
    assert not record.ok
    assert {check.name for check in record.checks if not check.ok} & {"facts", "totals"}


def test_a_drill_on_a_damaged_copy_fails_and_says_so(rig: Rig):
    path = snapshots.make(shelf_of(rig))
    damaged(path, 5_000)
    record = drill.hold(rig.node, shelf_of(rig))
    assert [(check.name, check.ok) for check in record.checks] == [("copy", False)]
    body = msgspec.json.decode(rig.rows("SELECT raw FROM facts WHERE kind = 'drill.done'")[0][0])["body"]
    assert (body["ok"], body["failed"]) == (False, ["copy"])


def test_without_any_copy_there_is_no_drill(rig: Rig):
    with pytest.raises(SnapshotError, match="holds no copy"):
        drill.hold(rig.node, shelf_of(rig))
    with contextlib.suppress(SnapshotError):
        drill.monthly(rig.node, shelf_of(rig))
    assert drill.is_due(rig.node, drill.OLD_AFTER_MS)


def test_a_drill_is_due_again_after_a_month(rig: Rig):
    drill.hold(rig.node, shelf_of(rig), fresh=True)
    assert not drill.is_due(rig.node, 28 * DAY_MS)
    rig.clock.advance(28 * DAY_MS)
    assert drill.is_due(rig.node, 28 * DAY_MS)


def test_facts_that_only_the_copy_has_reach_the_hub_when_the_node_comes_back(house: House):
    # The line was cut before the copy was made: the hub has less than the copy, and the disk dies.
    house.rig.clock.advance(DAY_MS)
    for number in range(20, 24):
        house.rig.sell(number)
    snapshots.make(house.shelf)
    with house.blank.core.database.read() as reader:
        before = len(list(hub_journal.walk_lane(reader, STORE, 1, 0)))
    mine = house.rig.rows("SELECT seq, raw, chain FROM facts WHERE epoch = 1 AND lane = 0 ORDER BY seq")
    house.rig.db.close()
    restore.restore(house.shelf, restore.NEWEST)
    let_in(house.blank.core, 2, house.rig.identity)
    house.blank.bring_back()
    with house.blank.core.database.read() as reader:
        there = list(hub_journal.walk_lane(reader, STORE, 1, 0))
        lane = hub_journal.lane_of(reader, STORE, 1, 0)
        assert lane is not None
        assert hub_verify.first_bad_seq(reader, lane) is None
    assert (before, len(there)) == (20, 28)
    assert [tuple(one) for one in there] == [tuple(one) for one in mine]
    with house.blank.rig() as again:
        assert verify_journal.verify(again.node).ok


def test_late_facts_that_do_not_follow_on_the_hubs_are_refused(house: House):
    let_in(house.blank.core, 2, house.rig.identity)
    page = handover.PageOfFacts(epoch=1, lane=0, after=99)
    path = handover.late_path(STORE, 2, page)
    link = sealing.link_keys(
        house.rig.identity, house.blank.core.identity.public.agreement,
        tenant=house.blank.core.hub.settings.tenant, store=STORE, epoch=2,
    )  # fmt: skip
    party = sealing.Party(house.blank.core.hub.settings.tenant, STORE, "0" * 32, 2)
    sealer = sealing.Sealer(house.rig.identity, link.up, party, SeededChance("late"))
    claims = {"lane": 0, "first_seq": 100, "count": 1, "chain_before": b"x" * 32, "chain_after": b"y" * 32}
    body = handover.join([sealer.seal(MessageKind.FACTS, frame_facts([b"{}"]), **claims)])  # type: ignore[arg-type]
    with pytest.raises(ReplaceError, match="409 handover_fork"):
        house.blank.send(path, body)
    with pytest.raises(ReplaceError, match="403"):
        house.blank.send(path, body[:-1] + bytes((body[-1] ^ 1,)))
