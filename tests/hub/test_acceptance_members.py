"""The first acceptance tests of membership.md §8.3 that this part of the product answers, each by its name: real nodes and a real hub."""

import itertools
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud.db import members
from cloud.db.engine import open_engine
from cloud.services.accounts import Who
from cloud.services.members import cards, erase
from cloud.services.members.desk import MemberDesk
from edge.domain.pricing import BasketLine
from edge.domain.refund import AskedLine
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.deeds import Done
from edge.services.members import changes, points, visits
from edge.services.members.changes import LeaveCommand
from edge.services.members.join import Said
from edge.services.members.visits import ClaimCommand, SeenCommand
from edge.services.money import book_sale, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.refunds import RefundAnswer, RefundCommand
from edge.services.money.settle_sale import SellCommand
from sync.contract import times
from sync.contract.members import SpentLot
from sync.contract.points import Rules
from sync.node import member_seal
from tests.kit.hub_store import open_file
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import PHONE, Till, World, cash, world
from tests.kit.member_tills import points as by_points
from tests.kit.nodes import AT_TILL_1, basket

RULES = Rules(version=1, welcome=5_000, spend_bill_bp=5_000, risk_max=0, valid_months=1)
OTHER = AT_TILL_1._replace(cashier_id="c9")
"""Whoever sells may not take back alone what they sold."""
CASHIER = AT_TILL_1._replace(role=Role.CASHIER, cashier_id="c2")
TWO = basket(("d101", 2), ("d102", 1))
"""79.00."""
NAME = "欧阳静"
MINUTE_MS = 60_000
NAMES = ("near", "far", "third")


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, RULES) as made:
        yield made


def sell(till: Till, member_id: str, *tenders: Any, lines: tuple[BasketLine, ...] = TWO) -> SaleAnswer:
    done = try_sell(till, member_id, *tenders, lines=lines)
    assert isinstance(done, Done), done
    return book_sale.read_answer(done.answer)


def try_sell(till: Till, member_id: str, *tenders: Any, lines: tuple[BasketLine, ...] = TWO) -> Done | Refused:
    command = SellCommand(sale_id=till.new_id(), lines=lines, tenders=(*tenders, cash(100_000)), member_id=member_id)
    return settle_sale.settle_sale(till.node, CASHIER, command)


def refund(till: Till, sale: SaleAnswer, *lines: AskedLine) -> RefundAnswer:
    how: dict[str, Any] = {"lines": lines} if lines else {"whole": True}
    command = RefundCommand(refund_id=till.new_id(), sale_id=sale.sale_id, reason="cold", **how)
    done = refunds.give_back(till.node, OTHER, command)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=RefundAnswer)


def claim(till: Till, member_id: str, sale: SaleAnswer) -> Done | Refused:
    command = ClaimCommand(request_id=till.new_id(), member_id=member_id, invite=sale.invite.url)
    return visits.claim(till.node, AT_TILL_1, command)


def cut_off(*tills: Till) -> None:
    for till in tills:
        till.online = False


# ------------------------------------------------------------------------------------------------------------ ledger laws


@contextmanager
def copied(hub: MemberHub, folder: Path) -> Iterator[MemberHub]:
    """A hub that knows what this one knows, over files of its own."""
    folder.mkdir()
    with sqlite3.connect(hub.folder / "hub.db") as source, sqlite3.connect(folder / "hub.db") as target:
        source.backup(target)
    for name in ("member-keys.db",):
        shutil.copy(hub.folder / name, folder / name)
    database = open_engine(f"sqlite:///{folder / 'hub.db'}")
    made = MemberHub(database, folder)
    # A little later, or it would draw the ids of deeds that are done.
    made.clock.advance(hub.clock.now_ms() - made.clock.now_ms() + MINUTE_MS)
    yield made
    made.keys.close()
    database.close()


def deliver(hub: MemberHub, till: Till, first: int) -> None:
    """A store's facts from a seq on: the end before the beginning, then all of it, then all of it once more."""
    total = len(till.kit.lanes[0])
    for start in ((first + total) // 2 + 1, first, first):
        hub.kit.ingest.receive([till.kit.batch(start, total)])
    hub.booker.catch_up()


def sums(hub: MemberHub, ids: Sequence[str]) -> list[int]:
    """What each member has, is free, is owed, in an order that says nothing of the way to it."""
    hub.proven()
    return [said(hub.resolve(one)) for one in ids for said in (hub.points, hub.debt)]


def test_any_interleaving_at_three_cut_off_stores_delivered_twice_and_out_of_order_ends_in_the_same_balances(
    shops: World, tmp_path: Path
) -> None:
    tills = [shops.till(name) for name in NAMES]
    near = tills[0]
    member_id, other = near.join(PHONE).member_id, near.join("13912345678").member_id
    shops.sync()
    for till in tills[1:]:
        till.join(PHONE)
        till.join("13912345678")
    shops.sync()
    for till in tills:
        assert points.fetch(till.node, member_id, 1_000)
    before = {till.name: len(till.kit.lanes[0]) for till in tills}
    cut_off(*tills)
    held = sell(near, "")
    for number, till in enumerate(tills):
        first = sell(till, member_id, lines=basket(("d101", 3 + number)))
        sell(till, other, lines=basket(("d102", 2 + number)))
        refund(till, first, AskedLine(0, 1))
        claim(till, (member_id, other, member_id)[number], held)
    paid = [sell(till, member_id, by_points(1_000)) for till in tills]
    refund(near, paid[0])
    refund(tills[1], sell(tills[1], member_id))
    for till in tills:
        for lane in (0, 1):
            found = till.rig.rows("SELECT raw FROM facts WHERE epoch = ? AND lane = ? ORDER BY seq", (till.epoch, lane))
            till.kit.lanes[lane] = [bytes(raw) for (raw,) in found]

    ends = []
    for number, order in enumerate(itertools.permutations(tills)):
        with copied(shops.hub, tmp_path / f"hub-{number}") as hub:
            desk = MemberDesk(hub.shared, hub.referrals)
            for place, till in enumerate(order):
                if place == number % 3:
                    desk.merge(other, member_id, Who("boss"), "they are one")
                deliver(hub, till, before[till.name] + 1)
            for till in order:
                deliver(hub, till, before[till.name] + 1)
            told = sums(hub, [member_id])
            assert hub.conflicts() == ["claimed_twice"] * hub.conflicts().count("claimed_twice")
            hub.clock.advance(70 * times.DAY_MS)
            hub.expiry.run()
            hub.expiry.run()
            hub.proven()
            ends.append((told, hub.free(member_id)))
    assert ends == [ends[0]] * 6
    assert ends[0][0][0] > 0
    assert ends[0][1] == 0, "what ended is nobody's"


def test_a_refund_of_a_sale_restores_its_lots_exactly(tmp_path: Path) -> None:
    with world(tmp_path, msgspec.structs.replace(RULES, points=0, sign_in=700)) as shops:
        near = shops.till("near")
        member_id = near.join(PHONE).member_id
        shops.hub.clock.advance(20 * times.DAY_MS)
        command = SeenCommand(request_id=near.new_id(), member_id=member_id, by="phone", sign_in=True)
        assert isinstance(visits.seen(near.node, AT_TILL_1, command), Done)
        shops.sync()
        assert points.fetch(near.node, member_id, 400), "beside what it has already"
        before = rests(shops, member_id)
        assert sorted(before.values()) == [700, 5_000]
        sale = sell(near, member_id, by_points(3_900))
        other = sell(near, member_id, by_points(1_500))
        shops.sync()
        assert sorted(rests(shops, member_id).values()) == [300], "the one that ends first went first"
        refund(near, sale, AskedLine(0, 1))
        refund(near, sale)
        shops.sync()
        refund(near, other)
        shops.sync()
        assert rests(shops, member_id) == before
        shops.hub.proven()


def test_what_a_refund_gives_back_pays_first_what_the_same_refund_leaves_owed(tmp_path: Path) -> None:
    database = open_file(tmp_path / "hub.db")
    hub = MemberHub(database, tmp_path)
    store = hub.store("s1")
    member_id = store.join(PHONE, welcome=1_000)
    hub.settle()
    [grant] = hub.granted("s1")
    sale = store.sell(member_id, earns=360)
    lots = tuple(SpentLot(grant_id=grant.grant_id, lot_id=lot.lot_id, qty=lot.qty) for lot in grant.lots)
    store.spend(member_id, lots, sale_id=sale.sale_id)
    hub.settle()
    store.release(grant.grant_id, 0)
    hub.settle()
    store.spend_granted(member_id, 360)
    hub.settle()
    assert (hub.points(member_id), hub.debt(member_id)) == (0, 0)
    store.reverse(sale.sale_id, member_id, taken=360, returned=lots)
    hub.settle()
    assert (hub.points(member_id), hub.debt(member_id)) == (640, 0)
    hub.proven()
    hub.keys.close()
    database.close()


def rests(shops: World, member_id: str) -> dict[str, int]:
    """What is left of each lot of a member, wherever a piece of it lies."""
    found: dict[str, int] = {}
    with shops.database.read() as reader:
        for lot in cards.all_lots(reader, [shops.hub.resolve(member_id)]):
            found[lot.lot_id] = found.get(lot.lot_id, 0) + lot.left
    return {lot_id: qty for lot_id, qty in found.items() if qty}


# ---------------------------------------------------------------------------------------------------------------- farming


def test_buying_earning_and_refunding_a_hundred_times_leaves_no_point(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    shops.sync()
    assert shops.hub.points(member_id) == RULES.welcome
    for number in range(100):
        refund(near, sell(near, member_id))
        if number % 40 == 0:
            near.sync()
    shops.sync()
    assert shops.hub.points(member_id) == RULES.welcome
    assert near.view(member_id).points == RULES.welcome
    assert shops.hub.debt(member_id) == 0
    shops.hub.proven()


def test_refunds_in_parts_and_in_any_order_come_to_one_whole_refund_to_the_point_and_the_fen(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    near.sync()
    ends = set()
    for order in itertools.permutations((AskedLine(0, 1), AskedLine(0, 1), AskedLine(1, 1))):
        sale = sell(near, member_id)
        ends.add((sum(refund(near, sale, line).amount_fen for line in order), near.view(member_id).points))
    sale = sell(near, member_id)
    ends.add((refund(near, sale).amount_fen, near.view(member_id).points))
    assert ends == {(7_900, RULES.welcome)}
    shops.sync()
    assert shops.hub.points(member_id) == RULES.welcome
    shops.hub.proven()


# ------------------------------------------------------------------------------------------ a signed code at three stores


def test_a_signed_code_at_three_cut_off_stores_is_honoured_once_and_two_conflicts_are_booked(shops: World) -> None:
    tills = [shops.till(name) for name in NAMES]
    sold = shops.till("sold")
    sale = sell(sold, "")
    shops.sync()
    guests = [till.join(f"1391234567{number}").member_id for number, till in enumerate(tills)]
    shops.sync()
    cut_off(*tills)
    for till, member_id in zip(tills, guests, strict=True):
        assert isinstance(claim(till, member_id, sale), Done), "without a network every store can read the code"
        # Shown to the same store once more it is refused there.
        again = claim(till, member_id, sale)
        assert isinstance(again, Refused)
        assert again.code == "claim_done"
    for till in tills:
        till.online = True
    shops.sync()
    earned = 79 * RULES.points
    assert sorted(shops.hub.points(one) - RULES.welcome for one in guests) == [0, 0, earned]
    assert shops.hub.conflicts() == ["claimed_twice"] * 2
    assert [shops.hub.debt(one) for one in guests] == [0, 0, 0], "no guest is charged for it"
    shops.hub.proven()


def test_a_signed_code_is_good_for_its_days_and_not_for_one_more(tmp_path: Path) -> None:
    with world(tmp_path, msgspec.structs.replace(RULES, claim_days=5)) as shops:
        near, far = shops.till("near"), shops.till("far")
        member_id = far.join(PHONE).member_id
        early, late = sell(near, ""), sell(near, "")
        shops.sync()
        cut_off(far)
        shops.hub.clock.advance(5 * times.DAY_MS)
        assert isinstance(claim(far, member_id, early), Done)
        shops.hub.clock.advance(times.DAY_MS)
        refused = claim(far, member_id, late)
        assert isinstance(refused, Refused)
        assert refused.code == "claim_late"


# ------------------------------------------------------------------------------------------------------------------ lease


def test_of_two_hundred_at_the_hub_two_stores_at_once_never_spend_two_hundred_and_one(tmp_path: Path) -> None:
    rules = Rules(version=1, welcome=200, points=0, step=1, step_fen=1, risk_max=0)
    with world(tmp_path, rules) as shops:
        near, far = shops.till("near"), shops.till("far")
        member_id = near.join(PHONE).member_id
        shops.sync()
        far.join(PHONE)
        shops.sync()
        for till, qty in ((near, 120), (far, 80)):
            assert points.fetch(till.node, member_id, qty), "the hub puts it aside"
            assert not points.fetch(till.node, member_id, 81), "and no more than there is"
        cut_off(near, far)
        spent = 0
        for qty in (200, 120, 80, 50, 20, 5, 1, 1, 1):
            for till in (near, far):
                done = try_sell(till, member_id, by_points(qty))
                if isinstance(done, Done):
                    spent += qty
                else:
                    assert done.code == "points_short"
        assert spent == 200, "all of it can be spent, and nothing beyond"
        assert isinstance(try_sell(near, member_id, by_points(1)), Refused)
        near.online = far.online = True
        shops.sync()
        assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (0, 0)
        assert (shops.hub.risk("near"), shops.hub.risk("far")) == (0, 0)
        assert shops.hub.conflicts() == []
        shops.hub.proven()


def test_a_store_whose_claim_came_too_late_shows_what_its_guest_has_also_behind_the_refund(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    late, first = near.join(PHONE).member_id, far.join("13912345678").member_id
    sale = sell(near, "")
    shops.sync()
    cut_off(near, far)
    assert isinstance(claim(near, late, sale), Done)
    assert isinstance(claim(far, first, sale), Done)
    far.online = True
    far.sync()
    near.online = True
    shops.sync()
    refund(near, sale)
    shops.sync()
    for till, member_id in ((near, late), (far, first)):
        assert till.view(member_id).points == shops.hub.points(member_id) == RULES.welcome
    shops.hub.proven()


# ------------------------------------------------------------------------------------------------------------------ erase


def files_with(folder: Path, *texts: str) -> list[str]:
    """Name the files under a folder that hold one of the texts, in UTF-8 or as JSON escapes it."""
    wanted = [
        form for text in texts for form in (text.encode(), msgspec.json.encode(text)[1:-1], ascii(text)[1:-1].encode())
    ]
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(one in path.read_bytes() for one in wanted)
    ]


def test_whoever_was_erased_is_found_in_no_file_no_stream_and_no_backup_and_the_book_still_sums(
    shops: World, tmp_path: Path
) -> None:
    near, far = shops.till("near"), shops.till("far")
    said = Said(phone=PHONE, name=NAME)
    member_id = near.join(said=said).member_id
    shops.sync()
    far.join(said=said)
    shops.sync()
    sell(near, member_id, by_points(1_000))
    shops.sync()
    with shops.database.read() as reader:
        sealed = card_rows(reader, member_id)
    key = shops.hub.keys.get(member_id)
    assert key is not None
    # While the key is there, what lies about can be read: the search below is not blind.
    assert [member_seal.unseal(one, member_id, key.key).phone for one in sealed] == [f"+86{PHONE}"] * len(sealed)
    assert sealed
    older = tmp_path / "older"
    older.mkdir()
    with sqlite3.connect(tmp_path / "hub.db") as source, sqlite3.connect(older / "hub.db") as target:
        source.backup(target)

    done = changes.leave(far.node, None, LeaveCommand(request_id=far.new_id(), member_id=member_id))
    assert isinstance(done, Done)
    shops.sync()

    # The key is destroyed at every place, so that nothing sealed can be opened, in no backup either.
    for keys in (shops.hub.keys, near.node.members.keys(near.node), far.node.members.keys(far.node)):
        assert keys.get(member_id) is None
    for path in sorted(tmp_path.rglob("*")):
        assert not (path.is_file() and key.key in path.read_bytes()), f"{path.name} still has the key"
    assert files_with(tmp_path, PHONE, NAME) == []
    for store in ("near", "far"):
        assert shops.hub.card(store, member_id) is None
    (tmp_path / "planted").write_text(f"a log that says {PHONE}", encoding="utf-8")
    assert files_with(tmp_path, PHONE, NAME) == ["planted"], "the search finds what is there"
    shops.hub.proven()
    near.verified()
    far.verified()

    # An older backup brings the sealed profile back, and nobody can open it; the file of keys makes them forgotten again.
    with copied_over(shops, older) as set_back:
        assert set_back.shared.keys.get(member_id) is None
        assert settle_again(set_back) == 1
        set_back.proven()


@contextmanager
def copied_over(shops: World, folder: Path) -> Iterator[MemberHub]:
    """The hub on an older database, with the file of keys that it has."""
    shutil.copy(shops.folder / "member-keys.db", folder / "member-keys.db")
    database = open_engine(f"sqlite:///{folder / 'hub.db'}")
    made = MemberHub(database, folder)
    made.clock.advance(shops.hub.clock.now_ms() - made.clock.now_ms() + MINUTE_MS)
    yield made
    made.keys.close()
    database.close()


def settle_again(hub: MemberHub) -> int:
    return erase.settle(hub.shared)


def card_rows(reader: Any, member_id: str) -> list[str]:
    row = members.member(reader, member_id)
    return [] if row is None or not row.sealed else [row.sealed]
