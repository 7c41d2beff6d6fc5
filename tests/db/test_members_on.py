"""A store as it is delivered has members: a receipt holds its points, and so it is told after a replacement."""

from pathlib import Path

import msgspec

from edge.services.care import verify_journal
from edge.services.money.settle_sale import SaleAnswer, read_answer, settle_sale
from edge.settings import EdgeSettings, StoreSettings
from sync.node.ports import ManualClock
from tests.kit.handovers import Blank, grant_at, let_in, ship
from tests.kit.hub_stores import open_hub
from tests.kit.nodes import AT_TILL_1, START_MS, Rig, sell_command, uuid7_hex

DELIVERED = StoreSettings(tills=("1", "2"))


def as_delivered(rig: Rig) -> None:
    """Start again with what the settings say where nobody said anything."""
    rig.settings = msgspec.structs.replace(rig.settings, store=DELIVERED)
    rig.restart()


def kinds(rig: Rig) -> list[str]:
    return [kind for (kind,) in rig.rows("SELECT kind FROM facts WHERE lane = 0 ORDER BY seq")]


def test_members_are_on_unless_somebody_switches_them_off() -> None:
    assert EdgeSettings(data_dir="data").store.members
    assert DELIVERED.members


def test_a_bill_of_a_store_as_it_is_delivered_holds_its_points_and_one_without_members_writes_nothing_of_them(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path) as rig:
        assert rig.sell(1).points is None
        without = len(kinds(rig))
        as_delivered(rig)
        told = rig.sell(2)
        assert told.points is not None
        assert (told.points.earned, told.points.base_fen) == (told.total_fen // 100, told.total_fen)
        assert told.points.claim_until
        assert kinds(rig)[without:] == ["sale.paid", "invite.issued", "points.earned"]
        assert kinds(rig)[:without].count("points.earned") == 0
        assert verify_journal.verify(rig.node).ok


def test_after_a_replacement_a_repeat_is_told_of_the_points_that_the_receipt_holds(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    core = open_hub(tmp_path / "hub", clock, "sqlite")
    with Rig(tmp_path / "first") as rig:
        let_in(core, 1, rig.identity)
        rig._grant = grant_at(core, 1)
        as_delivered(rig)
        told: list[SaleAnswer] = [rig.sell(number) for number in range(3)]
        ship(rig, core)
        blank = Blank.at(core, tmp_path / "second", clock)
        blank.bring_back()
    with blank.rig() as again:
        for number, before in enumerate(told):
            settled = settle_sale(again.node, AT_TILL_1, sell_command(number))
            assert getattr(settled, "repeated", False)
            assert read_answer(settled.answer) == before  # type: ignore[union-attr]
            assert before.points is not None
        assert verify_journal.verify(again.node).ok
        assert len(again.rows("SELECT 1 FROM requests WHERE request_id = ?", (uuid7_hex(1),))) == 1
