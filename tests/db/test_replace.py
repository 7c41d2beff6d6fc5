"""A blank machine becomes the store again from what the hub holds (ux-security §12 number 32)."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from edge.db import journal
from edge.db.journal import Draft
from edge.services.care import verify_journal
from edge.services.hub.handover_door import ReplaceError
from edge.services.money.settle_sale import read_answer, settle_sale
from edge.services.ordering import import_menu
from sync.contract import handover
from sync.contract.operations import MENU_IMPORTED, NODE_STARTED, NodeStarted
from sync.node.ports import ManualClock
from tests.kit.handovers import Blank, floor, grant_at, let_in, printed, projected, ship
from tests.kit.hub_stores import open_hub
from tests.kit.nodes import AT_TILL_1, MENU, START_MS, STORE, Rig, sell_command, uuid7_hex


@dataclass
class World:
    """The store as it was, the hub, and the machine that comes in its place."""

    clock: ManualClock
    rig: Rig
    blank: Blank


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """The hub on SQLite: what the node does with what it is told is the same."""
    with a_world(tmp_path, "sqlite") as made:
        yield made


@pytest.fixture
def world_on_both(tmp_path, hub_url) -> Iterator[World]:
    with a_world(tmp_path, hub_url) as made:
        yield made


@contextlib.contextmanager
def a_world(tmp_path, hub_url: str) -> Iterator[World]:
    clock = ManualClock(START_MS)
    core = open_hub(tmp_path / "hub", clock, hub_url)
    with Rig(tmp_path / "first") as rig:
        let_in(core, 1, rig.identity)
        rig._grant = grant_at(core, 1)
        rig.restart()
        for number in range(8):
            sold = rig.sell(number)
            if number % 2 == 0:
                printed(rig, number, sold.sale_id)
        ship(rig, core)
        yield World(clock, rig, Blank.at(core, tmp_path / "second", clock))
    core.database.close()


def test_the_blank_node_has_every_fact_to_the_byte_every_total_and_verifies(world_on_both: World):
    assert world_on_both.blank.bring_back() == 8 * 2 + 4 + 1
    with world_on_both.blank.rig() as again:
        facts_of = "SELECT epoch, lane, seq, n, fact_id, kind, at_ms, raw, chain FROM facts WHERE epoch = 1 ORDER BY n"
        assert again.rows(facts_of) == world_on_both.rig.rows(facts_of)
        assert projected(again) == projected(world_on_both.rig)
        report = verify_journal.verify(again.node)
        assert report.ok, report.findings
        assert not {row[0] for row in again.rows("SELECT seal FROM facts")} & {
            row[0] for row in world_on_both.rig.rows("SELECT seal FROM facts")
        }, "sealed anew with this node's own key"
        assert {head.acked_seq - head.head_seq for head in heads(again, 1).values()} == {0}


def test_it_sells_on_under_the_new_epoch_with_numbers_that_nobody_had(world: World):
    world.blank.bring_back()
    with world.blank.rig() as again:
        first = again.sell(100)
        assert first.receipt_no != world.rig.sell(8).receipt_no
        assert (first.n, again.rows("SELECT max(n) FROM facts")) == (floor(2) + 2, [(floor(2) + 3,)])
        assert verify_journal.verify(again.node).ok


def test_a_repeat_of_a_sale_of_before_is_told_what_the_old_node_told(world: World):
    told = world.rig.rows("SELECT answer FROM requests WHERE request_id = ?", (uuid7_hex(3),))[0][0]
    world.blank.bring_back()
    with world.blank.rig() as again:
        settled = settle_sale(again.node, AT_TILL_1, sell_command(3))
        assert getattr(settled, "repeated", False)
        assert read_answer(settled.answer) == read_answer(told)  # type: ignore[union-attr]


def test_a_menu_after_it_has_a_version_that_no_menu_of_before_had(world: World):
    cheaper = msgspec.structs.replace(MENU, dishes=MENU.dishes[:-1])
    for menu in (cheaper, MENU, cheaper):
        import_menu.bring_into_force(world.rig.node, menu)
    world.rig.sell(100)
    ship(world.rig, world.blank.core)
    named = "SELECT raw FROM facts WHERE kind = ? ORDER BY n"
    assert [body_of(raw)["version"] for (raw,) in world.rig.rows(named, (MENU_IMPORTED,))] == [1, 2, 3, 4]
    world.blank.bring_back()
    with world.blank.rig() as again:
        assert again.node.shelf.catalogue is not None
        assert again.node.shelf.catalogue.menu.version == 5, (
            "the file of its settings, which came into force at its start"
        )
        assert import_menu.bring_into_force(again.node, cheaper) == 6
        again.sell(101)
        assert verify_journal.verify(again.node).ok


def test_facts_of_kinds_of_a_newer_version_stay_facts_and_stop_nothing(world: World):
    odd = [
        Draft(world.rig.node.ids.uuid7(), lane, "table.moved", 3, Moved(to="7"), versions={"menu": 9})
        for lane in journal.LANES
    ]
    world.rig.db.write(lambda tx: journal.append(tx, world.rig.node.place(), world.rig.identity, odd))
    world.rig.sell(100)
    ship(world.rig, world.blank.core)
    world.blank.bring_back()
    with world.blank.rig() as again:
        facts_of = "SELECT n, raw FROM facts WHERE epoch = 1 ORDER BY n"
        assert again.rows(facts_of) == world.rig.rows(facts_of)
        assert projected(again) == projected(world.rig), "also what was sold after them"
        assert again.rows("SELECT count(*) FROM facts WHERE kind = 'table.moved'") == [(2,)]
        assert again.node.shelf.catalogue is not None
        assert again.node.shelf.catalogue.menu.version == 10, "above what they name"


def test_what_never_reached_the_hub_is_missing_and_the_rest_still_verifies(world: World, tmp_path):
    for number in range(8, 12):
        world.rig.sell(number)
    printed(world.rig, 8, uuid7_hex(8))
    # Trade drains first: the hub has the sales and not the slips, and of the last sale not even the invite.
    core = world.blank.core
    trade = heads(world.rig, 1)[0].head_seq
    ship(world.rig, core, upto={0: trade - 1, 1: heads(world.rig, 1)[1].head_seq - 1})
    world.blank.bring_back()
    with world.blank.rig() as again:
        report = verify_journal.verify(again.node)
        assert report.ok, report.findings
        assert len(again.rows("SELECT 1 FROM sales")) == 12
        assert len(again.rows("SELECT 1 FROM invites")) == 11


def test_a_second_replacement_takes_late_facts_of_both_earlier_epochs(world_on_both: World, tmp_path):
    world_on_both.rig.sell(20)
    late = heads(world_on_both.rig, 1)
    core = world_on_both.blank.core
    world_on_both.blank.bring_back()
    with world_on_both.blank.rig() as second:
        second.sell(100)
        ship(second, core, epoch=2)
    # The first machine comes back from the cellar and delivers what it had: its numbers are its own epoch's.
    ship(world_on_both.rig, core)
    third = Blank.at(core, tmp_path / "third", world_on_both.clock, epoch=3, seed="third")
    third.bring_back()
    with third.rig() as again:
        report = verify_journal.verify(again.node)
        assert report.ok, report.findings
        assert heads(again, 1)[0].head_seq == late[0].head_seq
        assert len(again.rows("SELECT 1 FROM sales")) == 10


@pytest.mark.parametrize("calls", range(3))
def test_killed_after_any_answer_it_goes_on_there(world: World, calls):
    fetched: list[str] = []

    def dies(path: str) -> bytes:
        if len(fetched) == calls:
            raise ReplaceError("the power is gone")
        fetched.append(path)
        return world.blank.ask(path)

    with contextlib.suppress(ReplaceError):
        world.blank.bring_back(dies)
    told: list[tuple[str, int, int]] = []
    world.blank.bring_back(tell=lambda *one: told.append(one))
    with world.blank.rig() as again:
        assert projected(again) == projected(world.rig)
        assert verify_journal.verify(again.node).ok
    assert told[-1] == ("tables", told[-1][2], told[-1][2])
    assert [one[1] for one in told if one[0] == "facts"][-1] == told[0][2]


def test_bringing_back_twice_changes_nothing(world: World):
    world.blank.bring_back()
    with world.blank.rig() as once:
        before = once.tables()
    world.blank.bring_back()
    with world.blank.rig() as again:
        assert again.tables() == before


def test_facts_that_are_not_the_hubs_own_change_nothing(world: World):
    def swapped(path: str) -> bytes:
        body = world.blank.ask(path)
        return body[:-1] + bytes((body[-1] ^ 1,)) if "facts" in path else body

    with pytest.raises(ReplaceError, match="does not open"):
        world.blank.bring_back(swapped)
    db = world.blank.open()
    with db.read() as reader:
        assert reader.execute("SELECT count(*) FROM facts") == [(0,)]
    db.close()


def test_a_file_with_another_history_is_not_mixed_with_the_hubs(world: World, tmp_path):
    with Rig(tmp_path / "second", seed="another") as other:
        draft = Draft(other.node.ids.uuid7(), 1, NODE_STARTED, 1, NodeStarted(version="1", boot="x"))
        for _ in range(30):
            other.db.write(
                lambda tx: journal.append(tx, other.node.place(), other.identity, [draft_again(other, draft)])
            )
    with pytest.raises(ReplaceError, match="different facts"):
        world.blank.bring_back()


def draft_again(rig: Rig, draft: Draft) -> Draft:
    return Draft(rig.node.ids.uuid7(), draft.lane, draft.kind, draft.v, draft.body)


class Moved(msgspec.Struct):
    """What a newer version would say of a table."""

    to: str


def body_of(raw: bytes) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(raw)["body"]
    return body


def heads(rig: Rig, epoch: int):
    with rig.db.read() as reader:
        return journal.heads(reader, epoch)


# ------------------------------------------------------------------------------------------------------ who may ask


def test_a_foreign_key_is_told_nothing(world: World):
    stranger = Blank(world.blank.core, world.blank.folder, 2, world.rig.identity, world.blank.client, world.clock)
    with pytest.raises(ReplaceError, match="403 handover_refused"):
        stranger.ask(handover.lanes_path(STORE, 2))


def test_the_replaced_node_is_told_nothing(world: World):
    old = Blank(world.blank.core, world.blank.folder, 1, world.rig.identity, world.blank.client, world.clock)
    with pytest.raises(ReplaceError, match="403 handover_refused"):
        old.ask(handover.lanes_path(STORE, 1))


def test_a_request_counts_once_and_only_near_its_time(world: World):
    path = handover.lanes_path(STORE, 2)
    nonce, at_ms = b"n" * 16, world.clock.now_ms()
    head = handover.header(at_ms, nonce, world.blank.identity.sign(handover.to_sign("GET", path, at_ms, nonce)))
    first = world.blank.client.get(path, headers={"Authorization": head})
    again = world.blank.client.get(path, headers={"Authorization": head})
    assert (first.status_code, again.status_code, again.get_json()["code"]) == (200, 403, "handover_repeated")
    world.clock.advance(handover.CLOCK_MS_MAX + 60_000)
    late = world.blank.client.get(path, headers={"Authorization": head})
    assert (late.status_code, late.get_json()["code"]) == (403, "handover_clock")
    other = world.blank.client.get(
        path.replace("/lanes", "/facts?of=1&lane=0&after=0"), headers={"Authorization": head}
    )
    assert other.get_json()["code"] == "handover_refused", "a signature is good for its own path only"


def test_another_store_gets_only_its_own(world: World, tmp_path):
    let_in(world.blank.core, 1, world.blank.identity, store="other", node="1" * 32)
    asked = Blank(world.blank.core, tmp_path, 1, world.blank.identity, world.blank.client, world.clock)
    assert len(asked.ask(handover.lanes_path("other", 1))) > 0
    with pytest.raises(ReplaceError, match="403"):
        asked.ask(handover.facts_path("other", 1, handover.PageOfFacts(epoch=1, lane=0, after=0)))
