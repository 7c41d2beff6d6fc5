"""Invites at the hub: worth what their signature says, before and after the sale has arrived."""

import pytest

from sync.contract import codes
from sync.node import keys
from tests.kit.hub_store import HubKit, StoreKit

DAY_MS = 86_400_000


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def store(hub):
    return hub.enrolled()


def test_an_invite_is_valid_before_its_sale_has_arrived(hub, store):
    invite = store.invite("0" * 32)
    verdict = hub.invites.verify(invite.code)
    assert (verdict.verdict, verdict.store, verdict.short) == ("valid", "s1", invite.short)
    assert not verdict.reached_hub


def test_an_invite_names_its_sale_once_it_has_arrived(hub, store):
    sale = store.sell()
    store.send(*store.everything())
    hub.projector.catch_up()
    code = hub.reports.sale("s1", sale.sale_id).invite.code
    verdict = hub.invites.verify(codes.url("https://example.com", code).lower())
    assert (verdict.verdict, verdict.reached_hub, verdict.sale_id) == ("valid", True, sale.sale_id)
    assert verdict.receipt_no == sale.receipt_no


def test_an_invite_expires_after_its_last_day(hub, store):
    invite = store.invite("0" * 32, days_valid=2)
    hub.clock.advance(2 * DAY_MS)
    assert hub.invites.verify(invite.code).verdict == "valid"
    hub.clock.advance(DAY_MS)
    assert hub.invites.verify(invite.code).verdict == "expired"


def test_a_changed_invite_is_forged(hub, store):
    code = store.invite("0" * 32).code
    for at in (30, 60, 100):
        changed = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
        assert hub.invites.verify(changed).verdict == "forged"


def test_an_invite_of_a_key_nobody_knows_is_of_an_unknown_store(hub, store):
    stranger = StoreKit(hub, "s1", 1, keys.make_identity(b"stranger" * 4))
    assert hub.invites.verify(stranger.invite("0" * 32).code).verdict == "unknown_store"


def test_a_revoked_key_vouches_for_what_it_signed_before(hub, store):
    before = store.invite("0" * 32)
    hub.clock.advance(DAY_MS)
    hub.enrolment.revoke("s1", 1)
    hub.clock.advance(DAY_MS)
    after = store.invite("0" * 32)
    assert hub.invites.verify(before.code).verdict == "valid"
    assert hub.invites.verify(after.code).verdict == "revoked"


@pytest.mark.parametrize("text", ["", "x", "A" * 141, "7" * 141, "\x1b@", "掌柜", "\ud800", "/" * 5_000, "A" * 100_000])
def test_any_text_gets_a_verdict(hub, store, text):
    assert hub.invites.verify(text).verdict in {"forged", "unknown_store"}
