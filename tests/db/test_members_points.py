"""Points at the till: earned, held on a receipt, claimed, spent out of grants, taken back; the hub's book comes to the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from drivers.document import Columns, Text
from drivers.escpos.profile import PrinterProfile
from edge.db import print_jobs
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.domain.refund import AskedLine
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services.deeds import Done
from edge.services.members import care, changes, join, mall, points, visits
from edge.services.members.changes import LeaveCommand
from edge.services.members.mall import RedeemCommand
from edge.services.members.visits import ClaimCommand, SeenCommand, ThankCommand
from edge.services.money import book_sale, cede, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.refunds import RefundAnswer, RefundCommand, RefundQuery
from edge.services.money.settle_sale import SellCommand
from edge.services.people import approvals
from edge.services.printing import slip_papers
from sync.contract import times
from sync.contract.elsewhere import Wanted
from sync.contract.points import DoubleDay, Gift, Rules
from sync.contract.shifts import CASH_MOVED
from sync.contract.words import Name
from tests.kit.member_tills import PHONE, Till, World, cash, world
from tests.kit.member_tills import points as by_points
from tests.kit.nodes import AT_TILL_1, PIN, basket

GENERIC = PrinterProfile("test", 576, 48)
RULES = Rules(version=1, welcome=5_000, spend_bill_bp=5_000, risk_max=500)
ONE = basket(("d101", 1))
"""38.00."""
THREE = basket(("d101", 2), ("d102", 1))
"""79.00."""


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, RULES) as made:
        yield made


def try_sell(till: Till, member_id: str = "", *tenders: AskedTender, lines: Any = THREE, **changes: Any) -> Any:
    command = SellCommand(
        sale_id=changes.pop("sale_id", till.new_id()),
        lines=lines,
        tenders=tenders or (cash(100_000),),
        member_id=member_id,
        **changes,
    )
    return settle_sale.settle_sale(till.node, changes.pop("who", AT_TILL_1), command)


def sell(till: Till, member_id: str = "", *tenders: AskedTender, **changes: Any) -> SaleAnswer:
    done = try_sell(till, member_id, *tenders, **changes)
    assert isinstance(done, Done), done
    return book_sale.read_answer(done.answer)


def try_refund(till: Till, sale: SaleAnswer, **changes: Any) -> Any:
    if not {"lines", "amount_fen"} & changes.keys():
        changes["whole"] = True
    # Whoever sells may not take back alone what they sold.
    other = AT_TILL_1._replace(cashier_id="c9")
    command = RefundCommand(refund_id=till.new_id(), sale_id=sale.sale_id, reason="cold", **changes)
    return refunds.give_back(till.node, other, command)


def refund(till: Till, sale: SaleAnswer, **changes: Any) -> RefundAnswer:
    done = try_refund(till, sale, **changes)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=RefundAnswer)


def member(till: Till, phone: str = PHONE) -> str:
    """Somebody who joined, whose points lie here to be spent."""
    member_id = till.join(phone).member_id
    till.sync()
    till.sync()
    return member_id


def slips(till: Till, document: str) -> list[str]:
    """The text of every slip of a kind that is queued, the oldest first."""
    with till.rig.db.read() as reader:
        jobs = [job for job in print_jobs.open_jobs(reader, 100) if job.document == document]
    made = [slip_papers.document(till.node, job, GENERIC) for job in jobs]
    return [
        "\n".join(
            one.text if isinstance(one, Text) else f"{one.left} {one.right}"
            for one in each.elements
            if isinstance(one, Text | Columns)
        )
        for each in made
    ]


def test_a_bill_earns_its_base_times_the_rate_and_says_so(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    sale = sell(near, member_id)
    assert sale.points == points.SalePoints(earned=79, base_fen=7_900, multiplier_bp=10_000, balance=5_079)
    assert sale.member_id == member_id
    near.sync()
    assert shops.hub.points(member_id) == 5_079 == near.view(member_id).points
    shops.hub.proven()
    near.verified()


def test_a_tip_earns_nothing_and_points_earn_nothing(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    sale = sell(near, member_id, by_points(2_000), cash(100_000), tip_fen=1_000)
    assert sale.points is not None
    assert (sale.points.base_fen, sale.points.earned, sale.points.spent) == (5_900, 59, 2_000)
    assert near.view(member_id).points == 5_000 - 2_000 + 59
    near.sync()
    assert shops.hub.points(member_id) == 3_059
    near.verified()


def test_a_double_day_doubles_and_a_cap_caps(tmp_path: Path) -> None:
    day = times.business_day(1_790_000_000_000, ZoneInfo("Asia/Shanghai"), 240)
    rules = Rules(version=1, bill_max=150, member_day_max=200, doubles=(DoubleDay(multiplier_bp=20_000, days=(day,)),))
    with world(tmp_path, rules) as shops:
        near = shops.till("near")
        member_id = member(near)
        first, second, third = (sell(near, member_id, lines=lines) for lines in (ONE, THREE, THREE))
        told = [(sale.points.earned, sale.points.capped) if sale.points else None for sale in (first, second, third)]
        assert told == [(76, False), (124, True), None]
        back = refund(near, second)
        assert back.points is not None
        assert back.points.taken == 124, "what was capped is taken back as it was given"
        near.sync()
        shops.hub.proven()
        assert shops.hub.points(member_id) == 50 + 76


def test_a_receipt_holds_its_points_for_whoever_joins_with_it_at_any_store(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    shops.sync()
    sale = sell(near)
    assert sale.points is not None
    assert (sale.points.earned, sale.points.balance) == (79, None)
    assert sale.points.claim_until > sale.business_day
    near.online = far.online = False
    answer = far.join(PHONE, invite=sale.invite.url)
    assert (answer.claim, answer.claimed) == ("", 0), "another store's receipt: how much it holds is not known here"
    near.online = far.online = True
    shops.sync()
    assert shops.hub.points(answer.member_id) == 5_079
    shops.sync()
    assert far.view(answer.member_id).points == 5_079
    origin = far.facts("member.joined")[0]["origin"]
    assert (origin["place"], origin["store"]) == ("slip", "near")
    shops.hub.proven()


def test_paying_and_becoming_a_member_is_one_step(shops: World) -> None:
    near = shops.till("near")
    sale = sell(near)
    answer = near.join(PHONE, sale_id=sale.sale_id)
    assert (answer.claim, answer.claimed, answer.welcome) == ("", 79, 5_000)
    assert near.view(answer.member_id).points == 5_079
    near.sync()
    assert shops.hub.points(answer.member_id) == 5_079
    near.verified()


def test_forged_expired_used_and_refunded_receipts_are_told_apart(shops: World) -> None:
    near = shops.till("near")
    first = member(near)
    second = member(near, "13900000000")

    def claim(code: str, who: str = second) -> Any:
        command = ClaimCommand(request_id=near.new_id(), member_id=who, invite=code)
        done = visits.claim(near.node, AT_TILL_1, command)
        return done.code if isinstance(done, Refused) else msgspec.json.decode(done.answer)["points"]

    sale, refunded, late = sell(near), sell(near), sell(near)
    assert claim(sale.invite.code, first) == 79
    assert claim(sale.invite.code, first) == "claim_done"
    assert claim(sale.invite.code) == "claim_used"
    refund(near, refunded)
    assert claim(refunded.invite.code) == "claim_refunded"
    assert claim(sell(near, first).invite.code) == "claim_empty"
    forged = sale.invite.code[:60] + ("A" if sale.invite.code[60] != "A" else "B") + sale.invite.code[61:]
    assert claim(forged) == "invite_forged"
    assert claim("138") == "invite_forged"
    shops.hub.clock.advance(40 * times.DAY_MS)
    assert claim(late.invite.code) == "invite_expired"
    near.sync()
    shops.hub.proven()
    near.verified()


def test_points_pay_out_of_what_is_put_aside_here_and_never_more(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = member(near)
    far_found = far.join(PHONE)
    assert far_found.existing
    far.sync()
    near.online = far.online = False
    assert (near.view(member_id).spendable, far.view(member_id).spendable) == (5_000, 0)
    sell(near, member_id, by_points(3_900), cash(100_000))
    assert near.view(member_id).spendable == 1_100
    refused = try_sell(near, member_id, by_points(3_900), cash(100_000))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details["spendable"], refused.details["missing"]) == ("points_short", 1_100, 2_800)
    elsewhere = try_sell(far, member_id, by_points(1_000), cash(100_000))
    assert isinstance(elsewhere, Refused)
    assert elsewhere.code == "points_short"
    near.online = far.online = True
    shops.sync()
    assert shops.hub.risk("near") == shops.hub.risk("far") == 0
    assert shops.hub.points(member_id) == 5_000 - 3_900 + 40
    shops.hub.proven()


def test_online_more_is_asked_for_before_the_bill_is_booked(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = member(near)
    assert far.join(PHONE).existing
    # The store where they lie gives them back, for the guest is seen here now.
    near.sync()
    far.sync()
    assert sell(far, member_id, by_points(3_000), cash(100_000)).points is not None
    shops.sync()
    assert shops.hub.risk("far") == 0
    shops.hub.proven()


def test_a_manager_may_let_a_little_more_be_spent_and_it_is_the_stores_own_risk(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = member(near)
    assert far.join(PHONE).existing
    far.sync()
    near.online = far.online = False
    cashier = AT_TILL_1._replace(role=Role.CASHIER, cashier_id="c2")
    assert isinstance(try_sell(far, member_id, by_points(600), cash(100_000)), Refused), "beyond the rules' limit"
    sale_id = far.new_id()
    asked = settle_sale.settle_sale(
        far.node,
        cashier,
        SellCommand(sale_id=sale_id, lines=THREE, tenders=(by_points(500), cash(100_000)), member_id=member_id),
    )
    assert isinstance(asked, Refused)
    assert (asked.code, asked.details["action"], asked.details["amount_fen"]) == ("needs_approval", "points_risk", 500)
    far.rig.add_cashier()
    word = approvals.ApproveCommand(
        request_id=far.new_id(), action=Action.POINTS_RISK, target=sale_id, amount_fen=500, person_id="c1", pin=PIN
    )
    assert isinstance(approvals.approve(far.node, cashier, word), Done)
    command = SellCommand(
        sale_id=sale_id,
        lines=THREE,
        tenders=(by_points(500), cash(100_000)),
        member_id=member_id,
        approvals={"points_risk": word.request_id},
    )
    assert isinstance(settle_sale.settle_sale(far.node, cashier, command), Done)
    [spent] = far.facts("points.spent")
    assert (spent["risk"], spent["approved_by"]) == (500, "c1")
    again = try_sell(far, member_id, by_points(100), cash(100_000))
    assert isinstance(again, Refused), "the limit counts what the hub has not heard of yet"
    near.online = far.online = True
    # The points lie at the other store until it gives them back: so long it is risk, by name.
    far.sync()
    assert shops.hub.risk("far") == 500 - 74, "what that very bill earned pays for it first"
    near.sync()
    shops.sync()
    shops.hub.proven()
    far.verified()


def test_a_full_refund_leaves_nothing_and_gives_back_the_very_points(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    before = near.view(member_id)
    sale = sell(near, member_id, by_points(2_000), cash(100_000))
    back = refund(near, sale)
    assert back.points is not None
    assert (back.points.taken, back.points.returned) == (59, 2_000)
    assert [(one.kind, one.amount_fen) for one in back.tenders] == [("cash", 5_900), ("points", 2_000)]
    after = near.view(member_id)
    assert (after.points, after.spendable) == (before.points, before.spendable)
    near.sync()
    assert shops.hub.points(member_id) == 5_000
    shops.hub.proven()
    near.verified()


def test_buying_and_giving_back_a_hundred_times_leaves_no_point(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    for number in range(100):
        sale = sell(near, member_id, *((by_points(100), cash(100_000)) if number % 3 == 0 else ()), lines=ONE)
        refund(near, sale, **({"in_cash": True} if number % 2 else {}))
    assert near.view(member_id).points == 5_000
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (5_000, 0)
    shops.hub.proven()
    near.verified()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_parts_in_any_order_come_to_the_whole(shops: World, order: tuple[int, ...]) -> None:
    near = shops.till("near")
    member_id = member(near)
    lines = (*basket(("d101", 1)), *basket(("d102", 3)), *basket(("d101", 1)))
    assert isinstance(lines[0], BasketLine)
    sale = sell(near, member_id, by_points(1_700), cash(100_000), lines=lines)
    taken = returned = 0
    for at in order:
        back = refund(near, sale, lines=(AskedLine(at, sale.lines[at].qty),))
        if back.points is not None:
            taken, returned = taken + back.points.taken, returned + back.points.returned
    assert sale.points is not None
    assert (taken, returned) == (sale.points.earned, 1_700)
    near.sync()
    assert shops.hub.points(member_id) == 5_000
    shops.hub.proven()


def test_points_come_back_as_points_even_where_cash_is_asked_for(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    sale = sell(near, member_id, by_points(3_900), cash(100_000))
    back = refund(near, sale, in_cash=True)
    assert [(one.kind, one.amount_fen) for one in back.tenders] == [("cash", 4_000), ("points", 3_900)]


def test_what_another_store_gives_back_takes_its_points_here_and_points_go_back_here_only(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    plain, by_both = sell(near, member_id), sell(near, member_id, by_points(1_000), cash(100_000))

    def left_to_another(sale: SaleAnswer) -> str:
        wanted = Wanted(whole=True, shown_fen=sale.total_fen)
        asked = {"refund": near.new_id(), "sale": sale.sale_id, "to": "far", "asked": msgspec.json.encode(wanted)}
        return near.rig.db.write(lambda tx: cede.cede(tx, near.node, asked))

    assert left_to_another(by_both) == "points_at_home"
    assert left_to_another(plain) == ""
    assert near.view(member_id).points == 5_000 - 1_000 + 69
    near.sync()
    assert shops.hub.points(member_id) == 4_069
    shops.hub.proven()
    near.verified()


def given_up_elsewhere(till: Till, sale: SaleAnswer) -> None:
    """Leave a whole refund to another store, which never gives it."""
    refund_id, wanted = till.new_id(), Wanted(whole=True, shown_fen=sale.total_fen)
    asked = {"refund": refund_id, "sale": sale.sale_id, "to": "far", "asked": msgspec.json.encode(wanted)}
    assert till.rig.db.write(lambda tx: cede.cede(tx, till.node, asked)) == ""
    for _ in range(2):
        assert till.rig.db.write(lambda tx: cede.regain(tx, till.node, asked)) == ""


def test_a_refund_that_another_store_dropped_brings_its_points_back_and_takes_them_when_it_is_given_here(
    shops: World,
) -> None:
    near = shops.till("near")
    member_id = member(near)
    sale = sell(near, member_id)
    assert sale.points is not None
    earned = sale.points.earned
    assert near.view(member_id).points == 5_000 + earned
    for _ in range(2):
        given_up_elsewhere(near, sale)
        assert near.view(member_id).points == 5_000 + earned
        near.sync()
        assert shops.hub.points(member_id) == 5_000 + earned
        assert near.view(member_id).points == 5_000 + earned, "the hub's card and our own postings agree"
    refund(near, sale)
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (5_000, 0)
    assert near.view(member_id).points == 5_000
    assert shops.hub.conflicts() == []
    shops.hub.proven()
    near.verified()


def test_points_of_a_refund_that_was_dropped_pay_what_its_taking_left_owed(shops: World) -> None:
    near, member_id, sale = owing(shops)
    have = near.known(member_id).net
    given_up_elsewhere(near, sale)
    assert near.known(member_id).net == have
    near.sync()
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (have, 0)
    shops.hub.proven()
    near.verified()


def owing(shops: World) -> tuple[Till, str, SaleAnswer]:
    """Somebody who spent what a sale earned."""
    near = shops.till("near")
    member_id = member(near)
    sale = sell(near, member_id, cash(200_000), lines=basket(("d101", 30)))
    near.sync()
    near.sync()
    while near.view(member_id).points >= 1_000:
        fen = min(1_900, near.view(member_id).spendable // 100 * 100)
        if not fen:
            # What the bills earned is put aside when the hub has heard of it.
            near.sync()
            continue
        sell(near, member_id, by_points(fen), cash(100_000), lines=ONE)
    return near, member_id, sale


def test_points_that_are_spent_are_owed(shops: World) -> None:
    near, member_id, sale = owing(shops)
    have = near.known(member_id).net
    query = RefundQuery(sale_id=sale.sale_id, whole=True)
    shown = refunds.quote(near.node, AT_TILL_1, query)
    assert not isinstance(shown, Refused)
    assert shown.points is not None
    assert (shown.points.taken, shown.points.balance) == (1_140, have - 1_140)
    assert shown.points.missing == 1_140 - have > 0
    refund(near, sale)
    assert near.known(member_id).net == have - 1_140
    near.sync()
    near.sync()
    assert near.known(member_id).net == have - 1_140 == shops.hub.points(member_id) - shops.hub.debt(member_id)
    shops.hub.proven()
    near.verified()


def test_points_that_are_spent_are_paid_in_cash_and_the_drawer_counts_it(shops: World) -> None:
    near, member_id, sale = owing(shops)
    have = near.known(member_id).net
    refund(near, sale, points="cash")
    missing = 1_140 - have
    [told] = near.facts("points.reversed")
    assert (told["paid"], told["paid_fen"]) == (missing, missing)
    [moved] = near.facts(CASH_MOVED)
    assert (moved["move"], moved["amount_fen"]) == ("pay_in", missing)
    assert near.known(member_id).net == 0
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (0, 0)
    shops.hub.proven()
    near.verified()


def test_a_manager_may_let_spent_points_go(shops: World) -> None:
    near, member_id, sale = owing(shops)
    refund(near, sale, points="waive")
    assert near.known(member_id).net == 0
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (0, 0)
    shops.hub.proven()


def test_nobody_may_owe_more_than_the_rules_let_them(tmp_path: Path) -> None:
    rules = msgspec.structs.replace(RULES, negative_floor=10)
    with world(tmp_path, rules) as shops:
        near, _, sale = owing(shops)
        refused = try_refund(near, sale)
        assert isinstance(refused, Refused)
        assert refused.code == "points_floor"
        assert isinstance(try_refund(near, sale, points="waive"), Done)


def test_what_the_hub_asks_back_is_given_back_and_spent_no_more(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = member(near)
    sell(near, member_id, by_points(1_000), cash(100_000))
    assert far.join(PHONE).existing
    near.pull()
    assert near.view(member_id).spendable == 0, "recalled"
    assert care.care(near.node).released == 1
    [released] = near.facts("grant.released")
    assert released["rest"] == 4_000
    assert care.care(near.node).released == 0
    shops.sync()
    assert shops.hub.conflicts() == []
    shops.hub.proven()


def test_a_grant_ends_by_the_later_of_both_clocks(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    near.online = False
    shops.hub.clock.advance(72 * 3_600_000)
    assert near.view(member_id).spendable == 0
    sell(near, member_id)
    shops.hub.clock.step_wall(-10 * times.DAY_MS)
    assert near.view(member_id).spendable == 0, "a wall clock that is set back gives nothing back"


def test_a_sign_in_is_thanked_for_once_a_day_and_so_is_a_review(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)

    def given(command: Any, do: Any) -> int:
        done = do(near.node, AT_TILL_1, command)
        assert isinstance(done, Done), done
        return int(msgspec.json.decode(done.answer)["points"])

    def sign_in() -> int:
        return given(SeenCommand(request_id=near.new_id(), member_id=member_id, by="phone", sign_in=True), visits.seen)

    def review() -> int:
        return given(ThankCommand(request_id=near.new_id(), member_id=member_id, by="review"), visits.thank)

    assert [sign_in(), sign_in(), review(), review()] == [5, 0, 10, 0]
    shops.hub.clock.advance(times.DAY_MS)
    assert sign_in() == 5
    near.sync()
    assert shops.hub.points(member_id) == 5_020
    assert len(near.view(member_id).visits) == 3


def test_points_of_nobody_and_of_whoever_left_pay_nothing(shops: World) -> None:
    near = shops.till("near")
    assert try_sell(near, "", by_points(100), cash(100_000)) == Refused("member_missing")
    assert try_sell(near, "f" * 32, cash(100_000)) == Refused("member_unknown")
    member_id = member(near)
    odd = try_sell(near, member_id, by_points(150), cash(100_000))
    assert odd == Refused("points_step", {"step": 100, "step_fen": 100})
    most = try_sell(near, member_id, by_points(4_000), cash(100_000))
    assert most == Refused("points_bill_max", {"max_fen": 3_900})
    changes.leave(near.node, AT_TILL_1, LeaveCommand(request_id=near.new_id(), member_id=member_id))
    assert try_sell(near, member_id, cash(100_000)) == Refused("member_unknown")


def test_a_repeat_of_a_bill_spends_and_earns_once(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    sale_id = near.new_id()
    one = sell(near, member_id, by_points(1_000), cash(100_000), sale_id=sale_id)
    two = sell(near, member_id, by_points(1_000), cash(100_000), sale_id=sale_id)
    assert one == two
    assert (
        len(near.facts("points.spent")) == len([one for one in near.facts("points.earned") if one["by"] == "sale"]) == 1
    )


def test_paper_says_base_rate_and_points_and_who_may_claim_them(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    sell(near, member_id, by_points(1_000), cash(100_000))
    sale = sell(near)
    refund(near, sale)
    mine, held = slips(near, "receipt")[-2:]
    assert "使用积分 -1000" in mine
    assert "积分 ￥69.00 +69" in mine
    assert "积分余额（本店所知） 4069" in mine
    assert "79 积分待领" in held
    assert "收回积分 -79" in slips(near, "refund")[-1]


def test_points_buy_what_hq_offers_while_there_are_any(tmp_path: Path) -> None:
    cup = Gift(gift_id="cup", name=Name("杯子", "Cup"), points=1_200, stock=2)
    over = Gift(gift_id="fair", name=Name("赏花", "Fair"), points=10, kind="event", last_day="2020-01-01")
    tea = Gift(gift_id="tea", name=Name("茶水", "Tea"), points=300, kind="dish", dish_id="d105")
    with world(tmp_path, msgspec.structs.replace(RULES, gifts=(cup, over, tea))) as shops:
        near = shops.till("near")
        member_id = member(near)

        def take(gift_id: str, shown: int) -> Any:
            command = RedeemCommand(request_id=near.new_id(), member_id=member_id, gift_id=gift_id, shown_points=shown)
            done = mall.redeem(near.node, AT_TILL_1, command)
            return done.code if isinstance(done, Refused) else msgspec.json.decode(done.answer)["balance"]

        assert [(one.gift_id, one.left) for one in mall.listed(near.node).gifts] == [("cup", 2), ("tea", -1)]
        assert [take("cup", 1_200), take("cup", 1_000), take("cup", 1_200), take("cup", 1_200)] == [
            3_800, "gift_changed", 2_600, "gift_gone",
        ]  # fmt: skip
        assert [take("fair", 10), take("hat", 10), take("tea", 300)] == ["gift_gone", "gift_gone", 2_300]
        assert [one.gift_id for one in mall.listed(near.node).gifts] == ["tea"]
        slip = slips(near, "gift")[0]
        assert "1 × 杯子" in slip
        assert "使用积分 -1200" in slip
        near.sync()
        assert shops.hub.points(member_id) == 2_300
        shops.hub.proven()
        near.verified()


def test_members_that_are_off_change_nothing_of_a_bill(shops: World) -> None:
    near = shops.till("near")
    settings = near.node.settings
    off = msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, members=False))
    near.rig.node = replace(near.rig.node, settings=off)
    assert sell(near).points is None
    assert near.facts("points.earned") == []
    assert near.try_join(PHONE) == Refused("members_off")
    assert try_sell(near, "f" * 32) == Refused("members_off")


def test_a_friend_is_noted_with_what_this_store_noticed(shops: World) -> None:
    near = shops.till("near")
    referrer = member(near)
    command = SeenCommand(request_id=near.new_id(), member_id=referrer, by="code", order_id=near.new_id())
    assert isinstance(visits.seen(near.node, AT_TILL_1, command), Done)
    answer = near.join("13900000000", place="member", by_member=referrer)
    assert answer.referred
    assert near.facts("referral.bound") == [{"friend": answer.member_id, "referrer": referrer, "flags": ["same_table"]}]
    again = near.join("13900000000", place="member", by_member=answer.member_id)
    assert (again.existing, again.referred) == (True, False), "nobody brings themselves, and nobody joins twice"
    assert isinstance(join.read_answer(b'{"member_id":"x"}'), join.JoinAnswer)
