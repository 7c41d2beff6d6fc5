"""Enrolment on a real file: one code, one node, one epoch."""

import base64
import stat
import threading

import msgspec
import pytest

from cloud.services.enrol import CODE_LIFE_MS, BadStore
from cloud.services.refusals import Refused
from sync.contract.enrolling import Enrolled
from sync.contract.messages import StoreKey
from sync.contract.words import Name
from sync.node import certificates, keys
from tests.kit.hub_store import NAME, HubKit, request

NODE = keys.make_identity(b"node" * 8)
OTHER = keys.make_identity(b"othr" * 8)


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def code(hub):
    return hub.enrolment.make_code("s1", NAME).code


def code_of(refused) -> str:
    assert isinstance(refused, Refused), refused
    return refused.code


def wrong(code: str) -> str:
    return ("1" if code[0] == "0" else "0") + code[1:]


def test_a_code_grants_the_next_epoch_and_what_a_node_needs(hub, code):
    granted = hub.enrolment.redeem(request("s1", code, NODE))
    assert isinstance(granted, Enrolled)
    assert (granted.tenant, granted.store, granted.epoch, granted.name) == ("zhanggui", "s1", 1, NAME)
    assert base64.b64decode(granted.hub_signing) == hub.identity.public.signing
    assert (granted.broker.username, granted.public_url) == ("store-s1-1", "https://example.com")
    assert hub.rung >= 1


def test_a_code_is_read_as_people_type_it(hub, code):
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert isinstance(hub.enrolment.redeem(request("s1", typed, NODE)), Enrolled)


def test_a_code_is_kept_as_a_hash_only(hub, code):
    plain = code.replace("-", "")
    for path in (one for one in hub.folder.rglob("*") if one.is_file()):
        assert plain.encode() not in path.read_bytes()


def test_four_wrong_tries_leave_the_fifth(hub, code):
    for _ in range(4):
        assert code_of(hub.enrolment.redeem(request("s1", wrong(code), NODE))) == "enrol_refused"
    assert isinstance(hub.enrolment.redeem(request("s1", code, NODE)), Enrolled)


def test_after_five_wrong_tries_the_right_code_is_refused_too(hub, code):
    for _ in range(5):
        hub.enrolment.redeem(request("s1", wrong(code), NODE))
    assert code_of(hub.enrolment.redeem(request("s1", code, NODE))) == "enrol_refused"


def test_many_tries_at_once_are_counted_one_by_one(hub, code):
    threads = [
        threading.Thread(target=hub.enrolment.redeem, args=(request("s1", wrong(code), NODE),)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with hub.database.read() as reader:
        assert reader.connection.exec_driver_sql("SELECT tries FROM activations").scalar_one() == 5


def test_a_code_dies_after_a_day(hub, code):
    hub.clock.advance(CODE_LIFE_MS - 1)
    fresh = hub.enrolment.make_code("s2", NAME).code
    hub.clock.advance(1)
    assert code_of(hub.enrolment.redeem(request("s1", code, NODE))) == "enrol_refused"
    assert isinstance(hub.enrolment.redeem(request("s2", fresh, OTHER)), Enrolled)


def test_a_lost_answer_is_told_again_to_the_same_node_only(hub, code):
    first = hub.enrolment.redeem(request("s1", code, NODE))
    assert hub.enrolment.redeem(request("s1", code, NODE)) == first
    assert code_of(hub.enrolment.redeem(request("s1", code, OTHER))) == "enrol_used"
    assert code_of(hub.enrolment.redeem(request("s1", code, NODE, node="node-2"))) == "enrol_used"
    assert code_of(hub.enrolment.redeem(request("s1", wrong(code), NODE))) == "enrol_refused"
    hub.clock.advance(CODE_LIFE_MS)
    assert code_of(hub.enrolment.redeem(request("s1", code, NODE))) == "enrol_refused"


def test_a_guess_at_a_used_code_learns_nothing_and_is_a_try(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    for _ in range(2):
        assert code_of(hub.enrolment.redeem(request("s1", wrong(code), OTHER))) == "enrol_refused"
    assert code_of(hub.enrolment.redeem(request("s1", code, OTHER))) == "enrol_used", "who has it may know"
    for _ in range(3):
        assert code_of(hub.enrolment.redeem(request("s1", wrong(code), OTHER))) == "enrol_refused"
    assert code_of(hub.enrolment.redeem(request("s1", code, OTHER))) == "enrol_refused", "five tries, and no more"
    assert isinstance(hub.enrolment.redeem(request("s1", code, NODE)), Enrolled), "the node itself asks on"


def test_two_nodes_at_once_get_one_epoch(hub, code):
    answers = []
    threads = [
        threading.Thread(target=lambda who=who: answers.append(hub.enrolment.redeem(request("s1", code, who))))
        for who in (NODE, OTHER)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(answer).__name__ for answer in answers) == ["Enrolled", "Refused"]


def test_a_new_code_replaces_the_old_one(hub, code):
    new = hub.enrolment.make_code("s1").code
    assert code_of(hub.enrolment.redeem(request("s1", code, NODE))) == "enrol_refused"
    assert isinstance(hub.enrolment.redeem(request("s1", new, NODE)), Enrolled)


def test_a_replacement_gets_the_next_epoch_and_the_old_key_stays_known(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    granted = hub.enrolment.redeem(request("s1", hub.enrolment.make_code("s1").code, OTHER))
    assert granted.epoch == 2
    assert stream_keys(hub) == ["s1/1", "s1/2"]


def test_a_signing_key_names_one_store_for_ever(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    other = hub.enrolment.make_code("s2", NAME).code
    assert code_of(hub.enrolment.redeem(request("s2", other, NODE))) == "bad_key"


def test_a_store_nobody_made_is_refused_like_a_wrong_code(hub, code):
    assert code_of(hub.enrolment.redeem(request("s9", code, NODE))) == "enrol_refused"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"signing_public": "!"}, "bad_key"),
        ({"signing_public": ""}, "bad_key"),
        ({"agreement_public": base64.b64encode(bytes(32)).decode()}, "bad_key"),
        ({"store": "S 1"}, "bad_store"),
        ({"node": "a b"}, "bad_store"),
        ({"code": ""}, "enrol_refused"),
        ({"code": "掌柜掌柜掌柜掌柜掌柜"}, "enrol_refused"),
        ({"code": "\ud800" * 10}, "enrol_refused"),
        ({"code": "0" * 100_000}, "enrol_refused"),
    ],
)
def test_odd_input_is_refused_with_a_code(hub, code, changes, refusal):
    changes = dict(changes)
    asked = request("s1", changes.pop("code", code), NODE)
    sent = msgspec.structs.replace(asked, **changes)
    assert code_of(hub.enrolment.redeem(sent)) == refusal


@pytest.mark.parametrize(
    ("store", "name"),
    [("S1", NAME), ("", NAME), ("a/b", NAME), ("s1", Name("", "x")), ("s1", Name("x", "\x1b@")), ("s1", None)],
)
def test_a_store_with_an_odd_id_or_name_is_not_made(hub, store, name):
    with pytest.raises(BadStore):
        hub.enrolment.make_code(store, name)
    assert hub.reports.stores() == ()


def test_each_epoch_has_a_token_of_its_own_and_a_revocation_closes_exactly_that(hub, code):
    first = hub.enrolment.redeem(request("s1", code, NODE))
    path = hub.folder / "broker-users.json"
    assert msgspec.json.decode(path.read_bytes()) == {"store-s1-1": first.broker.token}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = hub.enrolment.redeem(request("s1", hub.enrolment.make_code("s1").code, OTHER))
    assert second.broker.token != first.broker.token
    users = msgspec.json.decode(path.read_bytes())
    assert users == {"store-s1-1": first.broker.token, "store-s1-2": second.broker.token}, "facts are still handed over"
    assert hub.enrolment.revoke("s1", 1)
    assert msgspec.json.decode(path.read_bytes()) == {"store-s1-2": second.broker.token}
    assert hub.enrolment.revoke("s1", 2)
    assert msgspec.json.decode(path.read_bytes()) == {}
    assert not hub.enrolment.revoke("s1", 2)
    assert not hub.enrolment.revoke("s7", 1)


def test_an_epoch_that_handed_everything_over_is_closed_and_the_current_one_never(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    assert not hub.enrolment.handed_over("s1", 1), "it sells"
    second = hub.enrolment.redeem(request("s1", hub.enrolment.make_code("s1").code, OTHER))
    assert hub.enrolment.handed_over("s1", 1)
    assert not hub.enrolment.handed_over("s1", 1), "once"
    users = msgspec.json.decode((hub.folder / "broker-users.json").read_bytes())
    assert users == {"store-s1-2": second.broker.token}
    first, second_serial = (
        certificates.read(one.pem).serial for epoch in (1, 2) for one in [hub.certificates("s1", epoch)[0]]
    )
    assert certificates.revoked_serials(hub.authority.crl) == {first}
    assert second_serial != first


def test_a_revocation_is_told_to_the_stores(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    hub.enrolment.revoke("s1", 1)
    with hub.database.read() as reader:
        rows = reader.connection.exec_driver_sql("SELECT value FROM streams ORDER BY version").all()
    told = [msgspec.json.decode(row[0], type=StoreKey) for row in rows]
    assert [one.revoked_ms for one in told] == [None, hub.clock.now_ms()]
    assert base64.b64decode(told[0].public_key) == NODE.public.signing


def test_a_renamed_store_is_told_to_the_stores(hub, code):
    hub.enrolment.redeem(request("s1", code, NODE))
    hub.enrolment.make_code("s1", Name("新名", "New name"))
    assert hub.reports.store_name("s1") == Name("新名", "New name")
    assert stream_keys(hub) == ["s1/1", "s1/1"]


def stream_keys(hub) -> list[str]:
    with hub.database.read() as reader:
        return [row[0] for row in reader.connection.exec_driver_sql("SELECT key FROM streams ORDER BY version")]
