"""Read models: in step with the facts, the same after a replay, and proven by `verify`."""

import msgspec
import pytest

from cloud.db.schema import READ_MODELS
from cloud.services import verify
from cloud.services.verify import Report
from sync.contract import trade
from tests.kit.hub_store import DAY, HubKit, a_sale


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def store(hub):
    return hub.enrolled()


def busy(hub) -> None:
    """Two stores sell; some of it cannot be read."""
    for name in ("s1", "s2"):
        store = hub.enrolled(name, name.encode() * 2)
        for number in range(12):
            sale = store.sell(amount_fen=1_000 + number)
            store.printed(sale.sale_id)
            hub.clock.advance(20 * 60_000)
        store.add(b"junk", store.fact("x.y", b"{}"))
        store.send(*store.everything())


def prove(hub) -> Report:
    return verify.verify(hub.database, hub.zone, hub.folder)


def dump(hub):
    tables = ("sales", "invites", "prints", "takings", "parked", "cursors")
    with hub.database.read() as reader:
        return {
            table: sorted(map(tuple, reader.connection.exec_driver_sql(f"SELECT * FROM {table}"))) for table in tables
        }


def spoil(hub, *statements: str) -> None:
    """Change a file as somebody with an editor would: without the triggers."""
    of_facts = " ON facts" if hub.database.on_postgresql else ""
    with hub.database.write() as tx:
        tx.connection.exec_driver_sql(f"DROP TRIGGER facts_no_update{of_facts}")
        tx.connection.exec_driver_sql(f"DROP TRIGGER facts_no_delete{of_facts}")
        for statement in statements:
            tx.connection.exec_driver_sql(_in_its_words(statement) if of_facts else statement)


def _in_its_words(statement: str) -> str:
    """Say in PostgreSQL's words what was said in SQLite's."""
    said = {"CAST(raw || x'20' AS BLOB)": r"raw || '\x20'::bytea", "zeroblob(32)": "decode(repeat('00', 32), 'hex')"}
    for theirs, ours in said.items():
        statement = statement.replace(theirs, ours)
    return statement


def test_a_sale_appears_as_the_store_made_it(hub, store):
    sale = store.sell(amount_fen=3_800)
    store.printed(sale.sale_id)
    store.send(*store.everything())
    assert hub.projector.catch_up() == 3
    view = hub.reports.sale("s1", sale.sale_id)
    assert (view.receipt_no, view.total_fen, view.received_fen, view.change_fen) == ("1-1-000001", 3_800, 4_000, 200)
    assert (view.business_day, view.store_name.en, view.lines[0].dish_id) == (DAY, "Celadon Lane", "d101")
    assert view.invite is not None
    assert view.invite.url == f"HTTPS://EXAMPLE.COM/J/{view.invite.code}"
    assert [step.step for step in hub.reports.path("s1", sale.sale_id)] == [
        "paid", "invite_issued", "printed", "stored",
    ]  # fmt: skip


def test_totals_and_takings_add_up(hub):
    busy(hub)
    hub.projector.catch_up()
    amount_fen = sum(1_000 + number for number in range(12))
    totals = hub.reports.totals()
    assert (totals.sales, totals.amount_fen) == (24, 2 * amount_fen)
    assert [(row.id, row.amount_fen) for row in totals.stores] == [("s1", amount_fen), ("s2", amount_fen)]
    takings = hub.reports.takings(DAY)
    assert (takings.sales, takings.amount_fen) == (24, 2 * amount_fen)
    assert sum(hour.amount_fen for hour in takings.hours) == 2 * amount_fen
    assert hub.reports.days() == (DAY,)
    assert hub.reports.totals("2020-01-01").amount_fen == 0


def test_a_replay_says_what_the_live_tables_say(hub):
    busy(hub)
    while hub.projector.run_once(limit=3):
        pass
    live = dump(hub)
    assert len(live["sales"]) == 24
    assert len(live["parked"]) == 4
    assert hub.projector.replay() == 76
    assert dump(hub) == live


def test_verify_finds_nothing_where_nothing_is(hub):
    busy(hub)
    hub.projector.catch_up()
    report = prove(hub)
    assert report.ok
    assert report.as_json()["bad_seq"] is None
    assert report.facts == 76
    assert report.lanes == {"s1/1/0": 26, "s1/1/1": 12, "s2/1/0": 26, "s2/1/1": 12}
    assert report.projections == dict.fromkeys((*(table.name for table in READ_MODELS), "book"), True)
    assert list(hub.folder.glob("verify-*")) == []


def test_verify_holds_while_the_projector_is_behind(hub):
    busy(hub)
    hub.projector.run_once(limit=10)
    assert prove(hub).ok


@pytest.mark.parametrize(
    ("statement", "bad_seq"),
    [
        ("UPDATE facts SET raw = CAST(raw || x'20' AS BLOB) WHERE store='s1' AND lane=0 AND seq=7", "s1/1/0/7"),
        ("UPDATE facts SET chain = zeroblob(32) WHERE store='s1' AND lane=0 AND seq=7", "s1/1/0/7"),
        ("DELETE FROM facts WHERE store='s1' AND lane=0 AND seq=7", "s1/1/0/7"),
        ("DELETE FROM facts WHERE store='s1' AND lane=0 AND seq=26", "s1/1/0/26"),
        ("DELETE FROM lanes WHERE store='s2' AND lane=1", "s2/1/1/1"),
        ("UPDATE lanes SET chain = zeroblob(32) WHERE store='s2' AND lane=1", "s2/1/1/12"),
        ("UPDATE lanes SET seq = 13 WHERE store='s2' AND lane=1", "s2/1/1/13"),
    ],
)
def test_verify_names_the_seq_of_damage(hub, statement, bad_seq):
    busy(hub)
    hub.projector.catch_up()
    spoil(hub, statement)
    report = prove(hub)
    assert not report.ok
    assert report.as_json()["bad_seq"] == bad_seq


def test_the_hourly_check_puts_damage_on_the_overview(hub):
    busy(hub)
    assert verify.check_lanes(hub.database, 5) == 0
    assert all(store.chain_ok for store in hub.reports.stores())
    spoil(hub, "UPDATE facts SET raw = CAST(raw || x'20' AS BLOB) WHERE store='s1' AND lane=0 AND seq=7")
    assert verify.check_lanes(hub.database, 6) == 1
    assert [store.chain_ok for store in hub.reports.stores()] == [False, True]


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE sales SET total_fen = total_fen + 1 WHERE seq = 1", "sales"),
        ("DELETE FROM invites WHERE ingest_id = (SELECT max(ingest_id) FROM invites)", "invites"),
        ("UPDATE takings SET amount_fen = 0 WHERE store='s1'", "takings"),
        ("DELETE FROM parked", "parked"),
        ("UPDATE prints SET copy = 1", "prints"),
    ],
)
def test_verify_names_the_table_that_says_something_else(hub, statement, table):
    busy(hub)
    hub.projector.catch_up()
    spoil(hub, statement)
    report = prove(hub)
    assert not report.ok
    assert [name for name, same in report.projections.items() if not same] == [table]


def test_a_sale_id_that_comes_twice_counts_once_and_is_parked(hub, store):
    sale = store.sell()
    store.add(store.fact(trade.SALE_PAID, a_sale(sale.sale_id, 2)))
    store.add(store.fact(trade.SALE_PAID, a_sale(store.ids.uuid7().hex(), 1)))
    store.send(*store.everything())
    hub.projector.catch_up()
    assert hub.parked() == ["sale_id_twice", "receipt_no_twice"]
    assert hub.reports.totals().sales == 1


def test_a_sale_id_that_comes_twice_in_two_batches_counts_once(hub, store):
    sale = store.sell()
    store.send(*store.everything())
    hub.projector.catch_up()
    store.add(store.fact(trade.SALE_PAID, a_sale(sale.sale_id, 2)))
    store.add(store.fact(trade.INVITE_ISSUED, store.invite(sale.sale_id)))
    store.send(store.batch(3, 4))
    hub.projector.catch_up()
    assert hub.parked() == ["sale_id_twice"]
    assert hub.reports.totals().sales == 1


def test_an_invite_whose_code_says_something_else_is_parked(hub, store):
    invite = store.invite(store.ids.uuid7().hex())
    store.add(store.fact(trade.INVITE_ISSUED, msgspec.structs.replace(invite, short="AAAAA-AAAAA")))
    store.send(*store.everything())
    hub.projector.catch_up()
    assert hub.parked() == ["bad_value"]


def test_sales_are_listed_in_order_of_arrival_a_page_at_a_time(hub):
    busy(hub)
    hub.projector.catch_up()
    seen, after = [], 0
    while True:
        page = hub.reports.sales(after=after, limit=7)
        seen += [sale.n for sale in page.sales]
        if page.next is None:
            break
        after = page.next
    assert len(seen) == 24
    assert seen == sorted(seen)
    assert len(hub.reports.sales(store="s2").sales) == 12
    newest = hub.reports.recent_sales(limit=5)
    assert [sale.n for sale in newest] == sorted(seen, reverse=True)[:5]
    assert hub.reports.recent_sales(before=newest[-1].n, limit=1)[0].n < newest[-1].n
    assert {sale.receipt_no for sale in hub.reports.recent_sales(find="000007")} == {"1-1-000007"}
    assert hub.reports.recent_sales(find="%") == ()


def test_the_neighbours_of_a_sale_are_its_stores_own(hub):
    busy(hub)
    hub.projector.catch_up()
    mine = hub.reports.sales(store="s1").sales
    found = hub.reports.neighbours("s1", mine[3].sale_id)
    assert (found.previous, found.next) == (mine[2].sale_id, mine[4].sale_id)
    assert hub.reports.neighbours("s1", mine[0].sale_id).previous is None


def test_the_chain_of_a_sale_is_hashed_again(hub, store):
    sale = store.sell()
    later = store.sell()
    store.send(*store.everything())
    hub.projector.catch_up()
    chain = hub.reports.chain("s1", later.sale_id)
    assert (chain.links_ok, chain.lane_ok, chain.sums_ok, chain.number_once) == (True, True, True, True)
    assert chain.previous.this == chain.this.before
    assert chain.next.before == chain.this.this
    assert hub.reports.chain("s1", sale.sale_id).previous is None
    spoil(hub, "UPDATE facts SET raw = CAST(raw || x'20' AS BLOB) WHERE seq = 3")
    spoiled = hub.reports.chain("s1", later.sale_id)
    assert (spoiled.links_ok, spoiled.lane_ok) == (False, False)


def test_a_receipt_number_that_stands_twice_shows_on_the_chain(hub, store):
    sale = store.sell()
    store.add(store.fact(trade.SALE_PAID, a_sale(store.ids.uuid7().hex(), 1)))
    store.send(*store.everything())
    hub.projector.catch_up()
    assert not hub.reports.chain("s1", sale.sale_id).number_once


def test_what_is_not_there_is_not_found(hub):
    assert hub.reports.sale("s1", "0" * 32) is None
    assert hub.reports.chain("s1", "0" * 32) is None
    assert hub.reports.path("s1", "0" * 32) == ()
    assert hub.reports.takings("2020-01-01").hours == ()
