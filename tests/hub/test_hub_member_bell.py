"""Stores are called at once to what an answer about members put into their streams: a merge, a card, points asked back elsewhere."""

import base64
from dataclasses import replace

import msgspec
import pytest

from cloud.services.members import asks
from sync.contract import member_asks
from sync.contract.member_asks import AskGrant, AskIndexKey, AskKeys, Find
from sync.contract.messages import Question
from sync.node import member_seal
from tests.kit.member_hub import MemberHub

PHONE = "+8613800138000"


@pytest.fixture
def hub(tmp_path, sqlite_hub):
    return MemberHub(sqlite_hub, tmp_path)


def rings(hub: MemberHub, store: str, name: str, body: msgspec.Struct) -> int:
    """Ask, and say how often the doorbell was rung for it."""
    rung: list[str] = []
    handlers = asks.handlers(replace(hub.shared, on_stream=lambda: rung.append(name)))
    question = Question(id=b"q" * 16, name=name, body=msgspec.json.encode(body))
    with hub.database.write() as tx:
        handlers[name](tx, store, 1, question.body)
    return len(rung)


def test_an_answer_that_changes_a_stream_rings_and_one_that_only_tells_does_not(hub):
    near, far = hub.store("near"), hub.store("far")
    member_id = near.join(PHONE, welcome=200)
    hub.settle()
    salt = "0" * 32
    assert rings(hub, "far", member_asks.FIND, Find(salt=salt, phone=PHONE)) == 1
    assert rings(hub, "far", member_asks.GRANT_ASK, AskGrant(member_id=member_id, points=100)) == 1
    assert rings(hub, "far", member_asks.KEYS, AskKeys(member_ids=(member_id,))) == 0
    assert rings(hub, "far", member_asks.INDEX_KEY, AskIndexKey()) == 0
    assert far.find(phone=PHONE).card is not None


def test_a_key_that_makes_two_members_one_rings(hub):
    near, far = hub.store("near"), hub.store("far")
    first = near.join(PHONE)
    later = far.join(PHONE, give_key=False)
    hub.settle()
    given = member_asks.GiveKey(key=key_of(far, later))
    assert rings(hub, "far", member_asks.KEY, given) == 1
    assert len({hub.resolve(first), hub.resolve(later)}) == 1


def key_of(store, member_id):
    key = store.keys[member_id]
    return member_asks.MemberKey(
        member_id=member_id, key_id=member_seal.key_id(key), key=base64.b64encode(key).decode()
    )
