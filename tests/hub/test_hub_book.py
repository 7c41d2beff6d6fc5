"""The book of value on both databases: what its triggers refuse, what facts come to, and that the sums always hold."""

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from cloud.db import ledger as rows
from cloud.db import proofs
from cloud.db.ledger import By
from cloud.db.member_tables import ledger_entries, ledger_journals
from sync.contract import ledger
from sync.contract.ledger import Draw, Entry, Journal, LedgerError, NewLot
from sync.contract.members import SpentLot
from sync.contract.points import Rules
from tests.kit.hub_store import DAY
from tests.kit.member_hub import FAR, MemberHub

BY = By("test", 1)


@pytest.fixture
def hub(tmp_path, sqlite_hub):
    """On SQLite: what needs no second database to be seen."""
    return MemberHub(sqlite_hub, tmp_path)


@pytest.fixture
def any_hub(tmp_path, hub_database):
    """On both databases."""
    return MemberHub(hub_database, tmp_path)


def gift(idem="gift:1", qty=100, lot="lot1", account="m:a:points"):
    return Journal(
        idem,
        "points.issued",
        "issue:1",
        DAY,
        (Entry(ledger.ISSUED, -qty), Entry(account, qty)),
        (NewLot(lot, account, qty, DAY, FAR, "issue:1"),),
    )


# ------------------------------------------------------------------------------------------- what the database refuses


def raw_journal(tx, number=1, *entries, **changes):
    """Write past the code, as a mistake in it would."""
    tx.run(
        insert(ledger_entries),
        [
            {"journal_id": number, "n": n, "account": account, "unit": unit, "amount": amount, "lots": lots}
            for n, (account, unit, amount, lots) in enumerate(entries)
        ],
    )
    row = {
        "id": number,
        "idem": f"i{number}",
        "kind": "k",
        "ref": "",
        "day": DAY,
        "reverses": "",
        "store": "",
        "actor": "",
        "reason": "",
        "at_ms": 0,
        "ingest_id": None,
    }
    tx.run(insert(ledger_journals), {**row, **changes})


def test_a_journal_that_does_not_sum_to_zero_is_refused_by_the_database(any_hub):
    with pytest.raises(DBAPIError, match="does not sum to zero"), any_hub.database.write() as tx:
        raw_journal(tx, 1, ("sys:a", "points", 5, 0), ("sys:b", "points", -4, 0))
    with pytest.raises(DBAPIError, match="does not sum to zero"), any_hub.database.write() as tx:
        raw_journal(tx, 1, ("sys:a", "points", 5, 0), ("sys:b:fen", "fen", -5, 0))
    with any_hub.database.write() as tx:  # negative control: what sums up is taken
        raw_journal(tx, 1, ("sys:a", "points", 5, 0), ("sys:b", "points", -5, 0))
    assert any_hub.balance("sys:a") == 5


def test_points_without_lots_are_refused_by_the_database(any_hub):
    with pytest.raises(DBAPIError, match="lots and entries"), any_hub.database.write() as tx:
        raw_journal(tx, 1, ("sys:points_issued", "points", -5, 0), ("m:a:points", "points", 5, 1))
    with (
        pytest.raises(DBAPIError),
        any_hub.database.write() as tx,
    ):  # it may not be called an account without lots either
        raw_journal(tx, 1, ("sys:points_issued", "points", -5, 0), ("m:a:points", "points", 5, 0))
    assert any_hub.balance("m:a:points") == 0


def test_entries_without_their_journal_do_not_outlive_the_transaction(any_hub):
    lone = {"journal_id": 9, "n": 0, "account": "sys:a", "unit": "points", "amount": 1, "lots": 0}
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), any_hub.database.write() as tx:
        tx.run(insert(ledger_entries), lone)
    assert any_hub.balance("sys:a") == 0


def test_nothing_is_added_to_a_journal_that_is_closed(any_hub):
    with any_hub.database.write() as tx:
        rows.write(tx, gift(), BY)
    late = {"journal_id": 1, "n": 7, "account": "sys:a", "unit": "points", "amount": 1, "lots": 0}
    with pytest.raises(DBAPIError, match="closed"), any_hub.database.write() as tx:
        tx.run(insert(ledger_entries), late)


@pytest.mark.parametrize("table", ["ledger_journals", "ledger_entries", "ledger_lots", "ledger_draws"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET journal_id = 5", "DELETE FROM {}"])
def test_the_book_is_never_changed(any_hub, table, deed):
    with any_hub.database.write() as tx:
        rows.write(tx, gift(), BY)
        rows.write(
            tx,
            Journal("x", "k", "", DAY, (Entry("m:a:points", -1), Entry(ledger.EXPIRED, 1)), (), (Draw("lot1", "m:a:points", 1),)),
            BY,
        )  # fmt: skip
    statement = deed.format(table).replace("journal_id", "id" if table == "ledger_journals" else "journal_id")
    with pytest.raises(DBAPIError, match="never changed"), any_hub.database.write() as tx:
        tx.connection.exec_driver_sql(statement)


def test_more_than_a_lot_holds_is_refused_by_the_database(any_hub):
    with any_hub.database.write() as tx:
        rows.write(tx, gift(qty=10), BY)
    too_much = Journal(
        "x", "k", "", DAY, (Entry("m:a:points", -11), Entry(ledger.EXPIRED, 11)), (), (Draw("lot1", "m:a:points", 11),)
    )
    with pytest.raises(DBAPIError), any_hub.database.write() as tx:
        rows.write(tx, too_much, BY)
    assert any_hub.balance("m:a:points") == 10


def test_a_journal_is_written_once_and_an_unsound_one_never(any_hub):
    with any_hub.database.write() as tx:
        assert rows.write(tx, gift(), BY)
        assert not rows.write(tx, gift(), BY)
        with pytest.raises(LedgerError, match="sum to"):
            rows.write(tx, Journal("y", "k", "", DAY, (Entry("sys:a", 1),)), BY)
    assert any_hub.balance("m:a:points") == 100
    any_hub.proven()


def test_the_proof_finds_a_balance_that_somebody_changed(any_hub):
    with any_hub.database.write() as tx:
        rows.write(tx, gift(), BY)
    any_hub.proven()
    with any_hub.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE ledger_balances SET balance = balance + 7 WHERE account = 'm:a:points'")
        tx.connection.exec_driver_sql("UPDATE ledger_rests SET rest = rest + 1")
    with any_hub.database.read() as reader:
        laws = [one.law for one in proofs.wrongs(reader)]
    assert laws == ["a balance is the sum of its entries", "a lot is what came in less what was drawn"]


# ------------------------------------------------------------------------------------------------ what facts come to


def test_buying_earning_and_refunding_a_hundred_times_leaves_nothing(any_hub):
    store = any_hub.store()
    member = store.join()
    for _ in range(100):
        sale = store.sell(member, earns=100)
        store.refund(sale)
        store.reverse(sale.sale_id, member, taken=100)
    any_hub.settle()
    assert (any_hub.points(member), any_hub.debt(member)) == (0, 0)
    assert any_hub.balance(ledger.ISSUED) == 0
    assert any_hub.conflicts() == []
    any_hub.proven()


def test_refunds_in_parts_and_any_order_take_what_one_takes(hub):
    store = hub.store()
    ends = set()
    for parts in ((100,), (30, 70), (70, 30), (1, 98, 1)):
        member = store.join()
        sale = store.sell(member, earns=100)
        for part in parts:
            store.reverse(sale.sale_id, member, taken=part)
        hub.settle()
        ends.add((hub.points(member), hub.debt(member)))
    assert ends == {(0, 0)}
    hub.proven()


def test_what_comes_twice_is_booked_once(hub):
    store = hub.store()
    member = store.join()
    store.sell(member, earns=100)
    hub.settle()
    before = hub.points(member)
    store.send_again()
    assert hub.booker.catch_up() == 0
    assert hub.points(member) == before == 100
    hub.proven()


def test_a_gift_is_given_once_over_all_stores(hub):
    here, there = hub.store("s1"), hub.store("s2")
    member = here.join()
    here.earn(member, 5, by="sign_in", idem=f"sign_in:{member}:{DAY}")
    there.earn(member, 5, by="sign_in", idem=f"sign_in:{member}:{DAY}")
    hub.settle()
    assert hub.points(member) == 5
    assert hub.conflicts() == ["gift_doubled"]


def test_points_that_were_spent_before_the_refund_are_a_debt_that_the_next_ones_pay(any_hub):
    store = any_hub.store()
    member = store.join()
    sale = store.sell(member, earns=100)
    any_hub.settle()
    store.spend_granted(member, 80)
    store.release(any_hub.granted("s1")[0].grant_id, 20)
    store.reverse(sale.sale_id, member, taken=100)
    any_hub.settle()
    assert (any_hub.points(member), any_hub.debt(member)) == (0, 80)
    card = any_hub.card("s1", member)
    assert card is not None
    assert (card.points, card.debt) == (0, 80)
    store.sell(member, earns=100)
    any_hub.settle()
    assert (any_hub.points(member), any_hub.debt(member)) == (20, 0)
    any_hub.proven()


def test_what_is_paid_or_waived_is_no_debt(hub):
    store = hub.store()
    member = store.join()
    sale = store.sell(member, earns=100)
    hub.settle()
    store.spend_granted(member, 100)
    store.reverse(sale.sale_id, member, taken=100, paid=30, paid_fen=30, waived=70)
    hub.settle()
    assert (hub.points(member), hub.debt(member)) == (0, 0)
    assert hub.balance(ledger.PAID_BACK) == -30
    assert hub.balance(ledger.WAIVED) == -70
    hub.proven()


def test_a_refund_takes_no_more_than_the_sale_earned(hub):
    store = hub.store()
    member = store.join()
    sale = store.sell(member, earns=100)
    store.reverse(sale.sale_id, member, taken=100)
    store.reverse(sale.sale_id, member, taken=100)
    hub.settle()
    assert (hub.points(member), hub.debt(member)) == (0, 0)
    assert hub.conflicts() == ["taken_too_much"]
    hub.proven()


def test_a_refund_of_a_spend_gives_the_very_lots_back(any_hub):
    store = any_hub.store()
    member = store.join()
    store.earn(member, 60, last_day="2026-10-31")
    store.earn(member, 60, last_day="2026-12-31")
    any_hub.settle()
    grants = any_hub.granted("s1")
    lots = {lot.last_day: lot for grant in grants for lot in grant.lots}
    parts = (
        SpentLot(grant_id=grants[0].grant_id, lot_id=lots["2026-10-31"].lot_id, qty=60),
        SpentLot(grant_id=grants[0].grant_id, lot_id=lots["2026-12-31"].lot_id, qty=20),
    )
    sale_id = store.spend(member, parts)
    any_hub.settle()
    assert any_hub.points(member) == 40
    store.reverse(sale_id, member, returned=parts)
    any_hub.settle()
    assert any_hub.points(member) == 120
    with any_hub.database.read() as reader:
        held = {lot.lot_id: lot.left for lot in rows.lots(reader, ledger.grant_account(grants[0].grant_id))}
    assert held == {lots["2026-10-31"].lot_id: 60, lots["2026-12-31"].lot_id: 60}
    store.reverse(sale_id, member, returned=parts)
    any_hub.settle()
    assert any_hub.points(member) == 120
    assert any_hub.conflicts() == ["returned_too_much"]
    any_hub.proven()


def test_points_whose_lot_ended_meanwhile_come_back_for_a_while(hub):
    store = hub.store()
    member = store.join()
    store.earn(member, 60, last_day="2026-09-30")
    hub.settle()
    grant = hub.granted("s1")[0]
    parts = (SpentLot(grant_id=grant.grant_id, lot_id=grant.lots[0].lot_id, qty=60),)
    sale_id = store.spend(member, parts)
    store.reverse(sale_id, member, returned=parts, day="2026-10-05")
    hub.settle()
    with hub.database.read() as reader:
        [lot] = rows.lots(reader, ledger.member_account(member, "points"))
    assert (lot.left, lot.from_day, lot.last_day, lot.source) == (60, "2026-10-05", "2026-11-04", "reinstated")
    hub.proven()


def test_a_refund_that_arrives_before_its_sale_waits_for_it(any_hub):
    here, there = any_hub.store("s1"), any_hub.store("s2")
    member = here.join()
    any_hub.settle()
    sale = here.sell(member, earns=100)
    there.reverse(sale.sale_id, member, taken=100)
    any_hub.settle(there)
    assert (any_hub.points(member), any_hub.debt(member)) == (0, 0)
    any_hub.settle(here)
    assert (any_hub.points(member), any_hub.debt(member)) == (0, 0)
    assert any_hub.balance(ledger.ISSUED) == 0
    assert any_hub.conflicts() == []
    with any_hub.database.read() as reader:
        assert rows.waiting(reader) == 0
    any_hub.proven()


# ----------------------------------------------------------------------------------------------------------- receipts


def test_a_receipts_points_go_to_whoever_claims_them_first(any_hub):
    here, there = any_hub.store("s1"), any_hub.store("s2")
    invite, _ = here.hold(40)
    first, second = here.join(), there.join()
    any_hub.settle()
    assert any_hub.balance(ledger.escrow_account(invite)) == 40
    here.claim(invite, first)
    there.claim(invite, second)
    here.claim(invite, first)
    any_hub.settle(here)
    any_hub.settle(there)
    assert (any_hub.points(first), any_hub.points(second)) == (40, 0)
    assert any_hub.conflicts() == ["claimed_twice"]
    any_hub.proven()


@pytest.mark.parametrize("claim_first", [True, False])
def test_a_receipt_that_was_refunded_gives_nothing_in_either_order(hub, claim_first):
    here, there = hub.store("s1"), hub.store("s2")
    member = there.join()
    invite, sale = here.hold(40)
    there.claim(invite, member)
    if claim_first:
        hub.settle(there)
        here.reverse(sale.sale_id, invite_id=invite, taken=40)
        hub.settle(here)
    else:
        here.reverse(sale.sale_id, invite_id=invite, taken=40)
        hub.settle(here)
        hub.settle(there)
    assert (hub.points(member), hub.debt(member)) == (0, 0)
    assert hub.balance(ledger.ISSUED) == 0
    hub.proven()


def test_a_claim_behind_the_refund_is_told_as_one(hub):
    store = hub.store()
    invite, sale = store.hold(40)
    store.reverse(sale.sale_id, invite_id=invite, taken=40)
    store.claim(invite, store.join())
    hub.settle()
    assert hub.conflicts() == ["claim_of_refunded"]
    hub.proven()


@pytest.mark.parametrize("claimed", [True, False], ids=["claimed", "not_claimed"])
def test_what_a_refund_took_that_was_never_given_comes_back_to_the_receipt_or_to_who_claimed_it(hub, claimed):
    store = hub.store()
    member = store.join()
    invite, sale = store.hold(80)
    if claimed:
        store.claim(invite, member)
    store.reverse(sale.sale_id, invite_id=invite, taken=80)
    for _ in range(2):
        store.earn(
            "", 80, by="regained", idem="regained:r1", ref=f"sale:{sale.sale_id}", invite_id=invite, as_sale=False
        )
    hub.settle()
    assert hub.points(member) == (80 if claimed else 0)
    if not claimed:
        store.claim(invite, member)
        hub.settle()
    assert (hub.points(member), hub.debt(member)) == (80, 0)
    assert hub.conflicts() == ["earned_twice"], "told twice it comes back once"
    store.reverse(sale.sale_id, invite_id=invite, taken=80)
    hub.settle()
    assert hub.points(member) - hub.debt(member) == 0
    hub.proven()


def test_a_claim_is_good_for_so_many_days(hub):
    store = hub.store()
    member = store.join()
    for day, points in (("2026-10-21", 10), ("2026-10-22", 20)):
        invite, _ = store.hold(points)
        store.claim(invite, member, day=day)
    hub.settle()
    assert hub.points(member) == 10  # thirty days from 21 September, and not one more
    assert hub.conflicts() == ["claim_late"]


# ------------------------------------------------------------------------------------------------------ grants and risk


def test_a_store_that_spends_what_it_was_not_granted_bears_it_until_the_points_are_found(any_hub):
    store = any_hub.store()
    member = store.join()
    store.spend(member, risk=30)
    any_hub.settle()
    assert any_hub.risk("s1") == 30
    with any_hub.database.read() as reader:
        [risk] = rows.risks(reader)
    assert (risk.cause, risk.approved_by, risk.qty, risk.open) == ("manager", "boss", 30, 30)
    store.earn(member, 100)
    any_hub.settle()
    assert any_hub.risk("s1") == 0
    assert any_hub.points(member) == 70
    any_hub.proven()


def test_a_spend_beyond_the_grant_is_named_and_never_refused(hub):
    store = hub.store()
    member = store.join()
    store.earn(member, 50)
    hub.settle()
    grant = hub.granted("s1")[0]
    parts = (SpentLot(grant_id=grant.grant_id, lot_id=grant.lots[0].lot_id, qty=60),)
    store.spend(member, parts)
    store.spend(member, (SpentLot(grant_id="f" * 32, lot_id="nothing", qty=5),))
    hub.settle()
    assert hub.conflicts() == ["grant_overdrawn", "grant_unknown"]
    assert hub.risk("s1") == 15
    with hub.database.read() as reader:
        assert sorted(one.cause for one in rows.risks(reader)) == ["grant_overdrawn", "grant_unknown"]
    hub.proven()


def test_a_refund_of_points_that_were_a_risk_undoes_the_risk(hub):
    store = hub.store()
    member = store.join()
    sale_id = store.spend(member, risk=30)
    hub.settle()
    store.reverse(sale_id, member, returned_risk=30)
    hub.settle()
    assert (hub.risk("s1"), hub.points(member), hub.balance(ledger.REDEEMED)) == (0, 0, 0)
    hub.proven()


def test_a_refund_of_a_risk_that_was_found_meanwhile_gives_the_points_back(hub):
    store = hub.store()
    member = store.join()
    sale_id = store.spend(member, risk=30)
    store.earn(member, 100)
    hub.settle()
    store.reverse(sale_id, member, returned_risk=30)
    hub.settle()
    assert (hub.risk("s1"), hub.points(member)) == (0, 100)
    hub.proven()


def test_a_fact_that_cannot_be_booked_is_a_conflict_and_holds_nothing_up(hub, monkeypatch):
    store = hub.store()
    member = store.join()
    store.earn(member, 10, idem="bad")
    store.earn(member, 20)
    real = rows.write

    def fails(tx, journal, by):
        if journal.idem == "earn:bad":
            raise ZeroDivisionError
        return real(tx, journal, by)

    monkeypatch.setattr(rows, "write", fails)
    hub.settle()
    assert hub.conflicts() == ["booking_failed"]
    assert hub.points(member) == 20


def test_ids_that_are_none_name_no_account(hub):
    store = hub.store()
    store.earn("m:a:points' --", 10)
    store.earn("x" * 32, 10)
    hub.settle()
    hub.kit.projector.catch_up()
    assert hub.kit.parked() == ["bad_value", "bad_value"]
    with hub.database.read() as reader:
        assert rows.count_entries(reader) == 0


def test_the_rules_of_the_sale_say_how_long_a_claim_is_good(tmp_path, sqlite_hub):
    hub = MemberHub(sqlite_hub, tmp_path, rules=Rules(version=1, claim_days=2))
    store = hub.store()
    member = store.join()
    invite, _ = store.hold(10)
    store.claim(invite, member, day="2026-09-24")
    hub.settle()
    assert hub.conflicts() == ["claim_late"]
