"""From HQ to the till: a menu and prices come into force complete, at their day, and never in the middle of a basket."""

import msgspec
import pytest

from cloud.services.commands import BadCommand
from cloud.services.publish import Order
from edge.db import streams as node_streams
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.hub import follow_hub, hub_menu
from edge.services.money.settle_sale import Settled, read_answer, settle_sale
from edge.services.node import GRACE_MS
from edge.services.ordering import import_menu
from sync.contract import streams as contract
from sync.contract import times
from tests.kit.down import PRICED, Down, down
from tests.kit.nodes import AT_TILL_1, MENU, STORE, basket, sell_command

DAY_MS = 86_400_000


@pytest.fixture
def both(tmp_path):
    with down(tmp_path) as made:
        yield made


def sell(both: Down, number: int, version: int | None, due_fen: int | None = None) -> Settled | Refused:
    command = msgspec.structs.replace(sell_command(number, basket(("d101", 1))), menu_version=version, due_fen=due_fen)
    return settle_sale(both.node, AT_TILL_1, command)


def total(settled: Settled | Refused) -> int:
    assert isinstance(settled, Settled), settled
    return read_answer(settled.answer).total_fen


def version_of_last_sale(both: Down) -> int:
    ((raw,),) = both.rig.rows("SELECT raw FROM facts WHERE kind = 'sale.paid' ORDER BY n DESC LIMIT 1")
    return int(msgspec.json.decode(raw)["versions"]["menu"])


def test_a_price_list_for_now_is_in_force_as_soon_as_it_is_there(both):
    assert both.menu().ok
    assert both.prices("101,40.00").ok
    both.arrive()
    assert both.price_of("101") == 4_000
    assert both.price_of("102") == 300, "a dish that the list does not name has the menu's price"
    body = both.facts("menu.imported")[-1]
    assert (body["menu"], body["prices"]) == ("menu#1", ["prices#1"])
    before = both.rig.tables()
    both.arrive()
    assert both.rig.tables() == before, "what is in force comes into force no second time"
    assert verify_journal.verify(both.node).ok


def test_a_dated_price_waits_for_its_business_day_over_a_restart(both):
    both.menu()
    both.prices("101,40.00", effective_from=_later(both, 2))
    both.arrive()
    assert both.price_of("101") == 3_800
    with both.rig.db.read() as reader:
        (pending,) = hub_menu.waiting(reader, STORE, both.day)
    assert (pending.stream, pending.number) == ("prices", 1)
    both.rig.clock.advance(DAY_MS)
    both.rig.restart()
    follow_hub.follow(both.node)
    assert both.price_of("101") == 3_800
    both.rig.clock.advance(DAY_MS)
    follow_hub.follow(both.node)
    assert both.price_of("101") == 4_000
    both.rig.clock.step_wall(-5 * DAY_MS)
    follow_hub.follow(both.node)
    assert both.price_of("101") == 4_000, "a clock that is set back takes nothing out of force"


def test_a_correction_now_holds_until_the_next_dated_list_and_does_not_undo_it(both):
    both.menu()
    both.prices("101,42.00", effective_from=_later(both, 1))
    both.prices("101,39.00")
    both.arrive()
    assert both.price_of("101") == 3_900
    both.rig.clock.advance(DAY_MS)
    follow_hub.follow(both.node)
    assert both.price_of("101") == 4_200
    both.prices("101,41.00")
    both.arrive()
    assert both.price_of("101") == 4_100


def test_menu_and_prices_of_one_day_come_as_one_new_menu(both):
    both.menu()
    both.arrive()
    imported = len(both.facts("menu.imported"))
    dearer = msgspec.structs.replace(PRICED, dishes=PRICED.dishes[:3])
    both.menu(dearer, effective_from=_later(both, 1))
    both.prices("101,40.00", effective_from=_later(both, 1))
    both.arrive()
    both.rig.clock.advance(DAY_MS)
    follow_hub.follow(both.node)
    assert both.price_of("101") == 4_000
    assert len(both.facts("menu.imported")) == imported + 1


def test_half_a_publication_is_no_publication(both):
    many = tuple(
        msgspec.structs.replace(PRICED.dishes[1], id=f"n{n}", code=f"n{n}", price_fen=100 + n) for n in range(400)
    )
    both.menu(msgspec.structs.replace(PRICED, dishes=many))
    both.pull()
    assert len(both.rig.rows("SELECT key FROM stream_items WHERE stream = 'menu'")) > 2
    kept = both.rig.rows("SELECT value FROM stream_items WHERE stream = 'menu' AND key = '1/0'")[0][0]
    both.rig.db.write(lambda tx: tx.execute("DELETE FROM stream_items WHERE stream = 'menu' AND key = '1/0'"))
    follow_hub.follow(both.node)
    assert both.price_of("101") == 3_800
    put = "INSERT INTO stream_items (stream, key, value) VALUES ('menu', '1/0', ?)"
    both.rig.db.write(lambda tx: tx.execute(put, (kept,)))
    follow_hub.follow(both.node)
    assert both.price_of("n7") == 107


def test_a_basket_of_the_version_before_is_settled_by_it_within_the_grace_and_never_mixed(both):
    both.menu()
    both.arrive()
    shown = both.node.shelf.catalogue.menu.version
    both.prices("101,40.00")
    both.arrive()
    assert both.price_of("101") == 4_000
    assert total(sell(both, 1, shown, due_fen=3_800)) == 3_800, "the guest was told the price of before"
    assert version_of_last_sale(both) == shown
    assert total(sell(both, 2, shown + 1, due_fen=4_000)) == 4_000
    assert version_of_last_sale(both) == shown + 1
    both.rig.restart()
    assert total(sell(both, 3, shown, due_fen=3_800)) == 3_800, "a restart in between changes nothing"
    both.rig.clock.advance(GRACE_MS + 1)
    late = sell(both, 4, shown, due_fen=3_800)
    assert isinstance(late, Refused)
    assert (late.code, late.details["due_fen"]) == ("price_changed", 4_000)


def test_a_stores_own_list_goes_before_the_tenants_and_another_stores_is_not_seen(both):
    both.menu()
    both.prices("101,40.00")
    both.prices("101,44.00", stores=(STORE,))
    both.arrive()
    assert both.price_of("101") == 4_400
    with both.rig.db.read() as reader:
        assert set(node_streams.heads(reader)) <= set(contract.followed_by(STORE))


def test_the_menu_of_the_file_says_nothing_once_hq_published_one(both):
    assert import_menu.from_file(both.node, PRICED) == 2, "until then it does"
    both.menu(msgspec.structs.replace(PRICED, dishes=PRICED.dishes[:2]))
    both.arrive()
    held = both.node.shelf.catalogue.menu
    assert import_menu.from_file(both.node, MENU) == held.version
    assert both.node.shelf.catalogue.menu == held


def test_a_menu_that_this_version_cannot_read_leaves_the_one_in_force(both):
    both.menu()
    both.arrive()
    both.menu(msgspec.structs.replace(PRICED, currency="EUR"))
    both.pull()
    held = both.node.shelf.catalogue.menu.version
    raw = b'{"text":"{\\"a menu of\\": \\"another time\\"}"}'
    both.rig.db.write(lambda tx: tx.execute("UPDATE stream_items SET value = ? WHERE key = '2/0'", (raw,)))
    follow_hub.follow(both.node)
    assert both.node.shelf.catalogue.menu.version == held
    assert isinstance(sell(both, 1, held), Settled)


def test_undo_is_the_number_before_published_again(both):
    both.menu()
    both.prices("101,40.00")
    both.prices("101,45.00")
    both.arrive()
    assert both.price_of("101") == 4_500
    again = both.publisher.publish(Order(what="prices", version=1))
    assert again.ok
    assert [(change.old, change.new) for change in again.published[0].changes] == [("45.00", "40.00")]
    both.arrive()
    assert both.price_of("101") == 4_000


def test_settings_of_hq_hold_over_those_of_the_file_and_what_is_unknown_is_kept(both):
    both.orders.set("quick_cash_fen", [2_000, 10_000])
    both.orders.set("invite_days", 60)
    both.orders.set("invite_days", 90, store=STORE)
    both.orders.set("of_a_later_version", {"a": 1})
    both.arrive()
    rules = both.node.store_rules
    assert (rules.quick_cash_fen, rules.invite_days) == ((2_000, 10_000), 90)
    kept = both.rig.rows("SELECT value FROM stream_items WHERE stream = 'config' AND key = 'of_a_later_version'")
    assert kept == [(b'{"a":1}',)]
    both.orders.set("invite_days", None, store=STORE)
    both.arrive()
    assert both.node.store_rules.invite_days == 60


def test_a_setting_that_is_not_sound_is_refused_at_hq_and_ignored_at_the_store(both):
    with pytest.raises(BadCommand, match="0 to 720"):
        both.orders.set("cutoff_minutes", 900)
    both.orders.set("invite_days", 60)
    both.pull()
    both.rig.db.write(lambda tx: tx.execute("UPDATE stream_items SET value = x'39393939' WHERE key = 'invite_days'"))
    follow_hub.follow(both.node)
    assert both.node.store_rules == both.node.settings.store


def _later(both: Down, days: int) -> str:
    return times.day_of_epoch(times.epoch_day(both.day) + days)
