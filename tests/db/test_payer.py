"""The whole node with the shipped gateway: what was undecided when it was stopped is decided after its start."""

from pathlib import Path

import msgspec

from edge import wiring
from edge.domain.bearer import BearerShelf
from edge.services.care import verify_journal
from edge.services.money import code_payments, money_views
from edge.services.money.code_payments import CodeCharge
from edge.services.money.gateway_fake import FakeGateway, Faults
from edge.services.money.money_views import MoneyView
from edge.services.ordering import import_menu
from edge.settings import EdgeSettings, PaymentSettings, StoreSettings, WebSettings
from edge.wiring import RunningNode
from sync.node import keys
from tests.kit import waiting
from tests.kit.gateways import WECHAT_CODE
from tests.kit.nodes import AT_TILL_1, MENU, grant, uuid7_hex


def gateway_of(running: RunningNode) -> FakeGateway:
    gateway = running.node.gateway.gateway
    assert isinstance(gateway, FakeGateway)
    return gateway


def state_of(running: RunningNode) -> str:
    found = money_views.one(running.node, uuid7_hex(1))
    return "" if found is None else found.state


def test_a_payment_that_a_stop_left_undecided_is_taken_after_the_start_without_anybody_asking(tmp_path: Path) -> None:
    keys.load_or_make(tmp_path / "keys.json")
    keys.write_secret(tmp_path / "enrolment.json", msgspec.json.encode(grant()))
    settings = EdgeSettings(
        data_dir=str(tmp_path),
        web=WebSettings(port=0),
        store=StoreSettings(tills=("1",)),
        payments=PaymentSettings(gateway="fake"),
    )
    running = wiring.start(settings)
    shelf = BearerShelf()
    try:
        import_menu.bring_into_force(running.node, MENU)
        gateway_of(running).put_faults(Faults(guest_confirms=2))
        charged = CodeCharge(uuid7_hex(1), 7_900)
        found = code_payments.charge(
            running.node, AT_TILL_1, charged, shelf.put(WECHAT_CODE, 0), lambda handle: shelf.take(handle, 0)
        )
        assert isinstance(found, MoneyView)
        assert found.state == "unknown"
        # Nobody answers from here to the start, whose gateway has no faults.
        gateway_of(running).put_faults(Faults(away=True))
    finally:
        running.stop()
    running = wiring.start(settings)
    try:
        waiting.until(lambda: state_of(running) == "taken")
        assert gateway_of(running).taken_fen() == 7_900
        assert verify_journal.verify(running.node).ok
    finally:
        running.stop()


def test_a_node_without_a_gateway_has_no_thread_for_one(tmp_path: Path) -> None:
    """Negative control: it is the settings that bring the gateway."""
    node, db = wiring.open_node(EdgeSettings(data_dir=str(tmp_path), store=StoreSettings(tills=("1",))))
    try:
        assert node.gateway.gateway is None
    finally:
        db.close()
